"""A stop drains, then closes, then gives back: in that order, and each source hears what is safe."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from router.ack import Outcome
from router.authoring import Context, Why
from router.batch import Batch
from router.engine import Inbox
from router.errors import ConnectionClosedError, RetryableError
from tests.router.engine.clock import JumpingClock, at_rest, until
from tests.router.engine.flows import Do, Feed, Gate, Keep, run_to_end, wired


async def test_a_stop_drains_what_is_under_way_and_says_so() -> None:
    feed, keep, clock = Feed(*([n] for n in range(5)), then=1e9), Keep(), JumpingClock()

    async def slow(batch: Batch, context: Context) -> Batch:
        await context.sleep(1)
        return batch

    engine = wired({"read": feed, "work": Do(slow), "keep": keep}, "read>work", "work>keep", clock=clock)
    async with engine:
        await at_rest(engine)
        report = await until(engine, clock, engine.stop())
    assert (report.outcome, keep.numbers, feed.outcomes) == ("stopped", [0, 1, 2, 3, 4], [Outcome.DELIVERED] * 5)


async def test_what_is_not_safe_at_the_deadline_is_rejected_and_the_drain_was_not_full() -> None:
    feed, clock = Feed([1], [2], then=1e9), JumpingClock()
    engine = wired({"read": feed, "keep": Gate()}, "read>keep", clock=clock)
    async with engine:
        await at_rest(engine)
        report = await until(engine, clock, engine.stop(drain=7))
    assert (report.outcome, feed.outcomes, clock.time) == ("cut_off", [Outcome.REJECTED] * 2, 7)


async def test_a_stop_without_a_drain_gives_back_at_once() -> None:
    feed, clock = Feed([1], [2], then=1e9), JumpingClock()
    engine = wired({"read": feed, "keep": Gate()}, "read>keep", clock=clock)
    async with engine:
        await at_rest(engine)
        report = await engine.stop(0)
    assert (report.outcome, feed.outcomes, clock.time) == ("cut_off", [Outcome.REJECTED] * 2, 0)


async def test_a_second_stop_can_make_the_first_wait_less() -> None:
    feed, clock = Feed([1], then=1e9), JumpingClock()
    engine = wired({"read": feed, "keep": Gate()}, "read>keep", clock=clock)
    async with engine:
        await at_rest(engine)
        first = asyncio.ensure_future(engine.stop(drain=1000))
        await at_rest(engine)
        assert not first.done()
        second = await engine.stop(0)
    assert (await first is second, second.outcome, clock.time) == (True, "cut_off", 0)


async def test_retry_sleeps_end_as_rejected_and_the_rest_is_drained() -> None:
    def work(batch: Batch, context: Context) -> Batch:
        if 1 in [row["n"] for row in batch.rows]:
            raise RetryableError("down")
        return batch

    feed, keep, clock = Feed([1], [2], then=1e9), Keep(), JumpingClock()
    engine = wired(
        {"read": feed, "work": Do(work), "keep": keep},
        "read>work",
        "work>keep",
        run={"work": {"batch": {"records": 1}}},
        clock=clock,
    )
    async with engine:
        await at_rest(engine)
        report = await until(engine, clock, engine.stop())
    assert (report.outcome, keep.numbers, clock.time) == ("cut_off", [2], 0)
    assert feed.outcomes == [Outcome.REJECTED, Outcome.DELIVERED]


async def test_the_phases_of_a_stop_come_in_order() -> None:
    events: list[str] = []

    class Source(Feed):
        async def produce(self, context: Context) -> Any:
            try:
                async for item in super().produce(context):
                    yield item
            except asyncio.CancelledError:
                events.append("produce cancelled")
                raise

        def settled(self, ack: Any) -> None:
            events.append(f"settled {ack.outcome.name}")

        async def stop(self, context: Context) -> None:
            events.append("source stops")

    class Closing(Do):
        async def stop(self, context: Context) -> None:
            events.append("processor stops")

    def wake(context: Context, why: Why) -> Batch | None:
        events.append(f"woken {why.value}")
        return Batch.of([{"n": 99}])

    held: list[Any] = []
    hold, keep = Closing(lambda batch, context: held.append(context.hold(batch)), wake), Keep()
    engine = wired({"read": Source([1], then=1e9), "hold": hold, "keep": keep}, "read>hold", "hold>keep")
    async with engine:
        await at_rest(engine)
        report = await engine.stop()
    assert events == ["produce cancelled", "woken stopping", "settled REJECTED", "processor stops", "source stops"]
    assert keep.numbers == [99]  # what a processor gives while it closes is drained
    assert report.outcome == "stopped"  # records that a window gives back do not make the drain less than full


async def test_processors_are_told_of_the_stop_upstream_first() -> None:
    order: list[str] = []

    def noting(name: str) -> Do:
        return Do(lambda batch, _: batch, lambda _, why: order.append(f"{name} {why.value}"))

    engine = wired(
        {"read": Feed(then=1e9), "b": noting("b"), "a": noting("a"), "keep": Keep()}, "read>a", "a>b", "b>keep"
    )
    async with engine:
        await at_rest(engine)
        await engine.stop()
    assert order == ["a stopping", "b stopping"]


async def test_rejected_records_of_before_the_stop_do_not_make_the_drain_less_than_full() -> None:
    feed = Feed([1], then=1e9)
    engine = wired({"read": feed, "work": Do(lambda batch, _: batch)}, "read>work", "work>reject")
    async with engine:
        await at_rest(engine)
        report = await engine.stop()
    assert (feed.outcomes, report.outcome) == ([Outcome.REJECTED], "stopped")


async def test_calls_cancelled_before_they_began_give_their_records_back() -> None:
    inbox, settled = Inbox(), []

    async def never(batch: Batch, context: Context) -> None:
        await asyncio.Event().wait()

    engine = wired(
        {"read": inbox, "work": Do(never)},
        "read>work",
        "work>drop",
        run={"work": {"concurrency": 4, "ordered": False, "batch": {"records": 1}}},
    )
    async with engine:
        pushes = [asyncio.ensure_future(inbox.push([{"n": n}])) for n in range(6)]
        for turn in range(12):
            await asyncio.sleep(0)
            if turn == 4:
                break
        await engine.stop(0)
        settled = await asyncio.gather(*pushes, return_exceptions=True)
    assert all(each is Outcome.REJECTED or isinstance(each, ConnectionClosedError) for each in settled)


async def test_a_flow_that_fails_ends_by_itself() -> None:
    class Broken(Feed):
        async def produce(self, context: Context) -> Any:
            yield self.batches[0], 0
            raise OSError("gone")

    inbox = Inbox()
    engine = wired({"read": Broken([1]), "push": inbox, "keep": Gate()}, "read>keep", "push>keep")
    async with engine:
        pushes = await asyncio.gather(*(inbox.push([{"n": n}]) for n in range(5)), return_exceptions=True)
        report = await engine.run()
    assert (report.outcome, report.error) == ("failed", "source 'read': OSError: gone")
    assert all(each is Outcome.REJECTED or isinstance(each, ConnectionClosedError) for each in pushes)


async def test_an_error_in_settled_fails_the_flow_and_harms_nobody_else() -> None:
    class Broken(Feed):
        def settled(self, ack: Any) -> None:
            raise ValueError("cannot commit")

    good, keep = Feed([1], [2]), Keep()
    engine = wired({"bad": Broken([3]), "good": good, "keep": keep}, "bad>keep", "good>keep")
    report = await run_to_end(engine)
    assert (report.outcome, report.error) == ("failed", "source 'bad': settled: ValueError: cannot commit")
    assert len(good.told) == good.given
    assert engine.status().outstanding == 0


async def test_a_failing_stop_of_one_processor_does_not_keep_the_others_from_stopping() -> None:
    stopped: list[str] = []

    class Closing(Keep):
        async def stop(self, context: Context) -> None:
            stopped.append(context.name)
            raise SystemExit(3)

    await run_to_end(engine := wired({"read": Feed([1]), "a": Closing(), "b": Closing()}, "read>a", "read>b"))
    assert sorted(stopped) == ["a", "b"]
    assert [each.text for each in engine.bulletins] == ["did not stop cleanly"] * 2


async def test_a_task_that_swallows_its_cancellation_is_asked_again() -> None:
    asked: list[int] = []

    async def stubborn(batch: Batch, context: Context) -> None:
        while len(asked) < 2:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                asked.append(1)
        raise asyncio.CancelledError

    engine = wired({"read": Feed([1], then=1e9), "work": Do(stubborn)}, "read>work", "work>drop")
    async with engine:
        await at_rest(engine)
        engine._tasks.patience = 0.01
        report = await engine.stop(0)
    assert (report.outcome, len(asked)) == ("cut_off", 2)


async def test_leaving_the_block_by_an_exception_stops_at_once() -> None:
    feed, clock = Feed([1], then=1e9), JumpingClock()
    engine = wired({"read": feed, "keep": Gate()}, "read>keep", clock=clock)

    async def work() -> None:
        async with engine:
            await at_rest(engine)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await work()
    assert (feed.outcomes, clock.time) == ([Outcome.REJECTED], 0)


async def test_what_waited_at_the_gate_is_given_back_and_nothing_was_cut_off() -> None:
    feed, gate, clock = Feed([1], [2], then=1e9), Gate(), JumpingClock()
    engine = wired({"read": feed, "keep": gate}, "read>keep", clock=clock, run={"read": {"max_uncommitted": 1}})
    async with engine:
        await at_rest(engine)
        stopping = asyncio.ensure_future(engine.stop())
        await at_rest(engine)
        gate.is_open.set()
        report = await until(engine, clock, stopping)
    assert (report.outcome, gate.numbers, feed.outcomes) == ("stopped", [1], [Outcome.DELIVERED, Outcome.REJECTED])
