"""A flow.db with damage in it: what is hit is set aside and told of, its neighbours live; nothing else is touched."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from router.storage.packing import unpack
from tests.crash.lives import Place

pytestmark = pytest.mark.slow

MOST, BATCH = 2000, 100
GIVEN = list(range(MOST))


@pytest.fixture
def left(place: Place) -> Place:
    """A flow that was killed with all its records on disk; the sink takes them when it lives again."""
    disk = "{processor: keep, queue: disk}"
    place.flow(
        f"read: {{type: numbered, books: books, most: {MOST}, batch: {BATCH}, to: {disk}}}\n"
        f"keep: {{type: hang, go: go, path: out.jsonl, run: {{batch: {{records: {BATCH}}}}}}}"
    )
    life = place.start()
    life.until(lambda: len(place.books.settled()) == MOST, "all of them on disk")
    life.kill()
    (place.folder / "go").touch()
    return place


def checkpointed(place: Place) -> Path:
    """The database with all that was in its log."""
    path = place.data / "flow.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


def row_of(path: Path, number: int) -> bytes:
    """What stands in the file for the batch that a record is in."""
    with closing(sqlite3.connect(path)) as database:
        rows: list[bytes] = [content for (content,) in database.execute("SELECT batch FROM queue ORDER BY id")]
    return next(content for content in rows if unpack(content).rows[0]["n"] == number - number % BATCH)


def put_aside(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as database:
        return [reason for (reason,) in database.execute("SELECT reason FROM quarantine")]


def test_a_flipped_bit_costs_the_batch_it_is_in_and_is_told(left: Place) -> None:
    path = checkpointed(left)
    row, data = row_of(path, 150), path.read_bytes()
    assert row in data
    path.write_bytes(data.replace(row, row[:1000] + bytes([row[1000] ^ 4]) + row[1001:]))
    life = left.start()
    assert life.end() == 0, life.said
    assert "a damaged batch was set aside" in life.said
    assert left.found("out.jsonl").numbers == [*range(100), *range(200, MOST)]
    assert put_aside(path) == ["its checksum does not fit"]


@pytest.mark.parametrize("number", [0, 900, MOST - 1])
def test_a_destroyed_page_costs_what_is_on_it(left: Place, number: int) -> None:
    path = checkpointed(left)
    with closing(sqlite3.connect(path)) as database:
        (size,) = database.execute("PRAGMA page_size").fetchone()
    row, data = row_of(path, number), bytearray(path.read_bytes())
    page = data.find(row) // size
    data[page * size : (page + 1) * size] = b"\xff" * size
    path.write_bytes(data)
    damaged = bytes(data)
    life = left.start()
    assert life.end() == 0, life.said
    assert "flow.db was damaged; what can be read of it goes on, and the damaged file is kept" in life.said
    assert (left.data / "flow.db.damaged-1").read_bytes() == damaged
    found = left.found("out.jsonl").numbers
    assert found == sorted(set(found))
    lost = [n for n in GIVEN if n not in set(found)]
    assert 0 < len(lost) <= size // 20
    assert put_aside(path) == ["the page of the file that it was on is damaged"] * (len(lost) // BATCH)
    assert left.start().end() == 0


@pytest.mark.parametrize("share", [0.0, 0.3, 0.7, 0.99])
def test_a_log_that_is_cut_short_leaves_what_was_before_the_cut(left: Place, share: float) -> None:
    log = left.data / "flow.db-wal"
    with log.open("r+b") as file:
        file.truncate(int(log.stat().st_size * share))
    life = left.start()
    assert life.end() == 0, life.said
    found = left.found("out.jsonl").numbers if (left.folder / "out.jsonl").exists() else []
    assert found == list(range(len(found)))
    assert len(found) < MOST or share > 0.9


def test_a_torn_last_page_of_the_file_is_mended_from_the_log(left: Place) -> None:
    path, log = left.data / "flow.db", left.data / "flow.db-wal"
    shutil.copy(log, left.folder / "log")
    checkpointed(left)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 5000)
    shutil.copy(left.folder / "log", log)  # as after a power cut in the middle of a checkpoint
    life = left.start()
    assert life.end() == 0, life.said
    assert left.found("out.jsonl").numbers == GIVEN


@pytest.mark.parametrize("damage", [b"no database\n" * 1000, b"\0" * 100], ids=["text", "zeros"])
def test_a_file_that_is_no_database_is_refused_and_stays_as_it_is(left: Place, damage: bytes) -> None:
    path = checkpointed(left)
    path.write_bytes(damage + path.read_bytes()[len(damage) :])
    before = path.read_bytes()
    life = left.start()
    assert life.end() == 2, life.said
    assert f"'{path}' cannot be opened: file is not a database; it is left as it is" in life.said
    assert path.read_bytes() == before
