"""A disk connection by itself, on a database of its own."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from router.ack import Ack, Outcome
from router.batch import Batch
from router.codec import Failures
from router.connections.base import Limits, Surroundings, Taken
from router.connections.disk import DiskConnection
from router.connections.rows import Numbers, QueueRows, read_waiting
from router.storage.database import Database
from router.storage.schema import FLOW_DB, FLOW_SCHEMA

NAME = "a.success>b"


def memory_folder() -> TemporaryDirectory[str]:
    """A folder in memory where there is one: a thousand small databases need no disk that syncs."""
    return TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)


class Disk:
    """A connection, its database, and what it told."""

    def __init__(
        self, folder: Path, limits: dict[str, Any], options: dict[str, Any], around: Surroundings | None = None
    ) -> None:
        folder.mkdir(exist_ok=True)
        self.database = Database(folder / FLOW_DB, FLOW_SCHEMA)
        self.time = 1000.0
        self.later: list[tuple[float, Callable[[], None]]] = []
        self.refused: list[tuple[Batch, Failures]] = []
        self.told: list[tuple[str, dict[str, object]]] = []
        self.dropped: list[int] = []
        self.numbers = Numbers()
        self.connection = DiskConnection(
            NAME,
            Limits(**limits),
            around or Surroundings(lambda: self.time, lambda _id, records, _why: self.dropped.append(records)),
            rows=QueueRows(self.database, NAME, self.numbers, lambda: self.time),
            make_ack=Ack,
            call_later=lambda seconds, call: self.later.append((seconds, call)),
            refuse=lambda batch, failures: self.refused.append((batch, failures)),
            tell=lambda text, data: self.told.append((text, data)),
            **options,
        )

    async def restore(self) -> None:
        """Find what is there already."""
        self.database.open()
        if not self.database.is_made:
            return
        waiting, highest = await self.database.submit(read_waiting)
        self.numbers.begin_above(highest)
        if NAME in waiting:
            self.connection.restore(waiting[NAME])
            await self.kept()

    async def end(self) -> None:
        """Close the database, whichever loop it belonged to."""
        self.database.open()
        await self.database.close()

    async def kept(self) -> None:
        """Wait until all that was asked of the disk is done."""
        while self.database.is_busy:  # noqa: ASYNC110 - a thread has no turn of the loop to wait for
            await asyncio.sleep(0.001)

    async def put(self, *numbers: int) -> Ack:
        """Put records of a source's own, and wait until they are kept."""
        ack = Ack("source", lambda _: None)
        await self.connection.put(batch(*numbers).owned_by([ack]))
        ack.release()
        await self.kept()
        return ack

    def take(self, records: int = 1000) -> Taken | None:
        """Take what waits."""
        return self.connection.take(records, 1 << 20)

    async def drain(self) -> list[int]:
        """Take all there is, and settle it."""
        found: list[int] = []
        while self.connection.records:
            if (taken := self.take()) is not None:
                found += numbers_of(taken)
                taken.release()
            await self.kept()
        return found


@asynccontextmanager
async def disk(folder: Path, *, options: dict[str, Any] | None = None, **limits: Any) -> AsyncIterator[Disk]:
    """A connection that goes on with what the folder holds; leaving it is like a clean end of the process."""
    made = Disk(folder, limits, options or {})
    await made.restore()
    try:
        yield made
    finally:
        made.connection.close()
        await made.database.close()


def batch(*numbers: int) -> Batch:
    return Batch.raw([b'{"n":%d}' % n for n in numbers], path="in.jsonl")


def numbers_of(taken: Taken | None) -> list[int]:
    return [row["n"] for row in taken.batch.rows] if taken is not None else []


def outcomes(acks: Sequence[Ack]) -> list[Outcome | None]:
    return [ack.outcome if ack.settled else None for ack in acks]
