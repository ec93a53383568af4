"""Dead letters: the list, all about one, and what can be done to one, to those marked, to all that match."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from syrupy.assertion import SnapshotAssertion

from router_ui.widgets.records_letters import Letters
from tests.ui.driving import SIZES
from tests.ui.keys import dialog, look, press, screen, shown, told, view, write
from tests.ui.scripted import ScriptedFlow, letter

FAILED = "meta.error.type == 'DecodeError'"


def many(count: int) -> ScriptedFlow:
    flow = ScriptedFlow()
    flow.letters = [letter(number) for number in range(1, count + 1)]
    flow.filters[FAILED] = lambda each: each.position % 2 == 0
    return flow


@pytest.mark.parametrize("size", SIZES)
async def test_the_letters_are_listed(size: tuple[int, int], snapshot: SnapshotAssertion) -> None:
    async with shown(ScriptedFlow(), "4", "j", "space", size=size) as pilot:
        assert view(pilot) == snapshot


@pytest.mark.parametrize("size", SIZES)
async def test_a_letter_says_why_where_and_what(size: tuple[int, int], snapshot: SnapshotAssertion) -> None:
    flow = ScriptedFlow()
    error = {"type": "DecodeError", "message": "no JSON at 17", "traceback": "Traceback:\n  File 'x.py'\nValueError"}
    flow.letters[1] = msgspec.structs.replace(flow.letters[1], error=error, retry_to="score", attempts=2)
    async with shown(flow, "4", "j", "enter", size=size) as pilot:
        assert view(pilot) == snapshot


async def test_no_letters_is_good_news() -> None:
    async with shown(many(0), "4", "enter", "r", "d", "e", "escape") as pilot:
        assert "no dead letters: nothing has failed" in screen(pilot)


async def test_one_letter_is_tried_again_where_it_failed() -> None:
    flow = many(3)
    async with shown(flow, "4", "j", "r") as pilot:
        assert "Try 1 dead letter again" in dialog(pilot)
        await press(pilot, "enter")
        assert told(pilot) == ["1 dead letter will be tried again"]
    assert ("retry", [2], None, None) in flow.asked


async def test_marked_letters_are_tried_again_elsewhere() -> None:
    flow = many(5)
    async with shown(flow, "4", "space", "j", "space", "r") as pilot:
        await write(pilot, "route")
        assert told(pilot) == ["2 dead letters will be tried again in 'route'"]
    assert ("retry", [1, 3], "route", None) in flow.asked


async def test_a_target_that_is_not_there_is_told_and_another_may_be_named() -> None:
    flow = many(3)
    flow.refusals["retry"] = "'to': no connection and no processor with an input 'rout' (did you mean 'route'?)"
    async with shown(flow, "4", "r") as pilot:
        await write(pilot, "rout")
        assert "(did you mean 'route'?)" in dialog(pilot)
        flow.refusals.clear()
        await write(pilot, "e")
    assert [each for each in flow.asked if each[0] == "retry"][-1] == ("retry", [1], "route", None)


async def test_all_that_match_are_counted_and_tried_again() -> None:
    flow = many(2_500)
    async with shown(flow, "4", "/") as pilot:
        await write(pilot, FAILED)
        await press(pilot, "R")
        assert f"Try 1,250 dead letters that match {FAILED} again" in dialog(pilot)
        await press(pilot, "enter")
    assert ("retry", None, None, FAILED) in flow.asked


async def test_letters_are_deleted_after_a_question() -> None:
    flow = many(3)
    async with shown(flow, "4", "d", "escape", "d", "y", "D") as pilot:
        assert "Delete 2 dead letters for good?" in dialog(pilot)
        await press(pilot, "y")
        assert "nothing has failed" in screen(pilot)
    assert [each[1:] for each in flow.asked if each[0] == "delete_dead_letters"] == [([1], None), (None, None)]


async def test_letters_are_exported_as_lines_of_json(tmp_path: Path) -> None:
    flow, path = many(450), tmp_path / "letters.jsonl"
    async with shown(flow, "4", "e", "ctrl+u") as pilot:
        await write(pilot, str(path))
        assert told(pilot) == [f"450 dead letters written to {path}"]
    assert [json.loads(line)["id"] for line in path.read_text().splitlines()] == list(range(1, 451))


async def test_many_marked_letters_are_exported_in_parts() -> None:
    flow = many(450)
    lines = [piece async for piece in Letters(flow, None).lines(list(range(1, 451)))]
    assert (len(lines), [len(each[1]) for each in flow.asked]) == (450, [200, 200, 50])


async def test_the_last_of_many_letters_is_reached_page_by_page() -> None:
    async with shown(many(1_234), "4", "G") as pilot:
        assert "line 1234 is no JSON" in screen(pilot)
        await press(pilot, "g")
        assert "line 1 is no JSON" in screen(pilot)


async def test_a_filter_that_is_none_is_told_at_the_box() -> None:
    async with shown(many(3), "4", "/") as pilot:
        await write(pilot, "meta.eror ==")
        assert ("is no expression" in screen(pilot), "line 3 is no JSON" in screen(pilot)) == (True, True)


async def test_new_letters_come_by_themselves_while_none_is_read() -> None:
    flow = many(3)
    async with shown(flow, "4") as pilot:
        flow.letters = [letter(number) for number in range(1, 6)]
        flow.view = msgspec.structs.replace(flow.view, dead_letters_kept=5)
        await look(pilot)
        assert "1 of 5" in screen(pilot)
        await press(pilot, "j")
        flow.view = msgspec.structs.replace(flow.view, dead_letters_kept=9)
        await look(pilot)
        assert ("2 of 5" in screen(pilot), "9 now, F5 lists again" in screen(pilot)) == (True, True)


async def test_a_letter_that_has_gone_meanwhile_says_so() -> None:
    flow = many(3)
    flow.refusals["dead_letter"] = "no dead letter 1"
    async with shown(flow, "4", "enter") as pilot:
        assert "no dead letter 1" in dialog(pilot)
        await press(pilot, "s", "escape")
        assert told(pilot) == ["there is no content to save"]
