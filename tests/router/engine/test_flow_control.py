"""Queues stay shallow, branches do not starve each other, and sources wait where the flow has enough."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from router.authoring import Context
from router.batch import Batch
from tests.router.engine.clock import JumpingClock, at_rest, until
from tests.router.engine.flows import Do, Feed, Gate, Keep, numbers, run_to_end, wired


async def test_a_producer_gives_up_its_turn_when_enough_is_queued() -> None:
    depths: list[int] = []

    def work(batch: Batch, context: Context) -> Batch:
        depths.append(max(len(engine.connection(id_)) for id_ in ("read.success>work", "work.success>keep")))
        return batch

    feed = Feed(*([n] for n in range(500)))
    engine = wired({"read": feed, "work": Do(work), "keep": Keep()}, "read>work", "work>keep")
    await run_to_end(engine)
    assert max(depths) <= 3


async def test_a_full_branch_does_not_starve_its_sibling() -> None:
    slow, quick = Gate(), Keep()
    feed = Feed(*([n] for n in range(4)))
    engine = wired(
        {"read": feed, "slow": slow, "quick": quick},
        "read>slow",
        "read>quick",
        queue={"read>slow": {"records": 1}, "read>quick": {"records": 1}},
    )
    async with engine:
        await at_rest(engine)
        assert quick.numbers == [0, 1, 2]  # one taken, one queued, one offered to both
        slow.is_open.set()
        await engine.run()
    assert (slow.numbers, quick.numbers) == ([0, 1, 2, 3], [0, 1, 2, 3])


async def test_a_branch_that_was_full_for_a_moment_does_not_wait_for_one_that_stays_full() -> None:
    gates = {"a": Gate(), "b": Gate()}
    full = {"records": 1}
    engine = wired({"read": Feed([0], [1], [2]), **gates}, "read>a", "read>b", queue={"read>a": full, "read>b": full})
    async with engine:
        await at_rest(engine)
        gates["b"].is_open.set()
        await at_rest(engine)
        assert gates["b"].numbers == [0, 1, 2]
        gates["a"].is_open.set()
        await engine.run()


async def test_a_small_output_does_not_overtake_a_large_one_that_waits() -> None:
    keep = Gate()

    def halves(batch: Batch, context: Context) -> Batch:
        if 8 in numbers(batch):
            raise ValueError("eight")
        return batch

    engine = wired(
        {"read": Feed(range(8), [8, *range(9, 18)]), "work": Do(halves), "keep": keep, "bad": Keep()},
        "read>work",
        "work>keep",
        "work.failure>bad",
        queue={"work>keep": {"records": 10}},
    )
    async with engine:
        await at_rest(engine)
        keep.is_open.set()
        await engine.run()
    assert keep.numbers == [*range(8), *range(9, 18)]


async def test_a_source_waits_while_too_much_of_it_is_unsafe() -> None:
    feed, keep = Feed(*([n] for n in range(10))), Gate()
    engine = wired({"read": feed, "keep": keep}, "read>keep", run={"read": {"max_uncommitted": 3}})
    async with engine:
        await at_rest(engine)
        assert feed.given == 4  # three are unsafe, one waits in the engine's hand
        keep.is_open.set()
        await engine.run()
    assert keep.numbers == list(range(10))


async def test_an_empty_batch_makes_nothing_safe_before_its_time() -> None:
    feed, keep = Feed([0], [], [1], [], [2]), Gate()
    engine = wired({"read": feed, "keep": keep}, "read>keep", run={"read": {"max_uncommitted": 1}})
    async with engine:
        await at_rest(engine)
        assert keep.batches == []
        assert engine.status().connections["read.success>keep"].records_in == 1
        keep.is_open.set()
        await engine.run()
    assert len(feed.told) == 5


async def test_the_memory_of_the_flow_gates_sources_only() -> None:
    feed, work, keep = Feed(*([n] for n in range(20))), Do(lambda batch, _: batch), Gate()
    engine = wired({"read": feed, "work": work, "keep": keep}, "read>work", "work>keep", flow={"memory": 400})
    async with engine:
        await at_rest(engine)
        assert feed.given < 20
        assert engine.status().connections["work.success>keep"].nbytes >= 400
        keep.is_open.set()
        await engine.run()


async def test_what_waits_is_taken_fairly_by_records() -> None:
    few, many, order = Feed(*([n] for n in range(6))), Feed(*(range(100 * n, 100 * n + 10) for n in range(1, 7))), []
    engine = wired(
        {"few": few, "many": many, "work": Do(lambda batch, _: order.append(len(batch)))},
        "few>work",
        "many>work",
        run={"work": {"batch": {"records": 10}}},
    )
    async with engine:
        await at_rest(engine)
        await engine.run()
    assert sum(order) == 66


@pytest.mark.parametrize(("wait", "sizes"), [("0", [1, 1, 1]), ("5s", [2, 1])])
async def test_a_call_waits_for_a_fuller_batch_when_told_to(wait: str, sizes: list[int]) -> None:
    class Slow(Feed):
        async def produce(self, context: Context) -> Any:
            for number, batch in enumerate(self.batches):
                await context.sleep(3)
                yield batch, number
            await context.sleep(3)

    keep = Keep()
    engine = wired({"read": Slow([0], [1], [2]), "keep": keep}, "read>keep", run={"keep": {"batch": {"wait": wait}}})
    await run_to_end(engine)
    assert [len(batch) for batch in keep.batches] == sizes


async def test_waiting_for_a_fuller_batch_ends_when_nobody_is_left_to_fill_it() -> None:
    clock, keep = JumpingClock(), Keep()
    engine = wired({"read": Feed([0]), "keep": keep}, "read>keep", run={"keep": {"batch": {"wait": "1h"}}}, clock=clock)
    async with engine:
        await until(engine, clock, engine.run())
    assert (keep.numbers, clock.time < 3600) == ([0], True)


async def test_a_source_that_never_awaits_leaves_the_loop_its_turns() -> None:
    class Endless(Feed):
        async def produce(self, context: Context) -> Any:
            number = 0
            while True:
                number += 1
                yield Batch.of([{"n": number}]), number

    engine = wired({"read": Endless()}, "read>drop")
    async with engine:
        await asyncio.sleep(0.05)
        report = await engine.stop()
    assert report.outcome == "stopped"


async def test_drops_are_told_at_once_and_then_once_a_minute_with_what_is_left_at_the_end() -> None:
    class Steady(Feed):
        async def produce(self, context: Context) -> Any:
            for number, batch in enumerate(self.batches):
                yield batch, number
                await context.sleep(1)

    keep, feed = Gate(), Steady(*([n] for n in range(100)))
    engine = wired(
        {"read": feed, "keep": keep}, "read>keep", queue={"read>keep": {"records": 1, "when_full": "drop_oldest"}}
    )
    clock = engine._clock
    assert isinstance(clock, JumpingClock)
    async with engine:
        await at_rest(engine)
        while clock.jump():
            await at_rest(engine)
        keep.is_open.set()
        await engine.run()
    assert [(each.text, each.data["records"]) for each in engine.bulletins] == [
        ("dropped records because it is full", count) for count in (1, 60, 37)
    ]
    assert keep.numbers == [0, 99]
