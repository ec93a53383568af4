"""A disk that fails, is slow, or may not be written: system calls that end with an error, one after the other."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.crash.books import missing
from tests.crash.disks import UNPRIVILEGED, faults
from tests.crash.lives import Place

MOST = 4000
GIVEN = list(range(MOST))
READ = f"read: {{type: numbered, books: books, most: {MOST}, pause: 0.001, to: %s}}"  # so that there are many commits
DISK = READ % "{processor: keep, queue: disk}"
TROUBLE = "the data folder cannot be written; what waits for it waits until it can be"

strace = pytest.mark.needs("strace")
pytestmark = pytest.mark.slow


@strace
@pytest.mark.parametrize(
    "fault",
    [
        "fdatasync:error=EIO:when=15+29",
        "fdatasync:error=EIO:when=15..20",
        "pwrite64:error=EIO:when=100+701",
        "pwrite64:error=ENOSPC:when=100+701",
        "fdatasync:delay_exit=50000",
    ],
)
def test_what_a_failing_disk_did_not_take_is_written_again_in_order(place: Place, fault: str) -> None:
    place.flow(f"{DISK}\nkeep: {{type: write_file, path: out.jsonl}}")
    life = place.start(before=faults(fault))
    assert life.end() == 0, life.said
    assert (TROUBLE in life.said) == ("error" in fault)
    assert place.books.settled() == set(GIVEN)
    assert place.found("out.jsonl").numbers == GIVEN


@strace
@pytest.mark.parametrize("fault", ["fdatasync:error=EIO:when=20+", "pwrite64:error=EIO:when=150+"])
def test_what_was_settled_before_a_disk_failed_for_good_is_there_after_a_kill(place: Place, fault: str) -> None:
    place.flow(f"{DISK}\nkeep: {{type: hang, go: go, path: out.jsonl}}")
    life = place.start(before=faults(fault))
    life.until_said(TROUBLE)
    safe = place.books.settled()
    life.kill()
    (place.folder / "go").touch()
    assert 0 < len(safe) < MOST
    assert place.start().end() == 0
    assert missing(safe, place.found("out.jsonl").numbers) == []
    assert set(place.found("out.jsonl").numbers) == set(GIVEN)


@strace
def test_a_file_whose_sync_fails_has_every_line_once(place: Place) -> None:
    place.flow(READ % "keep" + "\nkeep: {type: write_file, path: out.jsonl, sync: always}")
    life = place.start(before=faults("fsync:error=EIO:when=3..5"))
    assert life.end() == 0, life.said
    assert "Input/output error" in life.said
    assert place.found("out.jsonl").numbers == GIVEN


# -- rights ---------------------------------------------------------------------------------------


def of_another(path: Path, mode: int) -> None:
    """Give a file to somebody else, where we may; else take our own rights away."""
    path.chmod(mode)
    if os.geteuid() == 0:
        os.chown(path, 65534, 65534)


@pytest.mark.parametrize("what", ["folder", "file"])
def test_a_data_folder_that_may_not_be_used_is_a_usage_error(place: Place, what: str) -> None:
    place.flow(f"{DISK}\nkeep: {{type: write_file, path: out.jsonl}}")
    place.data.mkdir()
    if what == "file":
        (place.data / "flow.db").touch()
        of_another(place.data / "flow.db", 0o000)
    else:
        of_another(place.data, 0o555)
    life = place.start(before=UNPRIVILEGED)
    assert life.end() == 2, life.said
    assert str(place.data) in life.said
    assert place.books.settled() == set()


def test_a_file_that_may_not_be_written_is_waited_for_and_settles_nothing_before(place: Place) -> None:
    place.flow(READ % "keep" + "\nkeep: {type: write_file, path: theirs/out.jsonl}")
    (place.folder / "theirs").mkdir()
    of_another(place.folder / "theirs", 0o555)
    life = place.start(before=UNPRIVILEGED)
    life.until_said("file 'theirs/out.jsonl' cannot be written: Permission denied")
    assert place.books.settled() == set()
    (place.folder / "theirs").chmod(0o777)
    assert life.end() == 0, life.said
    assert place.found("theirs/out.jsonl").numbers == GIVEN


def test_a_folder_that_may_not_be_written_any_more_is_waited_for(place: Place) -> None:
    place.flow(
        "read: {type: numbered, books: books, to: {processor: keep, queue: {type: disk, records: 500}}}\n"
        "keep: {type: write_file, path: out/part.jsonl, roll: {records: 1000}}"
    )
    life = place.start(before=UNPRIVILEGED)
    life.until(lambda: place.size("out/*.jsonl") > 20_000, "some files")
    of_another(place.folder / "out", 0o555)
    life.until_said("Permission denied")
    place.books.enough()
    (place.folder / "out").chmod(0o777)
    assert life.end() == 0, life.said
    numbers = [n for path in sorted((place.folder / "out").glob("*")) for n in place.found(str(path)).numbers]
    assert numbers == sorted(place.books.settled())
