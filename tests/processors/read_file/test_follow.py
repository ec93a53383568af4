from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from router import ProcessorError

Follow = Callable[..., Any]


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


async def test_what_is_appended_comes_and_half_a_line_waits(following: Follow, tmp_path: Path) -> None:
    log = tmp_path / "app.jsonl"
    log.write_bytes(b"1\n2")
    async with following(path="app.jsonl") as found:
        before = found.content
        append(log, b"2\n3")
        await found.advance(1.0)
        assert (before, found.content) == ([b"1"], [b"1", b"22"])
        append(log, b"\n")
        await found.advance(1.0)
        assert found.content == [b"1", b"22", b"3"]


async def test_a_rotated_file_is_read_to_its_end_before_the_new_one(following: Follow, tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_bytes(b"1\n")
    async with following(path="app.log") as found:
        append(log, b"2\n")
        log.rename(tmp_path / "app.log.1")
        log.write_bytes(b"4\n")
        await found.advance(0.2)
        append(tmp_path / "app.log.1", b"3")  # who writes it has not noticed yet
        await found.advance(1.0)
    assert found.content == [b"1", b"2", b"3", b"4"]
    assert found.bulletins[0] == ("a file is gone; it was read to its end", {"path": "app.log", "bytes": 5})


async def test_a_file_renamed_within_the_pattern_is_not_read_again(following: Follow, tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_bytes(b"1\n")
    async with following(path="app.log*", format="text") as found:
        log.rename(tmp_path / "app.log.1")
        log.write_bytes(b"3\n")
        append(tmp_path / "app.log.1", b"2\n")
        await found.advance(1.0)
    assert sorted(found.content) == [b"1", b"2", b"3"]


async def test_a_file_that_was_cut_is_read_from_its_beginning(following: Follow, tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_bytes(b"1\n2\nhalf")
    async with following(path="app.log") as found:
        os.truncate(log, 0)
        append(log, b"3\n")
        await found.advance(1.0)
        append(log, b"4\n")
        await found.advance(1.0)
    assert found.content == [b"1", b"2", b"half", b"3", b"4"]
    assert found.bulletins == [("a file was cut; it is read from its beginning", {"path": "app.log"})]


async def test_a_file_that_shrinks_to_nothing_goes_on(following: Follow, tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_bytes(b"1\n2\n")
    async with following(path="app.log") as found:
        os.truncate(log, 0)
        await found.advance(1.0)
        append(log, b"3\n")
        await found.advance(1.0)
    assert found.content == [b"1", b"2", b"3"]


async def test_a_file_that_vanishes_is_waited_for(following: Follow, tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_bytes(b"1\n2")
    async with following(path="app.log") as found:
        log.unlink()
        await found.advance(1.0)
        log.write_bytes(b"3\n")
        await found.advance(1.0)
    assert found.content == [b"1", b"2", b"3"]
    assert [text for text, _ in found.bulletins] == [
        "a file cannot be read; waiting for it",
        "a file is gone; it was read to its end",
    ]


async def test_a_file_that_is_not_there_yet_is_waited_for(following: Follow, tmp_path: Path) -> None:
    async with following(path="app.log") as found:
        await found.advance(60.0)
        (tmp_path / "app.log").write_bytes(b"1\n")
        await found.advance(1.0)
    assert found.content == [b"1"]
    data = {"path": "app.log", "error": "No such file or directory"}
    assert found.bulletins == [("a file cannot be read; waiting for it", data)]


async def test_new_files_of_a_pattern_are_found(following: Follow, tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(b"1\n")
    async with following(path="*.log") as found:
        (tmp_path / "b.log").write_bytes(b"2\n")
        await found.advance(1.0)
        append(tmp_path / "a.log", b"3\n")
        await found.advance(1.0)
    assert found.content == [b"1", b"2", b"3"]


async def test_a_broken_row_fails_when_it_comes(following: Follow, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"id\n1\n")
    async with following(path="a.csv") as found:
        append(tmp_path / "a.csv", b'2,3\n"4\n')
        await found.advance(1.0)
        append(tmp_path / "a.csv", b'5"\n6\n')
        await found.advance(1.0)
    assert found.records == [{"id": "1"}, {"id": "4\n5"}, {"id": "6"}]
    assert found.failures == [(b"2,3", "line 3: 2 values for 1 columns")]


async def test_a_growing_gzip_file_is_followed(following: Follow, tmp_path: Path) -> None:
    log = tmp_path / "a.jsonl.gz"
    log.write_bytes(gzip.compress(b"1\n"))
    async with following(path="a.jsonl.gz") as found:
        append(log, gzip.compress(b"2\n"))
        await found.advance(1.0)
    assert found.content == [b"1", b"2"]


@pytest.mark.parametrize("mode", ["follow", "watch"])
async def test_a_pipe_is_not_followed(reading: Callable[..., Any], tmp_path: Path, mode: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ProcessorError, match="is no regular file; it can be read in mode 'once' only"):
        await reading(path="pipe", mode=mode).run()


async def test_watch_takes_a_file_when_it_has_stopped_growing(reading: Callable[..., Any], tmp_path: Path) -> None:
    found = reading(path="in/*.json", mode="watch", poll="1s")
    async with found.engine:
        await found.advance()
        (tmp_path / "in").mkdir()
        (tmp_path / "in" / "a.json").write_bytes(b"[1,")
        await found.advance(1.0)
        before = found.content
        append(tmp_path / "in" / "a.json", b"2]")
        await found.advance(5.0)
    assert (before, found.content, found.failures) == ([], [b"1", b"2"], [])


async def test_watch_reads_a_file_that_changed_once_more(reading: Callable[..., Any], tmp_path: Path) -> None:
    found = reading(path="in/*.json", mode="watch")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.json").write_bytes(b"1")
    async with found.engine:
        await found.advance(1.0)
        (tmp_path / "in" / "a.json").write_bytes(b"22")
        (tmp_path / "in" / "b.json").write_bytes(b"3")
        await found.advance(1.0)
    assert found.content == [b"1", b"22", b"3"]
