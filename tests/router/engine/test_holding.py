"""Held records keep their origins waiting, within a limit, until they are let go of."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from router.ack import Outcome
from router.authoring import Context, Why
from router.batch import Batch
from router.errors import RetryableError
from tests.router.engine.clock import JumpingClock, at_rest, until
from tests.router.engine.flows import Do, Feed, Gate, Keep, run_to_end, wired


def holder(gives_at: Callable[[Why], bool] = lambda _: True) -> Do:
    """Holds all, and gives all when woken for a reason that suits it."""

    def work(batch: Batch, context: Context) -> None:
        made.held.append(context.hold(batch))

    def wake(context: Context, why: Why) -> Batch | None:
        if not gives_at(why) or not made.held:
            return None
        held, made.held = made.held, []
        for each in held:
            each.release()
        return Batch.concat([each.batch for each in held])

    made = Do(work, wake)
    return made


async def test_holding_is_not_dropping_and_the_end_of_input_gives_what_is_held() -> None:
    feed, hold, keep = Feed([1], [2]), holder(), Keep()
    await run_to_end(wired({"read": feed, "hold": hold, "keep": keep}, "read>hold", "hold>keep"))
    assert (keep.numbers, feed.outcomes) == ([1, 2], [Outcome.DELIVERED] * 2)
    assert hold.woken == [Why.INPUT_ENDED]


async def test_input_ends_once_for_each_and_upstream_first() -> None:
    order: list[str] = []

    def noting(name: str) -> Do:
        def wake(context: Context, why: Why) -> None:
            order.append(f"{name} {why.value}")

        return Do(lambda batch, _: batch, wake)

    steps = {name: noting(name) for name in ("a", "b", "c")}
    await run_to_end(wired({"read": Feed([1]), **steps, "keep": Keep()}, "read>a", "a>b", "a>c", "b>c", "c>keep"))
    assert order == ["a input_ended", "b input_ended", "c input_ended"]


async def test_at_its_limit_a_holder_is_woken_once_and_gets_no_more_until_it_lets_go() -> None:
    hold = holder(lambda why: why is Why.INPUT_ENDED)
    engine = wired(
        {"read": Feed(*([n] for n in range(9))), "hold": hold, "keep": Keep()},
        "read>hold",
        "hold>keep",
        run={"hold": {"hold": {"records": 3}, "batch": {"records": 1}}},
    )
    async with engine:
        await at_rest(engine)
        assert (len(hold.held), hold.woken) == (3, [Why.FULL])
        assert [each.text for each in engine.bulletins] == ["was asked to let go of something it holds, and did not"]
        await engine.stop(0)


async def test_each_crossing_of_the_limit_wakes_the_holder() -> None:
    hold, keep = holder(), Keep()
    engine = wired(
        {"read": Feed(*([n] for n in range(9))), "hold": hold, "keep": keep},
        "read>hold",
        "hold>keep",
        run={"hold": {"hold": {"records": 3}, "batch": {"records": 1}}},
    )
    await run_to_end(engine)
    assert keep.numbers == list(range(9))
    assert hold.woken == [Why.FULL, Why.FULL, Why.FULL, Why.INPUT_ENDED]


async def test_a_holder_that_lets_go_of_too_little_is_asked_again() -> None:
    def wake(context: Context, why: Why) -> Batch | None:
        if not hold.held:
            return None
        held = hold.held.pop(0)
        held.release()
        return held.batch

    hold, keep = holder(), Keep()
    hold.on_wake = wake
    engine = wired(
        {"read": Feed(range(5), range(5, 10)), "hold": hold, "keep": keep},
        "read>hold",
        "hold>keep",
        run={"hold": {"hold": {"records": 1}, "batch": {"records": 5}}},
    )
    assert (await run_to_end(engine)).outcome == "done"
    assert keep.numbers == list(range(10))


async def test_the_oldest_holder_is_asked_when_sources_wait_for_what_is_held() -> None:
    young, old, feed = holder(), holder(), Feed([0], [1], [2])
    engine = wired(
        {"read": feed, "old": old, "young": young, "keep": Keep()},
        "read>old",
        "old>young",
        "young>keep",
        run={"read": {"max_uncommitted": 2}},
    )
    await run_to_end(engine)
    assert old.woken == [Why.FULL, Why.INPUT_ENDED]
    assert young.woken == [Why.FULL, Why.INPUT_ENDED]
    assert feed.outcomes == [Outcome.DELIVERED] * 3


async def test_a_wake_comes_at_the_time_asked_for_and_the_newest_wish_counts() -> None:
    clock = JumpingClock()
    times: list[tuple[Why, float]] = []

    def work(batch: Batch, context: Context) -> None:
        hold.held.append(context.hold(batch))
        context.wake_at(context.now() + 100)
        context.wake_at(context.now() + 5)

    hold = holder(lambda why: why is Why.TIME)
    hold.work, inner = work, hold.on_wake

    def wake(context: Context, why: Why) -> Any:
        times.append((why, context.now()))
        return inner(context, why)

    hold.on_wake = wake
    engine = wired({"read": Feed([1], then=10), "hold": hold, "keep": Keep()}, "read>hold", "hold>keep", clock=clock)
    async with engine:
        await until(engine, clock, engine.run())
    assert times == [(Why.TIME, 5.0), (Why.INPUT_ENDED, 10.0)]


async def test_what_is_still_held_when_nothing_is_left_to_do_is_a_failure_that_names_the_holder() -> None:
    engine = wired({"read": Feed([1, 2]), "hold": holder(lambda _: False)}, "read>hold", "hold>drop")
    report = await run_to_end(engine)
    assert (report.outcome, report.error) == (
        "failed",
        "nothing is left to do, and records are still held by 'hold' (2 records)",
    )


async def test_a_release_after_the_call_takes_effect_at_once() -> None:
    """A broker's callback, or a task of the processor's own, runs in no call though it saw the call's context."""

    def work(batch: Batch, context: Context) -> None:
        held = context.hold(batch)
        asyncio.get_running_loop().call_soon(lambda: asyncio.get_running_loop().call_soon(held.release))

    feed = Feed([1])
    await run_to_end(wired({"read": feed, "hold": Do(work)}, "read>hold", "hold>drop"))
    assert feed.outcomes == [Outcome.DELIVERED]


async def test_a_release_takes_effect_after_the_outputs_of_its_call_are_put() -> None:
    hold, keep, feed = holder(), Gate(), Feed([1])
    engine = wired({"read": feed, "hold": hold, "keep": keep}, "read>hold", "hold>keep")
    async with engine:
        await at_rest(engine)
        assert (hold.woken, feed.told) == ([Why.INPUT_ENDED], [])
        keep.is_open.set()
        await engine.run()
    assert feed.outcomes == [Outcome.DELIVERED]


async def test_the_outcome_given_at_a_release_is_what_the_source_hears() -> None:
    def wake(context: Context, why: Why) -> None:
        for held in hold.held:
            held.release(Outcome.DROPPED)
            held.release(Outcome.REJECTED)  # too late

    hold, feed = holder(), Feed([1])
    hold.on_wake = wake
    await run_to_end(wired({"read": feed, "hold": hold}, "read>hold", "hold>drop"))
    assert feed.outcomes == [Outcome.DROPPED]


async def test_a_wake_that_raises_sends_what_is_held_to_failure() -> None:
    def wake(context: Context, why: Why) -> None:
        raise KeyError("window")

    hold, bad = holder(), Keep()
    hold.on_wake = wake
    engine = wired({"read": Feed([1], [2]), "hold": hold, "bad": bad}, "read>hold", "hold>drop", "hold.failure>bad")
    assert (await run_to_end(engine)).outcome == "done"
    assert (bad.numbers, bad.errors) == ([1, 2], [("KeyError", "'window'")] * 2)
    assert [each.text for each in engine.bulletins] == ["failed when it was woken"]


async def test_a_wake_is_tried_again_after_an_outage() -> None:
    tries: list[Why] = []

    def wake(context: Context, why: Why) -> Any:
        tries.append(why)
        if len(tries) < 3:
            raise RetryableError("down")
        return inner(context, why)

    hold, keep = holder(), Keep()
    inner, hold.on_wake = hold.on_wake, wake
    await run_to_end(wired({"read": Feed([1]), "hold": hold, "keep": keep}, "read>hold", "hold>keep"))
    assert (len(tries), keep.numbers) == (3, [1])


async def test_records_made_in_a_wake_without_origins_get_one_of_the_engines_own() -> None:
    made = Do(lambda batch, _: None, lambda _, why: Batch.of([{"n": 7}]))
    keep, feed = Gate(), Feed([1])
    engine = wired({"read": feed, "make": made, "keep": keep}, "read>make", "make>keep")
    async with engine:
        await at_rest(engine)
        assert (feed.outcomes, engine.status().outstanding) == ([Outcome.DROPPED], 1)
        keep.is_open.set()
        assert (await engine.run()).outcome == "done"
    assert keep.numbers == [7]


async def test_records_whose_end_was_told_cannot_be_held_or_put() -> None:
    kept: list[Batch] = []

    def late(use: Callable[[Batch, Context], Any]) -> Callable[[Batch, Context], Any]:
        def work(batch: Batch, context: Context) -> Any:
            kept.append(batch)
            return use(kept[0], context) if len(kept) > 1 else None

        return work

    bad = Keep()
    steps = {"read": Feed([1], [2]), "late": Do(late(lambda old, context: context.hold(old))), "bad": bad}
    one = {"late": {"batch": {"records": 1}}}
    await run_to_end(wired(steps, "read>late", "late>drop", "late.failure>bad", run=one))
    assert bad.errors == [("RuntimeError", "records whose origins have settled cannot be held")]
    kept.clear()
    report = await run_to_end(
        wired(
            {"read": Feed([1], [2]), "late": Do(late(lambda old, _: old)), "keep": Keep()},
            "read>late",
            "late>keep",
            run=one,
        )
    )
    assert (report.outcome, report.error) == (
        "failed",
        "processor 'late': records whose origins have settled cannot be put",
    )


@pytest.mark.parametrize("use", [lambda context, batch: context.hold(batch), lambda context, _: context.wake_at(1)])
async def test_a_source_holds_nothing_and_is_not_woken(use: Callable[[Context, Batch], Any]) -> None:
    class Holding(Feed):
        async def produce(self, context: Context) -> Any:
            use(context, self.batches[0])
            yield self.batches[0], 0

    report = await run_to_end(wired({"read": Holding([1])}, "read>drop"))
    assert report.outcome == "failed"
    assert "a source" in (report.error or "")
