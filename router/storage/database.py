"""One SQLite database with one writer thread, which commits what it is asked in groups."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

from router.errors import DataFolderError, StorageError

__all__ = ["Database", "Work"]

_T = TypeVar("_T")
Work = Callable[[sqlite3.Connection], _T]

MOST = 64  # works in one transaction
SHORTEST, LONGEST = 0.1, 5.0  # seconds between two tries while the disk is full or failing
LEFT = 10.0  # seconds: how long a close waits for a write that hangs
_APPLICATION = 0x726F7574  # "rout": marks the file as ours
_PAGE = 16384  # a batch of 250 KB in few pages: half again as fast as 4096, small ones hardly slower
# What may pass: no room, a failing disk, another process at it, rights that somebody mends.
_TROUBLE = {
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_CORRUPT,
}


class _Asked(Generic[_T]):
    """One work, and who hears how it went."""

    __slots__ = ("done", "error", "result", "work")

    def __init__(self, work: Work[_T], done: Callable[[_T | None, BaseException | None], None]) -> None:
        self.work = work
        self.done = done
        self.result: _T | None = None
        self.error: BaseException | None = None


class Database:
    """A SQLite file in WAL mode, written by one thread.

    What is asked while a commit runs shares the next one, so that a hundred small writes
    cost one fsync. While the disk is full or fails nothing is lost and nothing raised:
    the group is tried again until there is room, and ``on_trouble`` hears of it, once an
    outage. The file is made at the first write.

    Args:
        schema: One script a version; a file of an older version is brought up, one of a
            newer version is refused.
        synchronous: ``FULL``: on disk at each commit. ``NORMAL``: a power cut may take the
            newest commits, never the file.
        on_trouble: Called on the loop with what is wrong, and with None when it is over.
    """

    def __init__(
        self,
        path: Path,
        schema: Sequence[str],
        *,
        synchronous: Literal["FULL", "NORMAL"] = "FULL",
        on_trouble: Callable[[str | None], None] = lambda _: None,
    ) -> None:
        self.path = path
        self._schema = schema
        self._synchronous = synchronous
        self._on_trouble = on_trouble
        self._asked: deque[_Asked[Any]] = deque()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._connection: sqlite3.Connection | None = None
        self._is_closing = False
        self._is_in_trouble = False
        self._undone = 0

    # -- on the loop ----------------------------------------------------------------------------

    @property
    def is_busy(self) -> bool:
        """True while something asked is not done."""
        return self._undone > 0

    def open(self) -> None:
        """Open a file that is there already; where there is none, the first write makes it.

        Raises:
            DataFolderError: it is no database of ours, is damaged, or is of a newer version.
        """
        if not self.path.exists():
            return
        try:
            self._connected()
        except sqlite3.Error as error:
            raise DataFolderError(
                f"{str(self.path)!r} cannot be opened: {error}; "
                "it is left as it is: mend it, or move it away and begin anew"
            ) from error

    def write(self, work: Work[_T], done: Callable[[_T | None, BaseException | None], None]) -> None:
        """Run ``work`` in the writer thread; ``done`` is called on the loop when it is committed, or has failed.

        Works run in the order asked. One may run again after a full disk, so it changes
        nothing but the database. If it raises, only its own changes are undone.
        """
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        if self._is_closing:
            done(None, StorageError(f"{self.path.name} is closed"))
            return
        self._undone += 1
        with self._changed:
            self._asked.append(_Asked(work, done))
            self._changed.notify()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=f"router-{self.path.stem}", daemon=True)
            self._thread.start()

    def submit(self, work: Work[_T]) -> asyncio.Future[_T]:
        """Like ``write``, with a future for what the work returns."""
        future: asyncio.Future[_T] = asyncio.get_running_loop().create_future()

        def done(result: _T | None, error: BaseException | None) -> None:
            if future.done():
                return
            if error is None:
                future.set_result(result)  # type: ignore[arg-type]
            else:
                future.set_exception(error)

        self.write(work, done)
        return future

    async def close(self) -> None:
        """Commit what was asked, unless the disk is in trouble, and close the file."""
        with self._changed:
            self._is_closing = True
            self._changed.notify()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, LEFT)
            await asyncio.sleep(0)  # noqa: TID251 - a turn for what the thread said last
        elif self._connection is not None:
            self._connection.close()
            self._connection = None

    def _tell(self, group: Sequence[_Asked[Any]]) -> None:
        self._undone -= len(group)
        for each in group:
            each.done(each.result, each.error)

    # -- in the thread --------------------------------------------------------------------------

    def _run(self) -> None:
        while group := self._next():
            self._commit(group)
            self._call(self._tell, group)
        if self._connection is not None:
            _close(self._connection)
            self._connection = None

    def _next(self) -> list[_Asked[Any]]:
        with self._changed:
            while not self._asked and not self._is_closing:
                self._changed.wait()
            return [self._asked.popleft() for _ in range(min(MOST, len(self._asked)))]

    def _commit(self, group: Sequence[_Asked[Any]]) -> None:
        wait = SHORTEST
        while True:
            try:
                self._transact(group)
            except (sqlite3.Error, DataFolderError) as error:
                self._forget_connection()
                if self._is_closing or isinstance(error, DataFolderError) or not is_trouble(error):
                    for each in group:
                        each.error = StorageError(f"{self.path.name}: {error}")
                    return
                if not self._is_in_trouble:
                    self._is_in_trouble = True
                    self._call(self._on_trouble, str(error))
            else:
                if self._is_in_trouble:
                    self._is_in_trouble = False
                    self._call(self._on_trouble, None)
                return
            with self._changed:
                self._changed.wait_for(lambda: self._is_closing, wait)
            wait = min(LONGEST, 2 * wait)

    def _transact(self, group: Sequence[_Asked[Any]]) -> None:
        connection = self._connected()
        connection.execute("BEGIN IMMEDIATE")
        for each in group:
            each.error = None
            connection.execute("SAVEPOINT work")
            try:
                each.result = each.work(connection)
            except Exception as error:
                if isinstance(error, sqlite3.Error) and is_trouble(error):
                    raise
                connection.execute("ROLLBACK TO work")
                each.error = error
            connection.execute("RELEASE work")
        connection.execute("COMMIT")

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=5)
            try:
                self._prepare(connection)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        """Set the file up, or bring it up to this version."""
        connection.execute(f"PRAGMA page_size={_PAGE}")
        connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA synchronous={self._synchronous}")
        connection.execute(f"PRAGMA journal_size_limit={64 << 20}")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        if (version or application) and application != _APPLICATION:
            raise DataFolderError(f"{str(self.path)!r} is a database of another program; move it away")
        if version > len(self._schema):
            raise DataFolderError(
                f"{str(self.path)!r} was written by a newer router (version {version} of its tables, "
                f"{len(self._schema)} is known here); use that one, or another data folder"
            )
        if version == len(self._schema):
            return
        connection.execute("BEGIN IMMEDIATE")
        for script in self._schema[version:]:
            for statement in filter(str.strip, script.split(";")):
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id={_APPLICATION}")
        connection.execute(f"PRAGMA user_version={len(self._schema)}")
        connection.execute("COMMIT")

    def _forget_connection(self) -> None:
        """Begin anew with the file: after a failed fsync nothing of the old connection is to be trusted."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _call(self, function: Callable[..., None], *arguments: object) -> None:
        assert self._loop is not None
        try:
            self._loop.call_soon_threadsafe(function, *arguments)
        except RuntimeError:  # the loop has gone: nobody waits any more
            return


def is_trouble(error: sqlite3.Error) -> bool:
    """True if it is the disk's fault, or another's, not that of what was to be written."""
    return (getattr(error, "sqlite_errorcode", 0) & 0xFF) in _TROUBLE


def _close(connection: sqlite3.Connection) -> None:
    try:
        connection.execute("PRAGMA incremental_vacuum(10000)")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.Error:
        pass  # all is in the log; the next who opens it goes on from there
    finally:
        connection.close()
