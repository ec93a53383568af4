"""The power goes at any moment: what was acknowledged is in the files as far as they had been synced."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from router.storage.file import open_file
from router.storage.packing import unpack, unpack_value
from router.storage.schema import FLOW_SCHEMA
from tests.crash.books import missing
from tests.crash.lives import Place
from tests.crash.power import Call, calls_in, left_at, recorded

pytestmark = [pytest.mark.slow, pytest.mark.needs("strace")]

MOST, CUTS = 1500, 60
DISK = "{processor: %s, queue: disk}"
FILES = ("flow.db", "flow.db-wal", "flow.db-journal")
COUNT = "count.success>keep"


class Cut:
    """What a power cut left of a data folder, in a folder of its own."""

    def __init__(self, calls: Iterable[Call], moment: float, place: Place, number: int) -> None:
        calls = [call for call in calls if call.path == str(place.data) or Path(call.path).name in FILES]
        self.data = place.folder / f"cut{number}"
        self.data.mkdir()
        for name, content in left_at(calls, moment, place.data, place.dice).items():
            (self.data / name).write_bytes(content)

    def tables(self) -> tuple[dict[str, list[dict[str, Any]]], dict[str, int]]:
        """The records in each connection, and the counts in the state."""
        if not (self.data / "flow.db").exists():
            return {}, {}
        with closing(open_file(self.data / "flow.db", FLOW_SCHEMA)) as database:
            assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            queues: dict[str, list[dict[str, Any]]] = {}
            for connection, batch in database.execute("SELECT connection, batch FROM queue ORDER BY id"):
                queues.setdefault(connection, []).extend(unpack(batch).rows)
            counts = database.execute("SELECT key, value FROM state WHERE processor = 'count'").fetchall()
        return queues, {key: unpack_value(value) for key, value in counts}


def acknowledged(calls: Iterable[Call], moment: float) -> set[int]:
    """What the source had been told to be safe."""
    found: set[int] = set()
    for call in calls:
        if call.name == "write" and call.path.endswith("/settled") and call.start < moment:
            first, last, _ = call.data.split()
            found.update(range(int(first), int(last)))
    return found


@pytest.fixture
def record(place: Place) -> list[Call]:
    """All that a flow wrote, from its first moment to its end by a stop."""
    place.flow(
        f"read: {{type: numbered, books: books, most: {MOST}, pause: 0.001, to: {DISK % 'count'}}}\n"
        f"count: {{type: count, run: {{batch: {{records: 50}}}}, to: {DISK % 'keep'}}}\n"
        "keep: {type: hang, go: go, path: out.jsonl}"
    )
    life = place.start("--drain", "100ms", before=recorded(place.folder / "recorded"))
    life.until(lambda: len(place.books.settled()) == MOST, "all of it on disk")
    life.stop()
    assert life.end() == 1, life.said
    found = calls_in(place.folder / "recorded", place.folder)
    assert len(acknowledged(found, float("inf"))) == MOST
    return found


def test_what_was_acknowledged_is_on_disk_whenever_the_power_goes(place: Place, record: list[Call]) -> None:
    written = [call for call in record if Path(call.path).name in FILES or call.path.endswith("/settled")]
    for number in range(CUTS):
        call = place.dice.choice(written)
        moment = place.dice.choice([call.start, call.end, call.end + 1e-6])
        queues, counts = Cut(record, moment, place, number).tables()
        found = [row["n"] for rows in queues.values() for row in rows]
        assert missing(acknowledged(record, moment), found) == []
        assert len(found) == len(set(found))
        for key in range(7):
            given = [row["count"] for row in queues.get(COUNT, ()) if row["key"] == key]
            assert given == list(range(1, counts.get(str(key), 0) + 1))


def test_a_flow_goes_on_from_what_a_power_cut_left(place: Place, record: list[Call]) -> None:
    writes = [call for call in record if call.path.endswith("/settled")]
    moment = place.dice.choice(writes).end
    safe = acknowledged(record, moment)
    left = Cut(record, moment, place, 0).data
    shutil.rmtree(place.data)
    left.rename(place.data)
    (place.folder / "go").touch()
    assert place.start().end() == 0
    numbers = place.found("out.jsonl").numbers
    assert missing(safe, numbers) == []
    assert len(numbers) == len(set(numbers))
