"""The app as a whole: views, banner, search, help, palette, themes, the list of flows, and leaving."""

from __future__ import annotations

import inspect
from typing import Any

import msgspec
import pytest
from textual.binding import Binding
from textual.widgets import DataTable, OptionList

from router.control.client import FlowClient
from router.control.differences import DifferenceView
from router_ui.app import RouterApp
from router_ui.keys import keys_of
from router_ui.reloading import changed
from router_ui.screens.search import SearchScreen
from router_ui.themes import THEMES
from router_ui.views import VIEWS, View
from router_ui.widgets.graph import GraphView
from tests.ui.driving import Pilots, app_on, settle, text_of, until
from tests.ui.listing import Listing, PlayedRun, app_of_list
from tests.ui.scripted import ScriptedFlow, big

BIG = (200, 60)


async def press(pilot: Pilots, *keys: str) -> None:
    for key in keys:
        await pilot.press(key)
        await settle(pilot)


def test_the_scripted_flow_plays_all_that_a_client_can_do() -> None:
    public = {name for name, _ in inspect.getmembers(FlowClient, inspect.isfunction) if not name.startswith("_")}
    assert public - set(vars(ScriptedFlow)) == set()


# -- views ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("view", VIEWS.values(), ids=lambda each: each.name)
async def test_each_view_has_its_key(view: View) -> None:
    app = app_on(ScriptedFlow())
    async with app.run_test(size=(80, 24)) as pilot:
        await press(pilot, view.key)
        assert app.current_mode == view.name


async def test_the_first_lines_say_how_the_flow_does_and_which_views_there_are() -> None:
    app = app_on(ScriptedFlow())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        sums, views = text_of(app).splitlines()[:2]
        assert sums == " tweets   running 2:03  200/s  16k under way  ✗ 3 dead letters  ! 2 bulletins"
        assert all(f"{each.key} {each.title}" in views for each in VIEWS.values())


async def test_a_click_on_a_views_name_shows_it() -> None:
    app = app_on(ScriptedFlow())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.click(offset=(text_of(app).splitlines()[1].index("3 Processor") + 2, 1))
        await until(pilot, lambda: app.current_mode == "processor")


async def test_escape_leads_back_to_the_graph() -> None:
    app = app_on(ScriptedFlow())
    async with app.run_test(size=(80, 24)) as pilot:
        await press(pilot, "3", "escape")
        assert app.current_mode == "graph"


async def test_a_view_that_was_not_seen_shows_what_has_happened_meanwhile() -> None:
    flow = ScriptedFlow()
    app = app_on(flow)
    async with app.run_test(size=(80, 24)) as pilot:
        await press(pilot, "3", "n", "s")
        await press(pilot, "1")
        await until(pilot, lambda: "■ score" in text_of(app))


async def test_a_flow_that_is_lost_is_said_so_and_shown_again_when_it_is_back() -> None:
    flow = ScriptedFlow()
    app = app_on(flow)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        flow.is_lost = True
        await app.flow.look()
        await until(pilot, lambda: "no flow answers in '/state/tweets'; waiting" in text_of(app))
        assert " lost " in text_of(app).splitlines()[0]
        assert "no rate" in text_of(app).splitlines()[0]
        flow.is_lost = False
        await app.flow.look()
        await until(pilot, lambda: "no flow answers" not in text_of(app))


@pytest.mark.parametrize("key", [each.key for each in VIEWS.values()])
async def test_a_flow_that_does_not_run_yet_is_waited_for(key: str) -> None:
    flow = ScriptedFlow()
    flow.is_lost = True
    app = app_on(flow)
    async with app.run_test(size=(80, 24)) as pilot:
        await press(pilot, key)
        assert "no flow answers" in text_of(app)
        flow.is_lost = False
        await press(pilot, "1")
        await app.flow.look()
        await until(pilot, lambda: "● read" in text_of(app))


async def test_nobody_asks_as_often_while_the_terminal_is_not_in_use() -> None:
    app = app_on(ScriptedFlow())
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        app.on_app_blur()
        assert app.flow.is_hidden
        app.on_app_focus()
        assert not app.flow.is_hidden


# -- search, help, palette, themes ----------------------------------------------------------------


async def test_search_chooses_a_processor_by_a_part_of_its_name() -> None:
    app = app_on(ScriptedFlow())
    async with app.run_test(size=(80, 24)) as pilot:
        await press(pilot, "3", "slash", *"ler", "enter")
        assert app.current_mode == "graph"
        assert app.screen.query_one(GraphView).chosen == "alerts"


async def test_search_finds_connections_and_goes_down_the_list() -> None:
    app = app_on(ScriptedFlow())
    async with app.run_test(size=(80, 24)) as pilot:
        await press(pilot, "slash", *">arch", "down", "enter")
        await until(pilot, lambda: app.screen.query_one(GraphView).chosen == "route.unmatched>archive")


async def test_search_that_finds_nothing_chooses_nothing() -> None:
    app = app_on(ScriptedFlow())
    async with app.run_test(size=(80, 24)) as pilot:
        await press(pilot, "slash", *"nothing", "enter")
        assert isinstance(app.screen, SearchScreen)
        await press(pilot, "escape")
        assert app.screen.query_one(GraphView).chosen == "read"


async def test_search_among_many_lists_only_some() -> None:
    app = app_on(ScriptedFlow(big(500)))
    async with app.run_test(size=(80, 24)) as pilot:
        await press(pilot, "slash")
        assert app.screen.query_one(OptionList).option_count == 200
        await press(pilot, *"499", "enter")
        await until(pilot, lambda: "part_499" in text_of(app))


@pytest.mark.parametrize("key", [each.key for each in VIEWS.values()])
async def test_help_lists_every_key_of_a_view(key: str) -> None:
    app = app_on(ScriptedFlow())
    async with app.run_test(size=(200, 120)) as pilot:
        await press(pilot, key)
        words = {each.words for each in keys_of(app.screen)}
        everywhere = {key for key, each in app.screen.active_bindings.items() if each.node is app}
        bound = [each for each in RouterApp.BINDINGS if isinstance(each, Binding) and each.key in everywhere]
        assert {each.tooltip or each.description for each in bound} <= words
        await press(pilot, "question_mark")
        assert [each for each in sorted(words) if each not in text_of(app)] == []
        await press(pilot, "escape")
        assert app.current_mode in VIEWS


async def test_everything_a_key_does_is_in_the_palette() -> None:
    app = app_on(ScriptedFlow())
    async with app.run_test(size=(80, 24)) as pilot:
        await press(pilot, "3")
        offered = {each.title for each in app.get_system_commands(app.screen)}
        assert {"Stop/start", "Let it make one call, and stop it", "Let one more call overlap", "Back"} <= offered
        assert {"Stop score", "Open archive", "Look into read.success>score", "Theme: router-light"} <= offered


async def test_the_palette_does_what_it_says() -> None:
    flow = ScriptedFlow()
    app = app_on(flow)
    async with app.run_test(size=(80, 24)) as pilot:
        await press(pilot, "colon", *"stop archive")
        await until(pilot, lambda: "Stop archive" in text_of(app))
        await press(pilot, "enter")
        await until(pilot, lambda: flow.asked == [("stop_processor", "archive")])


async def test_t_goes_through_the_themes() -> None:
    app = app_on(ScriptedFlow())
    async with app.run_test(size=(80, 24)) as pilot:
        seen = [app.theme]
        for _ in THEMES:
            await press(pilot, "T")
            seen.append(app.theme)
        assert seen == [*THEMES, next(iter(THEMES))]


async def test_nothing_is_told_by_colour_alone() -> None:
    """What stands for a state is another form for each, and a queue that fills has more filled cells."""
    app = app_on(ScriptedFlow())
    drawn = {}
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        for theme in THEMES:
            app.theme = theme
            await settle(pilot)
            drawn[theme] = text_of(app)
    assert len(set(drawn.values())) == 1


async def test_the_flow_is_loaded_anew_after_a_question() -> None:
    flow = ScriptedFlow()
    app = app_on(flow)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await press(pilot, "ctrl+r")
        assert ("/flows/tweets.yaml" in text_of(app), flow.asked) == (True, [])
        await press(pilot, "y")
        await until(pilot, lambda: "added: shout; 1 connection new" in text_of(app))
        assert flow.asked == [("reload", None, False, False)]


async def test_a_reload_that_is_refused_says_why() -> None:
    flow = ScriptedFlow()
    flow.refusals["reload"] = "/flows/tweets.yaml:3:1: no key 'procesors'"
    app = app_on(flow)
    async with app.run_test(size=(120, 40)) as pilot:
        await press(pilot, "ctrl+r", "y")
        await until(pilot, lambda: "no key 'procesors'" in text_of(app))


def test_a_reload_that_changed_nothing_says_so() -> None:
    nothing: dict[str, list[Any]] = {name: [] for name in DifferenceView.__struct_fields__}
    assert changed(DifferenceView(**nothing)) == "nothing is different: nothing was changed"


async def test_what_comes_from_outside_is_neither_markup_nor_obeyed() -> None:
    flow = ScriptedFlow()
    flow.refusals["stop_processor"] = "[red]no[/red]\x1b[2Jnever"
    app = app_on(flow)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await press(pilot, "s")
        await until(pilot, lambda: "[red]no[/red]␛[2Jnever" in text_of(app))
        flow.view = msgspec.structs.replace(flow.view, error="bad\x1b[31m [b]file", state="failed")
        await app.flow.look()
        await until(pilot, lambda: "the flow has failed: bad␛[31m [b]file" in text_of(app))


@pytest.mark.parametrize("width", [80, 120])
async def test_all_views_are_named_in_any_terminal(width: int) -> None:
    app = app_of_list(Listing("tweets"))
    async with app.run_test(size=(width, 24)) as pilot:
        await until(pilot, lambda: app.current_mode == "graph")
        await settle(pilot)
        views = text_of(app).splitlines()[1]
        assert [each for each in ("0", *(view.key for view in VIEWS.values())) if f" {each} " not in views] == []
        assert views.rstrip().endswith("7 Metrics")


# -- the list of flows ----------------------------------------------------------------------------


async def test_the_only_flow_is_shown_at_once() -> None:
    app = app_of_list(Listing("tweets"))
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.current_mode == "graph")


async def test_one_of_several_is_chosen_and_another_after_it() -> None:
    app = app_of_list(Listing("orders", "tweets"))
    async with app.run_test(size=(80, 24)) as pilot:
        await press(pilot, "j", "enter")
        await until(pilot, lambda: app.current_mode == "graph" and "tweets" in text_of(app))
        await press(pilot, "3", "n", "0", "k", "enter")
        await until(pilot, lambda: app.current_mode == "graph" and text_of(app).startswith(" orders"))
        await press(pilot, "3")
        assert "read  read_file" in text_of(app)


async def test_flows_that_begin_and_end_come_and_go() -> None:
    listing = Listing("orders", "tweets")
    app = app_of_list(listing)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        listing.flows.pop()
        await until(pilot, lambda: app.screen.query_one(DataTable).row_count == 1)
        assert app.current_mode == "flows"
        listing.flows.clear()
        await until(pilot, lambda: "no flow runs; run one with: router run FLOW" in text_of(app))


async def test_a_process_that_does_not_answer_is_said_so() -> None:
    listing = Listing("tweets")
    listing.is_lost = True
    app = app_of_list(listing)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "http://far:8443 does not answer; trying again" in text_of(app))
        listing.is_lost = False
        await until(pilot, lambda: app.current_mode == "graph")


async def test_views_cannot_be_shown_before_a_flow_is_chosen() -> None:
    app = app_of_list(Listing())
    async with app.run_test(size=(80, 24)) as pilot:
        await press(pilot, "1", "3", "slash", "escape")
        assert app.current_mode == "flows"


# -- the end --------------------------------------------------------------------------------------


async def test_q_leaves_and_stops_nothing() -> None:
    flow = ScriptedFlow()
    app = app_on(flow)
    async with app.run_test(size=(80, 24)) as pilot:
        await press(pilot, "q")
    assert (app.return_value, flow.asked) == (0, [])


async def test_q_stops_flows_that_were_started_with_the_app() -> None:
    own = PlayedRun(code=1)
    app = app_of_list(Listing("tweets"), own)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.current_mode == "graph")
        await pilot.press("q")
        await until(pilot, lambda: not app.is_running or app.return_value is not None)
    assert (app.return_value, own.asked) == (1, 1)


async def test_flows_that_end_by_themselves_stay_in_sight_until_q() -> None:
    own = PlayedRun(code=0)
    app = app_of_list(Listing("tweets"), own)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.current_mode == "graph")
        own.is_over.set()
        await until(pilot, lambda: "the flow has ended, exit code 0; q leaves" in text_of(app))
        await pilot.press("q")
    assert (app.return_value, own.asked) == (0, 0)


async def test_flows_that_end_before_they_were_seen_end_the_app() -> None:
    own = PlayedRun(code=2)
    own.is_over.set()
    app = app_of_list(Listing(), own)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.return_value is not None)
    assert app.return_value == 2
