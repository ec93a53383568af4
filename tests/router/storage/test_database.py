"""One writer thread: commits in groups, in order, waits for the disk, and never touches a file that is not its own."""

from __future__ import annotations

import asyncio
import hashlib
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from router.errors import DataFolderError, StorageError
from router.storage import database as module
from router.storage import file
from router.storage.database import Database

SCHEMA = ("CREATE TABLE kept (n INTEGER PRIMARY KEY, content BLOB) STRICT; CREATE TABLE other (n INTEGER) STRICT;",)


def insert(n: int, size: int = 0) -> Callable[[sqlite3.Connection], int]:
    def work(connection: sqlite3.Connection) -> int:
        connection.execute("INSERT INTO kept VALUES (?, ?)", (n, bytes(size)))
        return n

    return work


def kept(path: Path) -> list[int]:
    with closing(sqlite3.connect(path)) as connection:
        return [n for (n,) in connection.execute("SELECT n FROM kept ORDER BY n")]


class Slow(Database):
    """Its first transaction waits to be let go; it remembers how large each of them was."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, SCHEMA)
        self.go = threading.Event()
        self.sizes: list[int] = []

    def _transact(self, group: Sequence[Any]) -> None:
        self.go.wait(10)
        self.sizes.append(len(group))
        super()._transact(group)


async def test_what_is_asked_while_a_commit_runs_shares_the_next(tmp_path: Path) -> None:
    database = Slow(tmp_path / "a.db")
    first = database.submit(insert(0))
    while database._asked:  # noqa: ASYNC110 - the thread tells nobody that it took the first
        await asyncio.sleep(0)
    others = [database.submit(insert(n)) for n in range(1, 101)]
    database.go.set()
    assert await asyncio.gather(first, *others) == list(range(101))
    await database.close()
    assert (database.sizes, kept(database.path)) == ([1, 64, 36], list(range(101)))


async def test_works_run_and_are_told_of_in_the_order_asked(tmp_path: Path) -> None:
    database, ran, told = Database(tmp_path / "a.db", SCHEMA), list[int](), list[int]()
    for n in range(200):
        database.write(lambda _, n=n: ran.append(n), lambda _result, _error, n=n: told.append(n))  # type: ignore[misc]
    await database.close()
    assert ran == told == list(range(200))
    assert not database.is_busy


async def test_a_failing_work_undoes_only_itself(tmp_path: Path) -> None:
    def half(connection: sqlite3.Connection) -> None:
        insert(7)(connection)
        raise KeyError("half way")

    database = Database(tmp_path / "a.db", SCHEMA)
    asked = [database.submit(each) for each in (insert(1), half, insert(1), insert(2))]
    found = await asyncio.gather(*asked, return_exceptions=True)
    await database.close()
    assert [type(each) for each in found] == [int, KeyError, StorageError, int]
    assert str(found[2]) == "a.db: UNIQUE constraint failed: kept.n"
    assert kept(database.path) == [1, 2]


def told_off() -> None:
    raise ValueError("told off")


async def test_one_who_fails_to_hear_keeps_nobody_from_hearing(tmp_path: Path) -> None:
    database, said = Database(tmp_path / "a.db", SCHEMA), list[str]()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: said.append(str(context["exception"])))
    database.write(insert(1), lambda _result, _error: told_off())
    assert await database.submit(insert(2)) == 2
    await database.close()
    assert said == ["told off"]


async def test_a_flow_that_stores_nothing_makes_no_file(tmp_path: Path) -> None:
    database = Database(tmp_path / "a.db", SCHEMA)
    database.open()
    await database.close()
    assert looks(tmp_path) == {}


async def test_a_closed_database_says_so(tmp_path: Path) -> None:
    database = Database(tmp_path / "a.db", SCHEMA)
    await database.close()
    with pytest.raises(StorageError, match=r"^a\.db is closed$"):
        await database.submit(insert(1))


async def test_what_is_deleted_leaves_no_room_taken_in_the_file(tmp_path: Path) -> None:
    database = Database(tmp_path / "a.db", SCHEMA)
    await asyncio.gather(*(database.submit(insert(n, 100_000)) for n in range(100)))
    await database.submit(lambda connection: connection.execute("DELETE FROM kept").rowcount)
    await database.close()
    assert list(looks(tmp_path)) == ["a.db"]
    assert database.path.stat().st_size < 200_000


# -- a disk that takes no more --------------------------------------------------------------------


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("this user cannot mount a small file system")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def make_room(small: Path) -> None:
    subprocess.run(["mount", "-o", "remount,size=32m", str(small)], check=True)


class Troubles:
    """What a database says of its disk, and when."""

    def __init__(self) -> None:
        self.said: list[str | None] = []
        self.came = asyncio.Event()

    def __call__(self, trouble: str | None) -> None:
        self.said.append(trouble)
        self.came.set()


@pytest.mark.needs("root")
async def test_a_full_disk_is_waited_for_and_told_of_once(small: Path) -> None:
    troubles = Troubles()
    database = Database(small / "a.db", SCHEMA, on_trouble=troubles)
    asked = [database.submit(insert(n, 50_000)) for n in range(100)]
    await troubles.came.wait()
    make_room(small)
    assert await asyncio.gather(*asked) == list(range(100))
    await database.close()
    assert len(troubles.said) == 2
    assert troubles.said[0] in ("database or disk is full", "disk I/O error")
    assert troubles.said[1] is None
    assert kept(database.path) == list(range(100))


@pytest.mark.needs("root")
@pytest.mark.parametrize("end", ["close", "stop_waiting"])
async def test_closing_and_stopping_do_not_wait_for_a_full_disk(small: Path, end: str) -> None:
    troubles = Troubles()
    database = Database(small / "a.db", SCHEMA, on_trouble=troubles)
    asked = [database.submit(insert(n, 50_000)) for n in range(200)]
    await troubles.came.wait()
    if end == "stop_waiting":
        database.stop_waiting()
        await asyncio.gather(*asked, return_exceptions=True)
    await database.close()
    found = await asyncio.gather(*asked, return_exceptions=True)
    safe = [n for n, each in enumerate(found) if each == n]
    assert {str(each) for each in found if isinstance(each, StorageError)} <= {
        "a.db: database or disk is full",
        "a.db: disk I/O error",
    }
    assert len(safe) < 200
    make_room(small)
    assert kept(database.path) == safe


LIMITED = """
import asyncio, resource, sys
from pathlib import Path
from router.storage.database import Database

def on_trouble(trouble):
    print(trouble is not None, flush=True)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

async def main():
    database = Database(Path(sys.argv[1]), ["CREATE TABLE kept (n INTEGER, content BLOB)"], on_trouble=on_trouble)
    for n in range(100):
        await database.submit(lambda each: each.execute("INSERT INTO kept VALUES (?, ?)", (n, bytes(20_000))) and None)
    await database.close()

asyncio.run(main())
"""


def test_a_limit_on_the_size_of_files_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    limit = (500_000, resource.RLIM_INFINITY)
    ended = subprocess.run(
        [sys.executable, "-c", LIMITED, str(path)],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit),
        capture_output=True,
        text=True,
        check=True,
    )
    assert (ended.stdout, kept(path)) == ("True\nFalse\n", list(range(100)))


async def test_a_lock_of_another_process_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file, "PATIENCE", 0.01)
    troubles = Troubles()
    database = Database(tmp_path / "a.db", SCHEMA, on_trouble=troubles)
    await database.submit(insert(1))
    with closing(sqlite3.connect(database.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        waiting = database.submit(insert(2))
        await troubles.came.wait()
        assert not waiting.done()
        other.execute("COMMIT")
        assert await waiting == 2
    await database.close()
    assert troubles.said == ["database is locked", None]


async def test_a_write_that_hangs_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LEFT", 0.05)
    database = Slow(tmp_path / "a.db")
    asked = [database.submit(insert(n)) for n in range(3)]
    await database.close()
    assert not database.is_busy
    for each in await asyncio.gather(*asked, return_exceptions=True):
        assert str(each) == "a.db: a write does not end; what became of it is not known"
    database.go.set()
    assert database._thread is not None
    await asyncio.to_thread(database._thread.join, 10)


# -- files that are not ours ----------------------------------------------------------------------


def ours(path: Path, version: int = 1, *, rows: int = 3) -> None:
    """A database of ours, as another version of router may have left it."""

    async def make() -> None:
        database = Database(path, [*SCHEMA, *(f"CREATE TABLE v{n} (n)" for n in range(2, version + 1))])
        await asyncio.gather(*(database.submit(insert(n, 5000)) for n in range(rows)))
        await database.close()

    thread = threading.Thread(target=lambda: asyncio.run(make()))
    thread.start()
    thread.join()


def sqlite_of_another(path: Path, pragma: str = "") -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE theirs (n)")
        connection.execute("INSERT INTO theirs VALUES (1)")
        connection.execute(pragma)
        connection.commit()


def damaged(path: Path) -> None:
    ours(path)
    path.write_bytes(b"\0" * 100 + path.read_bytes()[100:])


OTHERS: dict[str, tuple[Callable[[Path], object], str]] = {
    "text": (
        lambda path: path.write_text("no database\n" * 100),
        "cannot be opened: file is not a database; it is left",
    ),
    "another program's": (sqlite_of_another, "is a database of another program; move it away"),
    "marked by another": (
        lambda path: sqlite_of_another(path, "PRAGMA application_id=7"),
        "is a database of another program; move it away",
    ),
    "numbered by another": (
        lambda path: sqlite_of_another(path, "PRAGMA user_version=1"),
        "is a database of another program; move it away",
    ),
    "newer": (
        lambda path: ours(path, 3),
        r"was written by a newer router \(version 3 of its tables, 1 is known here\); use that one, or another",
    ),
    "damaged": (damaged, "cannot be opened: file is not a database; it is left as it is: mend it, or move it away"),
    "a folder": (lambda path: path.mkdir(), "cannot be opened: unable to open database file; it is left"),
}


def looks(folder: Path) -> dict[str, str]:
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
        for path in folder.iterdir()
    }


@pytest.mark.parametrize("kind", OTHERS)
async def test_a_file_that_is_not_ours_is_refused_and_not_a_byte_of_it_changed(tmp_path: Path, kind: str) -> None:
    make, said = OTHERS[kind]
    path = tmp_path / "a.db"
    make(path)
    before = looks(tmp_path)
    with pytest.raises(DataFolderError, match=f"^'.*a.db' {said}"):
        Database(path, SCHEMA).open()
    assert looks(tmp_path) == before


async def test_a_file_that_became_anothers_is_not_written_either(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    database = Database(path, SCHEMA)
    database.open()
    sqlite_of_another(path)
    before = looks(tmp_path)
    with pytest.raises(StorageError, match="is a database of another program"):
        await database.submit(insert(1))
    await database.close()
    assert looks(tmp_path) == before


async def test_an_empty_file_is_a_database_that_was_about_to_be_made(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    path.touch()
    database = Database(path, SCHEMA)
    database.open()
    await database.submit(insert(1))
    await database.close()
    assert kept(path) == [1]


NEWER = (*SCHEMA, "ALTER TABLE kept ADD COLUMN name TEXT; UPDATE kept SET name = 'n' || n")


async def test_a_file_of_an_older_version_is_brought_up_with_all_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    ours(path)
    database = Database(path, NEWER)
    database.open()
    found = await database.submit(lambda each: each.execute("SELECT n, name FROM kept ORDER BY n").fetchall())
    await database.close()
    assert found == [(0, "n0"), (1, "n1"), (2, "n2")]
    with pytest.raises(DataFolderError, match="version 2 of its tables, 1 is known here"):
        Database(path, SCHEMA).open()


async def test_a_step_up_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    ours(path)
    broken = (*NEWER, "CREATE TABLE more (n); UPDATE missing SET n = 1")
    with pytest.raises(DataFolderError, match="cannot be opened: no such table: missing"):
        Database(path, broken).open()
    Database(path, SCHEMA).open()
    assert kept(path) == [0, 1, 2]


async def test_where_a_page_is_damaged_the_other_tables_live(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    ours(path, rows=500)
    with closing(sqlite3.connect(path)) as connection:
        (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'kept'").fetchone()
        (page,) = connection.execute("PRAGMA page_size").fetchone()
    content = bytearray(path.read_bytes())
    content[(root - 1) * page : root * page] = b"\xff" * page
    path.write_bytes(content)
    database = Database(path, SCHEMA)
    database.open()
    lost = database.submit(insert(1000))
    safe = database.submit(lambda each: each.execute("INSERT INTO other VALUES (5) RETURNING n").fetchall())
    assert await safe == [(5,)]
    with pytest.raises(StorageError, match="database disk image is malformed"):
        await lost
    await database.close()


CRASHING = """
import asyncio, sys
from pathlib import Path
from router.storage.database import Database

async def main():
    database, last = Database(Path(sys.argv[1]), ["CREATE TABLE kept (n INTEGER)"]), None
    for n in range(1_000_000):
        last = database.submit(lambda each, n=n: each.execute("INSERT INTO kept VALUES (?)", (n,)).rowcount)
        last.add_done_callback(lambda _, n=n: print(n, flush=True))
        if n % 10 == 9:
            await last

asyncio.run(main())
"""


def test_what_was_said_to_be_committed_is_there_after_a_kill(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", CRASHING, str(tmp_path / "a.db")], stdout=subprocess.PIPE)
    assert process.stdout is not None
    said = [int(process.stdout.readline()) for _ in range(500)]
    process.send_signal(signal.SIGKILL)
    said += map(int, process.stdout.read().split(b"\n")[:-1])
    process.wait()
    process.stdout.close()
    found = kept(tmp_path / "a.db")
    assert found == list(range(len(found)))
    assert said == list(range(len(said)))
    assert len(said) <= len(found)
