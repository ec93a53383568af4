"""What stands in the box of a processor and on the line of a connection, as pieces of text with styles."""

from __future__ import annotations

from collections.abc import Sequence

from router.control.messages import ConnectionView, ProcessorView
from router_ui.figures import percent, rate, short
from router_ui.graph.model import Size
from router_ui.plots import bar, sparkline

__all__ = ["GLYPHS", "Pieces", "box_size", "box_text", "fill_style", "label_text", "label_width", "rate_of"]

Pieces = list[tuple[str, str]]
"""Text, each with the name of its style."""

GLYPHS = {
    "running": "●",
    "waiting": "○",
    "blocked": "▲",
    "retrying": "↻",
    "resting": "◌",
    "paused": "‖",
    "stopped": "■",
    "ended": "✓",
}
"""A state is told by its form; colour only helps."""

_CALM = ("running", "waiting")
_COUNT, _RATE, _PERCENT = 4, 6, 4
_BAR = {False: 4, True: 5}  # by whether there is room
_NARROWEST, _WIDEST = 20, 34
_LONGEST_WORD = 12  # of a relationship


def box_size(view: ProcessorView, *, is_roomy: bool) -> Size:
    """How many cells the box takes; it does not depend on figures."""
    if is_roomy:
        inner = max(len(view.name) + 2 + 1 + 8, len(view.type) + 2 + 1 + 8)
        return Size(max(_NARROWEST + 4, min(_WIDEST, inner + 4)), 5)
    kind = 0 if view.type == view.name else len(view.type) + 1
    return Size(max(_NARROWEST, min(_WIDEST, len(view.name) + kind + 2 + 1 + 8 + 4)), 3)


def box_text(view: ProcessorView, past: Sequence[float], size: Size) -> list[Pieces]:
    """The lines within the box, each as wide as it is inside."""
    inner = size.width - 4
    style = f"state-{view.state}" if view.state in GLYPHS else "state-running"
    glyph = (f"{GLYPHS.get(view.state, '?')} ", style)
    speed = rate(rate_of(view))
    if size.height < 5:
        last = speed if view.state in _CALM else view.state
        room = inner - 2 - len(last) - 1
        name = _cut(view.name, room)
        kind = "" if view.type == view.name else _cut(view.type, room - len(name) - 1, least=4)
        gap = inner - 2 - len(name) - len(last) - (len(kind) + 1 if kind else 0)
        middle: Pieces = [(f" {kind}", "type")] if kind else []
        return [[glyph, (name, "name"), *middle, (" " * gap, ""), (last, "rate" if view.state in _CALM else style)]]
    name = _cut(view.name, inner - 2 - len(speed) - 1)
    kind = _cut(view.type, inner - 2 - len(view.state) - 1)
    return [
        [glyph, (name.ljust(inner - 2 - len(speed)), "name"), (speed, "rate")],
        [("  ", ""), (kind.ljust(inner - 2 - len(view.state)), "type"), (view.state, style)],
        [(sparkline(past, inner), "spark")],
    ]


def rate_of(view: ProcessorView) -> float:
    """Records a second: what it gives; of a sink, what it takes."""
    return view.rate_in if view.rate_in and not view.routes else view.rate_out


def label_width(view: ConnectionView, *, is_roomy: bool) -> int:
    """How many cells the label takes."""
    word = _word(view)
    return (len(word) + 1 if word else 0) + _BAR[is_roomy] + 1 + (_PERCENT + 1 if is_roomy else 0) + _COUNT + 1 + _RATE


def label_text(view: ConnectionView, *, is_roomy: bool) -> Pieces:
    """How full, how many, how fast; and by which relationship, where that is not plain success."""
    word, style = _word(view), fill_style(view.full)
    found: Pieces = [(f"{word} ", "word")] if word else []
    found.append((bar(view.full, _BAR[is_roomy]), style))
    if is_roomy:
        found.append((f" {percent(view.full):>{_PERCENT}}", style))
    found.append((f" {short(view.records):>{_COUNT}}", "count"))
    found.append((f" {rate(view.rate_in):>{_RATE}}", "rate"))
    return found


def fill_style(share: float) -> str:
    """Below 60 %, below 85 %, above."""
    return "fill-low" if share < 0.6 else "fill-middle" if share < 0.85 else "fill-high"


def _word(view: ConnectionView) -> str:
    return "" if view.relationship == "success" else _cut(view.relationship, _LONGEST_WORD)


def _cut(text: str, width: int, least: int = 1) -> str:
    """Text in so many cells; where fewer than ``least`` are there, nothing."""
    if len(text) <= width:
        return text
    return "" if width < least else text[: width - 1] + "…"
