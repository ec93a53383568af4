"""Logging of the command line: lines for people, or JSON lines, on stderr."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from router.cli.terminal import printable
from router.engine import Bulletin

__all__ = ["configure"]

LONGEST = 200


def configure(level: str, *, as_json: bool) -> Stderr:
    """Send what `router` logs to stderr, and other libraries' warnings in the same form."""
    handler = Stderr()
    handler.setFormatter(JsonLines() if as_json else Lines())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger("router").setLevel(level.upper())
    return handler


class Stderr(logging.StreamHandler[Any]):
    """Writes to whatever stderr is now: while the progress shows, lines go above it. Secrets are hidden in all of them."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)
        self.hide: Callable[[str], str] = str

    def format(self, record: logging.LogRecord) -> str:
        """Write a line, tracebacks included, without secrets."""
        return self.hide(super().format(record))

    @property
    def stream(self) -> Any:
        return sys.stderr

    @stream.setter
    def stream(self, value: object) -> None:
        """Keep to stderr."""


class Lines(logging.Formatter):
    """``12:00:01 WARNING score: calls take long (milliseconds=80)``."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one line, and a traceback where one came along."""
        clock = time.strftime("%H:%M:%S", time.localtime(record.created))
        bulletin = _bulletin(record)
        said = record.getMessage() if bulletin is None else _in_short(bulletin)
        text = f"{clock} {record.levelname} {printable(said)}"
        return f"{text}\n{self.formatException(record.exc_info)}" if record.exc_info else text


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, text, and for a bulletin its flow, processor and data."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
        }
        line |= {name: value for name in ("flow", "processor") if (value := getattr(record, name, None)) is not None}
        bulletin = _bulletin(record)
        if bulletin is not None:
            line |= {"text": bulletin.text, "data": dict(bulletin.data)}
        else:
            line["text"] = record.getMessage()
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


def _bulletin(record: logging.LogRecord) -> Bulletin | None:
    first = record.args[0] if isinstance(record.args, tuple) and record.args else None
    return first if isinstance(first, Bulletin) else None


def _in_short(bulletin: Bulletin) -> str:
    """A bulletin on a line that a person reads; what is long is whole in the JSON lines."""
    data = ", ".join(f"{name}={_cut(str(value))}" for name, value in bulletin.data.items())
    return f"{bulletin.processor}: {bulletin.text}" + (f" ({data})" if data else "")


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."
