"""Draw rows of a layout: lines, boxes, labels; only those columns that are asked for."""

from __future__ import annotations

from typing import Protocol

from router_ui.graph.looks import Pieces
from router_ui.graph.model import EAST, NORTH, SOUTH, WEST, Layout, Rect

__all__ = ["Drawing", "Faces"]

_THIN = dict(
    zip(
        (NORTH | SOUTH, EAST | WEST, SOUTH | EAST, SOUTH | WEST, NORTH | EAST, NORTH | WEST, NORTH | SOUTH | EAST,
         NORTH | SOUTH | WEST, SOUTH | EAST | WEST, NORTH | EAST | WEST, 15, NORTH, SOUTH, EAST, WEST),
        "│─╭╮╰╯├┤┬┴┼╵╷╶╴", strict=True,
    )
)  # fmt: skip
_THICK = dict(zip(_THIN, "┃━┏┓┗┛┣┫┳┻╋╹╻╺╸", strict=True))
_FRAMES = {False: tuple("┌─┐│└┘▼┬"), True: tuple("┏━┓┃┗┛▼┳")}


class Faces(Protocol):
    """What stands in boxes and on lines at the moment."""

    def box(self, name: str, rect: Rect) -> list[Pieces]:
        """The lines within a box, as wide as it but for two cells at each side."""

    def label(self, id: str) -> Pieces:
        """What stands on a connection, as wide as its label."""


class Drawing:
    """Draws a layout."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self._boxes: dict[int, list[tuple[str, Rect]]] = {}
        self._labels: dict[int, list[tuple[str, Rect]]] = {}
        for name, rect in layout.boxes.items():
            for y in range(rect.y, rect.bottom):
                self._boxes.setdefault(y, []).append((name, rect))
        for name, rect in layout.labels.items():
            self._labels.setdefault(rect.y, []).append((name, rect))
        self._rising = set(layout.rising)
        self._entered = {(points[-1]) for points in layout.paths.values()}
        self._left = {(points[0]) for points in layout.paths.values()}

    def row(self, y: int, left: int, right: int, faces: Faces, chosen: str | None = None) -> Pieces:
        """One row, from column ``left`` to before ``right``; the line or box that is chosen is drawn thick."""
        cells: list[tuple[str, str]] = [(" ", "")] * (right - left)
        self._draw_wires(cells, y, left, chosen)
        for name, rect in self._boxes.get(y, ()):
            if rect.x < right and rect.right > left:
                _put(cells, rect.x - left, self._box_row(y, name, rect, faces, is_chosen=name == chosen))
        for name, rect in self._labels.get(y, ()):
            if rect.x < right and rect.right > left:
                pieces = faces.label(name)
                _put(cells, rect.x - left, [(text, "chosen") for text, _ in pieces] if name == chosen else pieces)
        return _joined(cells)

    def at(self, x: int, y: int) -> str | None:
        """The processor or connection in a cell, lines that belong to one alone included."""
        for rects in (self._boxes, self._labels):
            for name, rect in rects.get(y, ()):
                if rect.has(x, y):
                    return name
        wires = self.layout.wires.get(y, {}).get(x, ())
        edges = [edge for wire in wires for edge in wire.edges]
        return edges[0] if len(edges) == 1 else None

    def _draw_wires(self, cells: Pieces, y: int, left: int, chosen: str | None) -> None:
        wires = self.layout.wires.get(y)
        if wires is None:
            return
        for number in range(len(cells)):
            found = wires.get(left + number)
            if found is None:
                continue
            # Where lines cross, the one that goes down is drawn and the other has a gap: nobody takes it for a joint.
            wire = next((each for each in found if chosen in each.edges), None)
            if wire is not None and chosen is not None:
                cells[number] = (_THICK[wire.edges[chosen]], "line-chosen")
                continue
            sides = next((each.sides for each in found if each.sides & (NORTH | SOUTH)), found[0].sides)
            glyph = "▲" if (left + number, y) in self._rising else _THIN[sides]
            cells[number] = (glyph, "line")

    def _box_row(self, y: int, name: str, rect: Rect, faces: Faces, *, is_chosen: bool) -> Pieces:
        corner, across, other, side, low, lower, arrow, way = _FRAMES[is_chosen]
        style = "box-chosen" if is_chosen else "box"
        if y in (rect.y, rect.bottom - 1):
            begin, end = (corner, other) if y == rect.y else (low, lower)
            edge = [begin, *across * (rect.width - 2), end]
            if (rect.centre, y) in (self._entered if y == rect.y else self._left):
                edge[rect.width // 2] = arrow if y == rect.y else way
            return [("".join(edge), style)]
        return [(f"{side} ", style), *faces.box(name, rect)[y - rect.y - 1], (f" {side}", style)]


def _put(cells: Pieces, at: int, pieces: Pieces) -> None:
    for text, style in pieces:
        for each in text:
            if 0 <= at < len(cells):
                cells[at] = (each, style)
            at += 1


def _joined(cells: Pieces) -> Pieces:
    found: Pieces = []
    begin = 0
    for number in range(1, len(cells) + 1):
        if number == len(cells) or cells[number][1] != cells[begin][1]:
            found.append(("".join(text for text, _ in cells[begin:number]), cells[begin][1]))
            begin = number
    return found
