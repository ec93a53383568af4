"""A connection under random use agrees with a model: order, limits, fairness, acks."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta
from typing import Literal

from hypothesis import given, settings
from hypothesis import strategies as st

from router.ack import Ack, Outcome
from router.batch import Batch
from router.connections.base import Gauge, Limits, Surroundings, Taken
from router.connections.memory import MemoryConnection
from router.errors import ConnectionClosedError

WhenFull = Literal["block", "drop_oldest", "drop_newest"]


class Clock:
    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        return self.time


class Given:
    """One batch on its way: its numbers, and what its ack has been told."""

    def __init__(self, numbers: list[int], sizes: list[int], *, rows: bool) -> None:
        self.numbers = numbers
        self.settled: list[Outcome] = []
        self.ack = Ack(self, lambda ack: self.settled.append(ack.outcome))
        batch = Batch.raw([b"%d " % n + b"x" * size for n, size in zip(numbers, sizes, strict=True)], format="text")
        self.batch = batch.owned_by([self.ack])
        if rows:
            self.batch = self.batch.with_rows(self.batch.rows)


def numbers_of(batch: Batch) -> list[int]:
    return [int(row["text"].split()[0]) for row in batch.rows]


class World:
    """A connection under random use, and a model of it."""

    def __init__(self, seed: int, when_full: WhenFull) -> None:
        self.chance = random.Random(seed)
        self.clock = Clock()
        self.max_records = self.chance.choice([1, 2, 3, 7, 20])
        self.max_bytes = self.chance.choice([60, 400, 100_000])
        self.gauge = Gauge()
        self.dropped: list[int] = []
        self.when_full = when_full
        expire = timedelta(seconds=5) if self.chance.random() < 0.3 else None
        self.connection = MemoryConnection(
            "a.success>b",
            Limits(self.max_records, self.max_bytes, expire, when_full),
            Surroundings(self.clock.now, lambda _id, records, _why: self.dropped.append(records), self.gauge),
        )
        self.given: list[Given] = []
        self.puts: dict[Given, asyncio.Task[None]] = {}
        self.order: list[int] = []
        self.out: list[int] = []
        self.taken: list[Taken] = []
        self.left: set[int] = set()
        self.count = 0

    def make(self) -> Given:
        count = self.chance.choice([1, 1, 2, 3, 5, 12])
        sizes = [self.chance.choice([0, 1, 5, 150]) for _ in range(count)]
        made = Given(list(range(self.count, self.count + count)), sizes, rows=self.chance.random() < 0.3)
        self.count += count
        self.given.append(made)
        return made

    def check(self) -> None:
        connection, entries = self.connection, list(self.connection._entries)
        assert connection.records == sum(len(entry.batch) for entry in entries)
        assert connection.nbytes == sum(entry.nbytes for entry in entries)
        assert connection.nbytes + connection.aside_bytes == self.gauge.level
        is_single = len(entries) == 1 and connection.records == 1
        assert is_single or connection.records + connection.aside <= self.max_records
        assert is_single or connection.nbytes + connection.aside_bytes <= self.max_bytes
        assert connection.unacked == sum(len(taken.batch) for taken in self.taken)

    async def step(self) -> None:
        act = self.chance.choice(["offer", "put", "put", "take", "take", "take", "done", "cancel", "sleep", "aside"])
        await getattr(self, act)()
        self.check()
        for _ in range(3):
            await asyncio.sleep(0)
            self.check()

    async def offer(self) -> None:
        made = self.make()
        before = self.connection.records
        if self.connection.offer(made.batch):
            self.order += made.numbers
        else:
            assert self.when_full == "block"
            assert self.connection.records == before
        made.ack.release()

    async def put(self) -> None:
        made = self.make()

        async def put() -> None:
            try:
                await self.connection.put(made.batch)
            finally:
                made.ack.release()

        self.order += made.numbers
        self.puts[made] = asyncio.get_running_loop().create_task(put())
        await asyncio.sleep(0)

    async def cancel(self) -> None:
        waiting = [(made, task) for made, task in self.puts.items() if not task.done()]
        if waiting:
            self.chance.choice(waiting)[1].cancel()

    async def take(self) -> None:
        limit = self.chance.choice([1, 2, 4, 50]), self.chance.choice([50, 1000, 100_000])
        taken = self.connection.take(*limit)
        if taken is not None:
            assert len(taken.batch) <= limit[0]
            self.out += numbers_of(taken.batch)
            self.taken.append(taken)

    async def done(self) -> None:
        if self.taken:
            self.taken.pop(self.chance.randrange(len(self.taken))).release()

    async def sleep(self) -> None:
        self.clock.time += self.chance.choice([0.5, 3])

    async def aside(self) -> None:
        if self.taken and not self.connection.aside:
            taken = self.taken[-1]
            connection, batch = self.connection, taken.batch
            fits = connection.nbytes + batch.nbytes <= connection.max_bytes
            if fits and connection.records + len(batch) <= self.max_records:
                taken.set_aside()
                await asyncio.sleep(0)
                self.check()
                taken.take_up()

    async def finish(self, *, close: bool) -> None:
        if close:
            self.left = {n for entry in self.connection._entries for n in numbers_of(entry.batch)}
            self.connection.close()
        while any(not task.done() for task in self.puts.values()) or self.connection.records:
            await self.take()
            for _ in range(4):
                await asyncio.sleep(0)
            self.check()
        while self.taken:
            self.taken.pop().release()
        self.check()
        self.check_outcomes()

    def check_outcomes(self) -> None:
        arrived = set(self.out)
        assert self.out == [number for number in self.order if number in arrived]  # first in, first out, each once
        for made in self.given:
            lost = set(made.numbers) - arrived - self.left
            if set(made.numbers) & self.left:
                assert made.settled == [Outcome.REJECTED]
            elif lost and self.when_full != "block":
                assert made.settled == [Outcome.DROPPED]
            elif not lost or self.connection._expire is None:  # what was not put is told to whoever put it
                assert made.settled == [Outcome.DELIVERED]


async def play(seed: int, when_full: WhenFull, steps: int, *, close: bool) -> None:
    world = World(seed, when_full)
    for _ in range(steps):
        await world.step()
    async with asyncio.timeout(5):
        await world.finish(close=close)
    results = await asyncio.gather(*world.puts.values(), return_exceptions=True)
    assert all(each is None or isinstance(each, asyncio.CancelledError | ConnectionClosedError) for each in results)
    assert sum(world.dropped) == world.connection.dropped
    if when_full == "block" and not close and world.connection._expire is None:
        put = {n for made, each in zip(world.puts, results, strict=True) if each is None for n in made.numbers}
        assert put <= set(world.out)


@settings(max_examples=400)
@given(st.integers(0, 2**32), st.sampled_from(["block", "block", "drop_oldest", "drop_newest"]), st.booleans())
def test_random_use_agrees_with_a_model(seed: int, when_full: WhenFull, close: bool) -> None:
    asyncio.run(play(seed, when_full, 60, close=close))
