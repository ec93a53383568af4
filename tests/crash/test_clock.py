"""The clock of the machine jumps back and forth while a flow runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash.books import missing, out_of_order
from tests.crash.flows import SOURCE
from tests.crash.lives import Place

pytestmark = [pytest.mark.slow, pytest.mark.needs("libfaketime")]


def libfaketime() -> Path:
    for folder in ("/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib", "/usr/lib64"):
        if (found := Path(folder) / "faketime" / "libfaketime.so.1").exists():
            return found
    pytest.skip("libfaketime is not installed")


def test_a_clock_that_jumps_changes_nothing_for_what_waits(place: Place) -> None:
    library, time = libfaketime(), place.folder / "time"
    time.write_text("+0")
    faked = [
        "env",
        f"LD_PRELOAD={library}",
        f"FAKETIME_TIMESTAMP_FILE={time}",
        "FAKETIME_NO_CACHE=1",
        "FAKETIME_DONT_FAKE_MONOTONIC=1",
    ]
    disk = "{processor: %s, queue: {type: disk, records: 2000, expire: 72h}}"
    place.flow(
        f"{SOURCE % (disk % 'storm')}\nstorm: {{type: storm, to: {disk % 'count'}}}\n"
        f"count: {{type: count, to: {disk % 'keep'}}}\nkeep: {{type: write_file, path: out.jsonl}}"
    )
    life = place.start(before=faked)
    for jump in ("-3600", "+1800", "-86400", "+0"):
        before = place.size("out.jsonl")
        life.until(lambda before=before: place.size("out.jsonl") > before + 20_000, "some records")  # type: ignore[misc]
        time.write_text(jump)
    place.books.enough()
    assert life.end() == 0, life.said
    found = place.found("out.jsonl")
    assert missing(place.books.settled(), found.numbers) == []
    assert out_of_order(found.rows) == []
    assert len(found.rows) == len(place.books.given())
