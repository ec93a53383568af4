"""Puts kept content back on its way: as a letter that is to be tried again, by the flow that runs or its next run."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from router.batch import Batch
from router.lineage import LINEAGE
from router.storage.dead_letters import INSERT
from router.storage.file import open_file, unusable
from router.storage.letter import row_of
from router.storage.provenance.reading import Found, Reader
from router.storage.schema import FLOW_DB, FLOW_SCHEMA

__all__ = ["Kept", "ask", "kept_of"]

_ERROR = {"type": "Replay", "message": "put back on its way"}


@dataclass(frozen=True, slots=True)
class Kept:
    """A record as it was put on a connection."""

    record: int
    event: Found
    batch: Batch
    """That record alone, with its columns and attributes."""

    @property
    def connection(self) -> str:
        """Where it was put."""
        return self.event.target or self.event.processor


def kept_of(reader: Reader, record: int) -> Kept | None:
    """The newest content that is kept of a record, or of the nearest it came of; None if none is.

    Of a copy, which was put elsewhere than what it is a copy of, the content goes to where the copy went.

    Raises:
        StorageError: it is damaged.
    """
    level, known = [record], {record}
    while level:
        for each in level:
            if (found := _own(reader, each)) is not None:
                return found if each == record else _as_copy(reader, record, found)
        parents = (parent for each in level for parent in _parents(reader, each))
        level = [each for each in dict.fromkeys(parents) if each not in known]
        known.update(level)
    return None


def ask(folder: Path, kept: Iterable[Kept], to: str | None = None) -> int:
    """Have records replayed: put where each was, or ``to``; returns how many.

    Raises:
        DataFolderError: the file is not to be used, or was busy for too long.
    """
    rows = []
    for each in kept:
        columns: dict[str, Sequence[Any]] = {LINEAGE: [each.record], "error": [_ERROR]}
        one = each.batch.with_columns(**columns)
        row = row_of(one, each.event.processor, each.connection, time.time(), "")
        rows.append((*row, to or each.connection))
    path = folder / FLOW_DB
    try:
        with closing(open_file(path, FLOW_SCHEMA)) as database:
            database.execute("BEGIN IMMEDIATE")
            with database:  # commits, or undoes all of it
                for row in rows:
                    id_ = database.execute(INSERT, row[:-1]).lastrowid
                    database.execute("UPDATE dead_letters SET retry_to = ? WHERE id = ?", (row[-1], id_))
    except sqlite3.Error as error:
        raise unusable(path, error) from error
    return len(rows)


def _own(reader: Reader, record: int) -> Kept | None:
    for event in reversed(reader.events_of(record)):
        batch = reader.content(event) if event.place is not None else None
        if batch is not None:
            place = event.ids.index(record)
            return Kept(record, event, batch.slice(place, place + 1))
    return None


def _as_copy(reader: Reader, record: int, found: Kept) -> Kept:
    births = [each for each in reader.events_of(record) if each.has_parents]
    is_copy = births and births[0].type == "CLONE" and found.record in births[0].parents_of(record)
    return Kept(record, births[0], found.batch) if is_copy else found


def _parents(reader: Reader, record: int) -> list[int]:
    return [parent for each in reader.events_of(record) if each.has_parents for parent in each.parents_of(record)]
