"""The app as a whole: views, banner, leaving."""

from __future__ import annotations

import inspect

from router.control.client import FlowClient
from tests.ui.driving import app_on, settle, text_of
from tests.ui.scripted import ScriptedFlow


def test_the_scripted_flow_plays_all_that_a_client_can_do() -> None:
    public = {name for name, _ in inspect.getmembers(FlowClient, inspect.isfunction) if not name.startswith("_")}
    assert {name for name in vars(ScriptedFlow) if not name.startswith("_")} == public


async def test_a_flow_that_is_lost_is_said_so_and_shown_again_when_it_is_back() -> None:
    flow = ScriptedFlow()
    app = app_on(flow)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        flow.is_lost = True
        await app.flow.look()
        await settle(pilot)
        assert "no flow answers in '/state/tweets'" in text_of(app)
        flow.is_lost = False
        await app.flow.look()
        await settle(pilot)
        assert "no flow answers" not in text_of(app)
