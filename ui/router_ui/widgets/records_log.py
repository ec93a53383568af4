"""What a flow says: the newest lines of its log, and its bulletins, as rows."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from router.control.client import FlowClient
from router.control.messages import BulletinView, LogLine
from router_ui.widgets.record_json import Line, json_lines
from router_ui.widgets.records_table import Column, Row
from router_ui.widgets.records_text import clean, when

__all__ = ["COLUMNS", "LEVELS", "LogBook", "said_lines", "said_row"]

LEVELS = ("debug", "info", "warning", "error")
COLUMNS = {
    "log": (Column("time", 14), Column("level", 8), Column("text", 80), Column("logger", 30)),
    "bulletins": (Column("time", 14), Column("of", 30), Column("text", 60), Column("data", 60)),
}
_KEPT = 5000
_AT_ONCE = 1000
_TONES = {"debug": "dim", "warning": "warn", "error": "bad", "critical": "bad"}


class LogBook:
    """The newest lines and bulletins of a flow; ``read`` asks for those that came since the last time."""

    def __init__(self, client: FlowClient) -> None:
        self.said: dict[str, deque[LogLine | BulletinView]] = {
            "log": deque(maxlen=_KEPT),
            "bulletins": deque(maxlen=_KEPT),
        }
        self.level = ""
        """The least that is logged."""
        self._client = client
        self._newest = {"log": 0, "bulletins": 0}

    async def read(self, kind: str) -> bool:
        """Ask for what is new of one kind; whether there was anything."""
        after = self._newest[kind]
        if kind == "log":
            log = await self._client.log(after=after, limit=_AT_ONCE)
            found: list[LogLine | BulletinView] = [*log.lines]
            newest, is_other = log.newest, log.level != self.level
            self.level = log.level
        else:
            told = await self._client.bulletins(after=after, limit=_AT_ONCE)
            found, newest, is_other = [*told.bulletins], told.newest, False
        self._newest[kind] = newest
        self.said[kind].extend(found)
        return bool(found) or is_other

    async def set_level(self, level: str) -> None:
        """Log from this level on."""
        self.level = (await self._client.set_log_level(level)).level


def said_row(said: LogLine | BulletinView) -> Row:
    """A line or a bulletin as a row."""
    if isinstance(said, LogLine):
        tone = _TONES.get(said.level, "")
        return Row(said.number, [when(said.time), said.level, said.text, said.logger], ["dim", tone, tone, "dim"])
    data = "  ".join(f"{name}={value}" for name, value in said.data.items())
    return Row(said.number, [when(said.time), said.processor, said.text, data], ["dim", "", "warn", "dim"])


def said_lines(said: LogLine | BulletinView) -> Iterator[Line]:
    """All of a line or a bulletin."""
    for line in said.text.splitlines():
        yield [(clean(line), "")]
    if isinstance(said, BulletinView) and said.data:
        yield [("", "")]
        yield from json_lines(dict(said.data))
