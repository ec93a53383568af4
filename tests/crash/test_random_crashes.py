"""Random flows whose engine is dropped between any two turns of the loop, again and again, on the same data folder.

Nothing of a dropped engine runs on: what its writer had not begun is never written, what its processors
still do is not seen. Then every origin settles once or comes back, and has settled only if all that was made of it
is in a sink, on disk, in the dead letters, or was dropped on purpose.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.engine import Engine
from router.engine import engine as engine_module
from router.storage.database import Database
from router.storage.letter_box import letters_in
from router.storage.packing import unpack
from router.storage.schema import FLOW_DB
from tests.crash.flows import KILLS
from tests.crash.lineage import Row, arrived
from tests.crash.random_flows import Drawn
from tests.crash.random_steps import STEPS, Step
from tests.router.engine.clock import JumpingClock, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

RAM = Path("/dev/shm")
SEEDS = st.integers(0, 2**40)


class Fragile(Database):
    """A database whose writer stands still now and then, and that can be dropped wherever it is in what it was asked."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.goes = threading.Event()
        self.goes.set()
        self.left: int | None = None
        """How many works are still written; None: all."""

    def _transact(self, group: Sequence[Any]) -> None:
        self.goes.wait()
        if self.left is not None:
            group, self.left = group[: self.left], max(0, self.left - len(group))
        if group:
            super()._transact(group)

    def drop(self, dice: random.Random) -> None:
        """Write the first few of the works that are asked by now, and nothing else."""
        with self._changed:
            if not self.goes.is_set():
                self.left = dice.randrange(1 + self._undone)
            self._is_closing = True
            self._is_waiting = False
            self._changed.notify()
        self.goes.set()
        if self._thread is not None:
            self._thread.join()


class Case:
    """One random flow in one data folder."""

    def __init__(self, drawn: Drawn, folder: Path) -> None:
        self.drawn = drawn
        self.world = self.drawn.world
        self.folder = folder
        self.dice = random.Random(drawn.seed)
        self.clock = JumpingClock()

    def engine(self) -> Engine:
        self.world.life += 1
        time, self.clock = self.clock.time, JumpingClock()
        self.clock.time = time
        return Engine(self.drawn.flow, replace=self.drawn.processors(), data=self.folder, clock=self.clock)

    async def live_and_be_dropped(self) -> None:
        """Begin a life and drop it, wherever it is, the writer too."""
        engine = self.engine()
        started = asyncio.get_running_loop().create_task(engine.__aenter__())
        await asyncio.sleep(0)
        database = engine._database
        assert isinstance(database, Fragile)
        await self.some_turns(database)
        if self.dice.random() < 0.7:
            database.goes.clear()
            for _ in range(self.dice.randrange(60)):
                await asyncio.sleep(0)
                if self.dice.random() < 0.3:
                    self.clock.jump()
        if started.done():
            started.result()
        database.drop(self.dice)
        self.world.life += 1  # what still runs of it is seen by nobody

    async def live_and_be_stopped(self) -> None:
        """Begin a life and stop it, wherever it is."""
        engine = self.engine()
        async with engine:
            await self.some_turns(engine._database)
            await until(engine, self.clock, engine.stop(self.dice.choice([0, 0.5, 1000])))

    async def some_turns(self, database: Database) -> None:
        for _ in range(self.dice.randrange(self.dice.choice([5, 60, 200]))):
            await asyncio.sleep(0)
            if self.dice.random() < 0.2:
                await self.settle_down(database)
                self.clock.jump()

    async def settle_down(self, database: Database) -> None:
        """Let the writer come to an end with what it has."""
        while database.is_busy:  # noqa: ASYNC110 - a thread has no turn of the loop to wait for
            await asyncio.sleep(0.0002)

    async def live_to_the_end(self) -> None:
        engine = self.engine()
        async with engine:
            report = await until(engine, self.clock, engine.run())
        assert (report.outcome, report.error) == ("done", None)

    # -- what is on disk ------------------------------------------------------------------------

    def waiting(self) -> Iterator[tuple[str, Row]]:
        """What lies in the data folder."""
        if not (self.folder / FLOW_DB).exists():
            return
        targets = self.world.targets
        with closing(sqlite3.connect(self.folder / FLOW_DB)) as database:
            (tables,) = database.execute("SELECT count(*) FROM sqlite_master WHERE name = 'queue'").fetchone()
            rows = database.execute("SELECT connection, batch FROM queue ORDER BY id").fetchall() if tables else []
        for connection, content in rows:
            batch, consumer = unpack(content), connection.rpartition(">")[2]
            for row, error in zip(batch.rows, batch.meta("error"), strict=True):
                yield connection, arrived(row, error, consumer, targets)
        for letter in letters_in(self.folder):
            assert letter.batch is not None
            yield "dead letters", arrived(letter.batch.rows[0], None, letter.processor, targets)

    def check(self) -> None:
        waiting = list(self.waiting())
        assert self.world.told_twice() == {}
        assert self.world.unsafe(waiting) == {}
        assert self.world.worked_twice(waiting) == []

    def check_end(self) -> None:
        self.check()
        waiting = list(self.waiting())
        assert [place for place, _ in waiting if place != "dead letters"] == []
        assert [token for token in self.world.given if not self.world.is_safe(token)] == []
        assert self.world.counted_twice(waiting) == []


def play(drawn: Drawn) -> None:
    random.seed(drawn.seed)  # the jitter of a backoff
    with (
        tempfile.TemporaryDirectory(dir=RAM if RAM.is_dir() else None) as folder,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(engine_module, "Database", Fragile)
        case = Case(drawn, Path(folder))
        for _ in range(case.dice.randint(2, 5)):
            asyncio.run(case.live_and_be_stopped() if case.dice.random() < 0.2 else case.live_and_be_dropped())
            case.check()
        asyncio.run(case.live_to_the_end())
        case.check_end()


@settings(max_examples=max(1, 40 * KILLS // 100))
@given(SEEDS, st.integers(2, 6), st.sampled_from([0.3, 0.6, 1.0]))
def test_what_a_crash_leaves_is_safe_or_comes_back(seed: int, size: int, disk: float) -> None:
    play(Drawn(seed, size, disk))


@pytest.mark.parametrize("kind", tuple(dict.fromkeys(STEPS)))
@settings(max_examples=max(1, 12 * KILLS // 100))
@given(SEEDS, st.sampled_from([0.5, 1.0]))
def test_a_crash_around_one_processor_leaves_what_is_safe_or_comes_back(
    kind: type[Step], seed: int, disk: float
) -> None:
    play(Drawn(seed, 1, disk, [kind]))
