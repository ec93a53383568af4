"""The one who asks: how often, what it keeps, and how it finds a flow again."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from router.control.client import FlowClient
from router.control.messages import FlowView
from router_ui.past import KEPT
from router_ui.watch import HIDDEN, Watch
from tests.ui.scripted import ScriptedFlow, tweets


class Told:
    """Counts what it is told."""

    def __init__(self, flow: FlowClient, every: float = 0.5) -> None:
        self.count = 0
        self.is_enough = asyncio.Event()
        self.watch = Watch(flow, self.tell, every=every)

    def tell(self, watch: Watch) -> None:
        self.count += 1
        if self.count == 5:
            self.is_enough.set()


def later(view: FlowView, seconds: float, **changed: object) -> FlowView:
    return msgspec.structs.replace(view, time=view.time + seconds, seconds=view.seconds + seconds, **changed)


async def test_it_looks_again_and_again() -> None:
    told = Told(ScriptedFlow(), every=0.001)
    watching = asyncio.ensure_future(told.watch.run())
    await told.is_enough.wait()
    watching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await watching


async def test_a_lost_flow_keeps_its_last_look_and_comes_back() -> None:
    flow = ScriptedFlow()
    told = Told(flow)
    await told.watch.look()
    flow.is_lost = True
    await told.watch.look()
    assert (told.watch.lost, told.watch.view) == ("no flow answers in '/state/tweets'", flow.view)
    flow.is_lost = False
    await told.watch.look()
    assert (told.watch.lost, told.count) == (None, 3)


async def test_a_flow_that_refuses_is_lost_too() -> None:
    flow = ScriptedFlow()
    flow.refusals["look"] = "no flow 'tweets' runs here"
    told = Told(flow)
    await told.watch.look()
    assert told.watch.lost == "no flow 'tweets' runs here"


async def test_a_flow_that_was_started_again_begins_anew() -> None:
    flow = ScriptedFlow()
    told = Told(flow)
    await told.watch.look()
    flow.view = msgspec.structs.replace(flow.view, process=4712, seconds=1.0)
    await told.watch.look()
    assert told.watch.runs == 2


async def test_the_past_begins_with_what_the_flow_has_kept() -> None:
    told = Told(ScriptedFlow())
    await told.watch.look()
    assert len(told.watch.past.of("score", "records_in")) == KEPT
    assert len(told.watch.past.of("route.happy>archive", "full")) == KEPT


async def test_the_past_grows_by_a_figure_a_second_and_forgets() -> None:
    flow = ScriptedFlow()
    told = Told(flow)
    for step in range(8):
        flow.view = later(tweets(), step * 0.5)
        await told.watch.look()
    first = flow.view.processors[0]
    flow.view = later(flow.view, 1, processors=[msgspec.structs.replace(first, rate_out=7.0)])
    await told.watch.look()
    assert told.watch.past.of("read", "records_out")[-1] == 7.0
    assert len(told.watch.past.of("read", "records_out")) == KEPT
    assert told.watch.past.of("score", "records_out") == ()


async def test_latency_is_that_of_the_calls_since_the_last_figure() -> None:
    flow = ScriptedFlow()
    told = Told(flow)
    await told.watch.look()
    score = flow.view.processors[1]
    assert score.calls is not None
    calls = msgspec.structs.replace(score.calls, calls=score.calls.calls + 4, seconds=score.calls.seconds + 0.2)
    flow.view = later(flow.view, 1, processors=[msgspec.structs.replace(score, calls=calls)])
    await told.watch.look()
    assert told.watch.past.of("score", "latency")[-1] == pytest.approx(0.05)


async def test_it_looks_less_often_while_nobody_sees_it() -> None:
    told = Told(ScriptedFlow())
    told.watch.is_hidden = True
    assert told.watch.pause() == HIDDEN


async def test_a_flow_that_is_slow_to_answer_is_asked_less_often() -> None:
    flow = ScriptedFlow()
    told = Told(flow, every=0.001)
    answer = flow.look

    async def slow() -> FlowView:
        await asyncio.sleep(0.05)
        return await answer()

    flow.look = slow  # type: ignore[assignment, method-assign]
    await told.watch.look()
    assert told.watch.pause() >= 0.2
