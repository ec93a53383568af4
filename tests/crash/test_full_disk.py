"""A disk that is full makes the flow wait, tell of it, and go on by itself; nothing is lost, by a kill neither."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.crash.books import missing
from tests.crash.disks import SmallDisk, small_disk
from tests.crash.lives import Place

pytestmark = [pytest.mark.slow, pytest.mark.needs("root")]

MOST = 60_000
GIVEN = list(range(MOST))
READ = f"read: {{type: numbered, books: books, batch: 100, most: {MOST}, to: %s}}"
FULL = "the data folder cannot be written; what waits for it waits until it can be"


@pytest.fixture
def disk(place: Place) -> Iterator[SmallDisk]:
    """A small disk that the data folder, or an output, lies on."""
    with small_disk(place.folder / "small") as made:
        yield made


def test_a_queue_waits_for_room_on_its_disk(place: Place, disk: SmallDisk) -> None:
    place.data = disk.folder / "data"
    place.flow(READ % "{processor: keep, queue: disk}" + "\nkeep: {type: hang, go: go, path: out.jsonl}")
    life = place.start()
    life.until_said(FULL)
    waiting = place.books.settled()
    assert 0 < len(waiting) < MOST
    disk.make_room()
    life.until(lambda: len(place.books.settled()) == MOST, "the rest")
    (place.folder / "go").touch()
    assert life.end() == 0
    assert "the data folder can be written again" in life.said
    assert place.found("out.jsonl").numbers == GIVEN


def test_a_kill_while_the_disk_is_full_loses_nothing(place: Place, disk: SmallDisk) -> None:
    place.data = disk.folder / "data"
    place.flow(READ % "{processor: keep, queue: disk}" + "\nkeep: {type: hang, go: go, path: out.jsonl}")
    for _ in range(2):  # the second begins on a full disk
        life = place.start()
        life.until_said(FULL)
        life.kill()
    safe = place.books.settled()
    disk.make_room()
    (place.folder / "go").touch()
    life = place.start()
    assert life.end() == 0, life.said
    assert missing(safe, place.found("out.jsonl").numbers) == []
    assert set(place.found("out.jsonl").numbers) == set(GIVEN)


@pytest.mark.parametrize("target", ["keep", "{processor: keep, queue: disk}"])
def test_a_file_waits_for_room_on_its_disk_and_has_every_line_once(place: Place, disk: SmallDisk, target: str) -> None:
    place.flow(READ % target + "\nkeep: {type: write_file, path: small/out.jsonl}")
    life = place.start()
    life.until_said("No space left on device")
    disk.make_room()
    assert life.end() == 0, life.said
    assert place.found("small/out.jsonl").numbers == GIVEN


def test_a_flow_that_is_stopped_while_its_disk_is_full_settles_nothing_that_is_not_safe(
    place: Place, disk: SmallDisk
) -> None:
    place.data = disk.folder / "data"
    place.flow(READ % "{processor: keep, queue: disk}" + "\nkeep: {type: hang, go: go, path: out.jsonl}")
    life = place.start("--drain", "300ms")
    life.until_said(FULL)
    life.stop()
    assert life.end() == 1
    safe = place.books.settled()
    disk.make_room()
    (place.folder / "go").touch()
    assert place.start().end() == 0
    assert missing(safe, place.found("out.jsonl").numbers) == []
    assert set(place.found("out.jsonl").numbers) == set(GIVEN)


def test_a_full_disk_for_temporary_files_stops_nothing(place: Place, disk: SmallDisk) -> None:
    disk.fill()
    place.flow(READ % "{processor: keep, queue: disk}" + "\nkeep: {type: write_file, path: out.jsonl}")
    life = place.start(before=["env", f"SQLITE_TMPDIR={disk.folder}"])
    assert life.end() == 0, life.said
    assert FULL not in life.said
    assert place.found("out.jsonl").numbers == GIVEN
