"""The client of the control API: public, typed, asynchronous."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import msgspec
from msgspec import UNSET

from router.control import requests
from router.control.differences import DifferenceView
from router.control.messages import (
    BulletinsView,
    ConnectionView,
    Counted,
    DeadLettersView,
    DeadLetterView,
    EventsView,
    FlowsView,
    FlowView,
    HistoryView,
    LineageView,
    LogLevel,
    LogView,
    ProcessorDetails,
    RecordsView,
    RecordView,
    ReportView,
)
from router.control.places import Found, running
from router.control.requests import query_of
from router.control.wire import Wire
from router.errors import ControlError, UnreachableError

__all__ = ["Client", "ControlError", "FlowClient", "Found", "UnreachableError", "running_flows"]

_T = TypeVar("_T")
_FIRST, _LONGEST = 0.25, 5.0  # seconds between two attempts to tap again
WHOLE = requests.WHOLE


class Client:
    """Asks one process about the flows that it runs.

    Made for a data folder, whose flow it reaches over the socket in there, or for the URL of a process
    that was run with ``--listen``. Nothing is connected before the first question, and each question
    makes its connection anew where the last one broke: a client outlives the flow it asks about.

    Args:
        where: A data folder, or a URL such as ``https://host:8443``.
        token: What the process asks for over TCP.
        tls: How its certificate is checked; None: as the system does.
        timeout: Seconds an answer may take.

    Example:
        >>> async def main():
        ...     async with Client(Path("state/tweets")) as client:
        ...         flow = await client.only_flow()
        ...         return await flow.look()
    """

    def __init__(
        self, where: Path | str, *, token: str | None = None, tls: ssl.SSLContext | None = None, timeout: float = 30.0
    ) -> None:
        self._wire = Wire(where, token=token, tls=tls, timeout=timeout)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Let go of the connections."""
        await self._wire.close()

    async def flows(self) -> FlowsView:
        """List the flows of the process."""
        return await self._wire.ask("GET", ["api", "flows"], FlowsView)

    def flow(self, name: str) -> FlowClient:
        """What asks about one flow; nothing is asked yet."""
        return FlowClient(self._wire, name)

    async def only_flow(self) -> FlowClient:
        """What asks about the only flow of the process.

        Raises:
            ControlError: there are several.
        """
        names = [each.name for each in (await self.flows()).flows]
        if len(names) != 1:
            there = ", ".join(map(repr, names)) or "none yet"
            raise ControlError(f"{self._wire}: there is not just one flow; name one of: {there}", 404)
        return self.flow(names[0])

    async def metrics(self) -> str:
        """The figures of the process, as Prometheus reads them."""
        return await self._wire.text(["metrics"])


class FlowClient:
    """Asks about one flow, and steers it.

    Raises:
        ControlError: every method, where the flow refuses; its text says why.
        UnreachableError: every method, where the flow does not answer. Ask again: it may be back.
    """

    def __init__(self, wire: Wire, name: str) -> None:
        """Internal; ``Client.flow`` makes it."""
        self.name = name
        self._wire = wire

    # -- the flow -------------------------------------------------------------------------------

    async def look(self, *, timeout: float | None = None) -> FlowView:
        """The flow now: its graph, and the state of each part; ``timeout``: for how long to wait, if not as for all."""
        return await self._ask("GET", [], FlowView, timeout=timeout)

    async def history(self, seconds: int = 60, of: Sequence[str] | None = None) -> HistoryView:
        """Figures of the last seconds, ten minutes at most, of all or of the processors and connections named."""
        return await self._get(["history"], HistoryView, requests.Past(seconds=seconds, of=_list(of)))

    async def bulletins(self, after: int = 0, limit: int = 100, processor: str | None = None) -> BulletinsView:
        """The newest bulletins with a higher number than ``after``."""
        asked = requests.News(after=after, limit=limit, processor=processor)
        return await self._get(["bulletins"], BulletinsView, asked)

    async def log(self, after: int = 0, limit: int = 100) -> LogView:
        """The newest lines of the log with a higher number than ``after``."""
        return await self._get(["log"], LogView, requests.After(after=after, limit=limit))

    async def set_log_level(self, level: str) -> LogLevel:
        """Log ``debug``, ``info``, ``warning`` or ``error`` and what is worse, in the whole process."""
        return await self._send("PUT", ["log-level"], LogLevel, LogLevel(level=level))

    async def stop(self, drain: float | None = None, *, wait: bool = False) -> ReportView:
        """Stop the flow; with ``wait`` the answer comes when it has ended, and says how.

        Args:
            drain: Seconds to wait for records under way; None: as the flow says.
        """
        asked = requests.Drain(drain=drain, wait=wait)
        return await self._send("POST", ["stop"], ReportView, asked, timeout=90_000.0 if wait else None)

    async def reload(self, file: Path | None = None, *, give_back: bool = False, drop: bool = False) -> DifferenceView:
        """Load the flow anew and make of the one that runs what it says now; the answer says what was changed.

        Args:
            file: Another file than its own; over TCP none.
            give_back: Have sources give again what would have to be waited for: some of it comes twice.
            drop: Drop records that wait in connections which the flow has no more.
        """
        asked = requests.Reload(file=str(file) if file is not None else None, give_back=give_back, drop=drop)
        return await self._send("POST", ["reload"], DifferenceView, asked, timeout=90_000.0)

    # -- processors -----------------------------------------------------------------------------

    async def processor(self, name: str) -> ProcessorDetails:
        """A processor now, with its settings."""
        return await self._get(["processors", name], ProcessorDetails)

    async def start_processor(self, name: str) -> ProcessorDetails:
        """Let a stopped processor work again."""
        return await self._send("POST", ["processors", name, "start"], ProcessorDetails)

    async def stop_processor(self, name: str) -> ProcessorDetails:
        """Let a processor begin no more calls; its queue fills, and what feeds it waits."""
        return await self._send("POST", ["processors", name, "stop"], ProcessorDetails)

    async def run_once(self, name: str) -> ProcessorDetails:
        """Let a processor make one call, and stop it."""
        return await self._send("POST", ["processors", name, "run-once"], ProcessorDetails)

    async def set_concurrency(self, name: str, concurrency: int) -> ProcessorDetails:
        """Change how many calls of a processor may overlap."""
        asked = requests.Concurrency(concurrency=concurrency)
        return await self._send("PATCH", ["processors", name], ProcessorDetails, asked)

    # -- connections ----------------------------------------------------------------------------

    async def connection(self, id: str) -> ConnectionView:
        """A connection now."""
        return await self._get(["connections", id], ConnectionView)

    async def set_limits(self, id: str, *, records: int | None = None, nbytes: int | None = None) -> ConnectionView:
        """Change the limits of a connection; None: stays as it is."""
        asked = requests.Limits(
            records=records if records is not None else UNSET, nbytes=nbytes if nbytes is not None else UNSET
        )
        return await self._send("PATCH", ["connections", id], ConnectionView, asked)

    async def records(
        self, id: str, *, where: str | None = None, offset: int = 0, limit: int = 100, cut: int = 16 << 10
    ) -> RecordsView:
        """Records that wait in a connection, the first to be taken first; longer content than ``cut`` is cut."""
        asked = requests.Page(where=where, offset=offset, limit=limit, cut=cut)
        return await self._get(["connections", id, "records"], RecordsView, asked)

    async def drop(self, id: str, *, where: str | None = None, ids: Sequence[str] | None = None) -> int:
        """Drop records that wait in a connection: all, or those that are meant; how many that were."""
        asked = requests.Selection(where=where, ids=_list(ids))
        return (await self._ask("DELETE", ["connections", id, "records"], Counted, query=query_of(asked))).records

    async def tap(
        self, id: str, *, where: str | None = None, reconnect: bool = True
    ) -> AsyncIterator[RecordView | Counted]:
        """Records as they come into a connection, until the flow ends; of many the newest, and how many were left out.

        Args:
            reconnect: Where the connection breaks, try again for as long as it takes; False: raise.
        """
        path, query, wait = self._path(["connections", id, "tap"]), query_of(requests.Where(where=where)), _FIRST
        while True:
            try:
                async for name, data in self._wire.events(path, query):
                    wait = _FIRST
                    if name == "end":
                        return
                    if name == "record":
                        yield msgspec.json.decode(data, type=RecordView)
                    else:
                        yield msgspec.json.decode(data, type=Counted)
                if not reconnect:
                    return
            except UnreachableError:
                if not reconnect:
                    raise
            await _pause(wait)
            wait = min(_LONGEST, 2 * wait)

    # -- dead letters ---------------------------------------------------------------------------

    async def dead_letters(
        self,
        *,
        where: str | None = None,
        processor: str | None = None,
        connection: str | None = None,
        since: float | None = None,
        after: int = 0,
        limit: int = 100,
        cut: int = 16 << 10,
    ) -> DeadLettersView:
        """Dead letters with a higher id than ``after``, oldest first."""
        asked = requests.LettersPage(
            where=where, processor=processor, connection=connection, since=since, after=after, limit=limit, cut=cut
        )
        return await self._get(["dead-letters"], DeadLettersView, asked)

    async def dead_letter(self, id: int, *, cut: int = WHOLE) -> DeadLetterView:
        """All about one."""
        return await self._get(["dead-letters", str(id)], DeadLetterView, requests.OneLetter(cut=cut))

    async def retry(
        self,
        ids: Sequence[int] | None = None,
        *,
        to: str | None = None,
        where: str | None = None,
        processor: str | None = None,
        connection: str | None = None,
        heads: bool = False,
    ) -> int:
        """Have dead letters tried again, where each failed or elsewhere; all if none are named. How many they were."""
        asked = requests.RetryLetters(
            ids=_list(ids), to=to, where=where, processor=processor, connection=connection, heads=heads
        )
        return (await self._send("POST", ["dead-letters", "retry"], Counted, asked)).records

    async def delete_dead_letters(
        self,
        ids: Sequence[int] | None = None,
        *,
        where: str | None = None,
        processor: str | None = None,
        connection: str | None = None,
    ) -> int:
        """Delete dead letters for good; all if none are named. How many they were."""
        asked = requests.Letters(ids=_list(ids), where=where, processor=processor, connection=connection)
        return (await self._ask("DELETE", ["dead-letters"], Counted, query=query_of(asked))).records

    async def export_dead_letters(
        self, ids: Sequence[int] | None = None, *, where: str | None = None
    ) -> AsyncIterator[bytes]:
        """Dead letters as JSON lines, piece by piece."""
        asked = requests.Letters(ids=_list(ids), where=where)
        async for piece in self._wire.pieces(self._path(["dead-letters", "export"]), query_of(asked)):
            yield piece

    # -- provenance -----------------------------------------------------------------------------

    async def events(
        self,
        *,
        processor: str | None = None,
        type: str | None = None,
        record: int | None = None,
        where: str | None = None,
        since: float | None = None,
        limit: int = 100,
    ) -> EventsView:
        """What happened to records, the newest first."""
        asked = requests.SearchEvents(
            processor=processor, type=type, record=record, where=where, since=since, limit=limit
        )
        return await self._get(["provenance"], EventsView, asked)

    async def lineage(self, record: int, *, cut: int = WHOLE) -> LineageView:
        """What happened to a record, what it came of and what came of it."""
        return await self._get(["provenance", str(record)], LineageView, requests.OneLetter(cut=cut))

    async def replay(self, records: Sequence[int], *, to: str | None = None) -> int:
        """Put records back on the connections they were on, or elsewhere; how many could be."""
        asked = requests.Replay(records=list(records), to=to)
        return (await self._send("POST", ["provenance", "replay"], Counted, asked)).records

    # -- in common ------------------------------------------------------------------------------

    def _path(self, path: Sequence[str]) -> list[str]:
        return ["api", "flows", self.name, *path]

    async def _get(self, path: Sequence[str], kind: type[_T], asked: requests.Asked | None = None) -> _T:
        return await self._ask("GET", path, kind, query=query_of(asked) if asked is not None else ())

    async def _send(
        self, method: str, path: Sequence[str], kind: type[_T], body: Any = None, timeout: float | None = None
    ) -> _T:
        return await self._ask(method, path, kind, body=body, timeout=timeout)

    async def _ask(self, method: str, path: Sequence[str], kind: type[_T], **more: Any) -> _T:
        return await self._wire.ask(method, self._path(path), kind, **more)


def running_flows() -> list[Found]:
    """The flows of this user that say they run on this machine; ask each whether it does."""
    return list(running())


def _list(values: Sequence[_T] | None) -> list[_T] | None:
    return None if values is None else list(values)


async def _pause(seconds: float) -> None:
    await asyncio.sleep(seconds)  # noqa: TID251 - a client belongs to no flow
