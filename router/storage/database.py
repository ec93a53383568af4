"""One SQLite database with one writer thread, which commits what it is asked in groups."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

from router.errors import DataFolderError, StorageError
from router.storage.file import open_file, unusable
from router.storage.salvage import Salvaged, damage_of, salvage

__all__ = ["Database", "Work"]

_T = TypeVar("_T")
Work = Callable[[sqlite3.Connection], _T]

MOST = 64  # works in one transaction
SHORTEST, LONGEST = 0.1, 5.0  # seconds between two tries while the disk is full or failing
LEFT = 10.0  # seconds: how long a close waits for a write that hangs
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
_AT_START = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}  # a write will wait for them


class _Asked(Generic[_T]):
    """One work, and who hears how it went."""

    __slots__ = ("done", "error", "is_hopeless", "is_told", "result", "work")

    def __init__(self, work: Work[_T], done: Callable[[_T | None, BaseException | None], None]) -> None:
        self.work = work
        self.done = done
        self.result: _T | None = None
        self.error: BaseException | None = None
        self.is_hopeless = False
        self.is_told = False


class _DamagedPageError(Exception):
    """A work met a damaged page: SQLite can do no more in this transaction, but the others can in the next."""


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
        salvages: Look through the file when it is opened, and where pages of it are damaged go
            on with what can be read, in a new file; the damaged one is kept.
    """

    def __init__(
        self,
        path: Path,
        schema: Sequence[str],
        *,
        synchronous: Literal["FULL", "NORMAL"] = "FULL",
        on_trouble: Callable[[str | None], None] = lambda _: None,
        salvages: bool = False,
    ) -> None:
        self.path = path
        self.salvaged: Salvaged | None = None
        """What was done about a damaged file when it was opened."""
        self._salvages = salvages
        self._schema = schema
        self._synchronous = synchronous
        self._on_trouble = on_trouble
        self._asked: deque[_Asked[Any]] = deque()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._connection: sqlite3.Connection | None = None
        self._failed: sqlite3.Connection | None = None
        """One that met trouble, open until the next is: who opens a file that nobody has open takes what he finds in
        its log for committed, the commit that failed too."""
        self._group: Sequence[_Asked[Any]] = ()
        self._ended = asyncio.Event()
        self._is_closing = False
        self._is_waiting = True
        self._is_in_trouble = False
        self._undone = 0

    # -- on the loop ----------------------------------------------------------------------------

    @property
    def is_busy(self) -> bool:
        """True while something asked is not done."""
        return self._undone > 0

    @property
    def is_made(self) -> bool:
        """False while nothing was ever written."""
        return self._thread is not None or self._connection is not None

    def open(self) -> None:
        """Belong to the running loop, and open a file that is there already; else the first write makes it.

        Raises:
            DataFolderError: it is no database of ours, is damaged, or is of a newer version.
        """
        with contextlib.suppress(RuntimeError):  # nobody writes where no loop runs
            self._loop = asyncio.get_running_loop()
        if not self.path.exists():
            return
        try:
            connection = self._connected()
            if self._salvages and (damage := damage_of(connection)) is not None:
                self._close_all()
                self.salvaged = salvage(self.path, self._schema, damage)
                self._connected()
        except sqlite3.Error as error:
            if _code(error) not in _AT_START:
                raise unusable(self.path, error) from error

    def write(self, work: Work[_T], done: Callable[[_T | None, BaseException | None], None]) -> None:
        """Run ``work`` in the writer thread; ``done`` is called on the loop when it is committed, or has failed.

        Works run in the order asked. One may run again after a full disk, so it changes
        nothing but the database. If it raises, only its own changes are undone; what SQLite
        raises comes out as a ``StorageError``.
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

        def resolve(result: _T | None, error: BaseException | None) -> None:
            if future.done():
                return
            if error is None:
                future.set_result(result)  # type: ignore[arg-type]
            else:
                future.set_exception(error)

        def done(result: _T | None, error: BaseException | None) -> None:
            if (loop := future.get_loop()) is self._loop:
                resolve(result, error)
            else:  # a call in a thread has a loop of its own
                loop.call_soon_threadsafe(resolve, result, error)

        self.write(work, done)
        return future

    def stop_waiting(self) -> None:
        """Fail from now on what the disk cannot take, rather than wait until it can: the flow stops."""
        with self._changed:
            self._is_waiting = False
            self._changed.notify()

    def call_when_written(self, look: Callable[[], None]) -> bool:
        """Call back when what is asked by now is done; False, and no call, if nothing is."""
        if not self.is_busy:
            return False
        self.write(lambda _: None, lambda _, _error: look())
        return True

    async def close(self) -> None:
        """Commit what was asked, unless the disk is in trouble, and close the file; a write that hangs is left behind."""
        with self._changed:
            self._is_closing = True
            self._is_waiting = False
            self._changed.notify()
        if self._thread is not None:
            self._undone += 1
            try:
                async with asyncio.timeout(LEFT):
                    await self._ended.wait()
            except TimeoutError:
                self._leave_behind()
            finally:
                self._undone -= 1
        else:
            self._close_all()

    def _leave_behind(self) -> None:
        with self._changed:
            left = [*self._group, *self._asked]
            self._asked.clear()
        for each in left:
            each.error = StorageError(f"{self.path.name}: a write does not end; what became of it is not known")
        self._tell(left)

    def _tell(self, group: Sequence[_Asked[Any]]) -> None:
        for each in group:
            if each.is_told:
                continue
            each.is_told = True
            self._undone -= 1
            try:
                each.done(each.result, each.error)
            except Exception as error:  # noqa: BLE001 - the others must hear too
                assert self._loop is not None
                self._loop.call_exception_handler({"message": "who was told of a write failed", "exception": error})

    # -- in the thread --------------------------------------------------------------------------

    def _run(self) -> None:
        while group := self._next():
            self._group = group
            self._commit(group)
            self._call(self._tell, group)
        if self._connection is not None:
            _tidy(self._connection)
        self._close_all()
        self._call(self._ended.set)

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
            except _DamagedPageError:
                self._forget_connection()
                continue
            except (sqlite3.Error, DataFolderError) as error:
                self._forget_connection()
                if not self._is_waiting or isinstance(error, DataFolderError) or not is_trouble(error):
                    for each in group:
                        each.error = self._said(error)
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
                self._changed.wait_for(lambda: not self._is_waiting, wait)
            wait = min(LONGEST, 2 * wait)

    def _transact(self, group: Sequence[_Asked[Any]]) -> None:
        connection = self._connected()
        connection.execute("BEGIN IMMEDIATE")
        if not _all_done(connection, group):
            if connection.in_transaction:  # some errors end it
                connection.execute("ROLLBACK")
            connection.execute("BEGIN IMMEDIATE")
            for each in group:
                if not each.is_hopeless:
                    self._do_alone(connection, each)
        connection.execute("COMMIT")

    def _do_alone(self, connection: sqlite3.Connection, each: _Asked[Any]) -> None:
        """Do one work of a group so that only its own changes are undone if it fails."""
        each.error = None
        connection.execute("SAVEPOINT work")
        try:
            each.result = each.work(connection)
        except sqlite3.Error as error:
            each.error = self._said(error)
            if _code(error) == sqlite3.SQLITE_CORRUPT:
                each.is_hopeless = True
                raise _DamagedPageError from error
            if is_trouble(error):
                raise
            connection.execute("ROLLBACK TO work")
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told to who asked
            connection.execute("ROLLBACK TO work")
            each.error = error
        connection.execute("RELEASE work")

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            connection = open_file(self.path, self._schema, synchronous=self._synchronous)
            self._close_all()
            self._connection = connection
        return self._connection

    def _said(self, error: Exception) -> StorageError:
        made = StorageError(f"{self.path.name}: {error}")
        made.__cause__ = error
        return made

    def _forget_connection(self) -> None:
        """Begin anew with the file: after a failed fsync nothing of the old connection is to be trusted."""
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.rollback()
            self._failed, self._connection = self._connection, None

    def _close_all(self) -> None:
        for each in (self._connection, self._failed):
            if each is not None:
                each.close()
        self._connection = self._failed = None

    def _call(self, function: Callable[..., None], *arguments: object) -> None:
        assert self._loop is not None
        try:
            self._loop.call_soon_threadsafe(function, *arguments)
        except RuntimeError:  # the loop has gone: nobody waits any more
            return


def _all_done(connection: sqlite3.Connection, group: Sequence[_Asked[Any]]) -> bool:
    """Do a group without a savepoint each: every statement costs the interpreter's lock, which the loop is loth to give."""
    try:
        for each in group:
            if each.is_hopeless:
                return False
            each.error = None
            each.result = each.work(connection)
    except Exception:  # noqa: BLE001 - each is done again by itself, and what it raises is told
        return False
    return True


def is_trouble(error: sqlite3.Error) -> bool:
    """True if it is the disk's fault, or another's, not that of what was to be written."""
    return _code(error) in _TROUBLE


def _code(error: sqlite3.Error) -> int:
    """What happened, without where: ``sqlite3.SQLITE_IOERR`` for any of its kinds."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _tidy(connection: sqlite3.Connection) -> None:
    try:
        connection.executescript("PRAGMA incremental_vacuum(10000)")  # `execute` would free a single page
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.Error:
        pass  # all is in the log; the next who opens it goes on from there
