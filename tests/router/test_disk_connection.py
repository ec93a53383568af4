"""A disk connection keeps what was put, gives it again in order, and forgets only what was settled."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.ack import Ack, Outcome
from router.batch import Batch
from router.connections import disk_queue
from router.connections.base import Gauge, Surroundings, Taken
from router.expression import Expression
from router.storage.unit import unit_of
from tests.router.disk import Disk, batch, disk, memory_folder, numbers_of, outcomes


async def test_who_put_is_told_when_it_is_committed_and_not_before(tmp_path: Path) -> None:
    async with disk(tmp_path) as queue:
        ack = Ack("source", lambda _: None)
        assert queue.connection.offer(batch(1, 2).owned_by([ack]))
        ack.release()
        assert (ack.settled, queue.take()) == (False, None)
        await queue.kept()
        assert (ack.settled, ack.outcome, ack.is_stored) == (True, Outcome.DELIVERED, True)
        assert numbers_of(queue.take()) == [1, 2]


async def test_what_was_not_settled_is_there_again_in_order_with_columns_and_attributes(tmp_path: Path) -> None:
    async with disk(tmp_path) as queue:
        await queue.put(1, 2)
        await queue.connection.put(batch(3).with_columns(key=["k"], index=[0]))
        await queue.kept()
        await queue.put(4)
        taken = queue.take(2)
        assert taken is not None
        taken.release()
        queue.take(1)
        await queue.kept()
    async with disk(tmp_path) as queue:
        taken = queue.take()
        assert taken is not None
        assert numbers_of(taken) == [3, 4]
        assert (taken.batch.attributes, dict(taken.batch.columns)) == ({"path": "in.jsonl"}, {"key": ["k", None]})


async def test_a_row_taken_in_parts_is_deleted_when_all_of_them_are_settled(tmp_path: Path) -> None:
    async with disk(tmp_path) as queue:
        await queue.put(*range(5))
        parts = [taken for _ in range(3) if (taken := queue.take(2)) is not None]
        for taken in parts[:2]:
            taken.release()
        await queue.kept()
    async with disk(tmp_path) as queue:
        assert await queue.drain() == [0, 1, 2, 3, 4]
    async with disk(tmp_path) as queue:
        assert queue.connection.records == 0


async def test_what_is_rejected_is_given_again_after_a_while_and_waits_longer_each_time(tmp_path: Path) -> None:
    async with disk(tmp_path) as queue:
        await queue.put(1)
        for wait in (1.0, 2.0, 4.0):
            taken = queue.take()
            assert taken is not None
            taken.reject()
            assert (queue.connection.records, queue.take()) == (1, None)
            seconds, again = queue.later.pop()
            assert seconds == wait
            again()
            await queue.kept()
        assert await queue.drain() == [1]


async def test_a_stop_holds_back_what_waits_and_loses_nothing(tmp_path: Path) -> None:
    async with disk(tmp_path) as queue:
        await queue.put(1, 2)
        queue.connection.hold_back()
        assert (queue.take(), queue.connection.due, queue.connection.records) == (None, 0, 2)
    async with disk(tmp_path) as queue:
        assert await queue.drain() == [1, 2]


async def test_the_newest_is_taken_first_where_the_flow_says_so(tmp_path: Path) -> None:
    async with disk(tmp_path, options={"order": "newest"}) as queue:
        for n in range(3):
            await queue.put(n)
        assert numbers_of(queue.take(1)) == [2]
        await queue.put(3)
    async with disk(tmp_path, options={"order": "newest"}) as queue:
        assert await queue.drain() == [3, 2, 1, 0]


async def test_the_highest_priority_is_taken_first_and_what_has_none_last(tmp_path: Path) -> None:
    async with disk(tmp_path, options={"priority": Expression("n % 3 if n < 6 else none_such")}) as queue:
        await queue.put(*range(8))
        assert await queue.drain() == [2, 5, 1, 4, 0, 3, 6, 7]


async def test_limits_are_hard_and_a_put_waits_for_room(tmp_path: Path) -> None:
    async with disk(tmp_path, records=4) as queue:
        await queue.put(0, 1, 2)
        waiting = asyncio.get_running_loop().create_task(queue.connection.put(batch(3, 4)))
        await asyncio.sleep(0)
        assert queue.connection.records == 3
        taken = queue.take()
        assert taken is not None
        await waiting
        await queue.kept()
        assert numbers_of(queue.take()) == [3, 4]


async def test_drop_oldest_and_expire_delete_on_disk_too(tmp_path: Path) -> None:
    async with disk(tmp_path, records=2, when_full="drop_oldest") as queue:
        await queue.put(1, 2)
        await queue.put(3, 4)
        assert queue.dropped == [2]
        await queue.kept()
    async with disk(tmp_path, expire=timedelta(seconds=5)) as queue:
        queue.time += 10
        assert (queue.take(), queue.dropped) == (None, [2])
        await queue.kept()
    async with disk(tmp_path) as queue:
        assert queue.connection.records == 0


async def test_records_that_cannot_be_kept_are_refused_and_their_neighbours_kept(tmp_path: Path) -> None:
    async with disk(tmp_path) as queue:
        rows: list[dict[str, object]] = [{"n": 1}, {"n": object()}, {"n": 3}]
        await queue.connection.put(Batch.of(rows))
        await queue.kept()
        ((refused, failures),) = queue.refused
        assert (refused.rows, [index for index, _ in failures]) == ([rows[1]], [0])
        assert await queue.drain() == [1, 3]


async def test_a_damaged_row_is_set_aside_and_its_neighbours_live(tmp_path: Path) -> None:
    async with disk(tmp_path) as queue:
        for n in range(3):
            await queue.put(n)
        await queue.database.submit(lambda c: c.execute("UPDATE queue SET batch = x'00ff' WHERE id = 2") and None)
    async with disk(tmp_path) as queue:
        assert await queue.drain() == [0, 2]
        ((text, data),) = queue.told
        assert "quarantine" in text
        assert data["records"] == 1
        (kept,) = await queue.database.submit(lambda c: c.execute("SELECT content FROM quarantine").fetchone())
        assert kept == b"\x00\xff"


async def test_in_a_unit_rows_taken_and_records_put_change_in_one_commit(tmp_path: Path) -> None:
    async with disk(tmp_path) as queue:
        await queue.put(1, 2)
        taken = queue.take()
        assert taken is not None
        with unit_of(queue.database):
            await queue.connection.put(taken.batch)
            taken.release()
            await queue.kept()
            stored = await queue.database.submit(lambda c: c.execute("SELECT id FROM queue").fetchall())
            assert stored == [(1,)]
        await queue.kept()
        stored = await queue.database.submit(lambda c: c.execute("SELECT id FROM queue").fetchall())
        assert stored == [(2,)]


async def test_a_unit_that_gives_more_than_the_limit_passes_alone(tmp_path: Path) -> None:
    async with disk(tmp_path, records=3) as queue:
        with unit_of(queue.database):
            for n in range(3):
                await queue.connection.put(batch(2 * n, 2 * n + 1))
        await queue.kept()
        assert queue.connection.records == 6
        assert await queue.drain() == [0, 1, 2, 3, 4, 5]


class Crashes:
    """A disk connection under random use and random ends of the process, against a model."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.chance = random.Random(seed)
        self.folder = folder
        self.order = self.chance.choice(["fifo", "newest"])
        self.count = 0
        self.kept: set[int] = set()
        self.settled: set[int] = set()
        self.given: list[int] = []

    async def live(self) -> None:
        """One life of the process."""
        async with disk(self.folder, options={"order": self.order, "piece": self.chance.choice([1, 3, 1000])}) as queue:
            out: list[Taken] = []
            last: list[int] = []
            for _ in range(self.chance.randrange(25)):
                step = self.chance.choice(["put", "put", "take", "take", "settle", "reject", "wait"])
                if step == "put":
                    numbers = list(range(self.count, self.count + self.chance.choice([1, 2, 7])))
                    self.count += len(numbers)
                    await queue.put(*numbers)
                    self.kept.update(numbers)
                elif step == "take" and (taken := queue.take(self.chance.choice([1, 2, 100]))) is not None:
                    out.append(taken)
                    last += numbers_of(taken)
                elif step == "settle" and out:
                    taken = out.pop(self.chance.randrange(len(out)))
                    self.settled.update(numbers_of(taken))
                    taken.release()
                elif step == "reject" and out:
                    out.pop().reject()
                else:
                    self.fire(queue)
                    await queue.kept()
            self.check(queue, out)

    def fire(self, queue: Disk) -> None:
        due, queue.later[:] = queue.later[:], []
        for _, again in due:
            again()

    def check(self, queue: Disk, out: list[Taken]) -> None:
        assert queue.connection.unacked == sum(len(taken.batch) for taken in out)

    async def end(self) -> None:
        """The last life settles all that is left."""
        async with disk(self.folder, options={"order": self.order}) as queue:
            left = await queue.drain()
            assert len(left) == len(set(left))
            assert left == sorted(left, reverse=self.order == "newest") or self.order == "newest"
            assert self.kept - self.settled <= set(left) <= self.kept
        async with disk(self.folder) as queue:
            assert queue.connection.records == 0


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6), st.integers(1, 4), st.booleans())
def test_over_random_lives_nothing_kept_is_lost_and_nothing_settled_whole_comes_again(
    seed: int, lives: int, is_cramped: bool
) -> None:
    async def play(folder: Path) -> None:
        world = Crashes(seed, folder)
        for _ in range(lives):
            await world.live()
        await world.end()

    cached = disk_queue.CACHED_ROWS
    disk_queue.CACHED_ROWS = 3 if is_cramped else cached
    try:
        with memory_folder() as folder:
            asyncio.run(play(Path(folder)))
    finally:
        disk_queue.CACHED_ROWS = cached


async def test_outcomes_are_told_once(tmp_path: Path) -> None:
    async with disk(tmp_path) as queue:
        acks = [await queue.put(n) for n in range(3)]
        assert outcomes(acks) == [Outcome.DELIVERED] * 3


@pytest.mark.parametrize("cached", [1, 4096])
async def test_what_waits_can_be_looked_at_and_dropped_in_memory_and_on_disk_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cached: int
) -> None:
    monkeypatch.setattr(disk_queue, "CACHED_ROWS", cached)

    def odd(seen: Batch) -> list[bool]:
        return [row["n"] % 2 == 1 for row in seen.rows]

    async with disk(tmp_path) as queue:
        for n in range(6):
            await queue.put(2 * n, 2 * n + 1, 100 + n)
        looked = await queue.connection.look(odd, 1, 4)
        assert [row["n"] for each in looked for row in each.rows] == [3, 101, 5, 7]
        assert await queue.connection.remove(odd) == 9
        assert queue.connection.records == 9
        await queue.kept()
    async with disk(tmp_path) as queue:
        assert await queue.drain() == [0, 100, 2, 4, 102, 6, 8, 104, 10]


async def test_no_more_of_a_queue_is_held_in_memory_than_is_said(tmp_path: Path) -> None:
    gauge = Gauge()
    around = Surroundings(lambda: 0.0, lambda *_: None, gauge)
    queue = Disk(tmp_path, {"records": 1000, "nbytes": 1 << 30}, {}, around)
    queue.connection.serve(whole=False, piece=1000, cache=20_000)
    rows = [Batch.raw([b'{"n":%d}' % n + b" " * 5000]).owned_by([Ack(n, lambda _: None)]) for n in range(40)]
    for each in rows:
        await queue.connection.put(each)
    await queue.kept()
    assert gauge.level <= 20_000 + rows[0].nbytes
    assert await queue.drain() == list(range(40))
    queue.connection.close()
    await queue.database.close()


def all_of(seen: Batch) -> list[bool]:
    return [True] * len(seen)


async def test_what_is_dropped_while_more_is_read_from_disk_is_not_given_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk_queue, "CACHED_ROWS", 4)
    async with disk(tmp_path) as queue:
        for n in range(12):
            await queue.put(n)
        taken = [numbers_of(queue.take(1)) for _ in range(3)]  # the third makes the connection read on
        assert taken == [[0], [1], [2]]
        assert await queue.connection.remove(lambda seen: [row["n"] % 2 == 0 for row in seen.rows]) == 4
        assert await queue.drain() == [3, 5, 7, 9, 11]


async def test_two_who_drop_at_once_drop_each_record_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk_queue, "CACHED_ROWS", 4)
    async with disk(tmp_path) as queue:
        for n in range(12):
            await queue.put(n)
        removed = await asyncio.gather(*(queue.connection.remove(all_of) for _ in range(2)))
        assert (sum(removed), queue.connection.records, queue.connection.nbytes) == (12, 0, 0)


async def test_what_comes_before_rows_that_are_being_read_passes_none_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk_queue, "CACHED_ROWS", 4)
    async with disk(tmp_path, options={"order": "newest"}) as queue:
        for n in range(12):
            await queue.put(n)
        assert numbers_of(queue.take(1)) == [11]
        for n in range(12, 20):
            assert queue.connection.offer(batch(n))
        assert numbers_of(queue.take(1)) == [10]  # makes the connection read on, behind those
        await queue.kept()
        assert await asyncio.wait_for(queue.drain(), 10) == [*range(19, 11, -1), *range(9, -1, -1)]


class BadSector(sqlite3.Connection):
    """Its file cannot be read for a while where the batches stand."""

    left = 3

    def execute(self, sql: str, parameters: Any = ()) -> sqlite3.Cursor:
        if sql.startswith("SELECT checksum, batch") and BadSector.left:
            BadSector.left -= 1
            self.rollback()  # as SQLite itself does
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = sqlite3.SQLITE_IOERR_READ
            raise error
        return super().execute(sql, parameters)


async def test_a_row_that_cannot_be_read_for_a_while_is_read_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with disk(tmp_path) as queue:
        await queue.put(1, 2)
    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, factory=BadSector))
    async with disk(tmp_path) as queue:
        assert await queue.drain() == [1, 2]
        assert (BadSector.left, queue.told) == (0, [])


async def test_a_priority_beyond_all_floats_is_the_highest_or_the_lowest(tmp_path: Path) -> None:
    async with disk(tmp_path, options={"priority": Expression("n")}) as queue:
        await queue.put(1, -(10**400), 10**400, 2)
        assert await queue.drain() == [10**400, 2, 1, -(10**400)]
