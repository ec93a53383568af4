"""A database with a damaged page, whichever it is: every row that is not on it goes on."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from router.errors import DataFolderError
from router.storage.database import Database
from router.storage.file import open_file
from router.storage.salvage import damage_of
from router.storage.schema import FLOW_DB, FLOW_SCHEMA

ROWS = {"queue": 120, "dead_letters": 90, "state": 700}
ON_A_PAGE = 90  # of state; of the others some seven
_QUEUE = "INSERT INTO queue VALUES (?, 'a>b', ?, 0, 1, 1, 1, ?)"
_LETTER = "INSERT INTO dead_letters VALUES (?, 'p', NULL, NULL, NULL, 1, 0, 0, '', NULL, ?, 1, ?)"
_STATE = "INSERT INTO state VALUES ('p', ?, ?, ?)"


def filled(path: Path) -> bytes:
    """A database with some rows in each table, and what stands in its file."""
    dice = Random(1)
    with closing(open_file(path, FLOW_SCHEMA)) as database:
        database.execute("BEGIN")
        database.executemany(_QUEUE, [(n, n % 3, dice.randbytes(2000)) for n in range(ROWS["queue"])])
        database.executemany(_LETTER, [(n, n, dice.randbytes(2000)) for n in range(ROWS["dead_letters"])])
        database.executemany(
            _STATE, [(f"{n}", n if n % 2 else None, dice.randbytes(200)) for n in range(ROWS["state"])]
        )
        database.execute("COMMIT")
    return path.read_bytes()


def opened(path: Path) -> Database:
    """Open it as an engine does, and close it."""

    async def look() -> Database:
        database = Database(path, FLOW_SCHEMA, salvages=True)
        database.open()
        await database.close()
        return database

    return asyncio.run(look())


def counts(path: Path) -> dict[str, int]:
    with closing(sqlite3.connect(path)) as database:
        assert damage_of(database) is None
        return {table: database.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ROWS}


def test_a_sound_file_is_left_as_it_is(tmp_path: Path) -> None:
    before = filled(tmp_path / FLOW_DB)
    assert opened(tmp_path / FLOW_DB).salvaged is None
    assert (tmp_path / FLOW_DB).read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == [FLOW_DB]


@pytest.mark.parametrize("filling", [b"\xff", b"\0"])
def test_whichever_page_is_damaged_the_rows_on_others_go_on_but_for_the_few_that_lead_to_all(
    tmp_path: Path, filling: bytes
) -> None:
    sound = filled(tmp_path / "sound.db")
    size = int.from_bytes(sound[16:18], "big")
    salvaged, whole, leading = 0, 0, 0
    for page in range(1, len(sound) // size):
        folder = tmp_path / f"page{page}"
        folder.mkdir()
        path = folder / FLOW_DB
        damaged = sound[: page * size] + filling * size + sound[(page + 1) * size :]
        path.write_bytes(damaged)
        try:
            found = opened(path).salvaged
        except DataFolderError:  # the tables themselves are not known any more
            assert path.read_bytes() == damaged
            continue
        if found is not None:
            assert found.kept.read_bytes() == damaged
            salvaged += 1
        left = counts(path)
        whole += left == ROWS
        leading += max(count - left[table] for table, count in ROWS.items()) > ON_A_PAGE
    assert salvaged > 30
    assert whole > 5  # pages of indexes, and free ones
    assert leading <= len(ROWS)  # the root of a table; what was behind it is in the file that is kept


def test_rows_that_are_known_to_be_lost_are_noted(tmp_path: Path) -> None:
    path = tmp_path / FLOW_DB
    sound = filled(path)
    size = int.from_bytes(sound[16:18], "big")
    with closing(sqlite3.connect(path)) as database:
        (content,) = database.execute("SELECT batch FROM queue WHERE id = 60").fetchone()
    page = sound.find(content) // size
    path.write_bytes(sound[: page * size] + b"\xff" * size + sound[(page + 1) * size :])
    found = opened(path).salvaged
    assert found is not None
    with closing(sqlite3.connect(path)) as database:
        lost = [name for (name,) in database.execute("SELECT came_from FROM quarantine ORDER BY id")]
        kept = {id_ for (id_,) in database.execute("SELECT id FROM queue")}
    assert len(lost) == found.lost > 0
    assert lost == [f"table queue, row {id_}" for id_ in range(ROWS["queue"]) if id_ not in kept]


def test_a_second_damage_keeps_the_first_file_too(tmp_path: Path) -> None:
    path = tmp_path / FLOW_DB
    for number in (1, 2):
        path.unlink(missing_ok=True)
        sound = filled(path)
        size = int.from_bytes(sound[16:18], "big")
        path.write_bytes(sound[: -2 * size] + b"\xff" * size + sound[-size:])
        found = opened(path).salvaged
        assert found is not None
        assert found.kept.name == f"flow.db.damaged-{number}"
