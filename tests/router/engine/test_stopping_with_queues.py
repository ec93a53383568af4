"""A stop while connections on disk are full: what waits for room is kept too, and nothing waits for the deadline."""

from __future__ import annotations

from pathlib import Path

import pytest

from router.ack import Outcome
from router.engine import Engine
from router.storage.letter_box import letters_in
from tests.router.engine.clock import JumpingClock, at_rest, until
from tests.router.engine.flows import Do, Feed, Gate, Keep, run_to_end, wired

DISK = {"type": "disk", "records": 4}


def flow(folder: Path, read: Feed, keep: Keep, queue: str) -> tuple[Engine, JumpingClock]:
    clock = JumpingClock()
    steps = {"read": read, "work": Do(lambda batch, _: batch), "keep": keep}
    queues = {"read>work": DISK if queue != "memory" else {"records": 4}, "work>keep": DISK}
    run = {"work": {"batch": {"records": 3}}, "keep": {"batch": {"records": 3}}}
    return wired(steps, "read>work", "work>keep", queue=queues, run=run, data=folder, clock=clock), clock


@pytest.mark.parametrize("queue", ["memory", "disk"])
async def test_what_waits_for_room_on_disk_is_kept_at_a_stop(tmp_path: Path, queue: str) -> None:
    read, gate = Feed(*([n, n + 1, n + 2] for n in range(0, 60, 3))), Gate()
    engine, clock = flow(tmp_path, read, gate, queue)
    async with engine:
        await at_rest(engine)
        before = clock.now()
        gate.is_open.set()
        report = await until(engine, clock, engine.stop(20))
    assert (report.outcome, clock.now() - before < 1) == ("stopped", True)
    assert set(read.outcomes) == {Outcome.DELIVERED}
    keep = Keep()
    again, _ = flow(tmp_path, Feed(), keep, queue)
    await run_to_end(again)
    assert [*gate.numbers, *keep.numbers] == list(range(3 * len(read.told)))
    assert list(letters_in(tmp_path)) == []
