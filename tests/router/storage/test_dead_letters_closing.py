"""Dead letters whose put is cancelled, as at the deadline of a stop, while a thread writes them."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path

import pytest

from router import Batch
from router.storage.dead_letters import DeadLetters


async def test_a_write_under_way_when_it_is_closed_closes_the_file_behind_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on, closed = threading.Event(), threading.Event(), threading.Event()

    def slow_sync(number: int) -> None:
        begun.set()
        go_on.wait(10)

    monkeypatch.setattr(os, "fsync", slow_sync)
    letters = DeadLetters(tmp_path, lambda: 0.0)

    def shut() -> None:
        DeadLetters._shut(letters)
        closed.set()

    monkeypatch.setattr(letters, "_shut", shut)
    put = asyncio.ensure_future(letters.put(Batch.of([{"n": 1}]), "score", None))
    await asyncio.to_thread(begun.wait, 10)
    put.cancel()
    letters.close()
    assert not closed.is_set()
    go_on.set()
    assert await asyncio.to_thread(closed.wait, 10)
    assert letters._file is None
    await asyncio.gather(put, return_exceptions=True)


async def test_a_file_that_was_taken_away_is_made_anew(tmp_path: Path) -> None:
    letters = DeadLetters(tmp_path, lambda: 0.0)
    await letters.put(Batch.of([{"n": 1}]), "score", None)
    letters.path.rename(tmp_path / "taken.jsonl")
    assert letters.has_room()
    await letters.put(Batch.of([{"n": 2}]), "score", None)
    letters.close()
    assert b'{"n":2}' in letters.path.read_bytes()
