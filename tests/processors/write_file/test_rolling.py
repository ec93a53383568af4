"""Files written in place that are numbered when they are full."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import fastavro
import pytest

from router.testing import TestRunner


def writing(folder: Path, path: str, **settings: Any) -> TestRunner:
    return TestRunner("write_file", path=path, folder=folder, **settings)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def contents(folder: Path) -> dict[str, list[Any]]:
    return {path.name: [json.loads(line) for line in path.read_bytes().splitlines()] for path in folder.iterdir()}


async def test_a_file_that_would_become_too_large_is_numbered(tmp_path: Path) -> None:
    (tmp_path / "x.000001.csv").write_bytes(b"old")
    async with writing(tmp_path, "x.csv", roll={"bytes": 20}) as write:
        for number in range(5):
            await write.feed({"number": number}, {"number": number})
    found = {name: (tmp_path / name).read_bytes() for name in names(tmp_path)}
    assert found == {
        "x.000001.csv": b"old",
        "x.000002.csv": b"number\n0\n0\n1\n1\n2\n2\n",
        "x.csv": b"number\n3\n3\n4\n4\n",
    }


async def test_a_file_that_would_have_too_many_records_is_numbered(tmp_path: Path) -> None:
    async with writing(tmp_path, "x.jsonl", roll={"records": 3}) as write:
        for batch in ([1, 2], [3], [4, 5], [6, 7, 8, 9], [10]):
            await write.feed(*(str(number).encode() for number in batch))
    assert contents(tmp_path) == {
        "x.000001.jsonl": [1, 2, 3],
        "x.000002.jsonl": [4, 5],
        "x.000003.jsonl": [6, 7, 8, 9],
        "x.jsonl": [10],
    }


async def test_what_failed_does_not_count(tmp_path: Path) -> None:
    async with writing(tmp_path, "x.jsonl", roll={"records": 2}) as write:
        await write.feed({"a": 1}, {"a": float("nan")}, {"a": float("nan")})
        await write.feed({"a": 2})
    assert contents(tmp_path) == {"x.jsonl": [{"a": 1}, {"a": 2}]}


@pytest.mark.parametrize("kind", ["avro", "json"])
async def test_each_file_is_whole_by_itself(tmp_path: Path, kind: str) -> None:
    async with writing(tmp_path, f"x.{kind}", roll={"records": 1}) as write:
        for number in range(3):
            await write.feed({"n": number})
        await write.end()

    def read(path: Path) -> Any:
        with path.open("rb") as stream:
            return json.load(stream) if kind == "json" else list(fastavro.reader(stream))

    assert [read(tmp_path / name) for name in sorted(names(tmp_path))] == [[{"n": number}] for number in range(3)]


async def test_a_file_long_in_use_is_numbered(tmp_path: Path) -> None:
    async with writing(tmp_path, "x.jsonl", roll={"after": "1m"}) as write:
        await write.feed(b"1", at=10.0)
        await write.advance(59.0)
        before = names(tmp_path)
        await write.advance(2.0)
        after = names(tmp_path)
        await write.feed(b"2", at=100.0)
    assert (before, after, names(tmp_path)) == ({"x.jsonl"}, {"x.000001.jsonl"}, {"x.000001.jsonl", "x.jsonl"})


async def test_a_file_that_was_closed_to_make_room_grows_old_too(tmp_path: Path) -> None:
    async with writing(tmp_path, "x{{ n }}.jsonl", roll={"after": "1m"}, max_open=1) as write:
        await write.feed({"n": 1}, {"n": 2}, at=10.0)
        await write.advance(61.0)
    assert names(tmp_path) == {"x1.000001.jsonl", "x2.000001.jsonl"}


async def test_a_second_run_counts_on(tmp_path: Path) -> None:
    for number in range(4):
        async with writing(tmp_path, "x.jsonl", roll={"bytes": 3}) as write:
            await write.feed(str(number).encode())
    assert contents(tmp_path) == {"x.000001.jsonl": [0], "x.000002.jsonl": [1], "x.000003.jsonl": [2], "x.jsonl": [3]}


async def test_replacing_takes_the_numbered_files_of_this_path_away(tmp_path: Path) -> None:
    for name in ("x.jsonl", "x.000001.jsonl", "x.1234567.jsonl", "y.000001.jsonl", "x.01.jsonl", "x.000001.csv"):
        (tmp_path / name).write_bytes(b"0\n")
    async with writing(tmp_path, "x.jsonl", mode="replace", roll={"records": 1}) as write:
        await write.feed(b"1")
        await write.feed(b"2")
    kept = {"y.000001.jsonl": [0], "x.01.jsonl": [0], "x.000001.csv": [0]}
    assert contents(tmp_path) == {"x.000001.jsonl": [1], "x.jsonl": [2], **kept}


async def test_a_batch_given_again_is_counted_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    async with writing(tmp_path, "x.jsonl", roll={"records": 4}) as write:
        await write.feed(b"1", b"2")
        monkeypatch.setattr(os, "write", lambda fd, data: real(fd, data[:1]) if len(data) == 4 else fail())
        assert await write.feed(b"3", b"4") == {}
        monkeypatch.undo()
        await write.advance(60.0)
        await write.feed(b"5")
    assert contents(tmp_path) == {"x.000001.jsonl": [1, 2, 3, 4], "x.jsonl": [5]}


def fail() -> int:
    raise OSError(28, "No space left on device")
