"""What the views look like, as text, at three sizes of a terminal."""

from __future__ import annotations

import pytest
from syrupy.assertion import SnapshotAssertion

from tests.ui.driving import SIZES, app_on, settle, view_text
from tests.ui.listing import Listing, app_of_list
from tests.ui.scripted import ScriptedFlow, big, cyclic

at_all_sizes = pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
Size = tuple[int, int]


async def drawn(flow: ScriptedFlow, size: Size, *keys: str) -> str:
    """The screen after some keys."""
    app = app_on(flow)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        for key in keys:
            await pilot.press(key)
            await settle(pilot)
        return view_text(app)


@at_all_sizes
async def test_the_graph(size: Size, snapshot: SnapshotAssertion) -> None:
    assert await drawn(ScriptedFlow(), size) == snapshot


@at_all_sizes
async def test_the_graph_with_a_connection_chosen(size: Size, snapshot: SnapshotAssertion) -> None:
    assert await drawn(ScriptedFlow(), size, "end", "up") == snapshot


@at_all_sizes
async def test_a_graph_with_a_cycle_and_all_states(size: Size, snapshot: SnapshotAssertion) -> None:
    assert await drawn(ScriptedFlow(cyclic()), size) == snapshot


@at_all_sizes
async def test_a_graph_that_is_larger_than_the_terminal(size: Size, snapshot: SnapshotAssertion) -> None:
    assert await drawn(ScriptedFlow(big(60)), size, "end") == snapshot


@at_all_sizes
async def test_a_processor(size: Size, snapshot: SnapshotAssertion) -> None:
    assert await drawn(ScriptedFlow(), size, "tab", "enter") == snapshot


@at_all_sizes
async def test_a_source(size: Size, snapshot: SnapshotAssertion) -> None:
    assert await drawn(ScriptedFlow(), size, "3") == snapshot


@at_all_sizes
async def test_the_search(size: Size, snapshot: SnapshotAssertion) -> None:
    assert await drawn(ScriptedFlow(), size, "slash", "a", "r") == snapshot


@at_all_sizes
async def test_the_keys(size: Size, snapshot: SnapshotAssertion) -> None:
    assert await drawn(ScriptedFlow(), size, "question_mark") == snapshot


@at_all_sizes
async def test_the_list_of_flows(size: Size, snapshot: SnapshotAssertion) -> None:
    app = app_of_list(Listing("orders", "tweets"))
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        assert view_text(app) == snapshot


@at_all_sizes
async def test_a_flow_that_is_lost(size: Size, snapshot: SnapshotAssertion) -> None:
    flow = ScriptedFlow()
    app = app_on(flow)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        flow.is_lost = True
        await app.flow.look()
        await settle(pilot)
        assert view_text(app) == snapshot
