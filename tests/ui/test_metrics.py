"""The figures of all parts: shown, sorted, and the way from there to the part."""

from __future__ import annotations

import msgspec
import pytest
from syrupy.assertion import SnapshotAssertion

from tests.ui.driving import SIZES
from tests.ui.keys import app_of, press, screen, shown, view
from tests.ui.made import connection, flow, processor
from tests.ui.scripted import ScriptedFlow


@pytest.mark.parametrize("size", SIZES)
async def test_the_figures_of_processors_are_shown(size: tuple[int, int], snapshot: SnapshotAssertion) -> None:
    async with shown(ScriptedFlow(), "7", size=size) as pilot:
        assert view(pilot) == snapshot


@pytest.mark.parametrize("size", SIZES)
async def test_the_figures_of_connections_are_shown(size: tuple[int, int], snapshot: SnapshotAssertion) -> None:
    async with shown(ScriptedFlow(), "7", "b", size=size) as pilot:
        assert view(pilot) == snapshot


async def test_figures_sort_the_highest_first_and_names_from_a() -> None:
    async with shown(ScriptedFlow(), "7", "s") as pilot:
        names = [line[3:12].strip() for line in view(pilot).splitlines()[1:6]]
        await press(pilot, "s", "s", "s", "s")
        first = view(pilot).splitlines()[1]
        await press(pilot, "S", "S", "S", "S", "S")
        assert (names, "score" in first) == (["alerts", "archive", "read", "route", "score"], True)
        assert "in the order of the flow" in screen(pilot)


async def test_what_lies_right_is_reached_sideways() -> None:
    async with shown(ScriptedFlow(), "7", *["l"] * 30) as pilot:
        assert "latency, 30 s" in screen(pilot)
        await press(pilot, *["h"] * 30)
        assert "processor" in view(pilot).splitlines()[0]


async def test_enter_opens_the_part() -> None:
    async with shown(ScriptedFlow(), "7", "b", "j", "enter") as pilot:
        assert (app_of(pilot).current_mode, app_of(pilot).chosen["queues"]) == ("queues", "score.success>route")


async def test_five_hundred_processors_are_as_good_as_five() -> None:
    many = [processor(f"p{number:03}", "set_fields", errors=number) for number in range(500)]
    joined = [connection(f"p{number:03}.success>p{number + 1:03}") for number in range(499)]
    played = ScriptedFlow(flow("large", many, joined))
    async with shown(played, "7", "G") as pilot:
        assert ("p499" in screen(pilot), "500 processors" in screen(pilot)) == (True, True)


async def test_a_flow_without_connections_has_no_figures_of_them() -> None:
    played = ScriptedFlow()
    played.view = msgspec.structs.replace(played.view, connections=[])
    async with shown(played, "7", "b", "s", "enter") as pilot:
        assert "no connections" in screen(pilot)
