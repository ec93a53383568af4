"""The dead letters of a flow that runs: written before their source hears of them, bounded, tried again."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from router.ack import Outcome
from router.batch import Batch
from router.errors import StorageError
from router.storage.database import Database, Work
from router.storage.letter import COLUMNS, DeadLetter, read_letter, row_of

__all__ = ["INSERT", "DeadLetters", "Retried", "holds_records"]

MOST_RECORDS, MOST_BYTES = 10_000, 256 << 20
Done: TypeAlias = Callable[[Any, BaseException | None], None]

INSERT = (
    "INSERT INTO dead_letters (processor, connection, error_type, error_message, attempts, first_time, last_time, "
    "flow_version, nbytes, checksum, batch) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
# Of a letter that failed again only what it was first is kept.
_RENEW = (
    "UPDATE dead_letters SET (processor, connection, error_type, error_message, last_time, flow_version, nbytes, "
    "checksum, batch, attempts, retry_to) = (SELECT n.processor, n.connection, n.error_type, n.error_message, "
    "n.last_time, n.flow_version, n.nbytes, n.checksum, n.batch, dead_letters.attempts + n.attempts, NULL "
    "FROM dead_letters AS n WHERE n.id = ?2) WHERE id = ?1"
)
_TAKE_ON = (
    "UPDATE dead_letters SET (first_time, attempts) = (SELECT old.first_time, dead_letters.attempts + old.attempts "
    "FROM dead_letters AS old WHERE old.id = ?1) WHERE id = ?2"
)


@dataclass(slots=True, eq=False)
class Retried:
    """The token of a letter on its way through the flow again."""

    id: int
    letters: list[int]
    """Letters that were made of it on this way."""


class DeadLetters:
    """The records that a flow set aside, in ``flow.db``, one row each.

    Bounded by records and bytes; what is to be tried again does not count. Asks the table
    only at the bound: others may have taken letters away meanwhile.
    """

    def __init__(self, database: Database, now: Callable[[], float], flow_version: str = "") -> None:
        self.count = 0
        """How many were made in this run."""
        self.kept = 0
        """How many there are."""
        self._nbytes = 0
        self._database = database
        self._now = now
        self.version = flow_version
        """Of the flow, written beside each."""

    @property
    def path(self) -> Path:
        """The file they are in, once there are any."""
        return self._database.path

    def has_room(self) -> bool:
        """False once the bound is reached, as far as is known."""
        return self.kept < MOST_RECORDS and self._nbytes < MOST_BYTES

    async def look(self) -> bool:
        """Find out how much is there; True if there is room."""
        if self.path.exists():
            with suppress(StorageError):  # what is not found out now may be later
                self.kept, self._nbytes = await self._database.submit(_measured)
        return self.has_room()

    def count_anew(self) -> None:
        """Find out soon how many there are: some were tried again, or taken away by others."""

        def done(found: tuple[int, int] | None, error: BaseException | None) -> None:
            if found is not None and error is None:
                self.kept, self._nbytes = found

        if self.kept:
            self._database.write(_measured, done)

    # -- setting aside --------------------------------------------------------------------------

    async def put(self, batch: Batch, processor: str, connection: str | None) -> None:
        """Write the records; returns when they are on disk. Cancelled, they may be written all the same.

        Raises:
            StorageError: they could not be written: the flow ends, or the file is not to be used.
        """
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def done(_: object, error: BaseException | None) -> None:
            if written.done():
                return
            if error is None:
                written.set_result(None)
            else:
                written.set_exception(error)

        self.write(batch, processor, connection, self._database.write, done)
        await written

    def write(
        self,
        batch: Batch,
        processor: str,
        connection: str | None,
        hand_over: Callable[[Work[Any], Done], None],
        done: Done,
    ) -> None:
        """Hand over what writes the records; ``done`` hears when it is committed, or has failed."""
        now = self._now()
        rows = [row_of(batch.select([index]), processor, connection, now, self.version) for index in range(len(batch))]
        retried = _retried(batch)

        def noted(ids: Sequence[int] | None, error: BaseException | None) -> None:
            if ids is not None and error is None:
                self._note(ids, retried, sum(row[-3] for row in rows))
            done(ids, error)

        hand_over(lambda database: [_inserted(database, row) for row in rows], noted)

    def _note(self, ids: Sequence[int], retried: Iterable[Retried | None], nbytes: int) -> None:
        self.count += len(ids)
        self.kept += len(ids)
        self._nbytes += nbytes
        for id_, of in zip(ids, retried, strict=True):
            if of is not None:
                of.letters.append(id_)

    # -- trying again ---------------------------------------------------------------------------

    async def read(self, ids: Sequence[int]) -> list[DeadLetter]:
        """Letters by their numbers; those that are there."""
        query = f"SELECT {COLUMNS} FROM dead_letters WHERE id = ?"  # noqa: S608 - a constant

        def read(database: sqlite3.Connection) -> list[tuple[Any, ...]]:
            found = (database.execute(query, (id_,)).fetchone() for id_ in ids)
            return [row for row in found if row is not None]

        return [read_letter(row) for row in await self._database.submit(read)]

    def unmark(self, ids: Sequence[int], done: Done) -> None:
        """Leave letters where they are: they cannot be tried again as was asked."""
        query = "UPDATE dead_letters SET retry_to = NULL WHERE id = ?"
        self.kept += len(ids)
        self._database.write(lambda database: database.executemany(query, [(id_,) for id_ in ids]).rowcount, done)

    def settle(self, retried: Retried, outcome: Outcome, done: Done) -> None:
        """Do what the end of a letter's new way asks for; ``done`` hears when that is committed, or has failed.

        Safe elsewhere it is deleted; set aside again it becomes what was made of it.
        """
        if outcome is Outcome.DEAD_LETTERED:
            self._database.write(lambda database: _folded(database, retried), done)
        else:
            self._database.write(lambda database: _deleted(database, retried.id), done)


async def holds_records(database: Database) -> bool:
    """True if a database keeps records that are nowhere else, or if that cannot be found out."""
    if not database.path.exists():
        return False
    query = "SELECT EXISTS (SELECT 1 FROM dead_letters) OR EXISTS (SELECT 1 FROM queue)"
    try:
        (found,) = await database.submit(lambda connection: connection.execute(query).fetchone())
    except StorageError:
        return True
    return bool(found)


def _measured(database: sqlite3.Connection) -> tuple[int, int]:
    query = "SELECT count(*), coalesce(sum(nbytes), 0) FROM dead_letters WHERE retry_to IS NULL"
    found: tuple[int, int] = database.execute(query).fetchone()
    return found


def _inserted(database: sqlite3.Connection, row: tuple[Any, ...]) -> int:
    return database.execute(INSERT, row).lastrowid or 0


def _deleted(database: sqlite3.Connection, id_: int) -> int:
    return database.execute("DELETE FROM dead_letters WHERE id = ?", (id_,)).rowcount


def _folded(database: sqlite3.Connection, retried: Retried) -> None:
    """Make one letter of the old one and the first it became; the others keep what the old one knew."""
    exists = "SELECT 1 FROM dead_letters WHERE id = ?"
    made = [id_ for id_ in retried.letters if database.execute(exists, (id_,)).fetchone()]
    if not database.execute(exists, (retried.id,)).fetchone():
        return
    if not made:  # a part of another letter now, or deleted meanwhile
        _deleted(database, retried.id)
        return
    database.executemany(_TAKE_ON, [(retried.id, id_) for id_ in made[1:]])
    database.execute(_RENEW, (retried.id, made[0]))
    _deleted(database, made[0])


def _retried(batch: Batch) -> list[Retried | None]:
    """For each record, the letter it was on its way again."""
    found: list[Retried | None] = []
    for origins, count in batch.origin_runs():
        tokens = (origin.ack.token for origin in origins if origin.ack is not None)
        found += [next((each for each in tokens if isinstance(each, Retried)), None)] * count
    return found
