"""Figures in few cells: counts, rates, sizes, times."""

from __future__ import annotations

import time

__all__ = ["clock", "moment", "percent", "plural", "rate", "short", "size", "span"]


def short(number: float) -> str:
    """A count in at most five cells: ``999``, ``1.2k``, ``48k``, ``3.4M``."""
    for unit in ("", "k", "M", "G"):
        if abs(number) < 999.5:
            return f"{number:.1f}{unit}" if unit and abs(number) < 9.95 else f"{number:.0f}{unit}"
        number /= 1000
    return f"{number:.0f}T"


def rate(number: float) -> str:
    """Records a second: ``0.4/s``, ``200/s``, ``1.2k/s``."""
    return f"{number:.1f}/s" if 0 < number < 9.95 else f"{short(number)}/s"


def size(nbytes: float) -> str:
    """``512 B``, ``1.5 kB``, ``64 MB``."""
    for unit in ("B", "kB", "MB", "GB"):
        if nbytes < 999.5:
            return f"{nbytes:.1f} {unit}" if unit != "B" and nbytes < 9.95 else f"{nbytes:.0f} {unit}"
        nbytes /= 1000
    return f"{nbytes:.0f} TB"


def percent(share: float) -> str:
    """``0%``, ``<1%``, ``85%``; ``100%`` only where it is so."""
    if 0 < share < 0.01:
        return "<1%"
    return f"{min(99, share * 100):.0f}%" if share < 1 else f"{share * 100:.0f}%"


def plural(number: int, word: str) -> str:
    """``1 record``, ``2,000 records``."""
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"


def span(seconds: float) -> str:
    """How long something takes: ``0``, ``40 us``, ``3.1 ms``, ``0.21 s``, ``75 s``, ``12:04``."""
    if seconds <= 0:
        return "0"
    for unit, factor in (("us", 1e6), ("ms", 1e3)):
        if seconds * factor < 999.5:
            value = seconds * factor
            return f"{value:.1f} {unit}" if unit == "ms" and value < 9.95 else f"{value:.0f} {unit}"
    if seconds < 119.5:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    return clock(seconds)


def clock(seconds: float) -> str:
    """``0:04``, ``12:04``, ``1:02:03``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def moment(seconds: float) -> str:
    """The time of day of a moment, here: ``14:03:22``."""
    return time.strftime("%H:%M:%S", time.localtime(seconds))
