"""Random flows of disk and memory connections, made anew for each life of an engine."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

from router.authoring import Processor
from router.config import Config
from router.expression import Expression
from router.flow import (
    BatchOptions,
    ConnectionSpec,
    Ending,
    Flow,
    FlowRun,
    HoldOptions,
    ProcessorSpec,
    QueueOptions,
    RunOptions,
)
from tests.crash.lineage import World
from tests.crash.random_steps import STEPS, Given, Sink, Step
from tests.router.engine.graphs import AnySource, Anything

Route = ConnectionSpec | Ending


class Drawn:
    """One random flow: the same graph in every life, its processors new."""

    def __init__(self, seed: int, size: int, disk: float, kinds: Sequence[type[Step]] = STEPS) -> None:
        self.dice = Random(seed)
        self.seed = seed
        self.disk = disk
        self.world = World()
        self.sources = [f"s{n}" for n in range(self.dice.randint(1, 2))]
        self.steps = [f"p{n}" for n in range(size)]
        self.sinks = [f"t{n}" for n in range(self.dice.randint(1, 2))]
        self.kinds: dict[str, type[Step]] = {name: self.dice.choice(kinds) for name in self.steps}
        self.kinds |= dict.fromkeys(self.sinks, Sink)
        self.routes: dict[str, dict[str, list[Route]]] = {}
        self.tokens = self.dice.choice([4, 12, 40])
        self.flow = self._flow()

    def processors(self) -> dict[str, Processor]:
        """New ones, for the life that begins."""
        made: dict[str, Processor] = {name: Given(name, self.seed, self.world, self.tokens) for name in self.sources}
        return made | {name: kind(name, self.seed, self.world) for name, kind in self.kinds.items()}

    def _flow(self) -> Flow:
        order = [*self.sources, *self.steps, *self.sinks]
        for name in order[: -len(self.sinks)]:
            self._connect(name, [each for each in order[order.index(name) + 1 :] if each not in self.sources])
        for name in (*self.steps, *self.sinks):
            if not any(each.consumer == name for each in self._connections()):
                above = order[: order.index(name)] if name in self.steps else [*self.sources, *self.steps]
                self._add(self.dice.choice(above), "success", name)
        for producer, routes in self.routes.items():
            for relationship, targets in routes.items():
                names = [each.consumer for each in targets if isinstance(each, ConnectionSpec)]
                self.world.targets[producer, relationship] = names
        specs = {name: self._spec(name) for name in order}
        return Flow("random", specs, run=FlowRun(memory=self.dice.choice([3000, 1 << 28])))

    def _connections(self) -> list[ConnectionSpec]:
        targets = (each for routes in self.routes.values() for each in routes.values())
        return [each for several in targets for each in several if isinstance(each, ConnectionSpec)]

    def _connect(self, name: str, below: list[str]) -> None:
        for target in self.dice.sample(below, min(len(below), self.dice.choice([1, 1, 1, 2, 3]))):
            self._add(name, "success", target)
        if self.kinds.get(name) is not None and self.kinds[name].__name__ == "Route" and self.dice.random() < 0.7:
            self._add(name, "other", self.dice.choice(below))
        safe = [each for each in below if self.kinds[each].is_safe]
        if name in self.steps and self.dice.random() < 0.4 and safe:
            self._add(name, "failure", self.dice.choice(safe))

    def _add(self, producer: str, relationship: str, consumer: str) -> None:
        targets = self.routes.setdefault(producer, {}).setdefault(relationship, [])
        if not any(isinstance(each, ConnectionSpec) and each.consumer == consumer for each in targets):
            id_ = f"{producer}.{relationship}>{consumer}"
            targets.append(ConnectionSpec(id_, producer, relationship, consumer, None, self._queue()))

    def _queue(self) -> QueueOptions:
        options: dict[str, Any] = {"records": self.dice.choice([1, 2, 5, 20, 10_000])}
        if self.dice.random() < self.disk:
            options["type"] = "disk"
            if (which := self.dice.random()) < 0.15:
                options["order"] = "newest"
            elif which < 0.3:
                options["priority"] = Expression("key")
        return QueueOptions(**options)

    def _spec(self, name: str) -> ProcessorSpec:
        kind = Given if name in self.sources else self.kinds[name]
        routes = {relationship: tuple(targets) for relationship, targets in self.routes.get(name, {}).items()}
        stand_in = AnySource if name in self.sources else Anything
        return ProcessorSpec(name, stand_in, Config(), kind.relationships, routes, self._run(name))

    def _run(self, name: str) -> RunOptions:
        choose = self.dice.choice
        uncommitted = choose([1, 20, 100_000])
        if name in self.sources:
            return RunOptions(max_uncommitted=uncommitted)
        concurrency = choose([1, 1, 1, 2, 4])
        ordered = choose([True, True, False])
        if (self.kinds[name] is Sink or self.kinds[name].__name__ == "Tally") and concurrency > 1:
            concurrency = 1
        return RunOptions(
            concurrency=concurrency,
            ordered=ordered,
            batch=BatchOptions(records=choose([1, 2, 7, 1000]), wait=choose(["0", "0", "1s"])),
            hold=HoldOptions(records=choose([1, 10, 100_000])),
        )
