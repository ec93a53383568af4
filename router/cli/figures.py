"""Figures for people: counts, rates, times."""

from __future__ import annotations

__all__ = ["clock", "count", "left", "plural", "rate", "seconds"]


def count(number: float) -> str:
    """``1,234``."""
    return f"{number:,.0f}"


def rate(number: float) -> str:
    """Records a second: ``201,332``, ``1.4`` where it is little, ``0``."""
    return f"{number:.1f}" if 0 < number < 9.95 else count(number)


def plural(number: int, word: str) -> str:
    """``1 record``, ``2 records``."""
    return f"{count(number)} {word}" if number == 1 else f"{count(number)} {word}s"


def seconds(number: float) -> str:
    """How long something took: ``40 ms``, ``0.21 s``, ``1.8 s``, ``75 s``, ``12:04``, ``1:02:03``."""
    if number < 0.0995:
        return f"{number * 1000:.0f} ms"
    if number < 0.995:
        return f"{number:.2f} s"
    if number < 9.95:
        return f"{number:.1f} s"
    return f"{number:.0f} s" if number < 119.5 else clock(number)


def clock(number: float) -> str:
    """``0:04``, ``12:04``, ``1:02:03``."""
    minutes, rest = divmod(round(number), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def left(number: float) -> str:
    """What still lies ahead, roughly: ``3 s left``, ``12 min left``, ``5 h left``."""
    if number < 99.5:
        return f"{number:.0f} s left"
    return f"{number / 60:.0f} min left" if number < 99.5 * 60 else f"{number / 3600:.0f} h left"
