"""The queues: all connections, the records of one, and what can be done to them."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from syrupy.assertion import SnapshotAssertion

from router.control.messages import Counted
from tests.ui import made
from tests.ui.driving import SIZES, settle
from tests.ui.keys import app_of, dialog, look, press, screen, shown, told, until, view, write
from tests.ui.scripted import ScriptedFlow, posts

HAPPY, UNMATCHED = "route.happy>archive", "route.unmatched>archive"
INTO_HAPPY = ("2", "down", "down", "down", "enter")
GERMAN = "lang == 'de'"


@pytest.mark.parametrize("size", SIZES)
async def test_all_connections_are_listed(size: tuple[int, int], snapshot: SnapshotAssertion) -> None:
    async with shown(ScriptedFlow(), "2", size=size) as pilot:
        assert view(pilot) == snapshot


@pytest.mark.parametrize("size", SIZES)
async def test_a_connection_shows_its_records(size: tuple[int, int], snapshot: SnapshotAssertion) -> None:
    async with shown(ScriptedFlow(), *INTO_HAPPY, "j", "space", size=size) as pilot:
        assert view(pilot) == snapshot


@pytest.mark.parametrize("size", SIZES)
async def test_a_record_shows_all_about_it(size: tuple[int, int], snapshot: SnapshotAssertion) -> None:
    async with shown(ScriptedFlow(), *INTO_HAPPY, "enter", size=size) as pilot:
        assert view(pilot) == snapshot


async def test_a_connection_that_another_view_chose_is_shown() -> None:
    async with shown(ScriptedFlow()) as pilot:
        app_of(pilot).go("queues", UNMATCHED)
        await settle(pilot)
        assert UNMATCHED in screen(pilot).splitlines()[2]


async def test_of_ten_thousand_records_only_those_near_the_cursor_are_asked_for() -> None:
    flow = ScriptedFlow()
    flow.queues[HAPPY] = posts(10_000)
    async with shown(flow, *INTO_HAPPY, "G") as pilot:
        assert "post number 9999" in screen(pilot)
        await press(pilot, "g", "pagedown", "pagedown")
        assert "post number 20" in screen(pilot)
    assert [each[3] for each in flow.asked] == [0, 9_985, 9_885]


async def test_a_filter_lists_what_is_meant() -> None:
    flow = ScriptedFlow()
    async with shown(flow, *INTO_HAPPY, "/") as pilot:
        await write(pilot, GERMAN)
        shows = screen(pilot)
    assert flow.asked[-1] == ("records", HAPPY, GERMAN, 0, 100)
    assert ("post number 1 " in shows, "post number 2 " in shows) == (True, False)


async def test_a_filter_that_is_none_is_told_at_the_box_and_the_list_stays() -> None:
    async with shown(ScriptedFlow(), *INTO_HAPPY, "/") as pilot:
        await write(pilot, "lang = 1")
        shows = screen(pilot)
        assert ("✗ where: 'lang = 1' is no expression" in shows, "post number 1 " in shows) == (True, True)
        await press(pilot, "escape", "j", "enter")
        assert "record 2 of 6,400" in screen(pilot)


async def test_marked_records_are_dropped_after_a_question() -> None:
    flow = ScriptedFlow()
    async with shown(flow, *INTO_HAPPY, "space", "j", "space", "d") as pilot:
        assert f"Drop 2 records of {HAPPY!r} for good?" in dialog(pilot)
        await press(pilot, "y")
        assert told(pilot) == [f"2 records of {HAPPY!r} dropped"]
    assert ("drop", HAPPY, None, ["00000000", "00000002"]) in flow.asked


async def test_a_question_that_is_left_does_nothing() -> None:
    flow = ScriptedFlow()
    async with shown(flow, *INTO_HAPPY, "d", "escape", "D", "n", "d", "enter") as pilot:
        assert "Drop 1 record" in screen(pilot)
    assert [each[0] for each in flow.asked if each[0] == "drop"] == []


async def test_what_matches_is_counted_before_it_is_dropped() -> None:
    flow = ScriptedFlow()
    async with shown(flow, *INTO_HAPPY, "/") as pilot:
        await write(pilot, GERMAN)
        await press(pilot, "D")
        assert "Drop 2,133 records" in screen(pilot)
        await press(pilot, "y")
    assert ("drop", HAPPY, GERMAN, None) in flow.asked
    assert len(flow.queues[HAPPY]) == 6_400 - 2_133


async def test_all_records_are_dropped_after_their_number_was_said() -> None:
    flow = ScriptedFlow()
    async with shown(flow, *INTO_HAPPY, "D") as pilot:
        assert "Drop all 6,400 records of" in screen(pilot)
        await press(pilot, "y")
        assert "no record waits here" in screen(pilot)
    assert ("drop", HAPPY, None, None) in flow.asked


async def test_a_refusal_is_told_where_it_was_asked_and_may_be_tried_again() -> None:
    flow = ScriptedFlow()
    flow.refusals["drop"] = "the flow is stopping"
    async with shown(flow, *INTO_HAPPY, "d", "y") as pilot:
        assert "the flow is stopping" in screen(pilot)
        flow.refusals.clear()
        await press(pilot, "y")
        assert told(pilot) == [f"1 record of {HAPPY!r} dropped"]
    assert len(flow.queues[HAPPY]) == 6_399


async def test_records_are_exported_to_a_new_file_as_lines_of_json(tmp_path: Path) -> None:
    flow, path = ScriptedFlow(), tmp_path / "out.jsonl"
    flow.queues[HAPPY] = posts(1_500)
    async with shown(flow, *INTO_HAPPY, "e", "ctrl+u") as pilot:
        await write(pilot, str(path))
        assert told(pilot) == [f"1,500 records written to {path}"]
        await press(pilot, "e", "ctrl+u")
        await write(pilot, str(path))
        assert "file exists" in dialog(pilot)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert ([each["record"]["id"] for each in lines], lines[0]["columns"]) == (list(range(1_500)), {})


async def test_marked_records_alone_are_exported(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    async with shown(ScriptedFlow(), *INTO_HAPPY, "j", "space", "space", "e", "ctrl+u") as pilot:
        assert "Export 2 marked records" in screen(pilot)
        await write(pilot, str(path))
    assert [json.loads(line)["record"]["id"] for line in path.read_text().splitlines()] == [1, 2]


async def test_a_file_that_could_not_be_written_whole_is_not_left(tmp_path: Path) -> None:
    flow, path = ScriptedFlow(), tmp_path / "out.jsonl"
    async with shown(flow, *INTO_HAPPY, "e", "ctrl+u") as pilot:
        flow.refusals["records"] = "the flow is stopping"
        await write(pilot, str(path))
        assert "the flow is stopping" in screen(pilot)
    assert not path.exists()


async def test_limits_are_changed_live_and_nonsense_is_told() -> None:
    flow = ScriptedFlow()
    async with shown(flow, *INTO_HAPPY, "m", "ctrl+u") as pilot:
        await write(pilot, "many")
        assert "such as '20000 16MiB'; got 'many'" in dialog(pilot)
        await press(pilot, "ctrl+u")
        await write(pilot, "20000 16MiB")
        assert told(pilot) == [f"limits of {HAPPY!r}: 20000 16MiB"]
    assert ("set_limits", HAPPY, 20_000, 16 << 20) in flow.asked


async def test_a_tap_shows_what_comes_and_how_much_was_too_much() -> None:
    flow = ScriptedFlow()
    flow.tapped[HAPPY] = [*posts(3), Counted(records=40)]
    async with shown(flow, *INTO_HAPPY) as pilot:
        await pilot.press("t")
        await until(pilot, lambda: "3 records came, 40 more came too fast" in screen(pilot))
        await pilot.press("enter")
        await until(pilot, lambda: "record 3 that came into" in screen(pilot))
        await pilot.press("escape", "t")
        await until(pilot, lambda: "1 of 6,400" in screen(pilot))
    assert ("tap", HAPPY, None) in flow.asked


async def test_a_tap_keeps_the_newest_and_says_so() -> None:
    flow = ScriptedFlow()
    flow.tapped[HAPPY] = [*posts(1_200)]
    async with shown(flow, *INTO_HAPPY) as pilot:
        await pilot.press("t")
        await until(pilot, lambda: "1,200 records came, the newest 1,000 are here" in screen(pilot))
        await until(pilot, lambda: "post number 1199" in screen(pilot))
        await pilot.press("g")
        await until(pilot, lambda: "post number 200 " in screen(pilot))


async def test_a_tap_ends_when_another_view_is_shown() -> None:
    flow = ScriptedFlow()
    flow.tapped[HAPPY] = [*posts(3)]
    async with shown(flow, *INTO_HAPPY) as pilot:
        await pilot.press("t")
        await until(pilot, lambda: "3 records came" in screen(pilot))
        await press(pilot, "4")
        await until(pilot, lambda: not any(each.name == "tap" for each in pilot.app.workers))
        await press(pilot, "2")
        assert "1 of 6,400" in screen(pilot)


async def test_a_tap_that_is_refused_says_why_and_ends() -> None:
    flow = ScriptedFlow()
    flow.refusals["tap"] = "20 taps look at this flow already; close one"
    async with shown(flow, *INTO_HAPPY, "t") as pilot:
        await until(pilot, lambda: "20 taps look at this flow already" in screen(pilot))
        await until(pilot, lambda: "1 of 6,400" in screen(pilot))


async def test_the_list_is_made_anew_while_its_first_record_is_looked_at() -> None:
    flow = ScriptedFlow()
    async with shown(flow, *INTO_HAPPY) as pilot:
        flow.queues[HAPPY] = posts(5_000)[100:]
        await later(flow)
        await look(pilot)
        assert ("1 of 4,900" in screen(pilot), "post number 100" in screen(pilot)) == (True, True)


async def test_a_list_that_is_read_stays_and_says_of_when_it_is() -> None:
    flow = ScriptedFlow()
    async with shown(flow, *INTO_HAPPY, "j") as pilot:
        flow.queues[HAPPY] = posts(10)
        await later(flow)
        await look(pilot)
        assert ("2 of 6,400" in screen(pilot), "F5 lists again" in screen(pilot)) == (True, True)
        await press(pilot, "f5")
        assert "1 of 10" in screen(pilot)


async def test_a_connection_that_has_gone_says_so() -> None:
    flow = ScriptedFlow()
    async with shown(flow, *INTO_HAPPY) as pilot:
        left = [each for each in flow.view.connections if each.id != HAPPY]
        flow.view = msgspec.structs.replace(flow.view, connections=left)
        await look(pilot)
        assert f"the flow has no connection {HAPPY!r} now" in screen(pilot)
        await press(pilot, "escape")
        assert UNMATCHED in screen(pilot)


async def test_a_lost_flow_leaves_the_list_and_is_listed_again_when_it_is_back() -> None:
    flow = ScriptedFlow()
    async with shown(flow, *INTO_HAPPY) as pilot:
        flow.is_lost = True
        await press(pilot, "f5", "d", "y")
        assert ("post number 14 " in screen(pilot), "no flow answers in '/state/tweets'" in dialog(pilot)) == (
            True,
            True,
        )
        flow.is_lost = False
        await press(pilot, "y")
        assert "post number 1 " in screen(pilot)


async def test_what_a_terminal_would_obey_is_shown_as_signs() -> None:
    flow = ScriptedFlow()
    flow.queues[HAPPY] = [made.record(0, content="\x1b[31mred\x07 \u202egnp.exe\nnext", format="text")]
    async with shown(flow, *INTO_HAPPY) as pilot:
        table = screen(pilot)
        await press(pilot, "enter")
        both = table + screen(pilot)
    assert ("␛[31mred· ·gnp.exe↵next" in table, "\x1b" in both, "\u202e" in both) == (True, False, False)


async def later(flow: ScriptedFlow) -> None:
    """Two seconds pass, in which records come and go."""
    connections = [msgspec.structs.replace(each, records_out=each.records_out + 9) for each in flow.view.connections]
    flow.view = msgspec.structs.replace(flow.view, time=flow.view.time + 2, connections=connections)


async def test_views_wait_while_a_question_is_open() -> None:
    async with shown(ScriptedFlow(), *INTO_HAPPY, "d", "4", "1", "question_mark") as pilot:
        assert ("Drop 1 record" in dialog(pilot), app_of(pilot).current_mode) == (True, "queues")


async def test_the_keys_of_details_are_listed_too() -> None:
    async with shown(ScriptedFlow(), *INTO_HAPPY, "enter", "question_mark", size=(200, 60)) as pilot:
        assert [word for word in ("Next", "Previous", "Copy", "Save") if word not in screen(pilot)] == []
        await press(pilot, "escape")
        assert "record 1 of 6,400" in screen(pilot)


async def test_a_record_is_copied_and_its_neighbours_are_a_key_away() -> None:
    async with shown(ScriptedFlow(), *INTO_HAPPY, "enter", "n", "n", "p", "c") as pilot:
        assert '"text": "post number 1"' in pilot.app.clipboard
        await press(pilot, "escape")
        assert "2 of 6,400" in screen(pilot)


async def test_a_record_is_saved_whole_to_a_new_file(tmp_path: Path) -> None:
    flow, path = ScriptedFlow(), tmp_path / "record.json"
    async with shown(flow, *INTO_HAPPY, "enter", "s", "ctrl+u") as pilot:
        await write(pilot, str(path))
        await press(pilot, "s", "ctrl+u")
        await write(pilot, str(tmp_path / "none" / "x"))
        assert "no such file or directory" in dialog(pilot)
        assert told(pilot) == [f"saved to {path}"]
    assert (json.loads(path.read_text())["id"], path.stat().st_mode & 0o777) == (0, 0o600)


async def test_a_mouse_chooses_a_row_and_opens_it_at_the_second_click() -> None:
    async with shown(ScriptedFlow(), *INTO_HAPPY) as pilot:
        await pilot.click("#records", offset=(10, 4))
        await settle(pilot)
        assert "4 of 6,400" in screen(pilot)
        await pilot.click("#records", offset=(10, 2), times=2)
        await settle(pilot)
        assert "record 2 of 6,400" in screen(pilot)
