"""The scripts in docs/examples do what they say."""

from __future__ import annotations

import asyncio
import gc
import importlib.util
import logging
import signal
from pathlib import Path
from types import ModuleType
from typing import Any

from aiohttp.test_utils import TestClient, TestServer

from router import Outcome

EXAMPLES = Path(__file__).parents[1] / "docs" / "examples"


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def settings_of_the_process() -> list[Any]:
    signals = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE)]
    return [*signals, gc.get_threshold(), gc.isenabled(), gc.get_freeze_count(), list(logging.getLogger().handlers)]


async def test_a_flow_runs_to_its_end() -> None:
    report = await load("run_to_the_end").main()
    assert (report.outcome, report.processors["square"].out["success"]) == ("done", 500)


async def test_pushed_records_come_out_and_their_outcomes_come_back() -> None:
    outcomes, results = await load("push_and_await").main()
    assert outcomes == [Outcome.DELIVERED, Outcome.DROPPED]
    assert results == [{"text": "HELLO"}]


async def test_a_flow_serves_as_a_function_of_a_web_handler() -> None:
    async with TestClient(TestServer(load("flow_as_a_function").make_app())) as client:
        good, bad, broken = await asyncio.gather(
            client.post("/score", json={"text": "what a lovely, wonderful day"}),
            client.post("/score", json={"text": "this is horrible, I hate it"}),
            client.post("/score", json={"text": 7}),
        )
        assert (await good.json())["sentiment"] > 0.5
        assert (await bad.json())["sentiment"] < -0.5
        assert broken.status == 422


async def test_several_engines_share_a_loop() -> None:
    reports = await load("several_engines").main()
    assert [report.processors["keep"].out["success"] for report in reports] == [1500, 2500]


async def test_the_library_changes_no_setting_of_its_process() -> None:
    before = settings_of_the_process()
    await load("several_engines").main()
    assert settings_of_the_process() == before
