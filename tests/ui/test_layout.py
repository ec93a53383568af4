"""Layouts of any graph: no boxes overlap, and each connection is drawn from its producer to its consumer."""

from __future__ import annotations

from itertools import combinations, pairwise

from hypothesis import given
from hypothesis import strategies as st

from router_ui.graph.layout import lay_out
from router_ui.graph.model import EAST, NORTH, SOUTH, WEST, Edge, Layout, Rect, Size

ACROSS, DOWN = EAST | WEST, NORTH | SOUTH
STEPS = {NORTH: (0, -1), SOUTH: (0, 1), EAST: (1, 0), WEST: (-1, 0)}


@st.composite
def graphs(draw: st.DrawFn) -> tuple[dict[str, Size], list[Edge]]:
    """Graphs of any shape: cycles, loops, several connections of one pair, parts that nothing joins."""
    names = [f"p{number}" for number in range(draw(st.integers(1, 12)))]
    boxes = {name: Size(draw(st.integers(5, 30)), 3) for name in names}
    pairs = draw(st.lists(st.tuples(st.sampled_from(names), st.sampled_from(names)), max_size=24))
    edges = [
        Edge(f"{producer}.r{number}>{consumer}", producer, consumer, draw(st.integers(1, 24)))
        for number, (producer, consumer) in enumerate(pairs)
    ]
    return boxes, edges


def cells(path: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """All cells of a line that is given by its corners, the gaps at labels included."""
    found = path[:1]
    for (x, y), (to_x, to_y) in pairwise(path):
        assert x == to_x or y == to_y, (path, "is not made of straight lines")
        across, down = (to_x > x) - (to_x < x), (to_y > y) - (to_y < y)
        found += [(x + n * across, y + n * down) for n in range(1, abs(to_x - x) + abs(to_y - y) + 1)]
    return found


def rects(layout: Layout) -> list[Rect]:
    return [*layout.boxes.values(), *layout.labels.values()]


@given(graphs())
def test_nothing_overlaps_and_all_is_within(graph: tuple[dict[str, Size], list[Edge]]) -> None:
    boxes, edges = graph
    layout = lay_out(boxes, edges)
    assert set(layout.boxes) == set(boxes)
    assert set(layout.labels) == {each.id for each in edges}
    assert [(one, two) for one, two in combinations(rects(layout), 2) if one.overlaps(two)] == []
    drawn = [(x, y) for y, row in layout.wires.items() for x in row]
    assert all(0 <= x < layout.width and 0 <= y < layout.height for x, y in drawn)
    assert all(each.x >= 0 and each.right <= layout.width and each.bottom <= layout.height for each in rects(layout))


@given(graphs())
def test_each_connection_is_drawn_from_its_producer_to_its_consumer(
    graph: tuple[dict[str, Size], list[Edge]],
) -> None:
    boxes, edges = graph
    layout = lay_out(boxes, edges)
    for edge in edges:
        producer, consumer, label = layout.boxes[edge.producer], layout.boxes[edge.consumer], layout.labels[edge.id]
        line = cells(list(layout.paths[edge.id]))
        assert (line[0], line[-1]) == ((producer.centre, producer.bottom - 1), (consumer.centre, consumer.y))
        assert (label.centre, label.y) in line
        for x, y in line[1:-1]:
            is_on_line = any(edge.id in wire.edges for wire in layout.wires.get(y, {}).get(x, ()))
            assert is_on_line or label.has(x, y)


@given(graphs())
def test_lines_touch_no_box_and_lines_of_different_boxes_only_cross(
    graph: tuple[dict[str, Size], list[Edge]],
) -> None:
    layout = lay_out(*graph)
    for y, row in layout.wires.items():
        for x, wires in row.items():
            assert not any(rect.has(x, y) for rect in rects(layout))
            assert sorted(wire.sides for wire in wires) in ([wires[0].sides], sorted([ACROSS, DOWN]))


@given(graphs())
def test_lines_have_no_loose_ends(graph: tuple[dict[str, Size], list[Edge]]) -> None:
    layout = lay_out(*graph)
    for y, row in layout.wires.items():
        for x, wires in row.items():
            for wire in wires:
                for side in (each for each in STEPS if wire.sides & each):
                    there = (x + STEPS[side][0], y + STEPS[side][1])
                    back = {NORTH: SOUTH, SOUTH: NORTH, EAST: WEST, WEST: EAST}[side]
                    joined = layout.wires.get(there[1], {}).get(there[0], ())
                    assert any(other.sides & back for other in joined) or any(r.has(*there) for r in rects(layout))


@given(graphs())
def test_records_flow_downwards_but_round_cycles(graph: tuple[dict[str, Size], list[Edge]]) -> None:
    boxes, edges = graph
    layout = lay_out(boxes, edges)
    rises = {each.id for each in edges if layout.boxes[each.consumer].y <= layout.boxes[each.producer].y}
    left = [each for each in edges if each.id not in rises]
    assert all(layout.boxes[each.producer].bottom <= layout.labels[each.id].y for each in left)
    assert not rises or has_cycle(edges)


def has_cycle(edges: list[Edge]) -> bool:
    left = list(edges)
    while left:
        fed = {each.consumer for each in left}
        rest = [each for each in left if each.producer in fed]
        if len(rest) == len(left):
            return True
        left = rest
    return False


def test_a_chain_is_one_straight_line() -> None:
    edges = [Edge("a.s>b", "a", "b", 9), Edge("b.s>c", "b", "c", 14)]
    layout = lay_out({"a": Size(10, 3), "b": Size(21, 3), "c": Size(7, 3)}, edges)
    assert len({each.centre for each in rects(layout)}) == 1


def test_branches_are_put_so_that_their_lines_do_not_cross() -> None:
    pairs = [("a", "x"), ("b", "y"), ("x", "sink_b"), ("y", "sink_a"), ("a", "sink_b"), ("b", "sink_a")]
    edges = [Edge(f"{one}>{two}", one, two, 8) for one, two in pairs]
    layout = lay_out({name: Size(10, 3) for name in ("a", "b", "y", "x", "sink_a", "sink_b")}, edges)
    assert [wires for row in layout.wires.values() for wires in row.values() if len(wires) > 1] == []


def test_five_hundred_processors_have_their_layout() -> None:
    names = [f"p{number}" for number in range(500)]
    edges = [Edge(f"{number}", names[number // 3], names[number], 14) for number in range(1, 500)]
    layout = lay_out({name: Size(20, 3) for name in names}, edges)
    assert len(layout.boxes) == 500
