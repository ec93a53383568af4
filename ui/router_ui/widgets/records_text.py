"""Text that comes from records, made fit for cells of a terminal: no control characters, no more than its width."""

from __future__ import annotations

import time
import unicodedata
from itertools import accumulate

from rich.cells import cell_len, get_character_cell_size

__all__ = ["clean", "fit", "when", "widths"]

# What moves the cursor, changes the direction of writing or has no width would break the table, or lie about its neighbours.
_HIDDEN = {"Cc", "Cf", "Co", "Zl", "Zp"}


class _Signs(dict[int, str]):
    """A sign for each character that is not to be shown, worked out when it is first met."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        found = unicodedata.category(character)
        self[code] = sign = "·" if found in _HIDDEN else "\ufffd" if found == "Cs" else character
        return sign


_SIGNS = _Signs({9: "→", 10: "↵", 13: "↵", 27: "␛"})


def clean(text: str) -> str:
    """The same text on one line, with a visible sign for each character that a terminal would obey."""
    return text.translate(_SIGNS)


def fit(text: str, width: int, *, is_right: bool = False) -> str:
    """A clean text in so many cells: filled up, or cut with an ellipsis."""
    used = len(text) if text.isascii() else cell_len(text)
    if used > width:
        text, used = _cut(text, width)
    space = " " * (width - used)
    return space + text if is_right else text + space


def _cut(text: str, width: int) -> tuple[str, int]:
    if width <= 0:
        return "", 0
    sizes = accumulate(get_character_cell_size(each) for each in text[:width])
    ends = [end for end in sizes if end <= width - 1]
    return text[: len(ends)] + "…", (ends[-1] if ends else 0) + 1


def widths(wanted: list[int], most: list[int], available: int) -> list[int]:
    """How wide each column is: as wide as it wants up to its most, and beyond where there is room to spare."""
    given = [min(each, limit) for each, limit in zip(wanted, most, strict=True)]
    spare = available - sum(given)
    for index, each in enumerate(wanted):
        more = max(0, min(each - given[index], spare))
        given[index] += more
        spare -= more
    return given


def when(seconds: float) -> str:
    """A moment of this year, here: ``11-24 16:00:00``."""
    return time.strftime("%m-%d %H:%M:%S", time.localtime(seconds))
