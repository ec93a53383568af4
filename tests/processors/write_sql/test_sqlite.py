"""A file of SQLite on a disk that is full, or may only be read."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from router import ProcessorError
from router.testing import TestRunner
from tests.processors.write_sql.databases import SqliteFile, errors, settled, told, writing, written

POSTS = "CREATE TABLE posts (id INTEGER PRIMARY KEY, text TEXT)"


def post(number: int) -> dict[str, Any]:
    return {"id": number, "text": "x" * 1000}


def ids(file: SqliteFile) -> list[int]:
    return [number for (number,) in file.execute("SELECT id FROM posts ORDER BY id")]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 128 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a file system can be mounted by root only")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.needs("root")
async def test_a_full_disk_is_waited_for(small_disk: Path) -> None:
    file = SqliteFile(small_disk / "x.db")
    file.execute(POSTS)
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * (64 << 10))
    async with writing(file) as write:
        await written(write, *map(post, range(5)))
        await write.feed(*map(post, range(5, 50)))
        assert "full" in await told(write, "x.db")
        assert ids(file) == list(range(5))
        ballast.unlink()
        await settled(write, 2, 400)
    assert ids(file) == list(range(50))


@pytest.mark.needs("root")
async def test_a_file_that_may_only_be_read_is_waited_for(small_disk: Path) -> None:
    file = SqliteFile(small_disk / "x.db")
    file.execute(POSTS)
    remount(small_disk, "ro")
    try:
        async with writing(file) as write:
            await write.feed(post(1))
            assert "readonly" in await told(write, "x.db")
            remount(small_disk, "rw")
            await settled(write, 1, 400)
        assert ids(file) == [1]
    finally:
        remount(small_disk, "rw")


def remount(folder: Path, option: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{option}", str(folder)], check=True)


async def test_foreign_keys_hold(tmp_path: Path) -> None:
    file = SqliteFile(tmp_path / "x.db")
    file.execute(POSTS)
    file.execute("CREATE TABLE answers (id INTEGER PRIMARY KEY, post INTEGER REFERENCES posts (id))")
    file.execute("INSERT INTO posts VALUES (1, '')")
    async with writing(file, table="answers") as write:
        routes = await written(write, {"id": 1, "post": 1}, {"id": 2, "post": 2})
    assert routes["failure"] == [{"id": 2, "post": 2}]


async def test_a_strict_table_refuses_a_value_of_another_type(tmp_path: Path) -> None:
    file = SqliteFile(tmp_path / "x.db")
    file.execute("CREATE TABLE posts (id INTEGER PRIMARY KEY, n INTEGER) STRICT")
    async with writing(file) as write:
        routes = await written(write, {"id": 1, "n": "one"}, {"id": 2, "n": 2})
    assert routes == {"failure": [{"id": 1, "n": "one"}], "success": [{"id": 2, "n": 2}]}


async def test_a_value_of_another_type_is_named_with_its_column(tmp_path: Path) -> None:
    file = SqliteFile(tmp_path / "x.db")
    file.execute("CREATE TABLE posts (id INTEGER PRIMARY KEY, text TEXT)")
    file.execute("CREATE TABLE strict (id INTEGER PRIMARY KEY, n INTEGER, r REAL, b BLOB) STRICT")
    rows = {"id": "one", "text": "x"}, {"id": 2, "text": "y"}
    assert await said_of(file, *rows, table="posts") == ["datatype mismatch: column 'id' is INTEGER, got 'one'"]
    bad = (
        {"id": 1, "n": "x", "r": 1.5, "b": b"x"},
        {"id": 2, "n": "7", "r": "y", "b": None},
        {"id": 3, "n": 1, "b": "z"},
    )
    assert await said_of(file, *bad, table="strict") == [
        "cannot store TEXT value in INTEGER column strict.n: column 'n' is INTEGER, got 'x'",
        "cannot store TEXT value in REAL column strict.r: column 'r' is REAL, got 'y'",
        "cannot store TEXT value in BLOB column strict.b: column 'b' is BLOB, got 'z'",
    ]
    statement = "INSERT INTO posts VALUES (:id, :text)"
    assert await said_of(file, rows[0], statement=statement, set={"id": "id", "text": "text"}) == [
        "datatype mismatch: 'id' is 'one', 'text' is 'x'"
    ]


async def said_of(file: SqliteFile, *rows: dict[str, Any], **settings: Any) -> list[str]:
    """What is said of the rows that fail."""
    async with TestRunner("write_sql", url=file.url, **settings) as write:
        return await errors(write, *rows)


async def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_bytes(b"not a database" * 100)
    write = writing(SqliteFile(tmp_path / "x.db"))
    with pytest.raises(ProcessorError, match="is no SQLite database"):
        await write.feed(post(1))
    await write.__aexit__(None, None, None)
