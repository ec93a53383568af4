"""Random flows whose every record can be accounted for.

A record carries what it is made of: ``of = [[root, share], ...]``, a share being a fraction of one
record that a source gave. Who parts a record parts its shares, so at the end the shares of a root
that lie in sinks, in dead letters, or were dropped on purpose, add up to one.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

from router.authoring import Processor, Source
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
    RetryOptions,
    RunOptions,
)
from tests.router.engine.steps import PLAIN, STEPS, Books, Given, Route, Sink


class Anything(Processor):
    """What a flow names; the engine is given an instance to use in its place."""

    type_name = "anything"


class AnySource(Source):
    """The same for a source."""

    type_name = "any_source"


@dataclass
class Graph:
    """A random flow, with what it is made of."""

    flow: Flow
    replace: dict[str, Processor]
    books: Books
    is_lossy: bool = False

    @property
    def is_plain(self) -> bool:
        return all(isinstance(each, (*PLAIN, Given)) for each in self.replace.values())


class Maker:
    """Draws a flow."""

    def __init__(self, seed: int, size: int) -> None:
        self.dice = Random(seed)
        self.books = Books()
        self.sources = [f"s{n}" for n in range(self.dice.randint(1, min(3, size)))]
        self.steps = [f"p{n}" for n in range(self.dice.randint(1, size))]
        self.sinks = [f"t{n}" for n in range(self.dice.randint(1, 2))]
        self.routes: dict[str, dict[str, list[ConnectionSpec | Ending]]] = {}
        self.kinds = {name: self.dice.choice(STEPS) for name in self.steps} | dict.fromkeys(self.sinks, Sink)
        self.is_lossy = False
        self.batches = self.dice.choice([1, 3, 8])

    def make(self) -> Graph:
        order = [*self.sources, *self.steps, *self.sinks]
        for name in order[: -len(self.sinks)]:
            self.connect(name, [*self.steps, *self.sinks])
        for name in (*self.steps, *self.sinks):
            if not any(each.consumer == name for each in self.connections()):
                above = order[: order.index(name)] if name in self.steps else [*self.sources, *self.steps]
                self.add(self.dice.choice(above), "success", name)
        self.specs = {name: self.spec(name) for name in order}
        run = FlowRun(memory=self.dice.choice([300, 5000, 1 << 28]))
        flow = Flow("random", self.specs, run=run)
        return Graph(flow, {name: self.processor(name) for name in order}, self.books, self.is_lossy)

    def connections(self) -> list[ConnectionSpec]:
        targets = (each for routes in self.routes.values() for each in routes.values())
        return [each for several in targets for each in several if isinstance(each, ConnectionSpec)]

    def connect(self, name: str, order: list[str]) -> None:
        below = order[order.index(name) + 1 :] if name in order else order
        for target in self.dice.sample(below, self.dice.choice([1, 1, 1, 2, 3]) if len(below) > 2 else 1):
            self.add(name, "success", target)
        if self.kinds.get(name) is Route:
            if self.dice.random() < 0.6:
                self.add(name, "other", self.dice.choice(below))
            if self.dice.random() < 0.5:  # at most back to itself or above: Route leaves the cycle by its hops
                self.add(name, "again", self.dice.choice(order[: order.index(name) + 1]))
        if name in self.steps and self.dice.random() < 0.4:
            self.add(name, "failure", self.dice.choice(below))

    def add(self, producer: str, relationship: str, consumer: str) -> None:
        targets = self.routes.setdefault(producer, {}).setdefault(relationship, [])
        if not any(isinstance(each, ConnectionSpec) and each.consumer == consumer for each in targets):
            queue = self.queue()
            targets.append(
                ConnectionSpec(f"{producer}.{relationship}>{consumer}", producer, relationship, consumer, None, queue)
            )

    def queue(self) -> QueueOptions:
        options: dict[str, Any] = {"records": self.dice.choice([1, 2, 5, 20, 10_000])}
        if self.dice.random() < 0.2:
            options["bytes"] = self.dice.choice([200, 3000])
        if self.dice.random() < 0.04:
            options["when_full"] = self.dice.choice(["drop_oldest", "drop_newest"])
            self.is_lossy = True
        if self.dice.random() < 0.03:
            options["expire"] = "2s"
            self.is_lossy = True
        return QueueOptions(**options)

    def spec(self, name: str) -> ProcessorSpec:
        kind = Given if name in self.sources else self.kinds[name]
        routes = {relationship: tuple(targets) for relationship, targets in self.routes.get(name, {}).items()}
        stand_in = AnySource if name in self.sources else Anything
        return ProcessorSpec(name, stand_in, Config(), kind.relationships, routes, self.run(name))

    def run(self, name: str) -> RunOptions:
        choose = self.dice.choice
        options: dict[str, Any] = {"max_uncommitted": choose([1, 3, 20, 100_000])}
        if name in self.sources:
            return RunOptions(**options)
        concurrency = choose([1, 1, 2, 4])
        orders: list[bool | Expression] = [True, True, False, Expression("key")]
        ordered = choose(orders)
        if self.kinds[name] is Sink and concurrency > 1 and ordered is True:
            ordered = False
        retry = RetryOptions(attempts=choose([1, 2])) if self.dice.random() < 0.1 else None
        return RunOptions(
            concurrency=concurrency,
            ordered=ordered,
            batch=BatchOptions(records=choose([1, 2, 7, 1000]), wait=choose(["0", "0", "0", "1s"])),
            hold=HoldOptions(records=choose([1, 3, 10, 100_000])),
            retry=retry,
            max_rounds=choose([1, 2, 1000, 1000]),
        )

    def processor(self, name: str) -> Processor:
        seed = self.dice.getrandbits(32)
        copies = {relationship: len(targets) for relationship, targets in self.routes.get(name, {}).items()}
        if name in self.sources:
            return Given(name, seed, self.books, self.batches, copies["success"])
        return self.kinds[name](name, seed, self.books, copies, order=promise(self.specs[name].run))


def promise(run: RunOptions) -> str:
    """What order a processor's outputs keep: all, that of each key, or none."""
    if run.concurrency == 1 or run.ordered is True:
        return "all"
    return "none" if run.ordered is False else "key"
