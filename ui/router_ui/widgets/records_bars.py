"""Figures as signs: how full something is, how it went lately."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["bar", "fill_tone", "spark"]

_EIGHTHS = " ▏▎▍▌▋▊▉█"
_LEVELS = "▁▂▃▄▅▆▇█"


def bar(share: float, width: int) -> str:
    """A bar of so many cells, filled to an eighth of one; what holds anything shows."""
    eighths = round(max(0.0, min(1.0, share)) * width * 8)
    if share > 0:
        eighths = max(1, eighths)
    if share < 1:
        eighths = min(width * 8 - 1, eighths)
    whole, rest = divmod(eighths, 8)
    return ("█" * whole + (_EIGHTHS[rest] if rest else "")).ljust(width, "·")


def fill_tone(share: float) -> str:
    """The colour of how full something is."""
    return "bad" if share >= 0.85 else "warn" if share >= 0.6 else "good"


def spark(values: Sequence[float], width: int) -> str:
    """The newest figures as a line of bars, from 0 to the highest of them."""
    shown = list(values)[-width:]
    top = max(shown, default=0.0)
    if top <= 0:
        return "▁" * len(shown)
    return "".join(_LEVELS[min(7, int(max(0.0, each) / top * 7.999))] for each in shown)
