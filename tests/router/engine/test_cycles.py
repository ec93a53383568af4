"""Records go round a cycle without blocking each other, and not for ever."""

from __future__ import annotations

import asyncio
from typing import Any

from router.ack import Outcome
from router.authoring import Context, Why
from router.batch import Batch
from tests.router.engine.clock import JumpingClock, until
from tests.router.engine.flows import Do, Feed, Keep, numbers, run_to_end, wired


def rounds(batch: Batch) -> list[int]:
    return batch.columns["rounds"] if "rounds" in batch.columns else [0] * len(batch)


def again_until(count: int) -> Do:
    """Sends each record round ``count`` times."""

    def work(batch: Batch, context: Context) -> Any:
        return batch.partition(["again" if each < count else "success" for each in rounds(batch)])

    return Do(work, to=("again",))


async def test_a_cycle_with_tiny_limits_passes_every_record_and_never_holds_more_than_its_entrance_allows() -> None:
    inside: list[int] = []
    loop, keep = again_until(3), Keep()
    engine = wired(
        {"read": Feed(range(500), range(500, 1000)), "loop": loop, "relay": Do(lambda batch, _: batch), "keep": keep},
        "read>loop",
        "loop.again>relay",
        "relay>loop",
        "loop>keep",
        queue={"read>loop": {"records": 10}, "loop.again>relay": {"records": 1}, "relay>loop": {"records": 1}},
    )
    clock = JumpingClock()
    engine._clock = clock

    def look() -> None:
        gauge = engine.connection("read.success>loop").inside
        assert gauge is not None
        inside.append(gauge.level)

    async with engine:
        report = await until(engine, clock, engine.run(), look=look)
    assert report.outcome == "done"
    assert sorted(keep.numbers) == list(range(1000))
    assert max(inside) <= 10


async def test_a_record_that_went_round_too_often_fails() -> None:
    feed, bad = Feed([1, 2]), Keep()
    engine = wired(
        {"read": feed, "loop": again_until(100), "keep": Keep(), "bad": bad},
        "read>loop",
        "loop.again>loop",
        "loop>keep",
        "loop.failure>bad",
        run={"loop": {"max_rounds": 5}},
    )
    await run_to_end(engine)
    assert bad.numbers == [1, 2]
    assert bad.errors == [("RecordError", "went round a cycle more than 5 times")] * 2


async def test_what_a_cycle_holds_is_asked_for_when_its_entrance_is_shut() -> None:
    """It would wait for ever: the holder for more, the entrance for the holder."""

    def work(batch: Batch, context: Context) -> None:
        window.held.append(context.hold(batch))

    def wake(context: Context, why: Why) -> Batch | None:
        held, window.held = window.held, []
        for each in held:
            each.release()
        return Batch.concat([each.batch for each in held]) if held else None

    window, keep = Do(work, wake), Keep()
    engine = wired(
        {"read": Feed(*([n] for n in range(9))), "window": window, "loop": again_until(1), "keep": keep},
        "read>window",
        "window>loop",
        "loop.again>window",
        "loop>keep",
        queue={"read>window": {"records": 2}},
    )
    report = await run_to_end(engine)
    assert report.outcome == "done"
    assert sorted(keep.numbers) == list(range(9))
    assert Why.FULL in window.woken


async def test_a_holder_in_a_cycle_is_woken_at_the_end_again_while_it_holds() -> None:
    def work(batch: Batch, context: Context) -> None:
        window.held.append(context.hold(batch))

    def wake(context: Context, why: Why) -> Batch | None:
        held, window.held = window.held, []
        for each in held:
            each.release()
        return Batch.concat([each.batch for each in held]) if held else None

    window, feed, keep = Do(work, wake), Feed([1, 2, 3]), Keep()
    engine = wired(
        {"read": feed, "window": window, "loop": again_until(3), "keep": keep},
        "read>window",
        "window>loop",
        "loop.again>window",
        "loop>keep",
    )
    await run_to_end(engine)
    assert (keep.numbers, feed.outcomes) == ([1, 2, 3], [Outcome.DELIVERED])
    assert window.woken.count(Why.INPUT_ENDED) == 4


async def test_a_record_in_a_short_cycle_leaves_the_loop_its_turns() -> None:
    def work(batch: Batch, context: Context) -> Any:
        return {"again" if not is_over else "success": batch}

    is_over: list[bool] = []
    engine = wired(
        {"read": Feed([1]), "loop": Do(work, to=("again",)), "keep": Keep()},
        "read>loop",
        "loop.again>loop",
        "loop>keep",
        run={"loop": {"max_rounds": 10**9}},
    )
    async with engine:
        run = asyncio.ensure_future(engine.run())
        await asyncio.sleep(0.03)
        is_over.append(True)
        assert (await run).outcome == "done"


async def test_numbers_go_round_in_order() -> None:
    keep = Keep()
    engine = wired(
        {"read": Feed(*([n] for n in range(20))), "loop": again_until(2), "keep": keep},
        "read>loop",
        "loop.again>loop",
        "loop>keep",
        run={"loop": {"batch": {"records": 1}}},
    )
    await run_to_end(engine)
    assert numbers(Batch.concat(keep.batches)) == list(range(20))
