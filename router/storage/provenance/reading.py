"""Reading ``provenance.db`` beside the flow that writes it: events, totals, kept content."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from router.batch import Batch
from router.errors import DataFolderError
from router.expression import Expression
from router.storage.file import open_file, unusable
from router.storage.packing import unpack_value
from router.storage.provenance.events import ENDS
from router.storage.provenance.framing import unframed
from router.storage.provenance.ids import unpack_ids, unpack_shares
from router.storage.provenance.ring import CONTENT, DATABASE, PROVENANCE_SCHEMA
from router.storage.provenance.segments import Place, read_content

__all__ = ["Found", "Reader", "Wanted"]


@dataclass(frozen=True, slots=True)
class Found:
    """An event as it was written; see ``Event``."""

    id: int
    time: float
    type: str
    processor: str
    relationship: str | None
    target: str | None
    records: int
    seconds: float
    low: int
    high: int
    attributes: dict[str, Any]
    errors: tuple[tuple[int, str, str], ...]
    place: Place | None
    packed: tuple[bytes | None, int | None, int | None, bytes | None, bytes | None]

    @property
    def is_end(self) -> bool:
        """True if its records go no further."""
        return self.target in ENDS

    @property
    def ids(self) -> list[int]:
        """The records it is about."""
        return unpack_ids(self.packed[0], self.low, self.high)

    @property
    def parents(self) -> list[int]:
        """The records that they came of."""
        _, low, high, packed, _ = self.packed
        return [] if low is None or high is None else unpack_ids(packed, low, high)

    @property
    def has_parents(self) -> bool:
        """True if its records came of others."""
        return self.packed[1] is not None

    @property
    def shares(self) -> list[int]:
        """How many of the parents each came of; empty: of all of them."""
        return unpack_shares(self.packed[4], self.records)

    def parents_of(self, record: int) -> list[int]:
        """The records that one of them came of."""
        shares, parents = self.shares, self.parents
        if not shares:
            return parents
        position = self.ids.index(record)
        start = sum(shares[:position])
        return parents[start : start + shares[position]]

    def children_of(self, record: int) -> list[int]:
        """Those of them that came of a record."""
        ids, shares, parents = self.ids, self.shares, self.parents
        if not shares:
            return ids if record in parents else []
        found, start = [], 0
        for each, share in zip(ids, shares, strict=True):
            if record in parents[start : start + share]:
                found.append(each)
            start += share
        return found

    def error_of(self, record: int) -> tuple[str, str] | None:
        """The type and the message of the error that a record failed with."""
        return next(((kind, message) for id_, kind, message in self.errors if id_ == record), None)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to search for; None: whatever it is."""

    processor: str | None = None
    type: str | None = None
    record: int | None = None
    since: float | None = None
    where: Expression | None = None


class Reader:
    """Reads what a flow wrote, or is writing: each question sees one state of it.

    Raises:
        DataFolderError: there is no such file, or it is not to be read.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        path = folder / DATABASE
        if not path.is_file():
            raise DataFolderError(
                f"no {DATABASE} in {str(folder)!r}: the flow has not run there with `run: provenance`"
            )
        self._path = path
        try:
            self._database = open_file(path, PROVENANCE_SCHEMA, synchronous="NORMAL")
        except sqlite3.Error as error:
            raise unusable(path, error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._database.close()

    def search(self, wanted: Wanted) -> Iterator[Found]:
        """Events, the newest first."""
        conditions = ["1"]
        values: list[Any] = []
        for column in ("processor", "type"):
            if (value := getattr(wanted, column)) is not None:
                conditions.append(f"{column} = ?")
                values.append(value)
        if wanted.since is not None:
            conditions.append("time >= ?")
            values.append(wanted.since)
        if wanted.record is not None:
            conditions.append("(high >= ? AND low <= ? OR parents_high >= ? AND parents_low <= ?)")
            values += [wanted.record] * 4
        for found in self._events(f"{' AND '.join(conditions)} ORDER BY id DESC", values):
            if wanted.record is not None and wanted.record not in found.ids and wanted.record not in found.parents:
                continue
            if wanted.where is None or wanted.where.over(Batch.of([found.attributes])) == [True]:
                yield found

    def events_of(self, record: int) -> list[Found]:
        """What happened to a record, in order."""
        found = self._events("high >= ? AND low <= ? ORDER BY id", [record, record])
        return [each for each in found if record in each.ids]

    def births_from(self, record: int) -> list[Found]:
        """The events in which others came of a record, in order."""
        found = self._events("parents_high >= ? AND parents_low <= ? ORDER BY id", [record, record])
        return [each for each in found if record in each.parents]

    def content(self, event: Found) -> Batch | None:
        """The content that was kept with an event; None if none was, or is any more.

        Raises:
            StorageError: it is damaged.
        """
        data = read_content(self._folder / CONTENT, event.place) if event.place is not None else None
        return None if data is None else unframed(data)

    def counts(self, since: float | None) -> list[tuple[int, str, str, str, int]]:
        """Totals by minute, kind, name and relationship, the oldest minute first."""
        first = int(since // 60) if since is not None else 0
        rows = self._database.execute("SELECT * FROM counts WHERE minute >= ? ORDER BY 1, 3, 2, 4", [first])
        return [(minute, kind, name, relationship, records) for minute, kind, name, relationship, records in rows]

    def _events(self, condition: str, values: list[Any]) -> Iterator[Found]:
        rows = self._database.execute(f"SELECT * FROM events WHERE {condition}", values)  # noqa: S608 - ours alone
        try:
            for row in rows:
                yield _found(row)
        except sqlite3.Error as error:
            raise DataFolderError(f"{str(self._path)!r}: {error}") from error


def _found(row: tuple[Any, ...]) -> Found:
    id_, time, type_, processor, relationship, target, records, seconds = row[:8]
    low, high, ids, parents_low, parents_high, parents, shares, attributes, errors = row[8:17]
    return Found(
        id_, time, type_, processor, relationship, target, records, seconds, low, high,
        unpack_value(attributes) if attributes is not None else {},
        tuple(tuple(each) for each in unpack_value(errors)) if errors is not None else (),
        None if row[17] is None else (row[17], row[18], row[19]),
        (ids, parents_low, parents_high, parents, shares),
    )  # fmt: skip
