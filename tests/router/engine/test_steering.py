"""An operator looks into queues, stops and starts processors, and changes limits, while a flow runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from router.ack import Outcome
from router.batch import Batch
from router.engine import Engine
from router.errors import ConfigError
from router.expression import Expression
from tests.router.engine.clock import at_rest
from tests.router.engine.flows import Do, Feed, Keep, wired


def steps(feed: Feed, keep: Keep) -> dict[str, Any]:
    return {"read": feed, "work": Do(lambda batch, context: batch), "keep": keep}


def flow(feed: Feed, keep: Keep, **options: Any) -> Engine:
    return wired(steps(feed, keep), "read>work", "work>keep", **options)


def numbers(batches: list[Batch]) -> list[int]:
    return [row["n"] for batch in batches for row in batch.rows]


async def until(engine: Engine, condition: Callable[[], bool]) -> None:
    while not condition():
        await at_rest(engine)


async def test_a_stopped_processor_fills_its_queue_and_a_started_one_drains_it() -> None:
    feed, keep = Feed([1, 2, 3], [4, 5], then=60), Keep()
    async with flow(feed, keep) as engine:
        engine.steering.stop("work")
        await until(engine, lambda: engine.connection("read.success>work").records == 5)
        assert (engine.status().processors["work"].state, keep.numbers) == ("stopped", [])
        engine.steering.run_once("work")
        await at_rest(engine)
        assert engine.status().processors["work"].state == "stopped"
        engine.steering.start("work")
        await until(engine, lambda: len(keep.numbers) == 5)
    assert keep.numbers == [1, 2, 3, 4, 5]


async def test_a_stopped_source_gives_nothing_until_it_is_started() -> None:
    feed, keep = Feed([1], [2]), Keep()
    async with flow(feed, keep) as engine:
        engine.steering.stop("read")
        await at_rest(engine)
        assert (engine.status().processors["read"].state, keep.numbers) == ("stopped", [])
        engine.steering.run_once("read")
        await at_rest(engine)
        assert keep.numbers == [1]
        engine.steering.start("read")
        report = await engine.run()
    assert (report.outcome, keep.numbers) == ("done", [1, 2])


async def test_a_flow_with_a_stopped_processor_stops_at_once_and_gives_its_queue_back() -> None:
    feed, keep = Feed([1, 2]), Keep()
    async with flow(feed, keep) as engine:
        engine.steering.stop("work")
        await until(engine, lambda: engine.connection("read.success>work").records == 2)
        await engine.stop()
    assert (keep.numbers, feed.outcomes) == ([], [Outcome.REJECTED])


async def test_what_waits_is_listed_filtered_and_dropped() -> None:
    feed, keep = Feed(range(10)), Keep()
    async with flow(feed, keep) as engine:
        steering = engine.steering
        steering.stop("work")
        await until(engine, lambda: engine.connection("read.success>work").records == 10)
        where = Expression("n % 3 == 0")
        assert numbers(await steering.look("read.success>work", where=where, offset=1, limit=2)) == [3, 6]
        assert await steering.drop("read.success>work", where=where) == 4
        steering.start("work")
        await engine.run()
    assert (keep.numbers, feed.outcomes) == ([1, 2, 4, 5, 7, 8], [Outcome.DROPPED])


async def test_a_tap_sees_the_newest_and_counts_what_it_lost() -> None:
    feed, keep = Feed(range(150), then=5), Keep()
    async with flow(feed, keep) as engine:
        woken: list[None] = []
        tap = engine.steering.tap("work.success>keep", where=Expression("n >= 140"), wake=lambda: woken.append(None))
        await until(engine, lambda: len(keep.numbers) == 150)
        assert (numbers(tap.take()), tap.lost, bool(woken)) == (list(range(140, 150)), 50, True)
        tap.close()
        assert engine.connection("work.success>keep").taps == ()
        await asyncio.sleep(0)


async def test_limits_and_concurrency_change_while_it_runs() -> None:
    feed, keep = Feed(range(3), range(3, 9), then=60), Keep()
    async with flow(feed, keep, queue={"read>work": {"records": 4}}) as engine:
        steering = engine.steering
        steering.stop("work")
        await until(engine, lambda: engine.connection("read.success>work").stats().waiting == 1)
        steering.resize("read.success>work", records=100)
        await until(engine, lambda: engine.connection("read.success>work").records == 9)
        steering.widen("work", 3)
        steering.start("work")
        await until(engine, lambda: len(keep.numbers) == 9)


async def test_what_is_not_there_or_cannot_be_is_named() -> None:
    async with flow(Feed([1], then=60), Keep()) as engine:
        for act, said in (
            (lambda: engine.steering.stop("wrok"), r"no processor 'wrok' \(did you mean 'work'\?\)"),
            (lambda: engine.steering.connection("read.success>wrok"), "did you mean 'read.success>work'"),
            (lambda: engine.steering.widen("read", 2), "'read' is a source"),
            (lambda: engine.steering.widen("work", 0), "from 1 to 1,024, got 0"),
            (lambda: engine.steering.resize("read.success>work", records=0), "a limit is above 0"),
        ):
            with pytest.raises(ConfigError, match=said):
                act()
