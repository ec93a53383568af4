"""Figures as pictures in few cells: sparklines, bars, plots."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

__all__ = ["bar", "plot", "sparkline"]

_STEPS = " ▁▂▃▄▅▆▇█"
_PARTS = " ▏▎▍▌▋▊▉█"
_EMPTY = "░"


def sparkline(values: Sequence[float], width: int, most: float | None = None) -> str:
    """The newest values, one a cell, right-aligned; the highest, or ``most``, fills its cell.

    A value above zero is never drawn as nothing, and nothing is known of a cell that is empty.
    """
    return plot(values, width, 1, most)[0]


def plot(values: Sequence[float], width: int, height: int, most: float | None = None) -> list[str]:
    """The newest values as columns, eight steps a cell, the uppermost row first."""
    shown = list(values)[-width:] if width > 0 else []
    top = max([most or 0.0, *shown]) or 1.0
    levels = [max(1, ceil(8 * height * max(0.0, value) / top - 1e-9)) for value in shown]
    rows = ["".join(_STEPS[max(0, min(8, level - 8 * row))] for level in levels) for row in range(height - 1, -1, -1)]
    return [row.rjust(max(0, width)) for row in rows]


def bar(share: float, width: int) -> str:
    """How full something is: filled cells, the last one in eighths, and what is free dotted."""
    eighths = max(0, min(8 * width, round(8 * width * share)))
    if share > 0:
        eighths = max(1, eighths)
    if share < 1:
        eighths = min(8 * width - 1, eighths)
    full, rest = divmod(eighths, 8)
    filled = "█" * full + (_PARTS[rest] if rest else "")
    return filled + _EMPTY * (width - len(filled))
