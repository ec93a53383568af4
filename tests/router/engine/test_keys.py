"""Calls that overlap: by order, by key, or as they finish."""

from __future__ import annotations

from typing import Any

import pytest

from router.ack import Outcome
from router.authoring import Context
from router.batch import Batch
from router.errors import RetryableError
from router.expression import Expression
from tests.router.engine.clock import JumpingClock, at_rest, until
from tests.router.engine.flows import Do, Feed, Keep, numbers, run_to_end, wired


def keyed(*pairs: tuple[Any, int]) -> Batch:
    return Batch.of([{"key": key, "n": n} for key, n in pairs])


def by_key(concurrency: int = 2, **more: Any) -> dict[str, dict[str, Any]]:
    return {"work": {"concurrency": concurrency, "ordered": Expression("key"), "batch": {"records": 1}, **more}}


@pytest.mark.parametrize(("ordered", "expected"), [(True, [3, 2, 1, 0]), (False, [0, 1, 2, 3])])
async def test_calls_overlap_and_outputs_leave_as_the_flow_asks(ordered: bool, expected: list[int]) -> None:
    async def work(batch: Batch, context: Context) -> Batch:
        await context.sleep(numbers(batch)[0])
        return batch

    keep, clock = Keep(), JumpingClock()
    engine = wired(
        {"read": Feed([3], [2], [1], [0]), "work": Do(work), "keep": keep},
        "read>work",
        "work>keep",
        run={"work": {"concurrency": 4, "ordered": ordered, "batch": {"records": 1}}},
        clock=clock,
    )
    await run_to_end(engine)
    assert (keep.numbers, clock.time) == (expected, 3)


async def test_only_the_lane_of_a_key_waits_for_its_retry() -> None:
    down: list[bool] = [True]

    def work(batch: Batch, context: Context) -> Batch:
        if down and batch.values("key") == [0]:
            raise RetryableError("down", after=100)
        return batch

    keep, clock = Keep(), JumpingClock()
    feed = Feed(keyed((0, 1)), keyed((1, 2)), keyed((0, 3)), keyed((1, 4)))
    engine = wired({"read": feed, "work": Do(work), "keep": keep}, "read>work", "work>keep", run=by_key(), clock=clock)
    async with engine:
        await at_rest(engine)
        assert keep.numbers == [2, 4]
        down.clear()
        await until(engine, clock, engine.run())
    assert keep.numbers == [2, 4, 1, 3]


async def test_a_key_that_is_missing_fails_alone() -> None:
    feed, keep, bad = Feed(keyed((1, 1), (None, 2), (2, 3))), Keep(), Keep()
    engine = wired(
        {"read": feed, "work": Do(lambda batch, _: batch), "keep": keep, "bad": bad},
        "read>work",
        "work>keep",
        "work.failure>bad",
        run=by_key(batch={"records": 10}),
    )
    await run_to_end(engine)
    assert (sorted(keep.numbers), bad.numbers, feed.outcomes) == ([1, 3], [2], [Outcome.DELIVERED])
    assert bad.errors == [("RecordError", "the key 'key' is None")]


async def test_a_record_that_cannot_be_decoded_to_find_its_key_fails_alone() -> None:
    feed = Feed(Batch.raw([b'{"key":1,"n":1}', b"{broken", b'{"key":[1],"n":3}']))
    keep, bad = Keep(), Keep()
    engine = wired(
        {"read": feed, "work": Do(lambda batch, _: batch, reads="any"), "keep": keep, "bad": bad},
        "read>work",
        "work>keep",
        "work.failure>bad",
        run=by_key(batch={"records": 10}),
    )
    await run_to_end(engine)
    assert (sorted(keep.numbers), bad.batches[0].content) == ([1, 3], [b"{broken"])
    assert bad.errors[0][0] == "DecodeError"


async def test_a_key_may_be_any_field_computed_from_the_record() -> None:
    feed = Feed(Batch.raw([b'{"k":"n","n":1}', b"[]"]))
    keep, bad = Keep(), Keep()
    run = by_key()
    run["work"]["ordered"] = Expression("record[k]")
    engine = wired(
        {"read": feed, "work": Do(lambda batch, _: batch, reads="any"), "keep": keep, "bad": bad},
        "read>work",
        "work>keep",
        "work.failure>bad",
        run=run,
    )
    assert (await run_to_end(engine)).outcome == "done"
    assert (keep.numbers, len(bad.batches)) == ([1], 1)


async def test_one_key_has_one_call_at_a_time() -> None:
    running: set[int] = set()

    async def work(batch: Batch, context: Context) -> Batch:
        keys = set(batch.values("key"))
        assert not keys & running
        running.update(keys)
        await context.sleep(1)
        running.difference_update(keys)
        return batch

    keep = Keep()
    feed = Feed(*(keyed((n % 3, n)) for n in range(30)))
    engine = wired({"read": feed, "work": Do(work), "keep": keep}, "read>work", "work>keep", run=by_key(3))
    await run_to_end(engine)
    assert [n for n in keep.numbers if n % 3 == 1] == list(range(1, 30, 3))


async def test_a_wake_waits_for_calls_under_way_and_no_call_begins_beside_it() -> None:
    running: list[str] = []

    async def work(batch: Batch, context: Context) -> None:
        assert "wake" not in running
        running.append("call")
        context.wake_at(context.now())
        await context.sleep(2)
        running.remove("call")

    async def wake(context: Context, why: Any) -> None:
        assert not running
        running.append("wake")
        await context.sleep(1)
        running.clear()

    make = Do(work, wake)
    engine = wired(
        {"read": Feed(*([n] for n in range(9))), "work": make},
        "read>work",
        "work>drop",
        run={"work": {"concurrency": 3, "ordered": False, "batch": {"records": 1}}},
    )
    assert (await run_to_end(engine)).outcome == "done"
    assert len(make.woken) > 1
