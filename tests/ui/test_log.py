"""The log and the bulletins: followed, filtered, their level changed."""

from __future__ import annotations

import msgspec
import pytest
from syrupy.assertion import SnapshotAssertion

from router.control.messages import LogLine
from tests.ui.driving import SIZES
from tests.ui.keys import dialog, look, press, screen, shown, told, view, write
from tests.ui.made import NOON
from tests.ui.scripted import ScriptedFlow


def lines(first: int, last: int) -> list[LogLine]:
    return [
        LogLine(number=number, time=NOON + number, level="info", logger="router", text=f"line {number}")
        for number in range(first, last + 1)
    ]


@pytest.mark.parametrize("size", SIZES)
async def test_the_log_is_shown_with_its_level(size: tuple[int, int], snapshot: SnapshotAssertion) -> None:
    async with shown(ScriptedFlow(), "6", size=size) as pilot:
        assert view(pilot) == snapshot


@pytest.mark.parametrize("size", SIZES)
async def test_the_bulletins_are_shown(size: tuple[int, int], snapshot: SnapshotAssertion) -> None:
    async with shown(ScriptedFlow(), "6", "b", size=size) as pilot:
        assert view(pilot) == snapshot


async def test_the_log_is_followed_while_the_last_line_is_looked_at() -> None:
    flow = ScriptedFlow()
    flow.lines = lines(1, 100)
    async with shown(flow, "6") as pilot:
        flow.lines += lines(101, 130)
        await look(pilot)
        assert "line 130" in screen(pilot)
        await press(pilot, "k")
        flow.lines += lines(131, 200)
        await look(pilot)
        assert ("line 130" in screen(pilot), "line 200" in screen(pilot), "200   logged" in screen(pilot)) == (True, False, True)  # fmt: skip


async def test_a_flow_that_was_started_again_begins_its_log_anew() -> None:
    flow = ScriptedFlow()
    flow.lines = lines(1, 10)
    async with shown(flow, "6") as pilot:
        flow.lines, flow.view = lines(1, 2), msgspec.structs.replace(flow.view, process=99, seconds=1.0)
        await look(pilot)
        assert ("line 10" in screen(pilot), "2   logged" in screen(pilot)) == (False, True)


async def test_the_level_is_changed_live() -> None:
    flow = ScriptedFlow()
    async with shown(flow, "6", "v") as pilot:
        assert told(pilot) == ["logged from 'warning' on, in the whole process"]
        await press(pilot, "v", "v")
        assert "logged from 'debug' on" in screen(pilot)
    assert [each[1] for each in flow.asked] == ["warning", "error", "debug"]


async def test_a_level_that_is_refused_says_why() -> None:
    flow = ScriptedFlow()
    flow.refusals["set_log_level"] = "the flow is stopping"
    async with shown(flow, "6", "v") as pilot:
        assert (told(pilot), "logged from 'info' on" in screen(pilot)) == (["the flow is stopping"], True)


async def test_words_choose_among_the_lines() -> None:
    async with shown(ScriptedFlow(), "6", "/") as pilot:
        await write(pilot, "SLOW")
        assert ("the model was slow" in screen(pilot), "tweets: started" in screen(pilot)) == (True, False)
        await press(pilot, "/", "ctrl+u")
        await write(pilot, "nowhere")
        assert "nothing that was said holds 'nowhere'" in screen(pilot)


async def test_a_bulletin_shows_all_it_says() -> None:
    async with shown(ScriptedFlow(), "6", "b", "g", "enter") as pilot:
        assert ("bulletin of score" in dialog(pilot), '"records": "3"' in dialog(pilot)) == (True, True)


async def test_a_lost_flow_leaves_what_it_said() -> None:
    flow = ScriptedFlow()
    async with shown(flow, "6") as pilot:
        flow.is_lost = True
        await look(pilot)
        assert "the model was slow" in screen(pilot)
