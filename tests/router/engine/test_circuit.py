"""A processor that fails everything rests, tells of it, and tries again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from router.authoring import Context
from router.batch import Batch
from router.engine import Engine
from router.errors import FlowError, RetryableError
from router.loader import build_flow
from tests.router.engine.clock import at_rest
from tests.router.engine.flows import Do, Feed, Keep, run_to_end, wired

CIRCUIT = {"circuit": {"failures": 3, "rest": "10s"}, "batch": {"records": 1}}
BROKEN = "the model is broken"


def broken(until: float) -> tuple[Callable[[Batch, Context], Batch], list[float]]:
    """Work that fails every record before a time, and when it was called."""
    calls: list[float] = []

    def work(batch: Batch, context: Context) -> Batch:
        calls.append(context.now())
        if context.now() < until:
            raise ValueError(BROKEN)
        return batch

    return work, calls


def flow(work: Any, count: int, run: dict[str, Any] = CIRCUIT) -> tuple[Engine, Keep, Keep]:
    good, bad = Keep(), Keep()
    steps = {"read": Feed(*([n] for n in range(count))), "work": Do(work), "good": good, "bad": bad}
    return wired(steps, "read>work", "work>good", "work.failure>bad", run={"work": run}), good, bad


def told(engine: Engine) -> list[tuple[str, object]]:
    return [(each.text, each.data.get("seconds")) for each in engine.bulletins]


async def test_a_processor_that_fails_everything_rests_and_tries_again_with_one_call() -> None:
    work, calls = broken(until=60)
    engine, good, bad = flow(work, 8)
    await run_to_end(engine)
    waits = [later - before for before, later in pairwise(calls)]
    assert waits == [0, 0, 10, 20, 40, 0, 0]
    assert (good.numbers, bad.numbers) == ([5, 6, 7], [0, 1, 2, 3, 4])
    rests = [("rests, for every record fails", each) for each in (10, 20, 40)]
    assert told(engine) == [*rests, ("works again after its rest", None)]


async def test_a_rest_never_grows_beyond_five_minutes() -> None:
    work, calls = broken(until=4000)
    engine, *_ = flow(work, 20)
    await run_to_end(engine)
    assert max(later - before for before, later in pairwise(calls)) == 300


async def test_a_success_between_failures_keeps_it_at_work() -> None:
    def work(batch: Batch, context: Context) -> dict[str, Batch]:
        return batch.partition(["failure" if row["n"] % 3 else "success" for row in batch.rows])

    engine, good, bad = flow(work, 300)
    await run_to_end(engine)
    assert (len(good.numbers), len(bad.numbers), told(engine)) == (100, 200, [])


async def test_what_drops_or_retries_its_records_does_not_fail() -> None:
    calls = 0

    def work(batch: Batch, context: Context) -> None:
        nonlocal calls
        calls += 1
        if calls % 3 == 1:
            raise ValueError(BROKEN)
        if calls % 3 == 2:
            raise RetryableError("down")

    engine, *_ = flow(work, 30)
    await run_to_end(engine)
    assert not [each for each in engine.bulletins if "rests" in each.text]


async def test_a_thousand_failures_in_a_row_are_told_once_whatever_the_flow_says() -> None:
    work, _ = broken(until=1e9)
    engine, good, bad = flow(work, 2500, {})
    await run_to_end(engine)
    (bulletin,) = engine.bulletins
    assert (good.numbers, len(bad.numbers)) == ([], 2500)
    assert bulletin.text == "many records in a row have failed, and none has not"
    assert (bulletin.data["error"], bulletin.processor) == (BROKEN, "work")


async def test_it_is_seen_to_rest_and_a_stop_ends_that() -> None:
    work, calls = broken(until=1e9)
    engine, _, bad = flow(work, 5)
    async with engine:
        await at_rest(engine)
        status = engine.status().processors["work"]
        assert (status.state, status.retrying) == ("resting", "every record failed")
        report = await engine.stop(20)
    assert (len(calls), bad.numbers, report.outcome) == (3, [0, 1, 2], "cut_off")


@pytest.mark.parametrize("ordered", [True, False, "n % 4"])
async def test_calls_that_overlap_wait_for_the_one_that_tries(ordered: bool | str) -> None:
    under_way, most = 0, []

    async def work(batch: Batch, context: Context) -> Batch:
        nonlocal under_way
        under_way += 1
        most.append((context.now(), under_way))
        await context.sleep(1)
        under_way -= 1
        if context.now() < 35:
            raise ValueError(BROKEN)
        return batch

    engine, good, bad = flow(work, 40, {**CIRCUIT, "concurrency": 4, "ordered": ordered})
    await run_to_end(engine)
    assert sorted(good.numbers + bad.numbers) == list(range(40))
    assert {count for time, count in most if 1 < time < 35} == {1}
    assert max(count for _, count in most) == 4


async def test_a_generator_that_only_fails_rests_too() -> None:
    async def work(batch: Batch, context: Context) -> Any:
        await asyncio.sleep(0)
        yield {"failure": batch}

    engine, _, bad = flow(work, 7)
    await run_to_end(engine)
    assert [each for each, _ in told(engine)] == ["rests, for every record fails"] * 5
    assert bad.numbers == list(range(7))


def test_a_circuit_is_checked_where_it_stands() -> None:
    run = {"circuit": {"failures": 0, "rst": "1s"}}
    processors = {"make": {"type": "generate", "to": "show"}, "show": {"type": "log", "run": run}}
    with pytest.raises(FlowError) as refused:
        build_flow({"flow": "f", "processors": processors})
    assert [each.text for each in refused.value.problems] == [
        "processor 'show': 'run.circuit.failures' must be above 0, got 0",
        "processor 'show': no setting 'run.circuit.rst' (did you mean 'rest'?)",
    ]
