"""The view of one processor: what it says, and what can be done there."""

from __future__ import annotations

import msgspec

from tests.ui.driving import Pilots, app_on, settle, text_of, until
from tests.ui.scripted import ScriptedFlow


async def press(pilot: Pilots, *keys: str) -> None:
    for key in keys:
        await pilot.press(key)
        await settle(pilot)


async def test_settings_are_shown_as_the_flow_gives_them() -> None:
    app = app_on(ScriptedFlow())
    async with app.run_test(size=(120, 40)) as pilot:
        await press(pilot, "3")
        await until(pilot, lambda: "password: ***" in text_of(app))
        assert "path: /flows/data/posts.jsonl" in text_of(app)


async def test_a_setting_that_looks_like_markup_is_shown_as_it_is() -> None:
    flow = ScriptedFlow()
    flow.settings["read"] = {"path": "[red]x[/red]", "nested": {"a": [1, "[b]"]}}
    app = app_on(flow)
    async with app.run_test(size=(120, 40)) as pilot:
        await press(pilot, "3")
        await until(pilot, lambda: "path: [red]x[/red]" in text_of(app))
        assert "nested: {a: [1, [b]]}" in text_of(app)


async def test_n_and_p_go_through_the_processors() -> None:
    app = app_on(ScriptedFlow())
    async with app.run_test(size=(80, 24)) as pilot:
        await press(pilot, "3", "n", "n")
        assert app.chosen["processor"] == "route"
        await press(pilot, "p", "p", "p")
        assert app.chosen["processor"] == "archive"


async def test_s_stops_it_and_starts_it_again() -> None:
    flow = ScriptedFlow()
    app = app_on(flow)
    async with app.run_test(size=(80, 24)) as pilot:
        await press(pilot, "3", "n", "s")
        await until(pilot, lambda: "■ stopped" in text_of(app))
        await press(pilot, "s")
        await until(pilot, lambda: "● running" in text_of(app))
        assert flow.asked == [("stop_processor", "score"), ("start_processor", "score")]


async def test_o_runs_it_once() -> None:
    flow = ScriptedFlow()
    app = app_on(flow)
    async with app.run_test(size=(80, 24)) as pilot:
        await press(pilot, "3", "n", "o")
        await until(pilot, lambda: flow.asked == [("run_once", "score")])


async def test_plus_and_minus_change_how_many_calls_overlap() -> None:
    flow = ScriptedFlow()
    app = app_on(flow)
    async with app.run_test(size=(80, 24)) as pilot:
        await press(pilot, "3", "n", "plus")
        await until(pilot, lambda: "of 3 calls that may overlap" in text_of(app))
        await press(pilot, "minus", "minus", "minus")
        await until(pilot, lambda: "of 1 call that may overlap" in text_of(app))
        assert [each[2] for each in flow.asked if each[0] == "set_concurrency"] == [3, 2, 1]


async def test_what_is_refused_is_said_and_changes_nothing() -> None:
    flow = ScriptedFlow()
    flow.refusals["set_concurrency"] = "processor 'read' is a source: it makes no calls"
    app = app_on(flow)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await press(pilot, "3", "plus")
        await until(pilot, lambda: "it makes no calls" in text_of(app))
        assert flow.view.processors[0].concurrency == 1


async def test_bulletins_are_shown_as_they_come() -> None:
    flow = ScriptedFlow()
    app = app_on(flow)
    async with app.run_test(size=(120, 40)) as pilot:
        await press(pilot, "3", "n")
        await until(pilot, lambda: "records failed" in text_of(app))
        flow.told.append(msgspec.structs.replace(flow.told[0], number=3, text="the model was changed"))
        flow.view = msgspec.structs.replace(flow.view, bulletins=3)
        await app.flow.look()
        await until(pilot, lambda: "the model was changed" in text_of(app))


async def test_one_that_has_gone_gives_way_to_the_first() -> None:
    flow = ScriptedFlow()
    app = app_on(flow)
    async with app.run_test(size=(80, 24)) as pilot:
        await press(pilot, "3", "n")
        flow.view = msgspec.structs.replace(flow.view, processors=flow.view.processors[:1])
        await app.flow.look()
        await until(pilot, lambda: "read  read_file" in text_of(app))
        assert flow.view.processors[0].name == "read"


async def test_i_looks_into_its_fullest_queue() -> None:
    app = app_on(ScriptedFlow())
    async with app.run_test(size=(80, 24)) as pilot:
        await press(pilot, "3", "p")
        went: list[str | None] = []

        def go(view: str, about: str | None = None) -> None:
            went.extend([view, about])

        app.go = go  # type: ignore[method-assign]
        await press(pilot, "i")
        await until(pilot, lambda: went == ["queues", "route.unmatched>archive"])


async def test_a_source_has_no_queue_to_look_into() -> None:
    app = app_on(ScriptedFlow())
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await press(pilot, "3", "i")
        await until(pilot, lambda: "no queue leads to it" in text_of(app))


async def test_keys_scroll_where_it_is_low() -> None:
    app = app_on(ScriptedFlow())
    async with app.run_test(size=(80, 24)) as pilot:
        await press(pilot, "3", "n")
        assert "\n bulletins\n" not in text_of(app)
        await press(pilot, "pagedown", "pagedown", "j")
        await until(pilot, lambda: "\n bulletins\n" in text_of(app))
        await press(pilot, "pageup", "pageup", "pageup", "k")
        await until(pilot, lambda: "score  run_model" in text_of(app))
