"""Draws out of a random flow that runs another one, and keeps the accounts right over the change."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from router.authoring import Processor
from router.config import Config
from router.flow import ConnectionSpec, Ending, Flow, ProcessorSpec, QueueOptions, RunOptions
from tests.router.engine.graphs import Anything, Graph, promise
from tests.router.engine.steps import Given, Pass, Step

__all__ = ["Change", "drawn"]

Routes = dict[str, dict[str, list[ConnectionSpec | Ending]]]


@dataclass
class Change:
    """What a running flow is to become."""

    flow: Flow
    given: dict[str, Processor]
    copies: dict[str, dict[str, int]] = field(default_factory=dict)
    """How many targets each relationship has then: who parts records must know at that moment."""

    def adopt(self, graph: Graph) -> None:
        """The moment has come."""
        graph.flow = self.flow
        graph.replace = {**graph.replace, **self.given}
        graph.replace = {name: each for name, each in graph.replace.items() if name in self.flow.processors}
        for name, copies in self.copies.items():
            step = graph.replace[name]
            if isinstance(step, Step):
                step.copies = copies


class _Draw:
    def __init__(self, graph: Graph, dice: Random, number: int, *, on_disk: bool) -> None:
        self.graph, self.dice, self.number = graph, dice, number
        self.on_disk = on_disk and not graph.is_lossy  # what is dropped behind it was told to be safe
        self.specs = dict(graph.flow.processors)
        self.given: dict[str, Processor] = {}
        self.routes: Routes = {
            name: {relationship: list(targets) for relationship, targets in spec.routes.items()}
            for name, spec in self.specs.items()
        }

    def draw(self) -> Change:
        moves = [self.renew, self.renew, self.requeue, self.insert, self.bypass, self.branch, self.prune]
        for move in self.dice.choices(moves, k=self.dice.choice([1, 1, 2, 3])):
            move()
        specs = {
            name: replace(spec, routes={key: tuple(each) for key, each in self.routes[name].items() if each})
            for name, spec in self.specs.items()
        }
        flow = replace(self.graph.flow, processors=specs)
        copies = {
            name: {key: len(each) for key, each in self.routes[name].items()}
            for name, spec in specs.items()
            if not spec.is_source
        }
        return Change(flow, self.given, copies)

    # -- moves ----------------------------------------------------------------------------------

    def renew(self) -> None:
        """Another instance in the place of one."""
        name = self.dice.choice([each for each in self.specs if each not in self.given])
        copies = {key: len(each) for key, each in self.routes[name].items()}
        seed, uid, books = self.dice.getrandbits(32), f"{name}'{self.number}", self.graph.books
        old = self.graph.replace.get(name)
        if isinstance(old, Given):
            self.given[name] = Given(uid, seed, books, self.dice.choice([1, 3]), copies["success"])
        elif isinstance(old, Step):
            self.given[name] = type(old)(uid, seed, books, copies, order=promise(self.specs[name].run))

    def requeue(self) -> None:
        """Other limits, or records on disk, or no longer there."""
        producer, relationship, place, link = self.dice.choice(self.links())
        options: dict[str, Any] = {"records": self.dice.choice([1, 2, 5, 20, 10_000])}
        if self.on_disk and self.dice.random() < 0.5:
            options["type"] = "disk"
        if link.queue.when_full == "block" and link.queue.expire is None:
            self.routes[producer][relationship][place] = replace(link, queue=QueueOptions(**options))

    def insert(self) -> None:
        """A processor between two."""
        producer, relationship, place, link = self.dice.choice(self.links())
        name = f"x{self.number}n{len(self.specs)}"
        self.routes[producer][relationship][place] = _link(producer, relationship, name)
        self.routes[name] = {"success": [_link(name, "success", link.consumer)]}
        run = RunOptions(concurrency=self.dice.choice([1, 2]))
        self.specs[name] = ProcessorSpec(name, Anything, Config(), Pass.relationships, {}, run)
        self.given[name] = Pass(name, 0, self.graph.books, {"success": 1}, order=promise(run))

    def bypass(self) -> None:
        """A processor less: what went to it goes to where it led."""
        name = self.dice.choice(list(self.specs))
        success = self.routes[name].get("success", [])
        inputs = [each for each in self.links() if each[3].consumer == name]
        if self.specs[name].is_source or not inputs or len(success) != 1 or not isinstance(success[0], ConnectionSpec):
            return
        behind = success[0].consumer
        fed = {each[3].consumer for each in self.links() if each[0] != name}
        if behind == name or any(each[3].consumer not in fed | {behind} for each in self.links() if each[0] == name):
            return
        for producer, relationship, _, _ in inputs:
            if producer == name or any(_leads(each, behind) for each in self.routes[producer][relationship]):
                return
        for producer, relationship, place, _ in inputs:
            self.routes[producer][relationship][place] = _link(producer, relationship, behind)
        for known in (self.specs, self.routes, self.given):
            known.pop(name, None)

    def branch(self) -> None:
        """One more consumer."""
        name = self.dice.choice(list(self.specs))
        sinks = [each for each in self.specs if each not in self.routes or not self.routes[each].get("success")]
        if self.specs[name].is_source or name in sinks or not sinks or name in self.given:
            return
        target = self.dice.choice(sinks)
        if not any(_leads(each, target) for each in self.routes[name]["success"]):
            self.routes[name]["success"].append(_link(name, "success", target))

    def prune(self) -> None:
        """One consumer less."""
        producer, relationship, place, link = self.dice.choice(self.links())
        others = [each for each in self.links() if each[3].consumer == link.consumer and each[3] is not link]
        is_one_of_several = len(self.routes[producer][relationship]) > 1
        if is_one_of_several and others and not self.specs[producer].is_source and producer not in self.given:
            del self.routes[producer][relationship][place]

    def links(self) -> list[tuple[str, str, int, ConnectionSpec]]:
        return [
            (name, relationship, place, each)
            for name, routes in self.routes.items()
            for relationship, targets in routes.items()
            for place, each in enumerate(targets)
            if isinstance(each, ConnectionSpec)
        ]


def drawn(graph: Graph, dice: Random, number: int, *, on_disk: bool = True) -> Change:
    """Another flow, made of this one by a few moves; on disk records are safe before they are in a sink."""
    return _Draw(graph, dice, number, on_disk=on_disk).draw()


def _link(producer: str, relationship: str, consumer: str) -> ConnectionSpec:
    return ConnectionSpec(f"{producer}.{relationship}>{consumer}", producer, relationship, consumer)


def _leads(target: ConnectionSpec | Ending, consumer: str) -> bool:
    return isinstance(target, ConnectionSpec) and target.consumer == consumer
