"""Random flows become other random flows while they run: nothing is lost, nothing doubled, who is not meant notices nothing."""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

from hypothesis import given, settings

from router.ack import Outcome
from router.difference import Difference
from router.engine import Engine
from router.errors import ReloadError
from router.flow import Flow
from tests.letters import letters_in
from tests.router.engine.changes import Change, drawn
from tests.router.engine.clock import JumpingClock, until
from tests.router.engine.graphs import Graph, Maker
from tests.router.engine.test_graphs import QUICK, SEEDS, SIZES


class Run:
    """One random flow, changed again and again until it is done."""

    def __init__(self, seed: int, size: int, folder: Path, *, on_disk: bool = True) -> None:
        maker = Maker(seed, size)
        maker.batches = maker.dice.choice([3, 20, 60])
        self.graph: Graph = maker.make()
        self.clock = JumpingClock()
        self.engine = Engine(self.graph.flow, replace=dict(self.graph.replace), data=folder, clock=self.clock)
        self.dice = random.Random(seed)
        self.touched: set[str] = set()
        self.on_disk = on_disk
        self.renewed = 0
        self.given_back = False
        self.done = 0
        self.refused: list[str] = []

    async def to_the_end(self) -> None:
        async with self.engine as engine:
            ending = asyncio.ensure_future(engine.run())
            changes = asyncio.ensure_future(self.change())
            report = await until(engine, self.clock, ending)
            await until(engine, self.clock, changes)
        assert (report.outcome, report.error) == ("done", None)

    async def to_a_stop(self) -> None:
        """Stop at any moment, most often while it is changed."""
        async with self.engine as engine:
            changes = asyncio.ensure_future(self.change())
            for _ in range(self.dice.choice([1, 10, 50, 200])):
                await asyncio.sleep(0)
                if self.dice.random() < 0.1:
                    self.clock.jump()
            report = await until(engine, self.clock, engine.stop(self.dice.choice([0, 0.5, 20, 1000])))
            await until(engine, self.clock, changes)
        assert report.error is None

    async def change(self) -> None:
        for number in range(4):
            for _ in range(self.dice.choice([0, 1, 3, 10, 40])):
                await asyncio.sleep(0)
            change = drawn(self.graph, self.dice, number, on_disk=self.on_disk)
            give_back = self.dice.random() < 0.15
            self.given_back |= give_back
            before = {name: self.engine._machine.of(name) for name in self.graph.flow.processors}
            self.touched |= _touched(self.graph.flow, change.flow, set(change.given))
            self.engine._changing._adopt = partial(self.adopt, change)
            try:
                found = await self.engine.reload(change.flow, replace=change.given, give_back=give_back)
            except ReloadError as error:
                self.refused.append(str(error))
                continue
            self.done += 1
            self.renewed += len(found.replaced)
            self.check_untouched(found, before)

    def adopt(self, change: Change, flow: Flow) -> None:
        self.engine._adopt(flow)
        change.adopt(self.graph)

    def check_untouched(self, found: Difference, before: dict[str, Any]) -> None:
        """Hold those that are the same to being the same."""
        renewed = {each.name for each in found.replaced}
        for name, each in before.items():
            if name not in renewed and name not in found.removed:
                assert self.engine._machine.of(name) is each, name
                assert not each.switch.is_held

    def check_end(self) -> None:
        machine, books = self.engine._machine, self.graph.books
        assert self.engine.status().outstanding == 0
        assert [each.records for each in machine.connections.values() if each.records or len(each)] == []
        assert books.unsettled() == {}
        assert [each for each in books.disorder if not self.may_disorder(each)] == [] or self.graph.is_lossy
        for letter in letters_in(self.engine.data):
            books.put("dead", [letter["record"]])
        assert books.amiss(lossy=self.graph.is_lossy) == {}
        if not self.given_back:
            self.check_rejected()

    def check_rejected(self) -> None:
        books = self.graph.books
        rejected = [token for token, outcomes in books.settled.items() if Outcome.REJECTED in outcomes]
        given = {root for root, token in books.given.items() if token in rejected}
        assert not [root for root in given if books.places.get(root)], "given back, and there"
        assert len(rejected) <= self.renewed, "only what never set out comes back"

    def may_disorder(self, entry: str) -> bool:
        """Where calls of a processor overlap, one that waited for a retry when it was held comes later."""
        return any(f"from ('{name}'" in entry for name in self.touched)


def _touched(old: Flow, new: Flow, given: set[str]) -> set[str]:
    """Who may be held for a change, and makes calls that overlap."""
    changed = {
        name
        for name, spec in old.processors.items()
        if name in given or name not in new.processors or spec.routes != new.processors[name].routes
    }
    return {name for name in changed if old.processors[name].run.concurrency > 1}


def play(seed: int, size: int, *, stops: bool = False) -> Run:
    random.seed(seed)
    with tempfile.TemporaryDirectory(dir=QUICK) as folder:
        run = Run(seed, size, Path(folder), on_disk=not stops)
        run.given_back = stops
        asyncio.run(_played(run, run.to_a_stop if stops else run.to_the_end))
        run.check_end()
    return run


async def _played(run: Run, work: Callable[[], Awaitable[None]]) -> None:
    async with asyncio.timeout(60):
        await work()
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}


@settings(max_examples=80)
@given(SEEDS, SIZES)
def test_a_flow_that_becomes_others_loses_and_doubles_nothing(seed: int, size: int) -> None:
    play(seed, size)


@settings(max_examples=60)
@given(SEEDS, SIZES)
def test_a_stop_in_the_middle_of_it_all_leaves_every_source_knowing_what_is_safe(seed: int, size: int) -> None:
    play(seed, size, stops=True)
