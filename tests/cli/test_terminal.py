"""The region at the bottom of a terminal, and lines that go above it."""

from __future__ import annotations

import io
import re
import sys
import unicodedata
from contextlib import redirect_stderr

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.cli.terminal import Region, has_colour, is_terminal, painted, printable


class Terminal(io.StringIO):
    """Keeps what is written, and knows enough of escape sequences to say what is seen."""

    def isatty(self) -> bool:
        return True

    @property
    def seen(self) -> list[str]:
        lines, row = [""], 0
        for text, up, erase in re.findall(r"([^\x1b\n]+|\n)|\x1b\[(\d+)F|\x1b\[([KJ])", self.getvalue()):
            if up:
                row -= int(up)
                lines[row] = lines[row] + "\r"  # what is written next takes the place of the line
            elif erase == "J":
                lines = [*lines[:row], ""]
            elif text == "\n":
                row += 1
                lines += [""] * (row + 1 - len(lines))
                lines[row] += "\r"
            elif text:
                lines[row] = text if lines[row].endswith("\r") else lines[row] + text
        return [line.rstrip("\r") for line in lines if line.rstrip("\r")]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "20")
    monkeypatch.setenv("LINES", "4")
    return Terminal()


def test_a_region_is_drawn_in_place_of_the_one_before(terminal: Terminal) -> None:
    with redirect_stderr(terminal), Region() as region:
        region.draw([[("one", "")], [("two", "")]])
        region.draw([[("three", "")]])
        assert terminal.seen == ["three"]


def test_what_is_printed_meanwhile_stands_above(terminal: Terminal) -> None:
    with redirect_stderr(terminal), Region() as region:
        region.draw([[("region", "")]])
        sys.stderr.write("first\nse")
        sys.stderr.write("cond\nrest")
        assert terminal.seen == ["first", "second", "region"]
    assert terminal.seen == ["first", "second", "rest"]


def test_a_region_that_is_left_is_gone(terminal: Terminal) -> None:
    with redirect_stderr(terminal), Region() as region:
        region.draw([[("region", "")]])
    assert terminal.seen == []


def test_lines_are_cut_at_the_width_and_the_height_of_the_terminal(terminal: Terminal) -> None:
    with redirect_stderr(terminal), Region() as region:
        region.draw([[("x" * 50, "")]] * 10)
        assert terminal.seen == ["x" * 19, "x" * 19, "and 8 lines more"]


@given(st.text(), st.integers(0, 10))
def test_a_painted_line_is_never_wider_than_asked(text: str, width: int) -> None:
    kept = painted([(printable(text), "")], colour=False, width=width)
    assert sum(2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in kept) <= width
    assert kept.isprintable()


def test_colours_surround_text_and_not_blanks() -> None:
    line = [("bad", "red"), ("  ", "red"), ("plain", "")]
    assert painted(line, colour=True) == "\x1b[31mbad\x1b[0m  plain"
    assert painted(line, colour=False) == "bad  plain"


@pytest.mark.parametrize(
    ("term", "no_color", "expected"),
    [
        ("xterm", "", (True, True)),
        ("xterm", "1", (True, False)),
        ("dumb", "", (False, False)),
        ("", "", (False, False)),
    ],
)
def test_colour_and_region_need_a_terminal_that_has_them(
    monkeypatch: pytest.MonkeyPatch, term: str, no_color: str, expected: tuple[bool, bool]
) -> None:
    monkeypatch.setenv("TERM", term)
    monkeypatch.setenv("NO_COLOR", no_color)
    assert (is_terminal(Terminal()), has_colour(Terminal())) == expected
    assert not is_terminal(io.StringIO())


def test_what_would_steer_the_terminal_is_escaped() -> None:
    assert printable("a\x1b[2J\r\nb\u202e é 😀") == "a\\x1b[2J\\r\\nb\\u202e é 😀"
