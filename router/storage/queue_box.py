"""The records that wait in a flow's disk connections, for whoever looks after them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal
from zlib import crc32

from router.batch import Batch
from router.errors import StorageError
from router.expression import Expression
from router.storage.box import Box
from router.storage.letter_box import readable
from router.storage.packing import pack, unpack

__all__ = ["QueueBox", "Stored", "Waiting"]

_PAGE = 50  # rows read at once: nobody is kept from writing for long
_LAST = float("inf")


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits in one connection."""

    connection: str
    records: int
    nbytes: int
    """What they would cost in memory, in bytes."""
    oldest: float
    """When the oldest of them was put, in seconds since 1970."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A batch that waits, and where."""

    id: int
    rank: float
    time: float
    records: int
    batch: Batch | None
    """None: it is damaged."""


class QueueBox(Box):
    """Reads, moves and drops records that wait; to change them, the flow must not run."""

    def waiting(self) -> list[Waiting]:
        """What waits in each connection that has anything."""
        query = "SELECT connection, sum(records), sum(nbytes), min(time) FROM queue GROUP BY connection ORDER BY 1"
        return [Waiting(*row) for row in self.read(query)]

    def stored(self, connection: str) -> Iterator[Stored]:
        """The batches of one connection, in the order they will be taken."""
        query = (
            "SELECT id, rank, time, records, checksum, batch FROM queue "
            "WHERE connection = ? AND (rank, id) > (?, ?) ORDER BY rank, id LIMIT ?"
        )
        last: tuple[float, int] = (-_LAST, 0)
        while rows := self.read(query, [connection, *last, _PAGE]):
            for id_, rank, time, records, checksum, packed in rows:
                last = (rank, id_)
                yield Stored(id_, rank, time, records, _unpacked(packed, checksum))

    def records(self, connection: str, where: Expression | None = None) -> Iterator[tuple[Stored, Batch]]:
        """The records of one connection for which something is true, each as a batch, with where it is."""
        for stored in self.stored(connection):
            for index in range(0 if stored.batch is None else len(stored.batch)):
                assert stored.batch is not None
                one = stored.batch.select([index])
                if _is_meant(one, where):
                    yield stored, one

    def move(self, source: str, target: str, order: Literal["fifo", "newest", "priority"]) -> int:
        """Have what waits in one connection wait in another, which takes it in its own order; how many records."""
        rank = {"fifo": "0.0", "newest": "-id", "priority": "9e999"}[order]  # by a priority of which nothing is known
        query = f"UPDATE queue SET connection = ?, rank = {rank} WHERE connection = ?"  # noqa: S608 - constants

        def move(database: sqlite3.Connection) -> int:
            count = _count(database, source)
            database.execute(query, (target, source))
            return count

        return self.change(move, 0)

    def drop(self, connection: str, where: Expression | None = None) -> int:
        """Delete what waits in a connection for good, all or what something is true for; how many records."""

        def drop(database: sqlite3.Connection) -> int:
            if where is None:
                count = _count(database, connection)
                database.execute("DELETE FROM queue WHERE connection = ?", (connection,))
                return count
            return sum(_thinned(database, stored, where) for stored in self.stored(connection))

        return self.change(drop, 0)


def _count(database: sqlite3.Connection, connection: str) -> int:
    query = "SELECT coalesce(sum(records), 0) FROM queue WHERE connection = ?"
    return int(database.execute(query, (connection,)).fetchone()[0])


def _thinned(database: sqlite3.Connection, stored: Stored, where: Expression) -> int:
    """Take out of a batch what the expression is true for; how many records."""
    batch = stored.batch
    if batch is None:
        return 0
    left = [index for index in range(len(batch)) if not _is_meant(batch.select([index]), where)]
    if not left:
        database.execute("DELETE FROM queue WHERE id = ?", (stored.id,))
    elif len(left) < len(batch):
        rest = batch.select(left)
        packed = pack(rest)
        values: tuple[Any, ...] = (len(rest), rest.nbytes, crc32(packed), packed, stored.id)
        database.execute("UPDATE queue SET records = ?, nbytes = ?, checksum = ?, batch = ? WHERE id = ?", values)
    return len(batch) - len(left)


def _is_meant(one: Batch, where: Expression | None) -> bool:
    return where is None or where.over(readable(one)) == [True]


def _unpacked(packed: bytes, checksum: int) -> Batch | None:
    if crc32(packed) != checksum:
        return None
    try:
        return unpack(packed)
    except StorageError:
        return None
