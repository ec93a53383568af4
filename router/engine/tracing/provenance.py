"""Provenance of one flow: who is who, what happened to them, and how much of it is kept."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import Any

from router.batch import Batch
from router.engine.tracing.counts import Counts
from router.errors import DataFolderError, EncodeError
from router.lineage import LINEAGE
from router.provenance import ProvenanceOptions
from router.storage.database import Database
from router.storage.provenance.events import Event, EventType
from router.storage.provenance.framing import framed
from router.storage.provenance.ids import steps_of
from router.storage.provenance.ring import DATABASE, PROVENANCE_SCHEMA, Group, Ring

__all__ = ["Provenance"]

GAP = 1_000_000_000  # ids between two runs: more than a run can have given and not written
GROUP = 1024  # events that are written together
SOON, MINUTE, EVERY = 0.2, 60.0, 60.0  # seconds
MOST_EVENTS = 20_000  # that wait for the disk
MOST_BYTES, GROUP_BYTES = 64 << 20, 8 << 20  # of content that waits for it
REMEMBERED = 64  # lists of ids on their way
_GOLDEN = 0x9E3779B97F4A7C15  # multiples of it, cut to 64 bits, lie evenly: any share of them is any share of all


_LOST = {
    "expired": EventType.EXPIRE,
    "full": EventType.DROP,
    "drop": EventType.DROP,
    "dead_letters": EventType.ROUTE,
}


class Provenance:
    """Gives records their lineage ids and writes what happens to them, off the flow's way.

    Nothing ever waits for it: where the disk does not keep up, content is left out first,
    then events, and the operator is told how many. A power cut may take the newest events.

    Args:
        tell: Tells the operator.
    """

    def __init__(
        self,
        options: ProvenanceOptions,
        folder: Path,
        *,
        now: Callable[[], float],
        tell: Callable[[str, Mapping[str, object]], None],
    ) -> None:
        self.now = now
        self.is_on = True
        self.is_closing = False
        """True while what is left is being written, which the flow's clock does not know of."""
        self.keeps_sources = options.content != "none"
        self.keeps_connections = options.content == "connections"
        self._tell = tell
        self._share = options.share
        self._ring = Ring(folder, limit=options.nbytes, keep=options.keep.total_seconds())
        self._database = Database(
            folder / DATABASE, PROVENANCE_SCHEMA, synchronous="NORMAL", on_trouble=self._on_trouble
        )
        self._counts = Counts()
        self._next = 1
        self._batches = 0
        self._steps: dict[int, tuple[list[Any], bytes | None]] = {}
        self._events: list[Event] = []
        self._bytes = 0
        self._waiting = 0
        self._waiting_bytes = 0
        self._left_out = 0
        self._unkept = 0
        self._told = -EVERY
        self._soon: asyncio.TimerHandle | None = None
        self._minute: asyncio.TimerHandle | None = None

    # -- life -----------------------------------------------------------------------------------

    @property
    def follows(self) -> bool:
        """True if any record is followed; False if records are only counted."""
        return self._share > 0

    def open(self) -> None:
        """Begin a run: with ids that no earlier one gave, and the totals at nothing."""
        try:
            self._database.open()
            self._next = self._first()
        except (DataFolderError, sqlite3.Error) as error:
            self.is_on = False
            self._tell("provenance is not kept in this run", {"error": error})
            return
        if self.follows:
            self._database.write(partial(self._ring.mark, last=self._next), self._done)
        self._minute = asyncio.get_running_loop().call_later(MINUTE, self._count)

    def _first(self) -> int:
        path = self._database.path
        if not path.exists():
            return 1
        with closing(sqlite3.connect(path, timeout=1)) as connection:
            last = self._ring.last(connection)
        return 1 if last is None else (last // GAP + 1) * GAP + 1

    async def close(self) -> None:
        """Write what is left, unless the disk is in trouble."""
        self.is_closing = True
        for timer in (self._soon, self._minute):
            if timer is not None:
                timer.cancel()
        if self.is_on:
            self._flush()
            self._write_counts()
        await self._database.close()
        self._ring.close()
        self._tell_losses(is_last=True)
        self.is_closing = False

    # -- ids ------------------------------------------------------------------------------------

    def new_id(self) -> int:
        """An id for one record."""
        self._next += 1
        return self._next - 1

    def new_ids(self, count: int) -> list[int]:
        """Ids for so many records, one after the other."""
        first = self._next
        self._next += count
        ids = list(range(first, first + count))
        self._remember(ids, b"\x01" * (count - 1))
        return ids

    def steps(self, ids: list[Any]) -> bytes | None:
        """Like ``steps_of``, for lists that mostly have been asked for at the processor before."""
        found = self._steps.get(id(ids))
        return found[1] if found is not None and found[0] is ids else self._remember(ids, steps_of(ids))

    def _remember(self, ids: list[Any], steps: bytes | None) -> bytes | None:
        if len(self._steps) >= REMEMBERED:
            self._steps.clear()
        self._steps[id(ids)] = ids, steps
        return steps

    def is_chosen(self) -> bool:
        """Decide whether one more batch that a source gives is followed."""
        self._batches += 1
        return (self._batches * _GOLDEN & 0xFFFF_FFFF_FFFF_FFFF) < self._share * 2.0**64

    # -- events ---------------------------------------------------------------------------------

    def record(self, event: Event) -> None:
        """Write an event soon."""
        if self._waiting >= MOST_EVENTS:
            self._left_out += 1
            self._tell_losses()
            return
        if isinstance(event.content, Batch):
            self._charge(event, event.content)
        self._events.append(event)
        self._waiting += 1
        if len(self._events) >= GROUP or self._bytes >= GROUP_BYTES:
            self._flush()
        elif self._soon is None:
            self._soon = asyncio.get_running_loop().call_later(SOON, self._flush)

    def lost(self, connection: str, batch: Batch, why: str) -> None:
        """Note that records ended in a connection, and how; see ``Connection.lost``."""
        ids = [each for each in batch.columns.get(LINEAGE, ()) if each is not None]
        if ids:
            kind = _LOST[why]
            self.record(Event(self.now(), kind, connection, None, target=why, ids=ids, attributes=batch.attributes))

    def replayed(self, connection: str, batch: Batch) -> Batch:
        """Give records that a person puts back on a connection ids of their own; followed or not, they are now."""
        ids = self.new_ids(len(batch))
        parents = batch.columns.get(LINEAGE) or ()
        known = [each for each in parents if each is not None]
        shares = [0 if each is None else 1 for each in parents]
        event = Event(
            self.now(), EventType.REPLAY, connection, None, target=connection, ids=ids,
            parents=known, shares=shares if known else (), attributes=batch.attributes,
        )  # fmt: skip
        self.record(event)
        return batch.with_columns(**{LINEAGE: ids})

    def _charge(self, event: Event, content: Batch) -> None:
        nbytes = content.nbytes
        if self._waiting_bytes + nbytes > MOST_BYTES:
            event.content = None
            self._unkept += 1
            self._tell_losses()
            return
        if (
            content.has_content
        ):  # a copy now, in one piece, costs less than lines that cannot be freed where they were read
            with suppress(EncodeError):  # the writer counts it
                event.content = framed(content)
        self._bytes += nbytes
        self._waiting_bytes += nbytes

    def _flush(self) -> None:
        if self._soon is not None:
            self._soon.cancel()
            self._soon = None
        if not self._events:
            return
        group, nbytes, now = Group(self._events, self._next), self._bytes, self.now()
        self._events, self._bytes = [], 0

        def done(_: None, error: BaseException | None) -> None:
            self._waiting -= len(group.events)
            self._waiting_bytes -= nbytes
            self._unkept += group.lost
            if error is not None:
                self._left_out += len(group.events)
            if error is not None or group.lost:
                self._tell_losses(error)

        self._database.write(lambda connection: self._ring.write(connection, group, now), done)

    # -- totals ---------------------------------------------------------------------------------

    def watch(self, totals: Callable[[], Any]) -> None:
        """Say where the totals of the flow stand."""
        self._counts.totals = totals

    def _count(self) -> None:
        self._minute = asyncio.get_running_loop().call_later(MINUTE, self._count)
        self._write_counts()

    def _write_counts(self) -> None:
        now = self.now()
        rows = self._counts.rows(int(now // 60))
        if rows:
            self._database.write(lambda connection: self._ring.count(connection, rows, now), self._done)

    def _done(self, _: None, error: BaseException | None) -> None:
        if error is not None:
            self._tell("provenance cannot be written", {"error": error})

    # -- telling --------------------------------------------------------------------------------

    def _on_trouble(self, trouble: str | None) -> None:
        if trouble is None:
            self._tell("provenance can be written again", {})
        else:
            self._tell("provenance cannot be written now; the flow goes on", {"error": trouble})

    def _tell_losses(self, error: BaseException | None = None, *, is_last: bool = False) -> None:
        """Tell what was left out, once a minute at most."""
        now = self.now()
        if not self._left_out + self._unkept or (now - self._told < EVERY and not is_last):
            return
        self._told = now
        reason = {"error": error} if error is not None else {}
        text = "left provenance out that the disk did not take in time"
        self._tell(text, {"events": self._left_out, "content": self._unkept, **reason})
        self._left_out = self._unkept = 0
