"""A flow is made another one while records move through it: nobody is touched who need not be, nothing is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from router.ack import Outcome
from router.authoring import Context, Processor, Why
from router.batch import Batch
from router.difference import Difference
from router.engine import Engine
from router.errors import ReloadError, RetryableError
from router.flow import Flow
from tests.router.engine.clock import JumpingClock, at_rest, until
from tests.router.engine.flows import Do, Feed, Gate, Keep, flow_of, wired

LINE = ("read>work", "work>keep")


def line(feed: Processor | None = None, work: Processor | None = None, keep: Processor | None = None) -> dict[str, Any]:
    return {"read": feed or Feed([1], then=60), "work": work or through(), "keep": keep or Keep()}


def through() -> Do:
    return Do(lambda batch, context: batch)


async def reload(engine: Engine, flow: Flow, **options: Any) -> Difference:
    """Reload, moving time while it waits."""
    clock = engine._clock
    assert isinstance(clock, JumpingClock)
    return await until(engine, clock, engine.reload(flow, **options))


async def so(engine: Engine, condition: Callable[[], bool]) -> None:
    while not condition():
        await at_rest(engine)


async def test_a_flow_that_is_the_same_is_not_touched() -> None:
    steps = line()
    async with wired(steps, *LINE) as engine:
        before = dict(engine._machine.runners)
        assert not await reload(engine, flow_of(steps, *LINE))
        assert engine._machine.runners == before
        assert engine.bulletins[-1].text == "reloaded"


async def test_a_processor_is_replaced_between_two_calls_and_its_queue_goes_on() -> None:
    steps = line(Feed([1], [2], [3], then=60))
    async with wired(steps, *LINE) as engine:
        engine.steering.stop("keep")
        await so(engine, lambda: engine.connection("work.success>keep").records == 3)
        kept, work = engine.connection("work.success>keep"), engine._machine.runners["work"]
        other = Keep()
        found = await reload(engine, flow_of(steps, *LINE), replace={"keep": other})
        assert [each.name for each in found.replaced] == ["keep"]
        await so(engine, lambda: len(other.numbers) == 3)
        assert (engine.connection("work.success>keep"), engine._machine.runners["work"]) == (kept, work)
    assert (other.numbers, steps["keep"].numbers, steps["read"].outcomes) == ([1, 2, 3], [], [Outcome.DELIVERED] * 3)


async def test_a_call_under_way_ends_before_its_processor_is_stopped() -> None:
    gate, seen = Gate(), list[str]()
    steps = line(keep=gate)
    gate.stop = lambda context: _note(seen, "stopped", gate.numbers)  # type: ignore[method-assign]
    async with wired(steps, *LINE) as engine:
        await so(engine, lambda: engine._machine.runners["keep"].active == 1)
        reloading = asyncio.ensure_future(engine.reload(flow_of(steps, *LINE), replace={"keep": Keep()}))
        await at_rest(engine)
        assert (seen, reloading.done()) == ([], False)
        gate.is_open.set()
        await until(engine, engine._clock, reloading)  # type: ignore[arg-type]
        assert seen == ["stopped [1]"]


async def _note(seen: list[str], what: str, of: object) -> None:
    seen.append(f"{what} {of}")


async def test_a_processor_is_put_between_two_others() -> None:
    steps = line(Feed([1], [2], then=60))
    more = {**steps, "more": Do(lambda batch, context: batch.with_rows([{"n": row["n"] * 10} for row in batch.rows]))}
    async with wired(steps, *LINE) as engine:
        engine.steering.stop("work")
        await so(engine, lambda: engine.connection("read.success>work").records == 2)
        flow = flow_of(more, "read>work", "work>more", "more>keep")
        found = await reload(engine, flow, replace={"more": more["more"]})
        assert (found.added, found.rewired) == (("more",), ("work", "keep"))
        assert engine.status().processors["work"].is_stopped
        engine.steering.start("work")
        await so(engine, lambda: len(steps["keep"].numbers) == 2)
    assert steps["keep"].numbers == [10, 20]


async def test_a_processor_is_taken_out_when_its_queue_is_empty() -> None:
    steps = line(Feed([1], [2], [3], then=60))
    async with wired(steps, *LINE) as engine:
        await so(engine, lambda: len(steps["keep"].numbers) == 3)
        left = {"read": steps["read"], "keep": steps["keep"]}
        found = await reload(engine, flow_of(left, "read>keep"))
        assert (found.removed, found.connections_removed) == (("work",), ("read.success>work", "work.success>keep"))
        assert list(engine.status().processors) == ["read", "keep"]
        assert list(engine.status().connections) == ["read.success>keep"]


async def test_a_connection_that_goes_is_given_the_time_to_drain() -> None:
    steps = line(Feed(range(5), then=60))
    steps["work"] = Do(_slow)
    async with wired(steps, *LINE, run={"work": {"batch": {"records": 1}}}) as engine:
        await so(engine, lambda: engine.connection("read.success>work").records == 4)
        left = {"read": steps["read"], "keep": steps["keep"]}
        await reload(engine, flow_of(left, "read>keep"))
        assert steps["keep"].numbers == [0, 1, 2, 3, 4]


async def _slow(batch: Batch, context: Context) -> Batch:
    await context.sleep(1)
    return batch


async def test_a_connection_with_records_that_do_not_move_refuses_to_go() -> None:
    steps = line(Feed([1, 2], then=60))
    async with wired(steps, *LINE) as engine:
        engine.steering.stop("work")
        await so(engine, lambda: engine.connection("read.success>work").records == 2)
        flow = flow_of({"read": steps["read"], "keep": steps["keep"]}, "read>keep")
        with pytest.raises(
            ReloadError, match=r"connection 'read.success>work' would go, and 2 of its records"
        ) as error:
            await reload(engine, flow)
        assert "as it was" in str(error.value)
        assert list(engine.flow.processors) == ["read", "work", "keep"]
        engine.steering.start("work")
        await so(engine, lambda: steps["keep"].numbers == [1, 2])


async def test_records_in_a_connection_that_goes_are_dropped_if_that_is_said() -> None:
    steps = line(Feed([1, 2], then=60))
    async with wired(steps, *LINE) as engine:
        engine.steering.stop("work")
        await so(engine, lambda: engine.connection("read.success>work").records == 2)
        await reload(engine, flow_of({"read": steps["read"], "keep": steps["keep"]}, "read>keep"), drop=True)
        assert steps["read"].outcomes == [Outcome.DROPPED]


async def test_limits_change_while_records_wait() -> None:
    steps = line(Feed([1, 2], [3, 4], then=60))
    async with wired(steps, *LINE, queue={"read>work": {"records": 2}}) as engine:
        engine.steering.stop("work")
        await so(engine, lambda: engine.status().connections["read.success>work"].waiting == 1)
        found = await reload(engine, flow_of(steps, *LINE, queue={"read>work": {"records": 10}}))
        assert [each.name for each in found.resized] == ["read.success>work"]
        await so(engine, lambda: engine.connection("read.success>work").records == 4)


async def test_what_an_operator_set_stays_where_the_flow_says_the_same() -> None:
    steps = line()
    async with wired(steps, *LINE) as engine:
        engine.steering.resize("work.success>keep", records=7)
        engine.steering.stop("keep")
        await reload(engine, flow_of(steps, *LINE, flow={"memory": 1000}))
        assert engine.connection("work.success>keep").max_records == 7
        assert engine.status().processors["keep"].is_stopped
        assert engine._machine.sources["read"].max_memory == 1000


async def test_a_new_processor_that_cannot_start_leaves_all_as_it_was() -> None:
    steps = line(Feed([1], [2], [3], then=60))

    class Broken(Keep):
        async def start(self, context: Context) -> None:
            raise OSError("no such port")

    async with wired(steps, *LINE) as engine:
        await so(engine, lambda: len(steps["keep"].numbers) == 3)
        with pytest.raises(ReloadError, match=r"as it was: processor 'keep' could not start: OSError: no such port"):
            await reload(engine, flow_of(steps, *LINE), replace={"keep": Broken()})
        assert engine.bulletins[-1].text == "was not reloaded"
        assert engine.status().processors["keep"].state == "waiting"
        assert (await engine.stop()).outcome == "stopped"


async def test_a_retry_does_not_hold_up_the_reload_that_ends_it() -> None:
    """The flow was changed because of the outage: what waits for its end goes back to the queue, first in order."""

    def down(batch: Batch, context: Context) -> Batch:
        raise RetryableError("no route to host")

    steps = line(Feed([1], [2], [3], then=60), keep=Do(down))
    kept = Keep()
    async with wired(steps, *LINE, run={"keep": {"batch": {"records": 1}}}) as engine:
        await so(engine, lambda: engine.status().processors["keep"].state == "retrying")
        await reload(engine, flow_of({**steps, "keep": kept}, *LINE), replace={"keep": kept})
        await so(engine, lambda: len(kept.numbers) == 3)
    assert (kept.numbers, steps["read"].outcomes) == ([1, 2, 3], [Outcome.DELIVERED] * 3)


async def test_a_source_is_replaced_when_what_it_gave_has_settled() -> None:
    feed, other, gate = Feed([1], [2], then=60), Feed([3], then=60), Gate()
    steps = line(feed, keep=gate)
    async with wired(steps, *LINE) as engine:
        await so(engine, lambda: feed.given == 2)
        reloading = asyncio.ensure_future(engine.reload(flow_of(steps, *LINE), replace={"read": other}))
        await at_rest(engine)
        assert other.given == 0
        gate.is_open.set()
        await until(engine, engine._clock, reloading)  # type: ignore[arg-type]
        await so(engine, lambda: len(gate.numbers) == 3)
    assert (gate.numbers, feed.outcomes, other.outcomes) == ([1, 2, 3], [Outcome.DELIVERED] * 2, [Outcome.DELIVERED])


async def test_a_source_whose_records_do_not_settle_is_not_cut() -> None:
    feed, gate = Feed([1], [2], then=60), Gate()
    steps = line(feed, keep=gate)
    async with wired(steps, *LINE) as engine:
        await so(engine, lambda: feed.given == 2)
        with pytest.raises(ReloadError, match=r"source 'read' cannot be stopped: 2 of the batches"):
            await reload(engine, flow_of(steps, *LINE), replace={"read": Feed()})
        gate.is_open.set()
        await so(engine, lambda: gate.numbers == [1, 2])
    assert feed.outcomes == [Outcome.DELIVERED] * 2


async def test_a_source_gives_again_what_has_not_settled_if_that_is_said() -> None:
    feed, gate = Feed([1], [2], then=60), Gate()
    steps = line(feed, keep=gate)
    async with wired(steps, *LINE) as engine:
        await so(engine, lambda: feed.given == 2)
        await reload(engine, flow_of(steps, *LINE), replace={"read": Feed(then=60)}, give_back=True)
        assert feed.outcomes == [Outcome.REJECTED] * 2
        gate.is_open.set()
        await so(engine, lambda: gate.numbers == [1, 2])
    assert feed.outcomes == [Outcome.REJECTED] * 2


def holder(*, gives: bool) -> Do:
    """Holds all it is given; at a stop it gives it, or goes on holding."""

    def hold(batch: Batch, context: Context) -> None:
        do.held.append(context.hold(batch))

    def wake(_: Context, why: Why) -> Batch | None:
        if why is not Why.STOPPING or not gives:
            return None
        for each in do.held:
            each.release()
        return Batch.concat([each.batch for each in do.held]) if do.held else None

    do = Do(hold, wake)
    return do


async def test_what_is_held_goes_on_where_a_stop_lets_it() -> None:
    steps = line(Feed([1], [2], then=60), holder(gives=True))
    async with wired(steps, *LINE) as engine:
        await so(engine, lambda: engine.status().processors["work"].held == 2)
        await reload(engine, flow_of(steps, *LINE), replace={"work": through()})
        await so(engine, lambda: steps["keep"].numbers == [1, 2])
    assert steps["read"].outcomes == [Outcome.DELIVERED] * 2


@pytest.mark.parametrize("give_back", [False, True])
async def test_what_is_held_on_refuses_the_reload_or_is_given_again(give_back: bool) -> None:
    steps = line(Feed([1], [2], then=60), holder(gives=False))
    async with wired(steps, *LINE) as engine:
        await so(engine, lambda: engine.status().processors["work"].held == 2)
        if not give_back:
            with pytest.raises(ReloadError, match=r"processor 'work' cannot be stopped: it holds 2 records"):
                await reload(engine, flow_of(steps, *LINE), replace={"work": through()})
            assert engine.status().processors["work"].held == 2
        else:
            await reload(engine, flow_of(steps, *LINE), replace={"work": through()}, give_back=True)
            assert steps["read"].outcomes == [Outcome.REJECTED] * 2


async def test_a_processor_that_had_ended_begins_again_for_a_new_source() -> None:
    ended, living, first, keep, other = Feed([1]), Feed([2], then=1000), Keep(), Keep(), Keep()
    steps: dict[str, Processor] = {"a": ended, "b": living, "keep": first, "other": other}
    async with wired(steps, "a>keep", "b>other") as engine:
        await so(engine, lambda: engine._coordinator.has_ended(engine._machine.runners["keep"]))
        more = {**steps, "c": Feed([3]), "keep": keep}
        flow = flow_of(more, "a>keep", "b>other", "c>keep")
        with pytest.raises(ReloadError, match=r"processor 'keep' has ended and records come to it again"):
            await reload(engine, flow, replace={"c": more["c"]})
        await reload(engine, flow, replace={"c": more["c"], "keep": keep})
        await so(engine, lambda: keep.numbers == [3])
        report = await until(engine, engine._clock, engine.run())  # type: ignore[arg-type]
    assert (report.outcome, first.numbers, other.numbers) == ("done", [1], [2])


async def test_a_branch_whose_source_goes_ends() -> None:
    steps = {"a": Feed([1], then=1e9), "b": Feed([2], then=60), "keep": Keep(), "other": Keep()}
    async with wired(steps, "a>keep", "b>keep", "b>other") as engine:
        await so(engine, lambda: len(steps["keep"].batches) == 2)  # type: ignore[attr-defined]
        left = {name: each for name, each in steps.items() if name != "a"}
        await reload(engine, flow_of(left, "b>keep", "b>other"))
        assert (await until(engine, engine._clock, engine.run())).outcome == "done"  # type: ignore[arg-type]


@pytest.mark.parametrize("change", [{"name": "other"}, {"flow": {"provenance": "off"}}])
async def test_what_is_fixed_for_a_run_is_refused(change: dict[str, Any]) -> None:
    steps = line()
    async with wired(steps, *LINE) as engine:
        with pytest.raises(ReloadError, match="is fixed while it runs: it is"):
            await reload(engine, flow_of(steps, *LINE, **change))


async def test_a_stop_comes_first() -> None:
    gate = Gate()
    steps = line(Feed([1], [2], then=60), keep=gate)
    async with wired(steps, *LINE) as engine:
        await so(engine, lambda: engine._machine.runners["keep"].active == 1)
        reloading = asyncio.ensure_future(engine.reload(flow_of(steps, *LINE), replace={"keep": Keep()}))
        await at_rest(engine)
        stopping = asyncio.ensure_future(engine.stop())
        await at_rest(engine)
        gate.is_open.set()
        assert (await stopping).outcome == "stopped"
        with pytest.raises(ReloadError, match="the flow stops"):
            await reloading
        with pytest.raises(ReloadError, match="the flow has ended"):
            await engine.reload(flow_of(steps, *LINE))
    assert gate.numbers == [1, 2]


async def test_reloads_come_one_after_the_other() -> None:
    steps = line()
    first, second = Keep(), Keep()
    async with wired(steps, *LINE) as engine:
        both = [engine.reload(flow_of(steps, *LINE), replace={"keep": each}) for each in (first, second)]
        await until(engine, engine._clock, asyncio.gather(*both))  # type: ignore[arg-type]
        assert engine._machine.runners["keep"].processor is second


async def test_memory_becomes_disk_and_disk_memory(tmp_path: Path) -> None:
    steps = line(Feed(*([n] for n in range(6)), then=60))
    disk = {"read>work": {"type": "disk"}}
    async with wired(steps, *LINE, data=tmp_path) as engine:
        for queue in (disk, {}, disk):
            found = await reload(engine, flow_of(steps, *LINE, queue=queue))
            assert [each.name for each in found.remade] == ["read.success>work"]
            assert engine.connection("read.success>work").is_durable == bool(queue)
        await so(engine, lambda: len(steps["keep"].numbers) == 6)
    assert (steps["keep"].numbers, steps["read"].outcomes) == ([*range(6)], [Outcome.DELIVERED] * 6)


async def test_records_on_disk_are_there_for_the_new_processor(tmp_path: Path) -> None:
    steps = line(Feed(*([n] for n in range(6)), then=60), holder(gives=False))
    disk = {"read>work": {"type": "disk"}}
    async with wired(steps, *LINE, queue=disk, data=tmp_path) as engine:
        await so(engine, lambda: len(steps["work"].held) > 0 and engine.connection("read.success>work").records == 0)
        await reload(engine, flow_of(steps, *LINE, queue=disk), replace={"work": through()})
        kept = steps["keep"]
        await until(engine, engine._clock, _count(engine, kept, 6))  # type: ignore[arg-type]
    assert sorted(kept.numbers) == [*range(6)]


async def _count(engine: Engine, keep: Keep, count: int) -> None:
    while len(keep.numbers) < count:
        await engine._machine.runners["keep"].context.sleep(0.1)


async def test_order_within_a_queue_is_kept_over_calls_that_wait_for_a_retry() -> None:
    is_down = True

    def work(batch: Batch, context: Context) -> Batch:
        if is_down:
            raise RetryableError("down")
        return batch

    steps = line(Feed(*([n] for n in range(8)), then=60), Do(work))
    run = {"work": {"batch": {"records": 1}, "concurrency": 3}}
    async with wired(steps, *LINE, run=run) as engine:
        await so(engine, lambda: engine._machine.runners["work"].active == 3)
        fresh = Do(lambda batch, context: batch)
        await reload(engine, flow_of(steps, *LINE, run=run), replace={"work": fresh})
        await so(engine, lambda: len(steps["keep"].numbers) == 8)
    assert steps["keep"].numbers == [*range(8)]
