"""A disk that is full, a name that cannot be given, a page that was lost: what is held is written again as a whole."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from router import Batch, Outcome
from router.testing import TestRunner
from router_processors.formats.json_lines import JsonLineWriter

MINUTE = 60.0
FULL = {"hold": {"records": 2}}


def writing(folder: Path, path: str, **settings: Any) -> TestRunner:
    return TestRunner("write_file", path=path, folder=folder, **settings)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def numbers(path: Path) -> list[int]:
    return [row["n"] for row in pq.ParquetFile(path).read().to_pylist()]


def rows(*numbers: int) -> list[dict[str, Any]]:
    return [{"n": number} for number in numbers]


def fails_once(monkeypatch: pytest.MonkeyPatch, name: str, error: int) -> list[int]:
    """Make the next call of a function of ``os`` fail; the list has an item when that has happened."""
    real: Callable[..., Any] = getattr(os, name)
    happened: list[int] = []

    def call(*arguments: Any) -> Any:
        if happened:
            return real(*arguments)
        happened.append(error)
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(os, name, call)
    return happened


@pytest.mark.parametrize(
    ("name", "error"),
    [("write", errno.ENOSPC), ("fsync", errno.EIO), ("replace", errno.EACCES), ("open", errno.EACCES)],
)
async def test_whatever_fails_the_file_is_written_again_and_nothing_is_told_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, error: int
) -> None:
    async with writing(tmp_path, "x.parquet", sync="close", run=FULL) as write:
        happened = fails_once(monkeypatch, name, error)
        assert await write.feed(*rows(1, 2)) == {}
        before = (names(tmp_path), write.outcomes)
        assert await write.advance(MINUTE) == {"success": rows(1, 2)}
    assert (before, happened) == (([], []), [error])
    assert (names(tmp_path), numbers(tmp_path / "x.000001.parquet")) == (["x.000001.parquet"], [1, 2])


async def test_a_folder_that_cannot_be_synced_keeps_the_records_but_not_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = os.fsync, []

    def fsync(fd: int) -> None:
        calls.append(fd)
        if len(calls) == 2:
            raise OSError(errno.EIO, "Input/output error")
        real(fd)

    monkeypatch.setattr(os, "fsync", fsync)
    async with writing(tmp_path, "x.parquet", sync="close", run=FULL) as write:
        assert await write.feed(*rows(1, 2)) == {}
        assert (names(tmp_path), write.outcomes) == (["x.000001.parquet"], [])
        await write.advance(MINUTE)
    assert (names(tmp_path), write.outcomes, len(calls)) == (["x.000001.parquet"], [Outcome.DELIVERED], 3)


async def test_a_file_rolled_in_a_call_that_cannot_be_named_is_named_later_and_its_batch_is_taken_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with writing(tmp_path, "x.parquet", roll={"records": 2}) as write:
        fails_once(monkeypatch, "replace", errno.ENOSPC)
        assert await write.feed(*rows(1, 2, 3)) == {}
        assert await write.advance(MINUTE) == {"success": rows(1, 2)}
        await write.end()
    assert [numbers(tmp_path / name) for name in names(tmp_path)] == [[1, 2], [3]]


async def test_nothing_is_taken_while_a_closed_file_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(source: str, target: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    async with writing(tmp_path, "x.parquet", roll={"records": 2}) as write:
        monkeypatch.setattr(os, "replace", never)
        for start in (1, 3, 5):
            assert await write.feed(*rows(start, start + 1)) == {}
        await write.advance(10 * MINUTE)
        assert write.outcomes == []
        monkeypatch.undo()
        await write.advance(10 * MINUTE)
    assert [numbers(tmp_path / name) for name in names(tmp_path)] == [[1, 2], [3, 4], [5, 6]]
    assert write.outcomes == [Outcome.DELIVERED] * 3


async def test_one_partition_that_cannot_be_written_keeps_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.replace

    def replace(source: str, target: str) -> None:
        if "a.0" in target:
            raise OSError(errno.EACCES, "Permission denied")
        real(source, target)

    monkeypatch.setattr(os, "replace", replace)
    async with writing(tmp_path, "./{{ n }}.parquet", run=FULL) as write:
        assert await write.feed({"n": "a"}, {"n": "b"}) == {"success": [{"n": "b"}]}
        monkeypatch.undo()
        assert await write.advance(MINUTE) == {"success": [{"n": "a"}]}


async def test_who_else_writes_the_same_name_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, hidden = os.fsync, tmp_path / ".x.parquet.part"

    def fsync(fd: int) -> None:
        real(fd)
        monkeypatch.undo()
        hidden.unlink()
        hidden.write_bytes(b"theirs")

    monkeypatch.setattr(os, "fsync", fsync)
    async with writing(tmp_path, "x.parquet", sync="close", run=FULL) as write:
        await write.feed(*rows(1, 2))
        before = names(tmp_path)
        await write.advance(MINUTE)
    assert (before, numbers(tmp_path / "x.000001.parquet")) == ([".x.parquet.part"], [1, 2])
    assert any("somebody else writes it too" in str(data) for _, data in write.bulletins)


async def test_a_record_that_a_format_chokes_on_fails_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = JsonLineWriter.write

    def write_lines(writer: JsonLineWriter, batch: Batch) -> Any:
        if b'{"n":3}' in batch.content:
            raise ZeroDivisionError("a bug in a format")
        return real(writer, batch)

    monkeypatch.setattr(JsonLineWriter, "write", write_lines)
    async with writing(tmp_path, "x.jsonl", atomic=True, roll={"records": 9}) as write:
        assert await write.feed(*rows(1, 2, 3, 4)) == {"failure": rows(3)}
        await write.end()
    assert (tmp_path / "x.000001.jsonl").read_bytes() == b'{"n":1}\n{"n":2}\n{"n":4}\n'


@pytest.mark.parametrize(
    ("name", "before"), [("csv", b"n\n0\n"), ("jsonl", b'{"n":0}\n'), ("json", b'[\n{"n":0}\n]\n')]
)
async def test_a_copy_that_goes_on_is_made_again_from_the_file_that_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, before: bytes
) -> None:
    path = tmp_path / f"x.{name}"
    path.write_bytes(before)
    async with writing(tmp_path, path.name, atomic=True, sync="close", run=FULL) as write:
        fails_once(monkeypatch, "fsync", errno.EIO)
        await write.feed(*rows(1, 2))
        stuck = path.read_bytes()
        await write.advance(MINUTE)
        await write.feed(*rows(3, 4))
    assert (stuck, names(tmp_path)) == (before, [path.name])
    wanted = {"csv": b"n\n0\n1\n2\n3\n4\n", "jsonl": b'{"n":0}\n{"n":1}\n{"n":2}\n{"n":3}\n{"n":4}\n'}
    assert path.read_bytes() == wanted.get(name, b'[\n{"n":0},\n{"n":1},\n{"n":2},\n{"n":3},\n{"n":4}\n]\n')


@pytest.mark.needs("root")
async def test_a_full_disk_makes_the_flow_wait_until_there_is_room(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * (60 << 10))
    given = [{"n": number, "text": os.urandom(500).hex()} for number in range(40)]
    async with writing(small_disk, "x.parquet", roll={"records": 20}) as write:
        assert await write.feed(*given[:20]) == {}
        assert await write.feed(*given[20:]) == {}
        assert names(small_disk) == ["ballast"]
        ballast.unlink()
        assert await write.advance(MINUTE) == {"success": given}
    found = [row for name in names(small_disk) for row in pq.ParquetFile(small_disk / name).read().to_pylist()]
    assert found == given
    assert any("No space left on device" in str(data) for _, data in write.bulletins)


async def test_a_folder_that_may_not_be_written_is_tried_again() -> None:
    # Not even root may make a file there.
    async with writing(Path("/sys"), "./{{ k }}.parquet", run=FULL) as write:
        assert await write.feed({"k": "a"}, {"k": "b"}) == {}
        assert await write.advance(MINUTE) == {}
        assert write.outcomes == []
    texts = [f"{text} {data}" for text, data in write.bulletins]
    assert any("/sys" in text and "cannot be written" in text for text in texts), texts
