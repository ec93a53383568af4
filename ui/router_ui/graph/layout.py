"""Lay a flow out: boxes in ranks from top to bottom, each connection a line with a label in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from router_ui.graph.model import EAST, NORTH, SOUTH, WEST, Edge, Layout, Part, Rect, Size, Spacing, Wire
from router_ui.graph.order import put_in_order
from router_ui.graph.place import place
from router_ui.graph.ranks import Net, Ranked, ranked
from router_ui.graph.tracks import Bend, tracks

__all__ = ["lay_out"]


def lay_out(boxes: Mapping[str, Size], edges: Sequence[Edge], spacing: Spacing | None = None) -> Layout:
    """Where each box, each label and each line goes.

    Records flow downwards. The lines out of a box begin as one and branch, those into one come together;
    lines of different boxes may cross and never touch. A line that closes a cycle leads up at the right.

    Args:
        boxes: The size of each processor's box, in the order of the flow; all are of one height.
    """
    spacing = spacing if spacing is not None else Spacing()
    found = ranked({name: size.width for name, size in boxes.items()}, edges)
    put_in_order(found)
    width = place(found, spacing.beside)
    height = max((size.height for size in boxes.values()), default=0)
    return _Drawn(found, width, height, spacing).layout()


class _Drawn:
    """Rows for ranks and gaps, then lines through them."""

    def __init__(self, found: Ranked, width: int, box_height: int, spacing: Spacing) -> None:
        self._found = found
        self._width = width
        self._bends: list[dict[object, Bend]] = []
        self._gap_tops: list[int] = []
        self._rank_tops: list[int] = []
        self._heights = [box_height if number % 2 == 0 else 1 for number in range(len(found.ranks))]
        self._wires: dict[int, dict[int, list[Wire]]] = {}
        self._corners: dict[str, list[tuple[Part, list[tuple[int, int]]]]] = {}
        row = 0
        for gap, nets in enumerate(found.nets):
            bends, rows = tracks(nets)
            is_outside = gap in (0, len(found.nets) - 1)
            least = 0 if is_outside else spacing.below_box if gap % 2 else spacing.above_box
            self._bends.append(bends)
            self._gap_tops.append(row)
            row += max(rows, least)
            self._rank_tops.append(row)
            row += self._heights[gap] if gap < len(self._heights) else 0
        self._height = row

    def layout(self) -> Layout:
        """All of it."""
        boxes: dict[str, Rect] = {}
        labels: dict[str, Rect] = {}
        for part in (part for rank in self._found.ranks for part in rank):
            rect = self._rect(part)
            if part.box is not None:
                boxes[part.box] = rect
            elif part.edge is not None and part.is_label:
                labels[part.edge.id] = rect
            if part.edge is not None:
                self._pass_through(part, part.edge.id)
        for gap, nets in enumerate(self._found.nets):
            for key, net in nets.items():
                self._run(gap, (gap, key), net, self._bends[gap].get(key))
        widest = [bend.at + 1 for bends in self._bends for bend in bends.values() if bend.lower is not None]
        return Layout(
            max([self._width, *widest]), self._height, boxes, labels,
            [[name for part in rank if (name := part.name) is not None] for rank in self._found.ranks],
            self._wires, {edge: _in_order(ways) for edge, ways in self._corners.items()}, self._rising(),
        )  # fmt: skip

    def _rect(self, part: Part) -> Rect:
        top, height = self._rank_tops[part.rank], self._heights[part.rank]
        if part.box is not None:
            return Rect(part.left, top, part.width, height)
        return Rect(part.left, top + height // 2, part.width, 1)

    def _rising(self) -> list[tuple[int, int]]:
        return [
            (part.x, self._rank_tops[part.rank] + self._heights[part.rank] // 2)
            for chain in self._found.chains
            for part in chain
            if not part.is_label
        ]

    def _pass_through(self, part: Part, edge: str) -> None:
        """The line of a connection beside boxes, but where its label is."""
        top, height = self._rank_tops[part.rank], self._heights[part.rank]
        for row in range(top, top + height):
            if not part.is_label or row != top + height // 2:
                self._mark(part.x, row, NORTH | SOUTH, (part.rank, edge, "through"), edge)

    def _run(self, gap: int, net_key: object, net: Net, bend: Bend | None) -> None:
        """The lines of a net through a gap."""
        top, bottom = self._gap_tops[gap], self._rank_tops[gap]
        for begin, end, edge in net.ways:
            points = [(begin.x, top if begin in net.tops else bottom - 1)]
            if bend is not None:
                points += _turns(begin.x, end.x, bend, top, is_up=begin in net.tops, is_down=end in net.bottoms)
            points.append((end.x, bottom - 1 if end in net.bottoms else top))
            sides = (NORTH if begin in net.tops else SOUTH, SOUTH if end in net.bottoms else NORTH)
            if bottom > top:
                self._draw(points, sides, net_key, edge)
            self._corners.setdefault(edge, []).append(
                (begin, self._with_ends(points if bottom > top else [], begin, end))
            )

    def _with_ends(self, points: list[tuple[int, int]], begin: Part, end: Part) -> list[tuple[int, int]]:
        """From the border of the producer, and to that of the consumer."""
        first, last = self._rect(begin), self._rect(end)
        before = [(begin.x, first.bottom - 1)] if begin.box is not None else []
        return [*before, *points, *([(end.x, last.y)] if end.box is not None else [])]

    def _draw(self, points: Sequence[tuple[int, int]], ends: tuple[int, int], net: object, edge: str) -> None:
        self._mark(*points[0], ends[0], net, edge)
        self._mark(*points[-1], ends[1], net, edge)
        for begin, end in pairwise(points):
            towards, backwards = _sides(*begin, *end)
            for cell, beyond in pairwise(_cells(begin, end)):
                self._mark(*cell, towards, net, edge)
                self._mark(*beyond, backwards, net, edge)

    def _mark(self, x: int, y: int, sides: int, net: object, edge: str) -> None:
        cell = self._wires.setdefault(y, {}).setdefault(x, [])
        for wire in cell:
            if wire.net == net:
                wire.edges[edge] = wire.edges.get(edge, 0) | sides
                return
        cell.append(Wire(net, {edge: sides}))


def _turns(x: int, to_x: int, bend: Bend, top: int, *, is_up: bool, is_down: bool) -> list[tuple[int, int]]:
    """The corners of a way through a bend: from above or below, to below or above."""
    upper, lower = top + bend.row, top + (bend.lower or bend).row
    if bend.lower is None or is_up != is_down:  # in one row: into the net and out of it on one side
        row = upper if is_up else lower
        return [(x, row), (to_x, row)]
    return [(x, upper), (bend.at, upper), (bend.at, lower), (to_x, lower)]


def _cells(begin: tuple[int, int], end: tuple[int, int]) -> list[tuple[int, int]]:
    """All cells from a corner to the next."""
    (x, y), (to_x, to_y) = begin, end
    across, down = (to_x > x) - (to_x < x), (to_y > y) - (to_y < y)
    return [(x + step * across, y + step * down) for step in range(abs(to_x - x) + abs(to_y - y) + 1)]


def _sides(x: int, y: int, to_x: int, to_y: int) -> tuple[int, int]:
    if x != to_x:
        return (EAST, WEST) if to_x > x else (WEST, EAST)
    return (SOUTH, NORTH) if to_y > y else (NORTH, SOUTH)


def _in_order(ways: Sequence[tuple[Part, list[tuple[int, int]]]]) -> list[tuple[int, int]]:
    """The corners of a connection in the direction of its records."""
    first, *others = sorted(ways, key=lambda way: way[0].box is None)
    others.sort(key=lambda way: -way[0].rank if way[0].is_back else way[0].rank)
    return [point for _, points in (first, *others) for point in points]
