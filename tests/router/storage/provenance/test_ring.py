from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from router.batch import Batch
from router.errors import DataFolderError, StorageError
from router.storage.file import open_file
from router.storage.provenance import ring, segments
from router.storage.provenance.events import Event, EventType
from router.storage.provenance.reading import Reader, Wanted
from router.storage.provenance.ring import CONTENT, DATABASE, PROVENANCE_SCHEMA, Group, Ring
from router.storage.provenance.segments import SMALLEST

HOUR = 3600.0


class Written:
    """A ring that is written group by group."""

    def __init__(self, folder: Path, limit: int = 1 << 30) -> None:
        self.folder = folder
        self.ring = Ring(folder, limit=limit, keep=HOUR)
        self.database = open_file(folder / DATABASE, PROVENANCE_SCHEMA, synchronous="NORMAL")
        self.next = 1

    def write(self, *events: Event, now: float = 0.0) -> Group:
        group = Group(events, self.next)
        self.database.execute("BEGIN")
        self.ring.write(self.database, group, now)
        self.database.execute("COMMIT")
        return group

    def event(self, count: int = 10, time: float = 0.0, **more: Any) -> Event:
        ids = list(range(self.next, self.next + count))
        self.next += count
        return Event(time, EventType.RECEIVE, "read", "success", target="read.success>keep", ids=ids, **more)

    def found(self) -> list[Any]:
        with Reader(self.folder) as reader:
            return list(reader.search(Wanted()))

    def contents(self) -> list[Batch | None]:
        with Reader(self.folder) as reader:
            return [reader.content(each) for each in reader.search(Wanted())]

    def size(self) -> int:
        """Of all files but SQLite's log, which is bounded by itself."""
        files = [each for each in self.folder.rglob("*") if each.is_file() and each.suffix in (".db", ".content")]
        return sum(each.stat().st_size for each in files)

    def close(self) -> None:
        self.ring.close()
        self.database.close()


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Written]:
    monkeypatch.setattr(ring, "PATIENCE", 0.0)
    made = Written(tmp_path, limit=2 << 20)
    yield made
    made.close()


def test_an_event_comes_back_as_it_was_written(written: Written) -> None:
    event = written.event(3, attributes={"path": "a", "n": 10**30}, errors=[(2, "ValueError", "bad")], seconds=0.5)
    written.write(event)
    (found,) = written.found()
    assert (found.type, found.processor, found.relationship, found.target) == (
        "RECEIVE",
        "read",
        "success",
        event.target,
    )
    assert (found.ids, found.attributes, found.errors, found.seconds) == (
        [1, 2, 3],
        event.attributes,
        ((2, "ValueError", "bad"),),
        0.5,
    )


def test_which_record_came_of_which_comes_back(written: Written) -> None:
    written.write(written.event(2, parents=[7, 8, 9], shares=[1, 2]))
    (found,) = written.found()
    assert [found.parents_of(each) for each in (1, 2)] == [[7], [8, 9]]
    assert [found.children_of(each) for each in (7, 9)] == [[1], [2]]


def test_an_attribute_that_is_long_or_no_value_is_cut(written: Written) -> None:
    written.write(written.event(attributes={"long": "x" * 10_000, "odd": object, "plain": 1}))
    attributes = written.found()[0].attributes
    assert (len(attributes["long"]), attributes["odd"], attributes["plain"]) == (4096, "<class 'object'>", 1)


def test_events_are_found_by_what_they_say(written: Written) -> None:
    written.write(written.event(time=1.0), written.event(time=2.0, parents=[3]), written.event(time=3.0))
    with Reader(written.folder) as reader:
        newest, second, oldest = reader.search(Wanted())
        assert [each.time for each in (newest, second, oldest)] == [3.0, 2.0, 1.0]
        assert list(reader.search(Wanted(since=2.0))) == [newest, second]
        assert list(reader.search(Wanted(record=3))) == [second, oldest]
        assert list(reader.search(Wanted(type="DROP"))) == list(reader.search(Wanted(processor="x"))) == []
        assert reader.births_from(3) == [second]


def test_content_comes_back_as_it_was(written: Written) -> None:
    batch = Batch.raw([b'{"n":1.10}', b"no json"], path="a")
    written.write(written.event(2, content=batch))
    (content,) = written.contents()
    assert content is not None
    assert (content.content, content.attributes) == (batch.content, {"path": "a"})


def test_the_ring_stays_within_its_bytes_however_much_is_written(written: Written) -> None:
    content = Batch.raw([os.urandom(1000) for _ in range(20)])
    sizes = []
    for _ in range(400):  # 8 MB of content, 13 MB of events
        events = [written.event(9, attributes={"x": os.urandom(2000)}) for _ in range(16)]
        events[0].content = content
        written.write(*events)
        sizes.append(written.size())
    assert max(sizes) < 1.1 * (2 << 20)
    assert 20 < sum(1 for each in written.contents() if each is not None) < 100
    assert len(written.found()) > 100


def test_what_is_too_old_goes(written: Written) -> None:
    written.write(written.event(time=0.0), written.event(time=100.0))
    written.write(written.event(time=HOUR + 50), now=HOUR + 50)
    assert [each.time for each in written.found()] == [HOUR + 50, 100.0]
    written.write(now=3 * HOUR)
    assert written.found() == []


def test_content_that_is_too_old_goes_file_by_file(written: Written) -> None:
    content = Batch.raw([bytes(SMALLEST)])
    written.write(written.event(1, content=content))
    written.write(written.event(1, content=content))
    os.utime(written.folder / CONTENT / "00000001.content", (0, 0))
    written.write(written.event(1))
    assert [each is not None for each in written.contents()] == [False, True, False]


def test_a_new_process_begins_a_new_file(written: Written) -> None:
    written.write(written.event(1, content=Batch.raw([b"1"])))
    later = Written(written.folder)
    later.write(later.event(1, content=Batch.raw([b"2"])))
    assert sorted(each.name for each in (written.folder / CONTENT).iterdir()) == [
        "00000001.content",
        "00000002.content",
    ]
    assert [each.content for each in written.contents() if each is not None] == [[b"2"], [b"1"]]
    later.close()


def test_content_that_a_power_cut_took_is_told_of(written: Written) -> None:
    written.write(written.event(1, content=Batch.raw([b"12345"])))
    os.truncate(written.folder / CONTENT / "00000001.content", 7)
    with pytest.raises(StorageError, match="kept content is cut short: 7 of"):
        written.contents()


def test_a_full_disk_keeps_nothing_half_and_gets_room_from_the_oldest(
    written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = Batch.raw([bytes(SMALLEST)])
    for _ in range(3):
        written.write(written.event(1, content=content))

    def half(file: BinaryIO, pieces: Sequence[bytes]) -> None:
        file.write(b"".join(pieces)[: SMALLEST // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(segments, "_write", half)
    assert written.write(written.event(1, content=content)).lost == 1
    monkeypatch.undo()
    written.write(written.event(1, content=content))
    assert [each is not None for each in written.contents()] == [True, False, True, True, False]


def test_an_event_is_written_without_content_that_cannot_be(written: Written) -> None:
    (written.folder / CONTENT).write_text("in the way")
    group = written.write(
        written.event(1, content=Batch.raw([b"1"])), written.event(1, content=Batch.of([{"x": object()}]))
    )
    assert (group.lost, written.contents()) == (2, [None, None])


def test_a_group_written_again_after_a_full_disk_keeps_its_content_once(written: Written) -> None:
    group = Group([written.event(1, content=Batch.raw([b"1"]))], 2)
    for _ in range(2):
        written.database.execute("BEGIN")
        written.ring.write(written.database, group, 0.0)
        written.database.execute("ROLLBACK")
    size = (written.folder / CONTENT / "00000001.content").stat().st_size
    written.ring.write(written.database, group, 0.0)
    assert (written.folder / CONTENT / "00000001.content").stat().st_size == size
    assert [each.content for each in written.contents() if each is not None] == [[b"1"]]


def test_totals_of_a_minute_add_up_and_old_minutes_go(written: Written) -> None:
    written.ring.count(written.database, [(0, "in", "a", "", 5), (100, "out", "a", "success", 5)], 6000.0)
    written.ring.count(written.database, [(100, "out", "a", "success", 2)], 6000.0)
    with Reader(written.folder) as reader:
        assert reader.counts(None) == [(100, "out", "a", "success", 7)]
        assert reader.counts(6061.0) == []


def test_a_folder_without_provenance_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataFolderError, match=r"no provenance.db in .*: the flow has not run there"):
        Reader(tmp_path)


def test_a_file_that_is_none_of_ours_is_not_read(tmp_path: Path) -> None:
    (tmp_path / DATABASE).write_bytes(b"no database at all, but long enough to be taken for one" * 20)
    with pytest.raises(DataFolderError, match="cannot be opened"):
        Reader(tmp_path)


def test_reading_waits_for_nobody(written: Written) -> None:
    written.write(written.event(1))
    written.database.execute("BEGIN IMMEDIATE")
    try:
        assert len(written.found()) == 1
    finally:
        written.database.execute("ROLLBACK")
    assert isinstance(written.database, sqlite3.Connection)
