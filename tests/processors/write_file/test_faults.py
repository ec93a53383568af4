from __future__ import annotations

import json
import os
import resource
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from router.testing import TestRunner

MINUTE = 60.0


def records(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


@pytest.fixture
def limit() -> Iterator[Callable[[int], None]]:
    """``limit(1000)``: no file grows beyond, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("name", ["avro", "csv", "json", "json_lines"])
async def test_a_batch_that_did_not_fit_is_written_once_when_it_does(
    tmp_path: Path, limit: Callable[[int], None], name: str
) -> None:
    rows = [{"n": number, "text": "x" * 100} for number in range(40)]
    async with TestRunner("write_file", path="x", format=name, folder=tmp_path) as write:
        await write.feed(*rows[:10])
        size = (tmp_path / "x").stat().st_size
        limit(2 * size)
        assert await write.feed(*rows[10:]) == {}
        stuck = (tmp_path / "x").stat().st_size
        limit(1 << 30)
        routes = await write.advance(MINUTE)
        await write.end()
    assert (stuck, routes) == (size, {"success": rows[10:]})
    assert count(name, (tmp_path / "x").read_bytes()) == 40


def count(name: str, data: bytes) -> int:
    return len(json.loads(data)) if name == "json" else data.count(b"x" * 100)


async def test_files_written_before_the_fault_are_not_written_twice(
    tmp_path: Path, limit: Callable[[int], None]
) -> None:
    (tmp_path / "xb.jsonl").write_bytes(b'{"n":0}\n' * 100)
    async with TestRunner("write_file", path="x{{ k }}.jsonl", folder=tmp_path) as write:
        limit(800)
        assert await write.feed({"k": "a", "n": 1}, {"k": "b", "n": 1}) == {}
        assert (tmp_path / "xa.jsonl").read_bytes() == b""
        limit(1 << 30)
        await write.advance(MINUTE)
    assert records(tmp_path / "xa.jsonl") == [{"k": "a", "n": 1}]
    assert records(tmp_path / "xb.jsonl")[100:] == [{"k": "b", "n": 1}]


async def test_what_somebody_else_wrote_behind_is_not_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def tear(fd: int, data: Any) -> int:
        if len(data) < 10:
            raise OSError(28, "No space left on device")
        written = real(fd, data[:10])
        with (tmp_path / "x.jsonl").open("ab") as other:
            other.write(b"\n{}\n")
        return written

    real = os.write
    async with TestRunner("write_file", path="x.jsonl", folder=tmp_path) as write:
        await write.feed(b"1")
        monkeypatch.setattr(os, "write", tear)
        await write.feed(b'{"a":12345}')
        monkeypatch.undo()
        await write.advance(MINUTE)
    assert (tmp_path / "x.jsonl").read_bytes() == b'1\n{"a":12345\n{}\n{"a":12345}\n'
    assert "what was written could not be taken back; it comes twice" in [text for text, _ in write.bulletins]


async def test_an_error_nobody_expected_takes_back_what_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with TestRunner("write_file", path="x{{ k }}.jsonl", folder=tmp_path) as write:
        await write.feed({"k": "a"}, {"k": "b"})
        kind = type(write.processor._outputs.opened(str(tmp_path / "xb.jsonl"), 0.0))  # type: ignore[attr-defined]
        real = kind.encode

        def encode(output: Any, batch: Any) -> Any:
            if any(row.get("bad") for row in batch.rows):
                raise ZeroDivisionError("a bug in a format")
            return real(output, batch)

        monkeypatch.setattr(kind, "encode", encode)
        routes = await write.feed({"k": "a"}, {"k": "b"}, {"k": "b", "bad": 1}, {"k": "a"})
    assert routes["failure"] == [{"k": "b", "bad": 1}]
    assert (len(records(tmp_path / "xa.jsonl")), len(records(tmp_path / "xb.jsonl"))) == (3, 2)


async def test_a_folder_that_may_not_be_written_is_tried_again() -> None:
    # Not even root may make a file there.
    async with TestRunner("write_file", path="/sys/router/{{ k }}.jsonl") as write:
        assert await write.feed({"k": "a"}) == {}
        await write.advance(1.5)
    texts = [f"{text} {data}" for text, data in write.bulletins]
    assert any("/sys/router" in text and "cannot be written" in text for text in texts), texts


def remount(folder: Path, option: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{option}", str(folder)], check=True)


@pytest.mark.needs("root")
async def test_a_full_disk_makes_the_flow_wait(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * (48 << 10))
    rows = [{"n": number, "text": "x" * 1000} for number in range(40)]
    async with TestRunner("write_file", path="out/x.jsonl", folder=small_disk) as write:
        await write.feed(*rows[:5])
        assert await write.feed(*rows[5:]) == {}
        stuck = records(small_disk / "out" / "x.jsonl")
        ballast.unlink()
        await write.advance(MINUTE)
    assert (stuck, records(small_disk / "out" / "x.jsonl")) == (rows[:5], rows)
    assert any("No space left on device" in str(data) for _, data in write.bulletins)


@pytest.mark.needs("root")
async def test_a_disk_that_may_only_be_read_makes_the_flow_wait(small_disk: Path) -> None:
    remount(small_disk, "ro")
    async with TestRunner("write_file", path="y{{ k }}.jsonl", folder=small_disk) as write:
        assert await write.feed({"k": "a"}) == {}
        remount(small_disk, "rw")
        await write.advance(MINUTE)
        await write.end()
    assert records(small_disk / "ya.jsonl") == [{"k": "a"}]


@pytest.mark.parametrize("name", ["avro", "json"])
@pytest.mark.parametrize("sync", ["close", "always"])
async def test_a_sync_that_fails_when_a_file_is_closed_ends_it_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, sync: str
) -> None:
    def fail(fd: int) -> None:
        if faults:
            raise OSError(5, faults.pop())
        real(fd)

    real, faults = os.fsync, list[str]()
    row = {"n": 1, "text": "x" * 100}
    runner = TestRunner("write_file", path="x", format=name, sync=sync, roll={"records": 1}, folder=tmp_path)
    async with runner as write:
        await write.feed(row)
        monkeypatch.setattr(os, "fsync", fail)
        faults.append("Input/output error")
        assert await write.feed(row) == {}
        assert await write.advance(MINUTE) == {"success": [row]}
        await write.end()
    assert [count(name, (tmp_path / each).read_bytes()) for each in ("x.000001", "x")] == [1, 1]
