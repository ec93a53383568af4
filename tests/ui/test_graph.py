"""The graph: moving in it, choosing, opening, steering; and what is drawn where."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router_ui.graph.drawing import Drawing
from router_ui.graph.layout import lay_out
from router_ui.graph.looks import Pieces, box_size, box_text, label_text, label_width
from router_ui.graph.model import Edge, Rect, Size
from router_ui.widgets.graph import GraphView
from tests.ui import made
from tests.ui.driving import Pilots, app_on, settle, text_of, until
from tests.ui.scripted import ScriptedFlow, big, cyclic


async def chosen_after(flow: ScriptedFlow, *keys: str) -> str | None:
    app = app_on(flow)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press(*keys)
        await settle(pilot)
        return app.screen.query_one(GraphView).chosen


WALKS = [
    (["down"], "read.success>score"),
    (["j", "j"], "score"),
    (["down", "down", "up", "k"], "read"),
    (["tab", "tab", "down"], "route.happy>archive"),
    (["tab", "tab", "down", "l"], "route.unmatched>archive"),
    (["tab", "tab", "down", "right", "down"], "archive"),
    (["tab", "tab", "down", "h", "h"], "route.angry>alerts"),
    (["end"], "archive"),
    (["G", "left"], "alerts"),
    (["end", "down"], "archive"),
    (["up"], "read"),
    (["shift+tab"], "archive"),
    (["end", "g"], "read"),
]


@pytest.mark.parametrize(("keys", "there"), WALKS, ids=lambda each: "-".join(each) if isinstance(each, list) else each)
async def test_keys_move_along_the_lines_and_sideways(keys: list[str], there: str) -> None:
    assert await chosen_after(ScriptedFlow(), *keys) == there


async def test_every_part_can_be_reached_by_keys() -> None:
    app = app_on(ScriptedFlow(cyclic()))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        graph, seen = app.screen.query_one(GraphView), set()
        waiting = ["step_running"]
        while waiting:
            name = waiting.pop()
            seen.add(name)
            for way in ("up", "down", "left", "right"):
                graph.chosen = name
                graph.action_move(way)
                waiting += [graph.chosen] if graph.chosen not in {None, *seen, *waiting} else []
        assert seen == {each.name for each in cyclic().processors} | {each.id for each in cyclic().connections}


async def test_enter_opens_a_processor() -> None:
    app = app_on(ScriptedFlow())
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("tab", "enter")
        await settle(pilot)
        assert (app.current_mode, app.chosen) == ("processor", {"processor": "score"})


async def test_a_click_chooses_and_a_second_one_opens() -> None:
    app = app_on(ScriptedFlow())
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        place = on_screen(pilot, "score")
        await pilot.click(offset=place)
        assert app.screen.query_one(GraphView).chosen == "score"
        await pilot.click(offset=place, times=2)
        await settle(pilot)
        assert (app.current_mode, app.chosen) == ("processor", {"processor": "score"})


async def test_a_click_on_the_line_of_a_connection_chooses_it() -> None:
    app = app_on(ScriptedFlow())
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        _, y = on_screen(pilot, "score")
        x = text_of(app).splitlines()[y + 2].index("│")
        await pilot.click(offset=(x, y + 2))
        assert app.screen.query_one(GraphView).chosen == "score.success>route"


def on_screen(pilot: Pilots, name: str) -> tuple[int, int]:
    """The cell of the screen where a name is drawn."""
    for y, line in enumerate(text_of(pilot.app).splitlines()):
        if f" {name} " in line and y > 1:
            return line.index(f" {name} ") + 2, y
    raise AssertionError(name)


async def test_s_stops_a_processor_and_starts_it_again() -> None:
    flow = ScriptedFlow()
    app = app_on(flow)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("tab", "s")
        await until(pilot, lambda: "■ score" in text_of(app))
        await pilot.press("s")
        await until(pilot, lambda: "● score" in text_of(app))
        assert flow.asked == [("stop_processor", "score"), ("start_processor", "score")]


async def test_o_runs_it_once() -> None:
    flow = ScriptedFlow()
    app = app_on(flow)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("tab", "o")
        await until(pilot, lambda: flow.asked == [("run_once", "score")])


async def test_what_is_refused_is_said() -> None:
    flow = ScriptedFlow()
    flow.refusals["stop_processor"] = "the flow is stopping: 'score' stays as it is"
    app = app_on(flow)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await settle(pilot)
        await pilot.press("tab", "s")
        await until(pilot, lambda: "the flow is stopping" in text_of(app))


async def test_a_connection_is_not_stopped() -> None:
    flow = ScriptedFlow()
    app = app_on(flow)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await settle(pilot)
        await pilot.press("down", "s")
        await until(pilot, lambda: "choose a processor first" in text_of(app))
        assert flow.asked == []


async def test_what_is_chosen_is_brought_into_sight() -> None:
    app = app_on(ScriptedFlow(big(60)))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert "part_059" not in text_of(app)
        await pilot.press("end")
        await until(pilot, lambda: "part_059" in text_of(app))


async def test_only_what_is_seen_is_drawn() -> None:
    app = app_on(ScriptedFlow(big(500)))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        graph = app.screen.query_one(GraphView)
        drawn: list[str] = []
        graph.box = lambda name, rect: drawn.append(name) or [[("x" * (rect.width - 4), "")]]  # type: ignore[func-returns-value,method-assign]
        graph.refresh()
        await settle(pilot)
        assert 1 <= len(set(drawn)) < 20


async def test_a_flow_that_was_loaded_anew_is_laid_out_anew() -> None:
    flow = ScriptedFlow()
    app = app_on(flow)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("end")
        flow.view = cyclic()
        await app.flow.look()
        await until(pilot, lambda: "step_running" in text_of(app))
        assert app.screen.query_one(GraphView).chosen == "step_running"


@given(st.floats(0, 1), st.integers(0, 10_000_000), st.floats(0, 1e9), st.booleans())
def test_labels_are_as_wide_as_their_place(full: float, records: int, rate: float, is_roomy: bool) -> None:
    view = made.connection("a.to_the_other_end>b", full=full, records=records, rate_in=rate)
    assert sum(len(text) for text, _ in label_text(view, is_roomy=is_roomy)) == label_width(view, is_roomy=is_roomy)


@given(st.text("abc_", min_size=1, max_size=50), st.text("xyz_", min_size=1, max_size=50), st.floats(0, 1e9))
def test_what_stands_in_boxes_fits(name: str, kind: str, rate: float) -> None:
    for state in ("running", "retrying", "stopped"):
        view = made.processor(name, kind, state=state, rate_out=rate, routes={"success": ["a>b"]})
        for is_roomy in (True, False):
            size = box_size(view, is_roomy=is_roomy)
            rows = box_text(view, [1.0, 2.0], size)
            assert [sum(len(text) for text, _ in row) for row in rows] == [size.width - 4] * (size.height - 2)


class Plain:
    """Boxes and labels that hold nothing."""

    def box(self, name: str, rect: Rect) -> list[Pieces]:
        return [[(name.ljust(rect.width - 4), "")]] * (rect.height - 2)

    def label(self, id: str) -> Pieces:
        return [("=" * 6, "")]


def test_a_row_is_drawn_the_same_from_any_column() -> None:
    edges = [Edge("a.x>b", "a", "b", 6), Edge("a.y>c", "a", "c", 6), Edge("c.z>a", "c", "a", 6)]
    drawing = Drawing(lay_out({name: Size(11, 3) for name in "abc"}, edges))
    width = drawing.layout.width
    for y in range(drawing.layout.height):
        whole = "".join(text for text, _ in drawing.row(y, 0, width, Plain(), "a.y>c"))
        for left in range(width):
            assert (
                "".join(text for text, _ in drawing.row(y, left, left + 5, Plain(), "a.y>c"))
                == f"{whole}     "[left : left + 5]
            )


def test_what_is_chosen_is_drawn_thick_and_nothing_else() -> None:
    edges = [Edge("a.x>b", "a", "b", 6), Edge("a.y>c", "a", "c", 6)]
    drawing = Drawing(lay_out({name: Size(11, 3) for name in "abc"}, edges))
    thick = {
        (x, y)
        for y in range(drawing.layout.height)
        for x, each in enumerate("".join(text for text, _ in drawing.row(y, 0, drawing.layout.width, Plain(), "a.x>b")))
        if each in "┃━┏┓┗┛"
    }
    on_the_way = {cell for cell, edges_there in wired(drawing) if "a.x>b" in edges_there}
    assert thick == on_the_way


def wired(drawing: Drawing) -> list[tuple[tuple[int, int], set[str]]]:
    return [
        ((x, y), {edge for wire in wires for edge in wire.edges})
        for y, row in drawing.layout.wires.items()
        for x, wires in row.items()
    ]
