"""The newest lines of the log, kept for whoever watches."""

from __future__ import annotations

import itertools
import logging
from collections import deque
from collections.abc import Callable

from router.control.messages import LogLine

__all__ = ["Log"]

KEPT = 1000
_LONGEST = 4096


class Log(logging.Handler):
    """Keeps the newest lines that a process logs."""

    def __init__(self) -> None:
        super().__init__()
        self.hide: Callable[[str], str] = str
        self._lines: deque[tuple[str | None, LogLine]] = deque(maxlen=KEPT)
        self._numbers = itertools.count(1)

    def begin(self) -> None:
        """Keep what is logged from now on."""
        logging.getLogger("router").addHandler(self)

    def end(self) -> None:
        """Keep no more."""
        logging.getLogger("router").removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one line."""
        try:
            text = self.format(record)
        except Exception:  # noqa: BLE001 - whatever was logged, it must not harm who logged it
            text = str(record.msg)
        line = LogLine(
            number=next(self._numbers),
            time=record.created,
            level=record.levelname.lower(),
            logger=record.name,
            text=self.hide(text)[:_LONGEST],
        )
        self._lines.append((getattr(record, "flow", None), line))

    @property
    def newest(self) -> int:
        """The number of the newest line; 0: there is none."""
        return self._lines[-1][1].number if self._lines else 0

    def lines_of(self, flow: str) -> list[LogLine]:
        """The lines of one flow, and those of none."""
        return [line for of, line in list(self._lines) if of in (None, flow)]
