"""A region at the bottom of a terminal that is drawn again and again, while other output goes above it."""

from __future__ import annotations

import io
import os
import sys
import threading
import unicodedata
from collections.abc import Sequence
from shutil import get_terminal_size
from typing import Any, Self

__all__ = ["Line", "Region", "has_colour", "is_terminal", "painted", "printable"]

Line = Sequence[tuple[str, str]]
"""Pieces of text, each with the name of its style, or an empty one."""

_STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}
_ERASE_LINE, _ERASE_BELOW = "\x1b[K", "\x1b[J"


def is_terminal(stream: Any) -> bool:
    """True where a region can be drawn."""
    if stream is None:  # closed before the program began
        return False
    try:
        return bool(stream.isatty()) and os.environ.get("TERM", "") not in ("", "dumb")
    except ValueError:  # closed since
        return False


def has_colour(stream: Any) -> bool:
    """True where colours are wanted: on a terminal, unless NO_COLOR is set (no-color.org)."""
    return is_terminal(stream) and not os.environ.get("NO_COLOR")


def painted(line: Line, *, colour: bool, width: int | None = None) -> str:
    """Join the pieces, cut at ``width`` cells, in colour or not."""
    parts = []
    for text, style in line:
        piece = text if width is None else _cut(text, width)
        if width is not None:
            width -= _cells(piece)
        parts.append(f"\x1b[{_STYLES[style]}m{piece}\x1b[0m" if colour and style and piece.strip() else piece)
    return "".join(parts).rstrip()


def printable(text: str) -> str:
    """Text from outside on one line, with escapes for what would steer the terminal."""
    return text if text.isprintable() else "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)


def _cells(text: str) -> int:
    """How wide text is on a terminal: most of East Asia's characters and emoji take two cells."""
    return len(text) if text.isascii() else sum(1 + (unicodedata.east_asian_width(each) in "WF") for each in text)


def _cut(text: str, width: int) -> str:
    if len(text) * 2 <= width or _cells(text) <= width:
        return text
    kept = 0
    for position, each in enumerate(text):
        kept += _cells(each)
        if kept > width:
            return text[:position]
    return text


class Region:
    """The last lines of a terminal, drawn on stderr; while it is entered, stdout and stderr write above it.

    It changes nothing of the terminal that would have to be set right again: a process that is
    killed leaves the last lines standing, and no more.
    """

    def __init__(self) -> None:
        self._terminal = sys.stderr
        self._colour = has_colour(sys.stderr)
        self._shown: list[str] = []
        self._lock = threading.RLock()  # processors in threads print too
        self._former: tuple[Any, Any] = (sys.stdout, sys.stderr)

    def __enter__(self) -> Self:
        self._former = sys.stdout, sys.stderr
        sys.stderr = _Above(self, sys.stderr)
        if is_terminal(sys.stdout):
            sys.stdout = _Above(self, sys.stdout)
        return self

    def __exit__(self, *_: object) -> None:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, _Above):
                stream.finish()
        sys.stdout, sys.stderr = self._former
        self.draw([])

    def draw(self, lines: Sequence[Line]) -> None:
        """Show these lines in place of those before; of too many the first, and how many there are."""
        size = get_terminal_size()
        most = max(1, size.lines - 1)
        if len(lines) > most:
            lines = [*lines[: most - 1], [(f"and {len(lines) - most + 1} lines more", "dim")]]
        # A line as wide as the terminal would wrap in some, and the next drawing begin too low.
        shown = [painted(line, colour=self._colour, width=size.columns - 1) for line in lines]
        with self._lock:
            self._write(self._home() + "".join(f"{line}{_ERASE_LINE}\n" for line in shown) + _ERASE_BELOW)
            self._shown = shown

    def above(self, text: str, stream: Any) -> None:
        """Write whole lines above the region."""
        with self._lock:
            self._write(self._home() + _ERASE_BELOW)
            stream.write(text)
            stream.flush()
            self._write("".join(f"{line}\n" for line in self._shown))

    def _home(self) -> str:
        return f"\x1b[{len(self._shown)}F" if self._shown else ""

    def _write(self, text: str) -> None:
        self._terminal.write(text)
        self._terminal.flush()


class _Above(io.TextIOBase):
    """Stands for stdout or stderr while a region is shown; lines appear when they are whole."""

    def __init__(self, region: Region, stream: Any) -> None:
        self._region = region
        self._stream = stream
        self._begun = ""

    def write(self, text: str) -> int:
        whole, newline, rest = (self._begun + text).rpartition("\n")
        self._begun = rest
        if newline:
            self._region.above(whole + newline, self._stream)
        return len(text)

    def finish(self) -> None:
        """Write what has no newline yet."""
        if self._begun:
            self.write("\n")

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return bool(self._stream.isatty())

    def fileno(self) -> int:
        return int(self._stream.fileno())

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return str(self._stream.encoding)
