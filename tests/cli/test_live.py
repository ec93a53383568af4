"""The live table, on a real pseudo-terminal."""

from __future__ import annotations

import os
import pty
import re
from collections.abc import Iterator
from pathlib import Path
from signal import SIGINT
from typing import Any

import pytest

ENDLESS = {"type": "count_up"}
KEEP = {"type": "keep"}


class Screen:
    """What a process writes to its terminal."""

    def __init__(self) -> None:
        self.reading, self.writing = pty.openpty()
        self.text = ""

    def until(self, text: str) -> str:
        """Read up to this; all that was read so far."""
        while text not in self.text:
            more = self._more()
            assert more, f"{text!r} never came; the terminal shows:\n{self.text}"
            self.text += more
        return self.text

    def rest(self) -> str:
        """Read to the end, which comes when nobody holds the terminal any more."""
        while more := self._more():
            self.text += more
        return self.text

    def _more(self) -> str:
        try:
            return os.read(self.reading, 65536).decode(errors="replace")
        except OSError:  # Linux says so when the last writer has gone
            return ""

    def hand_over(self) -> None:
        """The process has it now."""
        os.close(self.writing)


@pytest.fixture
def screen() -> Iterator[Screen]:
    made = Screen()
    yield made
    os.close(made.reading)


def test_a_table_shows_while_records_move_and_is_gone_at_the_end(
    start: Any, flow: Any, folder: Path, screen: Screen
) -> None:
    run = start("run", flow("endless", ENDLESS, KEEP), stderr=screen.writing)
    screen.hand_over()
    shown = screen.until("a second\x1b[0m")
    run.send(SIGINT)
    shown = screen.rest()
    assert run.end()[0] == 130
    assert "kept the first\r\n" in shown
    table, _, summary = shown.rpartition("\x1b[J")
    assert ("\x1b[1mendless\x1b[0m  0:0" in table, "a second\x1b[0m" in table) == (True, True)
    assert ("endless" in summary, "stopped" in summary, "0:0" in summary) == (True, True, False)


def test_no_color_draws_the_table_without_colours(
    start: Any, flow: Any, folder: Path, screen: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    run = start("run", flow("endless", ENDLESS, KEEP), stderr=screen.writing)
    screen.hand_over()
    screen.until("a second")
    run.send(SIGINT)
    shown = screen.rest()
    coloured = re.search(r"\x1b\[\d+m", shown)
    assert (run.end()[0], "\x1b[K" in shown, coloured) == (130, True, None)


def test_a_dumb_terminal_gets_no_table(
    start: Any, flow: Any, folder: Path, screen: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "dumb")
    run = start("run", flow("ten", {"type": "count_up", "count": 10}, KEEP), stderr=screen.writing)
    screen.hand_over()
    shown = screen.rest()
    assert (run.end()[0], "ten: done; 10 records" in shown, "\x1b" in shown) == (0, True, False)
