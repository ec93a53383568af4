"""One call: bad records are isolated, what a raising call did is undone, time limits and threads hold."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from router.ack import Outcome
from router.authoring import Context, Held
from router.batch import Batch
from router.errors import RetryableError
from router.storage.database import Database
from router.storage.schema import FLOW_DB, FLOW_SCHEMA
from router.storage.state import FlowState
from tests.router.engine.clock import JumpingClock
from tests.router.engine.flows import Do, Feed, Keep, numbers, run_to_end, wired


async def stored(folder: Path) -> dict[str, Any]:
    """What the processor `work` of a flow that has ended keeps."""
    database = Database(folder / FLOW_DB, FLOW_SCHEMA)
    database.open()
    found = await FlowState(database, "work", lambda: 0.0).scan()
    await database.close()
    return found


async def run_one(work: Any, feed: Feed | None = None, data: Path | None = None, **run: Any) -> tuple[Keep, Keep, Any]:
    keep, bad = Keep(), Keep()
    each = work if isinstance(work, Do) else Do(work)
    engine = wired(
        {"read": feed or Feed([1, 2, 3]), "work": each, "keep": keep, "bad": bad},
        "read>work",
        "work>keep",
        "work.failure>bad",
        run={"work": run},
        data=data,
    )
    report = await run_to_end(engine)
    assert report.error is None
    return keep, bad, engine


async def test_the_bad_record_of_a_thousand_is_found_and_the_good_are_called_a_logarithm_of_times() -> None:
    calls: Counter[int] = Counter()

    def work(batch: Batch, context: Context) -> Batch:
        calls.update(numbers(batch))
        if 500 in numbers(batch):
            raise ValueError("five hundred")
        return batch

    keep, bad, _ = await run_one(work, Feed(range(1000)))
    assert keep.numbers == [n for n in range(1000) if n != 500]
    assert (bad.numbers, bad.errors) == ([500], [("ValueError", "five hundred")])
    assert max(calls.values()) <= 11
    assert len(keep.batches) == 1


async def test_bad_records_reach_failure_in_their_order() -> None:
    def work(batch: Batch, context: Context) -> Batch:
        if any(n % 3 == 0 for n in numbers(batch)):
            raise ValueError(str(numbers(batch)[0]))
        return batch

    keep, bad, _ = await run_one(work, Feed(range(20)))
    assert keep.numbers == [n for n in range(20) if n % 3]
    assert [(n, message) for n, (_, message) in zip(bad.numbers, bad.errors, strict=True)] == [
        (n, str(n)) for n in range(0, 20, 3)
    ]


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (7, "do returned int; return a Batch, {relationship: Batch} or None"),
        ([], "do returned list; return a Batch, {relationship: Batch} or None"),
        ({"success": 7}, "do returned dict; return a Batch, {relationship: Batch} or None"),
    ],
)
async def test_a_result_of_another_kind_is_the_failure_of_its_records(result: Any, message: str) -> None:
    keep, bad, _ = await run_one(Do(lambda batch, _: result))
    assert keep.batches == []
    assert bad.errors == [("ProcessorError", message.replace("do", "stand", 1))] * 3


async def test_only_the_records_put_into_a_relationship_that_is_not_there_fail() -> None:
    def work(batch: Batch, context: Context) -> dict[str, Batch]:
        return batch.partition(["nowhere" if n == 2 else "success" for n in numbers(batch)])

    keep, bad, _ = await run_one(work)
    assert (keep.numbers, bad.numbers) == ([1, 3], [2])
    assert bad.errors == [("ProcessorError", "stand has no relationship 'nowhere'")]


async def test_only_the_records_put_into_a_relationship_that_leads_nowhere_fail() -> None:
    work = Do(lambda batch, _: batch.partition(["other", "success", "success"]), to=("other",))
    keep, bad, _ = await run_one(work)
    assert (keep.numbers, bad.errors) == ([2, 3], [("ProcessorError", "stand: the relationship 'other' goes nowhere")])


@pytest.mark.parametrize("error", [SystemExit(3), StopIteration(), asyncio.CancelledError(), KeyError("x")])
@pytest.mark.parametrize("kind", ["inline", "async", "thread"])
async def test_whatever_a_call_raises_is_its_records_fault(error: BaseException, kind: str) -> None:
    def work(batch: Batch, context: Context) -> Batch:
        if 2 in numbers(batch):
            raise error
        return batch

    async def later(batch: Batch, context: Context) -> Batch:
        return work(batch, context)

    execution = "thread" if kind == "thread" else "inline"
    keep, bad, _ = await run_one(later if kind == "async" else work, execution=execution)
    assert (keep.numbers, bad.numbers) == ([1, 3], [2])


async def test_what_a_raising_call_held_replied_and_stored_is_undone(tmp_path: Path) -> None:
    async def work(batch: Batch, context: Context) -> Batch | None:
        held.append(context.hold(batch))
        await context.state.put_many({str(n): True for n in numbers(batch)})
        await context.state.delete(["kept"])
        context.reply(batch)
        if 2 in numbers(batch):
            raise ValueError("two")
        held.pop().release()
        await context.state.put_many({"kept": 1})
        seen.append(sorted(await context.state.scan()))
        return batch

    held: list[Any] = []
    seen: list[list[str]] = []
    feed = Feed([1, 2, 3])
    keep, bad, engine = await run_one(work, feed, tmp_path)
    assert (keep.numbers, bad.numbers, feed.outcomes) == ([1, 3], [2], [Outcome.DELIVERED])
    assert sorted(await stored(tmp_path)) == ["1", "3", "kept"]
    assert seen == [["1", "kept"], ["1", "3", "kept"]]
    assert engine.status().processors["work"].held == 0


async def test_a_release_in_a_raising_call_is_undone() -> None:
    def work(batch: Batch, context: Context) -> Batch | None:
        if numbers(batch) == [1]:
            kept.append(context.hold(batch))
            return None
        held = kept[0]
        held.release()
        if len(seen) < 2:
            seen.append(len(batch))
            raise ValueError("not yet")
        return held.batch

    kept: list[Held] = []
    seen: list[int] = []
    feed = Feed([1], [2], [3], [4])
    keep, bad, _ = await run_one(work, feed, batch={"records": 1})
    assert (keep.numbers, bad.numbers) == ([1], [2, 3])
    assert feed.outcomes == [Outcome.DELIVERED, Outcome.DELIVERED, Outcome.DELIVERED, Outcome.DROPPED]


async def test_what_is_not_returned_was_dropped_and_the_source_hears_it() -> None:
    feed = Feed([1, 2], [3], [4])
    keep, _, _ = await run_one(
        lambda batch, _: batch.select([i for i, n in enumerate(numbers(batch)) if n not in (2, 3)]), feed
    )
    assert keep.numbers == [1, 4]
    assert feed.outcomes == [Outcome.DROPPED, Outcome.DROPPED, Outcome.DELIVERED]


async def test_a_result_without_origins_depends_on_all_that_was_taken() -> None:
    feed = Feed([1], [2])
    keep, _, _ = await run_one(lambda batch, _: Batch.of([{"n": 9}]), feed)
    assert (keep.numbers, feed.outcomes) == ([9], [Outcome.DELIVERED] * 2)
    assert len(keep.batches[0].acks()) == 2


async def test_the_named_input_is_a_column_and_is_cleared_on_the_way_out() -> None:
    seen: list[Any] = []

    def work(batch: Batch, context: Context) -> Batch:
        seen.append((numbers(batch), batch.meta("input")))
        return batch

    keep = Keep()
    engine = wired(
        {"a": Feed([1]), "b": Feed([2]), "join": Do(work), "keep": keep}, "a>join.left", "b>join.right", "join>keep"
    )
    await run_to_end(engine)
    assert sorted(seen) == [([1], ["left"]), ([2], ["right"])]
    assert all("input" not in batch.columns for batch in keep.batches)


async def test_records_put_into_failure_without_an_error_get_one() -> None:
    _, bad, _ = await run_one(lambda batch, _: {"failure": batch})
    assert bad.errors == [("ProcessorError", "put into failure without an error")] * 3


# -- async calls -------------------------------------------------------------------------------------


async def test_an_async_call_is_cut_at_its_timeout_by_the_flows_clock_and_tried_again() -> None:
    calls: list[float] = []

    async def work(batch: Batch, context: Context) -> Batch:
        calls.append(context.now())
        await context.sleep(0.5 if len(calls) > 2 else 1e9)
        return batch

    keep, _, engine = await run_one(work, timeout="10s")
    assert (keep.numbers, len(calls)) == ([1, 2, 3], 3)
    assert engine.bulletins[0].data["error"] == "the call took longer than 10 s"


async def test_a_call_that_swallows_its_timeout_is_taken_at_its_word() -> None:
    async def work(batch: Batch, context: Context) -> Batch:
        try:
            await context.sleep(1e9)
        except asyncio.CancelledError:
            return batch
        return batch

    keep, _, _ = await run_one(work, Feed([1], [2], [3]), timeout="10s", batch={"records": 1})
    assert keep.numbers == [1, 2, 3]


async def test_a_generator_gives_its_output_on_piece_by_piece_and_its_waits_for_room_are_not_its_own() -> None:
    clock, keep = JumpingClock(), Keep()
    taken: list[float] = []

    async def work(batch: Batch, context: Context) -> AsyncIterator[Batch]:
        for n in range(len(batch)):
            yield batch.slice(n, n + 1)
            await context.sleep(2)

    async def slowly(batch: Batch, context: Context) -> Batch:
        taken.append(context.now())
        await context.sleep(100)
        return batch

    engine = wired(
        {"read": Feed(range(5)), "work": Do(work), "slow": Do(slowly), "keep": keep},
        "read>work",
        "work>slow",
        "slow>keep",
        run={"work": {"timeout": "11s"}},
        queue={"work>slow": {"records": 1}},
        clock=clock,
    )
    await run_to_end(engine)
    assert (keep.numbers, taken[0]) == ([0, 1, 2, 3, 4], 0)
    assert not [each for each in engine.bulletins if each.processor == "work"]


async def test_a_generator_is_closed_when_its_output_cannot_be_put() -> None:
    closed: list[str] = []

    async def work(batch: Batch, context: Context) -> AsyncIterator[Any]:
        try:
            yield batch
            yield 7
        finally:
            closed.append("closed")

    keep, bad, _ = await run_one(work)
    assert (keep.numbers, bad.numbers, closed) == ([1, 2, 3], [1, 2, 3], ["closed"])


async def test_any_async_iterator_will_do() -> None:
    class Once:
        def __init__(self, batch: Batch) -> None:
            self.left = [batch]

        def __aiter__(self) -> Once:
            return self

        async def __anext__(self) -> Batch:
            if not self.left:
                raise StopAsyncIteration
            return self.left.pop()

    keep, _, _ = await run_one(lambda batch, _: Once(batch))
    assert keep.numbers == [1, 2, 3]


# -- slow calls and threads --------------------------------------------------------------------------


async def test_a_call_that_stops_the_loop_twice_is_told() -> None:
    def work(batch: Batch, context: Context) -> Batch:
        until = time.perf_counter() + 0.06
        while time.perf_counter() < until:
            pass
        return batch

    _, _, engine = await run_one(work, batch={"records": 1})
    (bulletin,) = engine.bulletins
    assert "`run: {execution: thread}`" in bulletin.text


async def test_a_thread_may_hold_reply_wake_store_and_tell(tmp_path: Path) -> None:
    def work(batch: Batch, context: Context) -> None:
        threads.add(threading.current_thread().name)
        kept.append(context.hold(batch))
        context.wake_at(context.now() + 5)
        asyncio.run(context.state.put_many({"n": len(kept)}))
        context.bulletin("held", records=len(batch))

    def wake(context: Context, why: Any) -> Batch | None:
        going, kept[:] = kept[:], []
        for held in going:
            held.release()
        return Batch.concat([held.batch for held in going]) if going else None

    threads: set[str] = set()
    kept: list[Any] = []
    work_and_wake = Do(work, wake)
    feed = Feed([1], [2], then=60)
    keep, _, engine = await run_one(work_and_wake, feed, tmp_path, execution="thread", batch={"records": 1})
    assert (keep.numbers, feed.outcomes) == ([1, 2], [Outcome.DELIVERED] * 2)
    assert [why.value for why in work_and_wake.woken] == ["time", "input_ended"]
    assert (threads, await stored(tmp_path)) == ({"router-work_0"}, {"n": 2})
    assert [each.text for each in engine.bulletins] == ["held", "held"]


async def test_a_thread_that_outlasts_its_timeout_is_told_and_not_cut() -> None:
    clock, go = JumpingClock(), threading.Event()

    def work(batch: Batch, context: Context) -> Batch:
        go.wait(5)
        return batch

    keep = Keep()
    engine = wired(
        {"read": Feed([1]), "work": Do(work), "keep": keep},
        "read>work",
        "work>keep",
        run={"work": {"execution": "thread", "timeout": "1s"}},
        clock=clock,
    )
    async with engine:
        for _ in range(20):
            await asyncio.sleep(0)
        assert engine.is_busy
        clock.jump()
        assert [each.text for each in engine.bulletins] == ["a call takes longer than its timeout and cannot be cut"]
        go.set()
        await engine.run()
    assert keep.numbers == [1]


async def test_a_thread_may_raise_an_outage() -> None:
    tries: list[int] = []

    def work(batch: Batch, context: Context) -> Batch:
        tries.append(1)
        if len(tries) < 3:
            raise RetryableError("down")
        return batch

    keep, _, _ = await run_one(work, execution="thread")
    assert (keep.numbers, len(tries)) == ([1, 2, 3], 3)
