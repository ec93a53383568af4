"""The table of operations: what can be asked, how, by whom it is done, and what is answered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal

from msgspec import Struct

from router.control import connections, differences, events, flows, letters, messages, requests
from router.control.call import Call

__all__ = ["OPERATIONS", "Operation"]

FLOW = "/api/flows/{flow}"


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that can be asked of a flow."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    handle: Callable[[Call[Any, Any]], Awaitable[Any]]
    answer: type[Struct] | str
    """What is answered; of a stream, its media type."""
    query: type[Struct] | None = None
    body: type[Struct] | None = None
    is_heavy: bool = False
    """True if it may take the loop or the disk a while: few of them at a time."""

    is_early: bool = False
    """True if it may change something while the flow still starts."""
    is_shared: bool = False
    """True if the answer is the same for all who ask at about the same time."""

    @property
    def id(self) -> str:
        """A name for it."""
        return f"{self.handle.__module__.rpartition('.')[2]}.{self.handle.__name__}"

    @property
    def summary(self) -> str:
        """What it does, in one sentence."""
        return (self.handle.__doc__ or "").partition("\n")[0]

    @property
    def names(self) -> list[str]:
        """The parts of the path that have a name."""
        return [part.split("}")[0] for part in self.path.split("{")[1:]]


def _processor(path: str) -> str:
    return f"{FLOW}/processors/{{name}}{path}"


def _connection(path: str) -> str:
    return f"{FLOW}/connections/{{id}}{path}"


OPERATIONS: tuple[Operation, ...] = (
    Operation("GET", FLOW, flows.flow, messages.FlowView, is_shared=True),
    Operation("GET", f"{FLOW}/history", flows.history, messages.HistoryView, query=requests.Past, is_heavy=True),
    Operation("GET", f"{FLOW}/bulletins", flows.bulletins, messages.BulletinsView, query=requests.News),
    Operation("GET", f"{FLOW}/log", flows.log, messages.LogView, query=requests.After),
    Operation("PUT", f"{FLOW}/log-level", flows.set_log_level, messages.LogLevel, body=messages.LogLevel, is_early=True),
    Operation("POST", f"{FLOW}/stop", flows.stop, messages.ReportView, body=requests.Drain, is_early=True),
    Operation("POST", f"{FLOW}/reload", flows.reload, differences.DifferenceView, body=requests.Reload),
    Operation("GET", _processor(""), flows.processor, messages.ProcessorDetails),
    Operation("PATCH", _processor(""), flows.widen, messages.ProcessorDetails, body=requests.Concurrency),
    Operation("POST", _processor("/start"), flows.start, messages.ProcessorDetails),
    Operation("POST", _processor("/stop"), flows.stop_processor, messages.ProcessorDetails),
    Operation("POST", _processor("/run-once"), flows.run_once, messages.ProcessorDetails),
    Operation("GET", _connection(""), connections.connection, messages.ConnectionView),
    Operation("PATCH", _connection(""), connections.resize, messages.ConnectionView, body=requests.Limits),
    Operation(
        "GET", _connection("/records"), connections.records, messages.RecordsView, query=requests.Page, is_heavy=True
    ),
    Operation(
        "DELETE", _connection("/records"), connections.drop, messages.Counted, query=requests.Selection, is_heavy=True
    ),
    Operation("GET", _connection("/tap"), connections.tap, "text/event-stream", query=requests.Where),
    Operation(
        "GET", f"{FLOW}/dead-letters", letters.page, messages.DeadLettersView, query=requests.LettersPage, is_heavy=True
    ),
    Operation(
        "DELETE", f"{FLOW}/dead-letters", letters.delete, messages.Counted, query=requests.Letters, is_heavy=True
    ),
    Operation(
        "POST", f"{FLOW}/dead-letters/retry", letters.retry, messages.Counted, body=requests.RetryLetters, is_heavy=True
    ),
    Operation("GET", f"{FLOW}/dead-letters/export", letters.export, "application/jsonl", query=requests.Letters),
    Operation(
        "GET", f"{FLOW}/dead-letters/{{letter}}", letters.show, messages.DeadLetterView, query=requests.OneLetter, is_heavy=True
    ),
    Operation(
        "GET", f"{FLOW}/provenance", events.search, messages.EventsView, query=requests.SearchEvents, is_heavy=True
    ),
    Operation(
        "POST", f"{FLOW}/provenance/replay", events.replay, messages.Counted, body=requests.Replay, is_heavy=True
    ),
    Operation(
        "GET", f"{FLOW}/provenance/{{record}}", events.lineage, messages.LineageView, query=requests.OneLetter,
        is_heavy=True,
    ),
)  # fmt: skip
