"""Show records to people, a few of them."""

from __future__ import annotations

import contextlib
import sys
from typing import Literal

from router import (
    FAILURE,
    Batch,
    Config,
    Context,
    Field,
    Processor,
    Rate,
    RecordError,
    Relationship,
    Template,
    Unconnected,
)

SHOWN = Relationship("success", "All records, shown or not.", Unconnected.DELIVERED)


class LogConfig(Config):
    """Settings of ``log``."""

    text: Template | None = Field(
        None, description="What to show of a record; left out: all of it.", examples=["{{ lang }}: {{ text }}"]
    )
    every: int = Field(1, ge=1, description="Show one record in so many.")
    rate: Rate = Field(10.0, description="Show at most so many a second; 0: all.")
    width: int = Field(200, ge=20, description="Cut what is shown to so many characters.")


class Log(Processor):
    """Write records to standard error, one line each, sampled; for people, not for programs.

    How many the rate held back is said before the next line. Characters that would steer
    a terminal are written as escapes. A standard error that is closed stops nothing.

    Example:
        show: {type: log, text: "{{ lang }}: {{ text }}", every: 100}
    """

    type_name = "log"
    config: LogConfig
    relationships = (SHOWN, FAILURE)
    is_sink = True
    reads: Literal["rows", "content", "any"] = "any"

    def __init__(self, config: LogConfig) -> None:
        super().__init__(config)
        self._seen = 0
        self._since = 0.0  # the second in which lines are counted
        self._lines = 0  # shown in it
        self._hidden = 0  # held back by the rate and not told yet
        if config.text is not None and config.text.whole:
            self.reads = "rows"  # `record` is all of it

    def fields(self) -> frozenset[str]:
        """What the template reads."""
        return self.config.text.fields if self.config.text is not None else frozenset()

    def process(self, batch: Batch, context: Context) -> Batch:
        """Show a few of the records, give on all."""
        chosen = range(-self._seen % self.config.every, len(batch), self.config.every)
        self._seen += len(batch)
        shown = chosen[: self._room(len(chosen), context.now())]
        told = self._told(context) if shown else []
        self._hidden += len(chosen) - len(shown)
        _write([*told, *(f"{context.name}: {self._line(batch.slice(index, index + 1))}" for index in shown)])
        return batch

    async def stop(self, context: Context) -> None:
        """Say how many were not shown at the end."""
        _write(self._told(context))

    def _room(self, wanted: int, now: float) -> int:
        """How many lines may be shown now."""
        if not self.config.rate:
            return wanted
        if not 0 <= now - self._since < max(1.0, 1 / self.config.rate):
            self._since, self._lines = now, 0
        room = min(wanted, max(1, int(self.config.rate)) - self._lines)
        self._lines += room
        return room

    def _told(self, context: Context) -> list[str]:
        hidden, self._hidden = self._hidden, 0
        return [f"{context.name}: {hidden:,} more, at most {self.config.rate:g} a second are shown"] if hidden else []

    def _line(self, record: Batch) -> str:
        text = self.config.text.over(record)[0] if self.config.text is not None else None
        if text is None:
            text = _whole(record)
        text = "".join(each if each.isprintable() else f"\\x{ord(each):02x}" for each in text[: self.config.width + 1])
        return text if len(text) <= self.config.width else text[: self.config.width - 3] + "..."


def _whole(record: Batch) -> str:
    try:
        return record.content[0].decode(errors="backslashreplace")
    except RecordError:  # such as bytes, which its format cannot say
        return repr(record.rows[0])


def _write(lines: list[str]) -> None:
    # Nobody looks any more when standard error is closed: no reason to stop a flow.
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write("".join(f"{line}\n" for line in lines))
