"""Whatever fails and however often: what is told to be delivered is in a file that has its name, and there once."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router import Outcome
from router.testing import TestRunner

FAILING = ("write", "fsync", "replace", "open", "unlink")


def failing(plan: Iterator[bool], real: Callable[..., Any]) -> Callable[..., Any]:
    def call(*arguments: Any, **options: Any) -> Any:
        if next(plan, False):
            raise OSError(errno.EIO, "Input/output error")
        return real(*arguments, **options)

    return call


def published(folder: Path) -> Counter[int]:
    found: Counter[int] = Counter()
    for path in folder.glob("[!.]*"):
        if path.suffix == ".parquet":
            found.update(row["n"] for row in pq.ParquetFile(path).read().to_pylist())
        elif path.suffix == ".csv":
            found.update(int(line.split(b",")[0]) for line in path.read_bytes().splitlines()[1:])
        else:
            found.update(json.loads(line)["n"] for line in path.read_bytes().splitlines())
    return found


def hidden(folder: Path) -> list[Path]:
    return list(folder.glob(".*"))


async def run(folder: Path, limits: dict[str, Any], sizes: list[int], plan: list[bool]) -> None:
    faults, total, told = iter(plan), 0, Counter[int]()
    async with TestRunner("write_file", folder=folder, atomic=True, sync="close", **limits) as write:
        for size in sizes:
            rows = [{"n": n, "k": n // 2 % 2} for n in range(total, total + size)]
            total += size
            with pytest.MonkeyPatch.context() as monkeypatch:
                for name in FAILING:
                    monkeypatch.setattr(os, name, failing(faults, getattr(os, name)))
                given = [await write.feed(*rows), await write.advance(3.0)]
            told.update(row["n"] for routes in given for row in routes.get("success", ()))
            assert told <= published(folder)
        await write.advance(1000.0)
        await write.end()
    assert (published(folder), write.outcomes) == (Counter(range(total)), [Outcome.DELIVERED] * len(sizes))
    assert hidden(folder) == []


@settings(max_examples=20)
@given(
    end=st.sampled_from(["parquet", "jsonl", "csv"]),
    sizes=st.lists(st.integers(1, 7), min_size=1, max_size=6),
    plan=st.lists(st.booleans(), max_size=40),
    roll=st.none() | st.integers(1, 5),
    hold=st.integers(1, 12),
)
def test_every_record_told_is_published_and_in_the_end_each_is_once(
    end: str, sizes: list[int], plan: list[bool], roll: int | None, hold: int
) -> None:
    limits: dict[str, Any] = {"path": f"x{{{{ k }}}}.{end}", "run": {"hold": {"records": hold}}}
    limits |= {} if roll is None else {"roll": {"records": roll}}
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(Path(folder), limits, sizes, plan))
