"""Provenance: events are searched for, a record is followed both ways, records are put back on their way."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from syrupy.assertion import SnapshotAssertion
from textual.events import Paste

from router.control.messages import EventView, LineageView, MemberView
from router_ui.widgets.records_events import lineage_tree
from tests.ui import made
from tests.ui.driving import SIZES
from tests.ui.keys import dialog, look, press, screen, shown, told, view, write
from tests.ui.made import NOON
from tests.ui.scripted import ScriptedFlow


def event(type: str, processor: str, **said: Any) -> EventView:
    plain: dict[str, Any] = {
        "time": NOON, "relationship": "success", "target": None, "is_end": False, "seconds": 0.002, "count": 1,
        "records": [7], "parents": [], "attributes": {"path": "/flows/data/posts.jsonl"}, "errors": {},
    }  # fmt: skip
    return EventView(type=type, processor=processor, **plain | said)


def member(record: int, *events: EventView, **said: Any) -> MemberView:
    plain: dict[str, Any] = {"came_of": [], "became": [], "omitted": 0}
    return MemberView(record=record, events=list(events), **plain | said)


def followed(level: str = "full") -> ScriptedFlow:
    """Record 7 came of 1 and 2, which were read; it became 9, which was dropped, and 10, which failed."""
    flow = ScriptedFlow()
    flow.view = msgspec.structs.replace(flow.view, provenance=level)
    received = event("RECEIVE", "read", target="read.success>score", records=[1, 2], count=2)
    joined = event("JOIN", "score", target="score.success>route", parents=[1, 2])
    dropped = event("DROP", "route", target="drop", records=[9], parents=[7], is_end=True)
    failed = event("ROUTE", "route", target="dead_letters", records=[10], errors={"10": "ValueError: no lang"})
    flow.happened = [failed, dropped, joined, received]
    came_of = [member(1, received), member(2, received)]
    became = [member(9, dropped), member(10, failed)]
    content = made.record(0, record={"text": "a post", "lang": "de"})
    found = LineageView(member=member(7, joined, came_of=came_of, became=became, omitted=3), connection="score.success>route", content=content)  # fmt: skip
    flow.lineages = {7: found, 9: LineageView(member=member(9, dropped), connection=None, content=None)}
    return flow


@pytest.mark.parametrize("size", SIZES)
async def test_the_newest_events_are_shown(size: tuple[int, int], snapshot: SnapshotAssertion) -> None:
    async with shown(followed(), "5", size=size) as pilot:
        assert view(pilot) == snapshot


@pytest.mark.parametrize("size", SIZES)
async def test_the_lineage_of_a_record_is_a_tree_with_its_content(
    size: tuple[int, int], snapshot: SnapshotAssertion
) -> None:
    async with shown(followed(), "5", "j", "j", "enter", size=size) as pilot:
        assert "\n".join(screen(pilot).splitlines()[:-1]) == snapshot


def test_a_lineage_as_a_tree_goes_both_ways() -> None:
    lines = [line.strip().partition("  ")[0] for line in lineage_tree(followed().lineages[7]).texts()]
    assert [line for line in lines if not line.startswith("11-24")] == [
        "record 7", "came of 2 records", "record 1", "record 2", "became 2 records", "record 9", "record 10", "3 relatives more",
    ]  # fmt: skip


async def test_fields_say_together_what_is_searched_for() -> None:
    flow = followed()
    async with shown(flow, "5", "/") as pilot:
        for text in ("route", "drop", "9", "10m"):
            pilot.app.post_message(Paste(text))
            await press(pilot, "tab")
        await write(pilot, "path == 'x'")
    assert flow.asked[-1] == ("events", "route", "DROP", 9, "path == 'x'", NOON - 600)


@pytest.mark.parametrize(
    ("tabs", "typed", "said"),
    [
        (0, "rout", "no processor 'rout' (did you mean 'route'?)"),
        (2, "seven", "a record's number is 1 or more, got 'seven'"),
        (2, "0", "a record's number is 1 or more, got '0'"),
        (3, "soon", "since a time ago such as 30s, 10m, 2h or 1d, got 'soon'"),
    ],
)
async def test_what_cannot_be_searched_for_is_told(tabs: int, typed: str, said: str) -> None:
    flow = followed()
    async with shown(flow, "5", "/", *["tab"] * tabs) as pilot:
        await write(pilot, typed)
        assert said in screen(pilot)
        await press(pilot, "/")
    assert len(flow.asked) == 1


async def test_a_refusal_of_the_flow_is_told_at_the_box() -> None:
    flow = followed()
    async with shown(flow, "5", "/") as pilot:
        flow.refusals["events"] = "'where': no name 'lnag' (did you mean 'lang'?)"
        await press(pilot, "tab", "tab", "tab", "tab")
        await write(pilot, "lnag == 1")
        assert "(did you mean 'lang'?)" in screen(pilot)


@pytest.mark.parametrize(("level", "said"), [("off", "provenance is off"), ("counts", "only counts and failures")])
async def test_where_nothing_is_written_down_it_says_how_that_is_switched_on(level: str, said: str) -> None:
    async with shown(followed(level), "5") as pilot:
        shows = " ".join(screen(pilot).split())
        assert (said in shows, "'run: {provenance: full}' in the flow file" in shows) == (True, True)


async def test_another_record_of_a_tree_is_followed_and_left_again() -> None:
    flow = followed()
    async with shown(flow, "5", "j", "j", "enter", *["j"] * 8, "enter") as pilot:
        assert ("lineage of record 9" in dialog(pilot), "its content is not kept" in dialog(pilot)) == (True, True)
        await press(pilot, "escape")
        assert "lineage of record 7" in dialog(pilot)
        await press(pilot, "escape")
        assert dialog(pilot) == ""
    assert [each[1] for each in flow.asked if each[0] == "lineage"] == [7, 9, 7]


async def test_a_record_that_nothing_is_known_of_says_so() -> None:
    async with shown(followed(), "5", "enter") as pilot:
        assert "nothing is known of record 10" in dialog(pilot)
        await press(pilot, "c")
        assert told(pilot) == ["its content is not kept"]


async def test_content_that_is_kept_is_shown_alone() -> None:
    async with shown(followed(), "5", "j", "j", "enter", "c") as pilot:
        assert ("record 7 on score.success>route" in dialog(pilot), '"lang": "de"' in dialog(pilot)) == (True, True)


async def test_a_record_is_replayed_after_a_question() -> None:
    flow = followed()
    async with shown(flow, "5", "j", "j", "enter", "r") as pilot:
        await write(pilot, "route")
        assert told(pilot) == ["1 put back on 'route'"]
    assert ("replay", [7], "route") in flow.asked


async def test_the_records_of_marked_events_are_replayed_together() -> None:
    flow = followed()
    async with shown(flow, "5", "space", "j", "j", "space", "r", "enter") as pilot:
        assert told(pilot) == ["3 put back"]
    assert ("replay", [10, 1, 2], None) in flow.asked


async def test_events_are_asked_for_anew_only_by_somebody() -> None:
    flow = followed()
    async with shown(flow, "5") as pilot:
        await look(pilot)
        await press(pilot, "f5")
    assert [each[0] for each in flow.asked] == ["events", "events"]
