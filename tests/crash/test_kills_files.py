"""From files, to files of row groups and to tables, killed at any moment."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing

import pyarrow.parquet
import pytest

from router.storage.packing import unpack_value
from tests.crash.books import doubled, missing, read_table
from tests.crash.flows import DISK, SOURCE, WAITING
from tests.crash.lives import Place

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

Share = Callable[[int], int]
LINE = '{"n":%d}\n'
RATE = 20_000


class Followed:
    """A file that grows between the lives of who follows it."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.path = place.folder / "in.jsonl"
        self.count = 0

    def grow(self) -> None:
        """Add more lines than one life will read before it is killed; look at what the last life has promised."""
        with self.path.open("a") as file:
            file.writelines(LINE % n for n in range(self.count, self.count + 5000))
        self.count += 5000
        self.check()

    def promised(self) -> int:
        """How many lines are safe, by the position that is saved."""
        if not (self.place.data / "flow.db").exists():
            return 0
        with closing(sqlite3.connect(self.place.data / "flow.db")) as database:
            if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'state'").fetchone():
                return 0
            values = [unpack_value(value) for (value,) in database.execute("SELECT value FROM state")]
        offset = max((value[0][1] for value in values), default=0)
        return self.path.read_bytes()[:offset].count(b"\n")

    def check(self) -> None:
        if (promised := self.promised()) > 0:
            assert missing(range(promised), self.place.found("out.jsonl").numbers) == []


def test_a_file_is_read_on_at_what_was_written(place: Place, share: Share) -> None:
    followed = Followed(place)
    place.flow(
        f"read: {{type: read_file, path: in.jsonl, mode: follow, checkpoint: true, rate: {RATE}, to: keep}}\n"
        "keep: {type: write_file, path: out.jsonl}"
    )
    place.kill_often(share(10), "out.jsonl", spread=50_000, before=followed.grow)
    followed.grow()
    place.finish("--until-idle")
    counts = Counter(place.found("out.jsonl").numbers)
    assert followed.promised() == followed.count
    assert missing(range(followed.count), counts) == []
    place.tally(followed.count, counts.total() - len(counts), a_kill=RATE)


def test_a_parquet_file_has_its_name_when_it_is_whole(place: Place, share: Share) -> None:
    place.flow(
        f"{SOURCE % DISK % 'keep'}\n"
        "keep: {type: write_file, path: out/part.parquet, roll: {records: 700}, run: {batch: {records: 100}}}"
    )
    place.kill_often(share(6), "out/*.parquet")
    place.finish()
    files = sorted((place.folder / "out").glob("*.parquet"))
    rows = [row for path in files for row in pyarrow.parquet.read_table(path).to_pylist()]
    assert missing(place.books.settled(), (row["n"] for row in rows)) == []
    twice = doubled((row["n"], row["life"]) for row in rows)
    place.tally(len(place.books.settled()), twice, a_kill=WAITING)


def test_a_table_with_a_key_has_every_record_once(place: Place, share: Share) -> None:
    with closing(sqlite3.connect(place.folder / "kept.db")) as database:
        database.execute("CREATE TABLE kept (n INTEGER, life INTEGER, key INTEGER, of TEXT, PRIMARY KEY (n, life))")
    place.flow(
        f"{SOURCE % DISK % 'keep'}\n"
        "keep: {type: write_sql, url: 'sqlite:///kept.db', table: kept, mode: upsert, match: [n, life]}"
    )
    place.kill_often(share(6), "kept.db*", spread=1_000_000)
    place.finish()
    found = read_table(place.folder / "kept.db", "SELECT * FROM kept ORDER BY n, life")
    assert missing(place.books.settled(), found.numbers) == []
    assert set(found.givings) <= place.books.given()
    place.tally(len(place.books.settled()), doubled(found.givings))
