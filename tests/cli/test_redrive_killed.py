"""A process that is killed while it tries letters again loses none of them."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from contextlib import closing
from pathlib import Path
from signal import SIGKILL
from typing import Any

from router.batch import Batch
from router.storage.database import Database
from router.storage.dead_letters import DeadLetters
from router.storage.letter_box import LetterBox
from router.storage.schema import FLOW_DB, FLOW_SCHEMA
from tests.letters import records_in

LETTERS, KILLS = 400, 4
QUEUE = {"processor": "step1", "queue": {"records": 10}}


async def set_aside(folder: Path) -> None:
    database = Database(folder / FLOW_DB, FLOW_SCHEMA)
    batch = Batch.of([{"n": n} for n in range(1, LETTERS + 1)])
    await DeadLetters(database, lambda: 0.0).put(batch, "step1", "step0.success>step1")
    await database.close()


def lines_of(path: Path) -> list[int]:
    return [int(line) for line in path.read_text().split()] if path.exists() else []


def test_a_kill_loses_no_letter_and_those_that_fail_stay(start: Any, router: Any, flow: Any, folder: Path) -> None:
    data, kept, chance = folder / "data", folder / "kept", random.Random(7)
    data.mkdir()
    asyncio.run(set_aside(data))
    with closing(LetterBox(data)) as box:
        assert box.mark(range(1, LETTERS + 1)) == LETTERS
    path = flow("again", {"type": "count_up", "count": 0, "to": QUEUE}, {"type": "odd"}, {"type": "keep"})
    for _ in range(KILLS):
        until = len(lines_of(kept)) + chance.randrange(1, LETTERS // 2 // KILLS)
        started = start("run", path, "--data", "data")
        while len(lines_of(kept)) < until and started.process.poll() is None:
            pass
        started.send(SIGKILL)
        started.end()
    assert router("run", path, "--data", "data").returncode == 0
    written, left = Counter(lines_of(kept)), Counter(record["n"] for record in records_in(data))
    assert (set(written), set(left)) == (set(range(1, LETTERS, 2)), set(range(2, LETTERS + 1, 2)))
    assert max(*written.values(), *left.values()) <= 1 + KILLS
