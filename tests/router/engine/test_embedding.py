"""An engine is a guest in its program: it starts or it does not, changes nothing, and shares the loop."""

from __future__ import annotations

import asyncio
import gc
import logging
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

from router.ack import Outcome
from router.authoring import Context
from router.engine import Engine, Report
from router.errors import ConfigError, ProcessorError, RetryableError
from tests.router.engine.clock import JumpingClock, until
from tests.router.engine.flows import Do, Feed, Gate, Keep, run_to_end, wired

ENGINE = Path(__file__).parents[3] / "router"


class Noting(Keep):
    """Notes its life in a list that several share."""

    def __init__(self, events: list[str], failing: str = "", *, times: int = 1000) -> None:
        super().__init__()
        self.events, self.failing, self.times = events, failing, times

    async def start(self, context: Context) -> None:
        self.events.append(f"{context.name} starts")
        if self.failing and self.times:
            self.times -= 1
            raise RetryableError("down") if self.failing == "world" else ValueError("no such host")

    async def stop(self, context: Context) -> None:
        self.events.append(f"{context.name} stops")


async def run(engine: Engine) -> Report:
    async with engine:
        return await engine.run()


async def test_sinks_start_first_and_sources_last() -> None:
    events: list[str] = []

    class Source(Feed):
        async def start(self, context: Context) -> None:
            events.append("read starts")

        async def stop(self, context: Context) -> None:
            events.append("read stops")

    await run_to_end(wired({"read": Source([1]), "a": Noting(events), "b": Noting(events)}, "read>a", "a>b"))
    assert events == ["b starts", "a starts", "read starts", "a stops", "b stops", "read stops"]


async def test_a_processor_that_cannot_start_stops_the_started_and_says_why() -> None:
    events: list[str] = []
    engine = wired({"read": Feed([1]), "a": Noting(events, "author"), "b": Noting(events)}, "read>a", "a>b")
    with pytest.raises(ProcessorError, match="processor 'a' could not start: ValueError: no such host"):
        await engine.__aenter__()
    assert events == ["b starts", "a starts", "a stops", "b stops"]


async def test_a_start_is_tried_again_after_an_outage() -> None:
    events: list[str] = []
    clock = JumpingClock()
    engine = wired({"read": Feed([1]), "keep": Noting(events, "world", times=2)}, "read>keep", clock=clock)

    async def work() -> Any:
        async with engine:
            return await engine.run()

    report = await until(engine, clock, work())
    assert (report.outcome, events) == ("done", ["keep starts"] * 3 + ["keep stops"])
    assert 3 <= clock.time <= 4


async def test_a_source_is_asked_again_after_an_outage() -> None:
    class Flaky(Feed):
        async def produce(self, context: Context) -> Any:
            while self.given < len(self.batches):
                batch = self.batches[self.given]
                self.given += 1
                yield batch, self.given
                if self.given == 2:
                    raise RetryableError("connection lost")

    feed, keep = Flaky([1], [2], [3]), Keep()
    engine = wired({"read": feed, "keep": keep}, "read>keep")
    assert (await run_to_end(engine)).outcome == "done"
    assert (keep.numbers, feed.outcomes) == ([1, 2, 3], [Outcome.DELIVERED] * 3)
    assert [each.text for each in engine.bulletins] == ["tries again after a failure"]


@pytest.mark.parametrize("error", [OSError("gone"), SystemExit(3), asyncio.CancelledError()])
async def test_a_source_that_raises_fails_the_flow_and_is_named(error: BaseException) -> None:
    class Broken(Feed):
        async def produce(self, context: Context) -> Any:
            yield self.batches[0], 0
            raise error

    feed = Broken([1])
    report = await run_to_end(wired({"read": feed, "keep": Gate()}, "read>keep"))
    assert (report.outcome, feed.outcomes) == ("failed", [Outcome.REJECTED])
    assert (report.error or "").startswith("source 'read'")


async def test_several_engines_share_one_loop() -> None:
    keeps = [Keep() for _ in range(3)]
    engines = [
        wired(
            {"read": Feed(range(n, 1000, 3)), "work": Do(lambda batch, _: batch), "keep": keep},
            "read>work",
            "work>keep",
        )
        for n, keep in enumerate(keeps)
    ]
    reports = await asyncio.gather(*map(run, engines))
    assert [report.outcome for report in reports] == ["done"] * 3
    assert sorted(n for keep in keeps for n in keep.numbers) == list(range(1000))


async def test_an_engine_may_run_within_a_call_of_another() -> None:
    async def work(batch: Any, context: Context) -> Any:
        held = context.hold(batch)
        inner = Keep()
        await run(wired({"read": Feed([10, 20]), "hold": Do(hold), "keep": inner}, "read>hold", "hold>keep"))
        found.append(inner.numbers)
        held.release()
        return batch

    def hold(batch: Any, context: Context) -> Any:
        context.hold(batch).release()
        return batch

    found: list[list[int]] = []
    feed = Feed([1])
    await run(wired({"read": feed, "work": Do(work)}, "read>work", "work>drop"))
    assert (found, feed.outcomes) == ([[10, 20]], [Outcome.DROPPED])


async def test_an_engine_leaves_the_process_as_it_was() -> None:
    def setting() -> tuple[Any, ...]:
        handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
        logger = logging.getLogger("router")
        loop = asyncio.get_running_loop()
        return (
            handlers,
            gc.get_threshold(),
            gc.isenabled(),
            gc.get_freeze_count(),
            logger.handlers,
            logger.level,
            loop.get_debug(),
        )

    before = setting()
    async with (engine := wired({"read": Feed([1]), "keep": Keep()}, "read>keep")):
        assert setting() == before
        await engine.run()
    assert setting() == before


async def test_only_a_processor_of_the_flow_can_be_replaced() -> None:
    flow = wired({"read": Feed([1]), "keep": Keep()}, "read>keep").flow
    with pytest.raises(ConfigError, match=r"no processor 'kep' \(did you mean 'keep'\?\)"):
        type(wired({"read": Feed()}))(flow, replace={"kep": Keep()})


def test_nothing_waits_in_the_way_that_loses_items_on_python_3_11() -> None:
    assert [path.name for path in ENGINE.rglob("*.py") if "asyncio.wait_for(" in path.read_text()] == []


async def test_the_report_counts_what_went_in_and_out() -> None:
    engine = wired(
        {
            "read": Feed(range(5)),
            "work": Do(lambda batch, _: batch.partition(["success", None, "bad", "bad", None]), to=("bad",)),
            "keep": Keep(),
        },
        "read>work",
        "work>keep",
        "work.bad>drop",
    )
    report = await run_to_end(engine)
    assert {name: (each.records_in, dict(each.out)) for name, each in report.processors.items()} == {
        "read": (0, {"success": 5}),
        "work": (5, {"success": 1, "failure": 0, "bad": 2}),
        "keep": (1, {"success": 1, "failure": 0}),
    }


async def test_a_private_data_folder_is_kept_only_if_it_holds_dead_letters() -> None:
    engine = wired({"read": Feed([1]), "work": Do(lambda batch, _: batch)}, "read>work", "work>drop")
    await run_to_end(engine)
    assert (list(engine.dead_letters()), engine.data.exists()) == ([], False)
    engine = wired({"read": Feed([1]), "work": Do(lambda batch, _: {"failure": batch})}, "read>work", "work>drop")
    report = await run_to_end(engine)
    assert (report.dead_letters, len(list(engine.dead_letters()))) == (1, 1)
    assert engine.bulletins[-1].text == "the private data folder is kept: it holds records"
    shutil.rmtree(engine.data)
