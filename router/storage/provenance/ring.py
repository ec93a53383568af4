"""The ring of events in ``provenance.db``: written in groups, bounded by size and by age."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from router.batch import Batch
from router.errors import EncodeError
from router.storage.packing import pack_value
from router.storage.provenance.events import Event, Ids
from router.storage.provenance.framing import Pieces, framed
from router.storage.provenance.ids import pack_ids, pack_shares
from router.storage.provenance.segments import Place, Segments

__all__ = ["CONTENT", "DATABASE", "PROVENANCE_SCHEMA", "Count", "Group", "Ring"]

PROVENANCE_SCHEMA = (
    """
    CREATE TABLE events (
        id INTEGER PRIMARY KEY,
        time REAL NOT NULL,
        type TEXT NOT NULL,
        processor TEXT NOT NULL,
        relationship TEXT,
        target TEXT,
        records INTEGER NOT NULL,
        seconds REAL NOT NULL,
        low INTEGER NOT NULL,
        high INTEGER NOT NULL,
        ids BLOB,
        parents_low INTEGER,
        parents_high INTEGER,
        parents BLOB,
        shares BLOB,
        attributes BLOB,
        errors BLOB,
        segment INTEGER,
        place INTEGER,
        length INTEGER
    ) STRICT;
    CREATE INDEX events_records ON events (high, low);
    CREATE INDEX events_parents ON events (parents_high, parents_low) WHERE parents_high IS NOT NULL;
    CREATE TABLE counts (
        minute INTEGER NOT NULL,
        kind TEXT NOT NULL,
        name TEXT NOT NULL,
        relationship TEXT NOT NULL,
        records INTEGER NOT NULL,
        PRIMARY KEY (minute, kind, name, relationship)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE marks (
        name TEXT PRIMARY KEY,
        value INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    """,
)
DATABASE = "provenance.db"
CONTENT = "provenance"
"""The folder of kept content, beside the database."""
Count = tuple[int, str, str, str, int]
"""Records of one minute: the minute, ``in``, ``out`` or ``dropped``, who, the relationship, how many."""

PATIENCE = 1.0  # seconds between two looks at the bounds, unless much is written
LONGEST = 4096  # bytes of one attribute that an event keeps
TOGETHER = 256  # rows in one statement: between two, another thread may take the turn for a while
EVENT = 200  # bytes that an event takes, about
_ROW = f"(NULL{', ?' * 19})"


class Group:
    """Events that are written together; ``lost`` is how often content could not be kept."""

    __slots__ = ("_packed", "_places", "events", "last", "lost", "nbytes")

    def __init__(self, events: Sequence[Event], last: int) -> None:
        self.events = events
        self.last = last
        self.lost = 0
        self.nbytes = 0
        self._packed: dict[int, Any] = {}  # many events of a group speak of the same list
        self._places: dict[int, Place] | None = None

    def rows(self, segments: Segments) -> list[tuple[Any, ...]]:
        """The rows of the events. Their content is written, once: the rows may be written again after a full disk."""
        if self._places is None:
            self._places = self._kept(segments)
        return [
            self._row(event, self._places.get(number, (None, None, None))) for number, event in enumerate(self.events)
        ]

    def _row(self, event: Event, place: tuple[int | None, int | None, int | None]) -> tuple[Any, ...]:
        errors = pack_value(event.errors) if event.errors else None
        return (
            event.time, event.type.value, event.processor, event.relationship, event.target, len(event.ids),
            event.seconds, *self._ids(event.ids, event.steps), *self._ids(event.parents), pack_shares(event.shares),
            self._attributes(event.attributes), errors, *place,
        )  # fmt: skip

    def _ids(self, ids: Ids, steps: bytes | None = None) -> tuple[int | None, int | None, bytes | None]:
        if not ids:
            return None, None, None
        found = self._packed.get(id(ids))
        if found is None:
            found = self._packed[id(ids)] = pack_ids(ids, steps)
        return found

    def _attributes(self, attributes: Mapping[str, Any] | None) -> bytes | None:
        if not attributes:
            return None
        found = self._packed.get(id(attributes))
        if found is None:
            found = self._packed[id(attributes)] = pack_value(dict(map(_short, attributes.items())))
        return found

    def _kept(self, segments: Segments) -> dict[int, Place]:
        packed: dict[int, Pieces] = {}
        for number, event in enumerate(self.events):
            content = event.content
            if content is not None:
                try:
                    packed[number] = framed(content) if isinstance(content, Batch) else content
                except EncodeError:
                    self.lost += 1
        if not packed:
            return {}
        try:
            places = segments.append(list(packed.values()))
        except OSError:
            self.lost += len(packed)
            return {}
        self.nbytes = sum(length for _, _, length in places)
        return dict(zip(packed, places, strict=True))


class Ring:
    """Writes events and counts, and takes away the oldest: inside the works of one database."""

    def __init__(self, folder: Path, *, limit: int, keep: float) -> None:
        self._segments = Segments(folder / CONTENT, limit)
        self._limit = limit
        self._keep = keep
        self._written = 0
        self._trimmed = 0.0

    def write(self, connection: sqlite3.Connection, group: Group, now: float) -> None:
        """Write a group of events, and hold to the bounds."""
        rows = group.rows(self._segments)
        for start in range(0, len(rows), TOGETHER):
            some = rows[start : start + TOGETHER]
            values = ", ".join([_ROW] * len(some))
            connection.execute(f"INSERT INTO events VALUES {values}", [each for row in some for each in row])  # noqa: S608
        self.mark(connection, group.last)
        self._written += group.nbytes + EVENT * len(rows)
        if self._written > self._limit // 64 or time.monotonic() >= self._trimmed + PATIENCE:
            self._trim(connection, now)
            self._written, self._trimmed = 0, time.monotonic()

    def count(self, connection: sqlite3.Connection, counts: Iterable[Count], now: float) -> None:
        """Add to the totals."""
        connection.executemany(
            "INSERT INTO counts VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (minute, kind, name, relationship) DO UPDATE SET records = records + excluded.records",
            counts,
        )
        connection.execute("DELETE FROM counts WHERE minute < ?", (int((now - self._keep) // 60),))

    def last(self, connection: sqlite3.Connection) -> int | None:
        """The last lineage id that is known to be given; None if no run has followed any record."""
        has_marks = connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'marks'").fetchone()
        row = connection.execute("SELECT value FROM marks WHERE name = 'last'").fetchone() if has_marks else None
        return None if row is None else int(row[0])

    def mark(self, connection: sqlite3.Connection, last: int) -> None:
        """Note that ids up to here may be given."""
        connection.execute("INSERT OR REPLACE INTO marks VALUES ('last', ?)", (last,))

    def close(self) -> None:
        """Close the files."""
        self._segments.close()

    def _trim(self, connection: sqlite3.Connection, now: float) -> None:
        oldest = connection.execute("SELECT id, time FROM events ORDER BY id LIMIT 1").fetchone()
        if oldest is not None and oldest[1] < now - self._keep:
            connection.execute(
                "DELETE FROM events WHERE id < "
                "coalesce((SELECT id FROM events WHERE time >= ? ORDER BY id LIMIT 1), 9223372036854775807)",
                (now - self._keep,),
            )
        used = _used(connection)
        if used > self._limit // 2:
            first, last = connection.execute("SELECT min(id), max(id) FROM events").fetchone()
            share = 1 - 0.9 * (self._limit // 2) / used
            connection.execute("DELETE FROM events WHERE id <= ?", (first + int(share * (last - first)),))
            used = _used(connection)
        self._segments.trim(max(0, self._limit - used), self._keep)


def _used(connection: sqlite3.Connection) -> int:
    """Bytes of the file that hold something."""
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    return int((pages - free) * size)


def _short(item: tuple[str, Any]) -> tuple[str, Any]:
    """An attribute as it is, or where it is long or no value at all, the beginning of how Python shows it."""
    name, value = item
    try:
        if len(pack_value(value)) <= LONGEST:
            return item
    except EncodeError:
        pass
    return name, repr(value)[:LONGEST]
