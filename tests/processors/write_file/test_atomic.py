from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest

from router import Outcome
from router.testing import TestRunner


def writing(folder: Path, path: str, **settings: Any) -> TestRunner:
    return TestRunner("write_file", path=path, folder=folder, **settings)


def records(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


async def test_records_are_held_until_the_file_has_its_name(tmp_path: Path) -> None:
    async with writing(tmp_path, "x.jsonl", atomic=True) as write:
        assert await write.feed(b"1", b"2") == {}
        assert (names(tmp_path), write.outcomes) == (set(), [])
        ended: dict[str, list[Any]] = await write.end()
        assert ended == {"success": [b"1", b"2"]}
    assert (names(tmp_path), write.outcomes) == ({"x.jsonl"}, [Outcome.DELIVERED])


async def test_what_fails_leaves_at_once(tmp_path: Path) -> None:
    async with writing(tmp_path, "x{{ k }}.jsonl", atomic=True) as write:
        assert await write.feed({"k": 1}, {}) == {"failure": [{}]}
        await write.end()
    assert write.outcomes == [Outcome.DELIVERED]


@pytest.mark.parametrize("mode", ["append", "replace"])
async def test_nobody_sees_half_a_file(tmp_path: Path, mode: str) -> None:
    (tmp_path / "x.jsonl").write_bytes(b"0\n")
    (tmp_path / ".x.jsonl.part").write_bytes(b"from a run that was killed\n")
    async with writing(tmp_path, "x.jsonl", atomic=True, mode=mode) as write:
        await write.feed(b"1")
        before = records(tmp_path / "x.jsonl")
        await write.end()
    assert (before, records(tmp_path / "x.jsonl")) == ([0], [0, 1] if mode == "append" else [1])


async def test_at_the_hold_limit_the_file_is_published_and_goes_on_as_a_copy(tmp_path: Path) -> None:
    async with writing(tmp_path, "x.jsonl", atomic=True, mode="replace", run={"hold": {"records": 3}}) as write:
        for number in range(1, 6):
            await write.feed(b"%d" % number)
        assert records(tmp_path / "x.jsonl")[:3] == [1, 2, 3]
        await write.end()
    assert (records(tmp_path / "x.jsonl"), write.outcomes) == ([1, 2, 3, 4, 5], [Outcome.DELIVERED] * 5)


async def test_many_files_are_published_together(tmp_path: Path) -> None:
    async with writing(tmp_path, "x{{ n }}.jsonl", atomic=True) as write:
        for _ in range(2):
            await write.feed(*({"n": number} for number in range(10)))
        before = names(tmp_path)
        await write.end()
    assert before == set()
    assert {name: len(records(tmp_path / name)) for name in names(tmp_path)} == {f"x{n}.jsonl": 2 for n in range(10)}


async def test_a_rename_that_fails_is_tried_again_and_nothing_is_told_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    targets = []

    def replace(source: str, target: str) -> None:
        targets.append(target)
        if len(targets) == 2:
            raise OSError(5, "Input/output error")
        real(source, target)

    real = os.replace
    monkeypatch.setattr(os, "replace", replace)
    async with writing(tmp_path, "x{{ n }}.jsonl", atomic=True, run={"hold": {"records": 2}}) as write:
        first = await write.feed({"n": 1}, {"n": 2})
        second = await write.advance(60.0)
        await write.end()
    assert (first, second) == ({"success": [{"n": 1}]}, {"success": [{"n": 2}]})
    assert {name: records(tmp_path / name) for name in names(tmp_path)} == {
        "x1.jsonl": [{"n": 1}],
        "x2.jsonl": [{"n": 2}],
    }


async def test_a_flow_that_is_cut_off_leaves_no_half_file_and_rejects(tmp_path: Path) -> None:
    write = writing(tmp_path, "x.jsonl", atomic=True)
    await write.feed(b"1")
    await write.__aexit__(None, None, None)
    await asyncio.sleep(0)  # the outcome is told in the next turn
    assert (names(tmp_path), write.outcomes) == (set(), [Outcome.REJECTED])
