"""The world's faults are tried again without limit, visibly, and only for the records they hit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from router.ack import Outcome
from router.authoring import Context, Processor
from router.batch import Batch
from router.errors import RetryableError
from router.functions import failed, processor, sink
from router.relationship import RETRY
from tests.router.engine.clock import JumpingClock, at_rest, until
from tests.router.engine.flows import Do, Feed, Keep, numbers, run_to_end, wired


def down(times: int, after: float | None = None) -> tuple[Callable[[Batch, Context], Batch], list[float]]:
    """Work that fails a few times, and when it was called."""
    calls: list[float] = []

    def work(batch: Batch, context: Context) -> Batch:
        calls.append(context.now())
        if len(calls) <= times:
            raise RetryableError("down", after=after)
        return batch

    return work, calls


async def test_an_outage_is_tried_again_after_waits_that_double() -> None:
    work, calls = down(5)
    keep, clock = Keep(), JumpingClock()
    await run_to_end(wired({"read": Feed([1]), "work": Do(work), "keep": keep}, "read>work", "work>keep", clock=clock))
    waits = [later - before for before, later in pairwise(calls)]
    assert keep.numbers == [1]
    assert all(2**n <= wait <= 1.25 * 2**n for n, wait in enumerate(waits))


async def test_the_wait_is_at_most_five_minutes_and_what_the_other_side_said_counts() -> None:
    work, calls = down(14)
    await run_to_end(wired({"read": Feed([1]), "work": Do(work)}, "read>work", "work>drop"))
    assert 300 <= calls[-1] - calls[-2] <= 375
    work, calls = down(2, after=42)
    await run_to_end(wired({"read": Feed([1]), "work": Do(work)}, "read>work", "work>drop"))
    assert calls == [0, 42, 84]


async def test_an_outage_is_shown_while_it_lasts() -> None:
    work, _ = down(1000)
    engine = wired({"read": Feed([1]), "work": Do(work)}, "read>work", "work>drop")
    async with engine:
        await at_rest(engine)
        status = engine.status().processors["work"]
        assert (status.state, status.retrying) == ("retrying", "down")
        (bulletin,) = engine.bulletins
        assert (bulletin.text, bulletin.data["error"]) == (
            "tries again after a failure that is not the records' fault",
            "down",
        )
        await engine.stop(0)


async def test_only_the_part_that_is_to_be_retried_goes_back() -> None:
    seen: Counter[int] = Counter()

    def work(batch: Batch, context: Context) -> dict[str, Batch]:
        seen.update(numbers(batch))
        return batch.partition([RETRY.name if n == 2 and seen[2] < 3 else "success" for n in numbers(batch)])

    keep, feed = Keep(), Feed([1, 2, 3])
    await run_to_end(wired({"read": feed, "work": Do(work), "keep": keep}, "read>work", "work>keep"))
    assert (keep.numbers, seen, feed.outcomes) == ([1, 3, 2], {1: 1, 2: 3, 3: 1}, [Outcome.DELIVERED])


async def test_the_error_of_what_is_to_be_retried_is_told_and_says_how_long_to_wait() -> None:
    times: list[float] = []

    def work(batch: Batch, context: Context) -> dict[str, Batch]:
        times.append(context.now())
        if len(times) > 1:
            return {"success": batch}
        return {RETRY.name: failed(batch, [(0, RetryableError("429", after=30))], context.name)}

    keep = Keep()
    engine = wired({"read": Feed([1]), "work": Do(work), "keep": keep}, "read>work", "work>keep")
    await run_to_end(engine)
    assert (times, [each.data["error"] for each in engine.bulletins]) == ([0, 30], ["429"])
    assert keep.batches[0].meta("error") == [None]


async def test_records_know_which_attempt_it_is_and_those_behind_do_not() -> None:
    attempts: list[Any] = []

    def work(batch: Batch, context: Context) -> Batch:
        attempts.append(batch.meta("attempts")[0])
        if len(attempts) < 3:
            raise RetryableError("down")
        return batch

    keep = Keep()
    await run_to_end(wired({"read": Feed([1]), "work": Do(work), "keep": keep}, "read>work", "work>keep"))
    assert (attempts, keep.batches[0].meta("attempts")) == ([None, 2, 3], [None])


@pytest.mark.parametrize(
    ("retry", "count"), [({"attempts": 1}, 1), ({"attempts": 3}, 3), ({"within": timedelta(seconds=2)}, 3)]
)
async def test_retries_that_are_used_up_leave_by_unavailable(retry: dict[str, Any], count: int) -> None:
    work, calls = down(1000)
    gone = Keep()
    engine = wired(
        {"read": Feed([1]), "work": Do(work), "gone": gone},
        "read>work",
        "work>drop",
        "work.unavailable>gone",
        run={"work": {"retry": retry}},
    )
    await run_to_end(engine)
    assert (len(calls), gone.numbers, gone.errors) == (count, [1], [("RetryableError", "down")])


async def test_unavailable_follows_failure_where_it_is_not_connected() -> None:
    work, _ = down(1000)
    bad = Keep()
    engine = wired(
        {"read": Feed([1]), "work": Do(work), "bad": bad},
        "read>work",
        "work>drop",
        "work.failure>bad",
        run={"work": {"retry": {"attempts": 2}}},
    )
    await run_to_end(engine)
    assert (bad.numbers, bad.batches[0].meta("attempts")) == ([1], [2])


async def test_with_order_a_retry_holds_back_the_outputs_behind_it() -> None:
    work, calls = down(1, after=5)
    keep = Keep()
    engine = wired(
        {"read": Feed([1], [2], [3]), "work": Do(work), "keep": keep},
        "read>work",
        "work>keep",
        run={"work": {"concurrency": 2, "ordered": True, "batch": {"records": 1}}},
    )
    await run_to_end(engine)
    assert (keep.numbers, len(calls)) == ([1, 2, 3], 4)


async def test_without_order_a_retry_steps_aside_and_comes_back_within_the_concurrency() -> None:
    running: list[int] = []
    most = [0]
    tries: Counter[int] = Counter()

    async def work(batch: Batch, context: Context) -> Batch:
        running.append(1)
        most[0] = max(most[0], len(running))
        await context.sleep(0.1)
        running.pop()
        (n,) = numbers(batch)
        tries[n] += 1
        if tries[n] == 1:
            raise RetryableError("down", after=10)
        return batch

    keep, clock = Keep(), JumpingClock()
    engine = wired(
        {"read": Feed(*([n] for n in range(20))), "work": Do(work), "keep": keep},
        "read>work",
        "work>keep",
        run={"work": {"concurrency": 3, "ordered": False, "batch": {"records": 1}}},
        clock=clock,
    )
    await run_to_end(engine)
    assert sorted(keep.numbers) == list(range(20))
    assert most[0] == 3
    assert clock.time < 13  # all waited at the same time


async def test_what_a_stop_cuts_off_from_its_retry_is_rejected_even_without_origins() -> None:
    def work(batch: Batch, context: Context) -> dict[str, Batch]:
        return {RETRY.name: Batch.of([{"n": 5}])}

    feed, clock = Feed([1], then=1e9), JumpingClock()
    engine = wired({"read": feed, "work": Do(work)}, "read>work", "work>drop", clock=clock)
    async with engine:
        await at_rest(engine)
        await until(engine, clock, engine.stop())
    assert feed.outcomes == [Outcome.REJECTED]


async def test_retried_rows_beside_content_that_cannot_be_decoded_are_no_end_of_the_flow() -> None:
    def work(batch: Batch, context: Context) -> Any:
        if len(batch) > 1:
            raise ValueError("look at each")
        if batch.content == [b"{broken"]:
            raise RetryableError("down")
        return {RETRY.name: batch.with_rows([{"n": float("nan")}])}

    feed, bad = Feed(Batch.raw([b'{"n":1}', b"{broken"])), Keep()
    engine = wired(
        {"read": feed, "work": Do(work, reads="any"), "bad": bad}, "read>work", "work>drop", "work.failure>bad"
    )
    report = await run_to_end(engine)
    assert report.outcome == "done"
    assert [each for each, _ in bad.errors] == ["DecodeError"] * 2


async def test_an_outage_in_a_function_retries_from_that_record_on_and_calls_nobody_twice() -> None:
    calls: Counter[int] = Counter()

    @processor
    def fetch(record: dict[str, Any]) -> dict[str, Any]:
        calls[record["n"]] += 1
        if record["n"] == 3 and calls[3] == 1:
            raise RetryableError("429", after=60)
        if record["n"] == 2:
            raise ValueError("two")
        return record

    keep, bad, clock = Keep(), Keep(), JumpingClock()
    made: Processor = fetch()
    engine = wired(
        {"read": Feed(range(6)), "fetch": made, "keep": keep, "bad": bad},
        "read>fetch",
        "fetch>keep",
        "fetch.failure>bad",
        clock=clock,
    )
    await run_to_end(engine)
    assert (keep.numbers, bad.numbers, clock.time) == ([0, 1, 3, 4, 5], [2], 60)
    assert calls == {0: 1, 1: 1, 2: 1, 3: 2, 4: 1, 5: 1}


@pytest.mark.parametrize("is_async", [True, False])
async def test_an_outage_in_a_sink_function_never_pours_records_into_the_dead_letters(is_async: bool) -> None:
    written: list[int] = []
    tries: list[int] = []

    def write(record: dict[str, Any]) -> None:
        tries.append(1)
        if len(tries) % 3:
            raise RetryableError("disk full")
        written.append(record["n"])

    async def write_later(record: dict[str, Any]) -> None:
        write(record)

    kind: Any = sink(write_later if is_async else write)
    report = await run_to_end(wired({"read": Feed(range(9)), "write": kind()}, "read>write"))
    assert (written, report.dead_letters) == (list(range(9)), 0)


@pytest.mark.parametrize("is_part", [True, False])
async def test_calls_in_order_wait_out_an_outage_together_and_tell_it_once(*, is_part: bool) -> None:
    tried: Counter[int] = Counter()

    def work(batch: Batch, context: Context) -> dict[str, Batch]:
        tried.update(numbers(batch))
        error = failed(batch, [(index, RetryableError("down", after=60)) for index in range(len(batch))], "work")
        return error.partition(
            ["retry" if tried[n] == 1 and (n % 2 or not is_part) else "success" for n in numbers(batch)]
        )

    keep, clock = Keep(), JumpingClock()
    steps = {"read": Feed(*([n, n + 1] for n in range(0, 20, 2))), "work": Do(work), "keep": keep}
    run = {"work": {"concurrency": 10, "batch": {"records": 2}}}
    engine = wired(steps, "read>work", "work>keep", run=run, clock=clock)
    await run_to_end(engine)
    assert (sorted(keep.numbers), clock.now()) == (list(range(20)), 60)
    assert is_part or len(engine.bulletins) == 1
