"""The rows of one disk connection in ``flow.db``."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeAlias
from zlib import crc32

from router.ack import Ack
from router.batch import Batch
from router.errors import StorageError
from router.storage.database import Database
from router.storage.packing import unpack
from router.storage.unit import write

__all__ = ["Found", "Numbers", "Place", "QueueRows", "Row", "Waiting", "outside", "read_waiting"]

Place: TypeAlias = tuple[float, int]
"""Where a row stands in its queue: rank, then number; the least is taken first."""
Done: TypeAlias = Callable[[object, BaseException | None], None]


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """What is known of one row without reading its batch."""

    number: int
    rank: float
    time: float
    """When it was put, in seconds since 1970."""
    records: int
    nbytes: int
    """What it cost in memory when it was put, in bytes."""

    @property
    def place(self) -> Place:
        """Where it stands."""
        return self.rank, self.number


@dataclass(slots=True)
class Found:
    """What one look into the database found."""

    batches: list[tuple[Row, Batch]] = field(default_factory=list)
    damaged: list[tuple[Row, str]] = field(default_factory=list)
    """Rows that could not be read, and were set aside."""

    @property
    def rows(self) -> list[Row]:
        """All that were looked at."""
        return [row for row, _ in self.batches] + [row for row, _ in self.damaged]


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits in one connection."""

    rows: int
    records: int
    nbytes: int


def outside(acks: Sequence[Ack]) -> tuple[Ack, ...]:
    """Those of records that are not from a disk connection: they are told their end when a unit of work is committed.

    A row that the call of a unit took is deleted by the very commit that keeps what it gave.
    """
    return tuple(ack for ack in acks if not isinstance(ack.token, Row))


class Numbers:
    """Rising numbers for the rows of one database."""

    def __init__(self) -> None:
        self._last = 0

    def next(self) -> int:
        """One more."""
        self._last += 1
        return self._last

    def begin_above(self, number: int) -> None:
        """Go on behind what stands in the database."""
        self._last = max(self._last, number)


def read_waiting(connection: sqlite3.Connection) -> tuple[dict[str, Waiting], int]:
    """What waits in each connection, and the highest number of a row."""
    query = "SELECT connection, count(*), sum(records), sum(nbytes) FROM queue GROUP BY connection"
    waiting = {name: Waiting(*sums) for name, *sums in connection.execute(query)}
    (highest,) = connection.execute("SELECT coalesce(max(id), 0) FROM queue").fetchone()
    return waiting, highest


class QueueRows:
    """Writes, reads and deletes the rows of one connection.

    Args:
        numbers: Rising numbers for new rows, shared by all connections of the database.
    """

    def __init__(self, database: Database, connection: str, numbers: Numbers, now: Callable[[], float]) -> None:
        self._database = database
        self._connection = connection
        self._numbers = numbers
        self._now = now

    def next_number(self) -> int:
        """The number of a new row."""
        return self._numbers.next()

    def insert(self, row: Row, packed: bytes, done: Done) -> None:
        """Write a row, with the call that runs now if there is one."""
        known = row.number, self._connection, row.rank, row.time, row.records, row.nbytes

        def insert(connection: sqlite3.Connection) -> None:
            values = (*known, crc32(packed), packed)
            connection.execute("INSERT INTO queue VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)

        write(self._database, insert, done)

    def update(self, row: Row, packed: bytes) -> None:
        """Write a row anew: some of its records were dropped."""

        def update(connection: sqlite3.Connection) -> None:
            values = row.records, row.nbytes, crc32(packed), packed, row.number
            query = "UPDATE queue SET records = ?, nbytes = ?, checksum = ?, batch = ? WHERE id = ?"
            connection.execute(query, values)

        self._database.write(update, lambda _, _error: None)

    async def written(self) -> None:
        """Wait until what was asked before is committed."""
        await self._database.submit(lambda _: None)

    def delete(self, row: Row, done: Done) -> None:
        """Delete a row, with the call that runs now if there is one."""

        def delete(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM queue WHERE id = ?", (row.number,))

        write(self._database, delete, done)

    def load_behind(self, edge: Place | None, nbytes: int, rows: int, done: Callable[[Found | None], None]) -> None:
        """Read the next rows behind a place, in order, up to so many bytes and rows; at least one."""
        self._database.write(
            partial(self._read, edge if edge is not None else (float("-inf"), 0), nbytes, rows),
            lambda found, _: done(found),
        )

    def load(self, row: Row, done: Callable[[Found | None], None]) -> None:
        """Read one row again."""

        def read(connection: sqlite3.Connection) -> Found:
            found = Found()
            self._read_batch(connection, row, found)
            return found

        self._database.write(read, lambda found, _: done(found))

    # -- in the writer thread -------------------------------------------------------------------

    def _read(self, edge: Place, nbytes: int, rows: int, connection: sqlite3.Connection) -> Found:
        found, size = Found(), 0
        for row in self._listed(connection, edge, rows):
            if size and size + row.nbytes > nbytes:
                break
            size += row.nbytes
            self._read_batch(connection, row, found)
        return found

    def _listed(self, connection: sqlite3.Connection, edge: Place, rows: int) -> Iterable[Row]:
        query = (
            "SELECT id, rank, time, records, nbytes FROM queue "
            "WHERE connection = ? AND (rank, id) > (?, ?) ORDER BY rank, id LIMIT ?"
        )
        return [Row(*values) for values in connection.execute(query, (self._connection, *edge, rows))]

    def _read_batch(self, connection: sqlite3.Connection, row: Row, found: Found) -> None:
        content: bytes | None = None
        try:
            selected = connection.execute("SELECT checksum, batch FROM queue WHERE id = ?", (row.number,)).fetchone()
            checksum, content = selected
            batch = _checked(content, checksum, row.records)
        except sqlite3.OperationalError:
            raise  # the disk's fault, which may pass, and no damage
        except (StorageError, sqlite3.DatabaseError) as error:
            found.damaged.append((row, str(error)))
            self._set_aside(connection, row, str(error), content)
        else:
            found.batches.append((row, batch))

    def _set_aside(self, connection: sqlite3.Connection, row: Row, reason: str, content: bytes | None) -> None:
        try:
            connection.execute(
                "INSERT INTO quarantine (time, came_from, reason, content) VALUES (?, ?, ?, ?)",
                (self._now(), f"queue {self._connection}", reason, content),
            )
            connection.execute("DELETE FROM queue WHERE id = ?", (row.number,))
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError:
            return  # pages that cannot be changed either; it is passed over in this run


def _checked(content: bytes, checksum: int, records: int) -> Batch:
    if crc32(content) != checksum:
        raise StorageError("its checksum does not fit")
    batch = unpack(content)
    if len(batch) != records:
        raise StorageError(f"it holds {len(batch)} records, not {records}")
    return batch
