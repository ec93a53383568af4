"""What can still be read of a damaged database goes on in a new one; the damaged file is kept beside it."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from router.storage.file import open_file

__all__ = ["Salvaged", "damage_of", "salvage"]

_SET_ASIDE = "INSERT INTO quarantine (time, came_from, reason, content) VALUES (?, ?, ?, NULL)"
_REASON = "the page of the file that it was on is damaged"


@dataclass(frozen=True, slots=True)
class Salvaged:
    """What became of a damaged database."""

    kept: Path
    """The damaged file, as it was."""
    reason: str
    lost: int
    """How many rows are known to be lost."""


def damage_of(connection: sqlite3.Connection) -> str | None:
    """What is wrong with the pages of a database; None: nothing. Reads all of it."""
    try:
        (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_CORRUPT:
            raise
        return str(error)
    return None if found == "ok" else str(found).splitlines()[-1]


def salvage(path: Path, schema: Sequence[str], reason: str) -> Salvaged:
    """Put in a database's place a new one with every row that can be read; rows that are known and cannot are noted.

    Whatever interrupts it, there is one file or the other under the name.

    Raises:
        sqlite3.Error: there is no room for it.
    """
    fresh = path.with_name(f"{path.name}.new")
    try:
        lost = _copy_all(path, fresh, schema)
        kept = _free_name(path)
        os.link(path, kept)
        fresh.replace(path)
    finally:
        for left in (fresh, fresh.with_name(f"{fresh.name}-wal"), fresh.with_name(f"{fresh.name}-shm")):
            left.unlink(missing_ok=True)
    _sync_folder(path.parent)
    return Salvaged(kept, reason, lost)


def _copy_all(path: Path, fresh: Path, schema: Sequence[str]) -> int:
    lost = 0
    with closing(sqlite3.connect(path, isolation_level=None)) as old:
        old.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        with closing(open_file(fresh, schema)) as new:
            new.execute("BEGIN")
            for (table,) in new.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
                if not table.startswith("sqlite_"):
                    lost += _copy(_Table(old, table), new)
            new.execute("COMMIT")
    return lost


def _copy(table: _Table, new: sqlite3.Connection) -> int:
    insert = f"INSERT OR IGNORE INTO {table.name} VALUES ({', '.join('?' * len(table.columns))})"  # noqa: S608 - names of ours
    for row in table.readable():
        new.execute(insert, row)
    for id_ in table.lost:
        new.execute(_SET_ASIDE, (time.time(), f"table {table.name}, row {id_}", _REASON))
    return len(table.lost)


class _Table:
    """Reads what it can of one table."""

    def __init__(self, connection: sqlite3.Connection, name: str) -> None:
        self.name = name
        self.lost: list[int] = []
        self._connection = connection
        info = connection.execute(f"PRAGMA table_info({name})").fetchall()
        self.columns = [column for _, column, *_ in info]
        keys = sorted((place, column) for _, column, _, _, _, place in info if place)
        self._key = [column for _, column in keys]

    def readable(self) -> Iterator[tuple[Any, ...]]:
        """Every row from both ends up to the damage, and those between that an index knows of."""
        seen: set[Any] = set()
        for order in ("ASC", "DESC"):
            by = ", ".join(f"{column} {order}" for column in self._key)
            for row in self._until_damage(f"SELECT * FROM {self.name} NOT INDEXED ORDER BY {by}"):  # noqa: S608
                key = tuple(row[self.columns.index(column)] for column in self._key)
                if key in seen:
                    break
                seen.add(key)
                yield row
        for id_ in self._ids():
            if (id_,) not in seen:
                yield from self._one(id_)

    def _one(self, id_: int) -> Iterator[tuple[Any, ...]]:
        found = list(self._until_damage(f"SELECT * FROM {self.name} WHERE {self._key[0]} = {id_}"))  # noqa: S608
        if not found:
            self.lost.append(id_)
        yield from found

    def _ids(self) -> list[int]:
        """The numbers of rows, from the indexes that lead to all of them."""
        ids: set[int] = set()
        if len(self._key) == 1:
            for _, index, _, _, is_partial in self._connection.execute(f"PRAGMA index_list({self.name})").fetchall():
                if not is_partial:
                    query = f"SELECT {self._key[0]} FROM {self.name} INDEXED BY {index}"  # noqa: S608
                    ids.update(id_ for (id_,) in self._until_damage(query))
        return sorted(ids)

    def _until_damage(self, query: str) -> Iterator[tuple[Any, ...]]:
        with suppress(sqlite3.DatabaseError):
            yield from self._connection.execute(query)


def _free_name(path: Path) -> Path:
    number = 1
    while (found := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    return found


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
