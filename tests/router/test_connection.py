"""What holds of every connection, in memory and on disk: first in first out, bounded, fair to who waits."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

import pytest

from router.ack import Ack, Outcome
from router.batch import Batch
from router.connections.base import Gauge, Limits, Surroundings
from router.connections.bounded import Connection
from router.connections.memory import MemoryConnection
from router.errors import ConnectionClosedError
from tests.router.disk import Disk


class Rig:
    """A connection, its time, and what it dropped."""

    def __init__(self, limits: dict[str, Any], folder: Path | None) -> None:
        self.time = 0.0
        self.told: list[tuple[str, int, str]] = []
        around = Surroundings(lambda: self.time, lambda *each: self.told.append(each))
        self.disk = Disk(folder, limits, {}, around) if folder is not None else None
        self.queue: Connection = (
            self.disk.connection if self.disk is not None else MemoryConnection("a.success>b", Limits(**limits), around)
        )

    async def settle(self) -> None:
        """Give everybody who can go on a few turns, the disk included."""
        for _ in range(5):
            await asyncio.sleep(0)
            if self.disk is not None:
                await self.disk.kept()

    async def put(self, batch: Batch) -> None:
        await self.queue.put(batch)
        await self.settle()

    def take(self) -> list[int]:
        taken = self.queue.take(1000, 1 << 20)
        return [row["n"] for row in taken.batch.rows] if taken is not None else []


class Make(Protocol):
    def __call__(self, **limits: Any) -> Rig: ...


@pytest.fixture(params=["memory", "disk"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    """Makes connections of one kind."""
    made: list[Rig] = []

    def connection(**limits: Any) -> Rig:
        made.append(Rig(limits, tmp_path / f"{len(made)}" if request.param == "disk" else None))
        return made[-1]

    yield connection
    for rig in made:
        if rig.disk is not None:
            asyncio.run(rig.disk.end())


@pytest.fixture
def in_memory() -> Make:
    """Makes connections in memory."""
    return lambda **limits: Rig(limits, None)


def batch(*numbers: int) -> Batch:
    return Batch.of([{"n": n} for n in numbers])


def starts(work: Any) -> asyncio.Task[None]:
    return asyncio.get_running_loop().create_task(work)


async def test_put_waits_until_the_whole_batch_fits_and_is_not_sliced(make: Make) -> None:
    rig = make(records=10)
    queue = rig.queue
    await rig.put(batch(*range(8)))
    waiting = starts(queue.put(batch(8, 9, 10)))
    await rig.settle()
    assert len(queue) == 1
    assert rig.take() == list(range(8))
    await waiting
    await rig.settle()
    assert rig.take() == [8, 9, 10]


async def test_a_waiting_put_is_woken_when_the_queue_is_half_empty(make: Make) -> None:
    rig = make(records=10)
    queue = rig.queue
    for n in range(10):
        await rig.put(batch(n))
    waiting = starts(queue.put(batch(10)))
    await rig.settle()
    for left in range(9, 5, -1):
        queue.take(1, 1 << 20)
        await rig.settle()
        assert not waiting.done(), left
    queue.take(1, 1 << 20)
    await rig.settle()
    assert waiting.done()


async def test_only_a_batch_above_the_limit_is_sliced_and_an_offer_of_it_changes_nothing(make: Make) -> None:
    rig = make(records=10)
    queue = rig.queue
    assert not queue.offer(batch(*range(25)))
    assert queue.records == 0
    waiting = starts(queue.put(batch(*range(25))))
    found: list[int] = []
    while len(found) < 25:
        await rig.settle()
        assert 0 < queue.records <= 10
        found += rig.take()
    await waiting
    assert found == list(range(25))


async def test_a_single_record_above_the_byte_limit_passes_alone(make: Make) -> None:
    rig = make(nbytes=100)
    queue = rig.queue
    large = Batch.raw([b"x", b"y" * 500, b"z"])
    waiting = starts(queue.put(large))
    seen: list[int] = []
    while sum(seen) < 3:
        await rig.settle()
        assert queue.nbytes <= 100 or queue.records == 1
        taken = queue.take(1000, 1 << 20)
        seen.append(len(taken.batch) if taken else 0)
    await waiting


async def test_a_batch_that_grew_while_it_waited_is_sliced_again(make: Make) -> None:
    rig = make(nbytes=4000)
    queue = rig.queue
    blocker, growing = Batch.raw([b"{}"] * 100), Batch.raw([b'{"a":1}'] * 90)
    await rig.put(blocker)
    waiting = starts(queue.put(growing))
    await rig.settle()
    assert growing.rows  # a sibling of a fan-out has decoded it: six times as large
    assert growing.nbytes > 4000
    found = 0
    while found < 190:
        await rig.settle()
        taken = queue.take(1000, 1 << 20)
        found += len(taken.batch) if taken else 0
    await waiting


async def test_an_offer_does_not_overtake_who_waits(make: Make) -> None:
    rig = make(records=4)
    queue = rig.queue
    await rig.put(batch(0, 1, 2))
    waiting = starts(queue.put(batch(3, 4)))
    await rig.settle()
    assert not queue.offer(batch(5))
    assert rig.take() == [0, 1, 2]
    assert not queue.offer(batch(5))  # woken, and not yet put
    await waiting
    assert queue.offer(batch(5))
    await rig.settle()
    assert rig.take() == [3, 4, 5]


async def test_neighbours_that_share_no_form_are_not_merged(make: Make) -> None:
    rig = make()
    queue = rig.queue
    both = Batch.raw([b'{"n":0}'])
    assert both.rows
    for each in (both, Batch.raw([b"{broken"]), batch(2)):
        await rig.put(each)
    first, second = queue.take(1000, 1 << 20), queue.take(1000, 1 << 20)
    assert first is not None
    assert second is not None
    assert first.batch.content == [b'{"n":0}', b"{broken"]
    assert second.batch.rows == [{"n": 2}]


async def test_a_take_gives_at_most_its_bytes_but_for_one_record(make: Make) -> None:
    rig = make()
    queue = rig.queue
    await rig.put(Batch.raw([b"x" * 100] * 10))
    sizes = []
    while (taken := queue.take(1000, 300)) is not None:
        sizes.append(len(taken.batch))
    assert sum(sizes) == 10
    assert max(sizes) <= 2


async def test_drop_oldest_makes_room_and_drop_newest_refuses(make: Make) -> None:
    for when_full, kept in (("drop_oldest", [2, 3]), ("drop_newest", [0, 1])):
        rig = make(records=2, when_full=when_full)
        await rig.put(batch(0, 1))
        await rig.put(batch(2, 3))
        assert rig.take() == kept
        assert rig.told == [("a.success>b", 2, "full")]


async def test_in_memory_what_is_dropped_settles_as_dropped(in_memory: Make) -> None:
    for when_full, lost in (("drop_oldest", 0), ("drop_newest", 1)):
        rig, acks = in_memory(records=2, when_full=when_full), [Ack(n, lambda _: None) for n in range(2)]
        for n, ack in enumerate(acks):
            await rig.put(batch(2 * n, 2 * n + 1).owned_by([ack]))
            ack.release()
        assert [ack.settled for ack in acks] == [n == lost for n in range(2)]
        assert acks[lost].outcome is Outcome.DROPPED


async def test_a_drop_oldest_of_more_than_the_limit_keeps_the_newest(make: Make) -> None:
    rig = make(records=4, when_full="drop_oldest")
    queue = rig.queue
    await rig.put(batch(*range(11)))
    assert queue.records <= 4
    assert rig.take()[-1] == 10


async def test_expired_records_are_dropped_before_they_are_taken(make: Make) -> None:
    rig = make(expire=timedelta(seconds=5))
    queue = rig.queue
    await rig.put(batch(0))
    rig.time = 3
    await rig.put(batch(1))
    rig.time = 6
    assert rig.take() == [1]
    assert queue.stats().dropped == 1


async def test_closing_rejects_what_waits_and_refuses_who_puts(in_memory: Make) -> None:
    rig = in_memory(records=1)
    queue = rig.queue
    outcomes: list[Outcome] = []
    ack = Ack(None, lambda ack: outcomes.append(ack.outcome))
    await rig.put(batch(0).owned_by([ack]))
    ack.release()
    waiting = starts(queue.put(batch(1)))
    await rig.settle()
    queue.close()
    assert outcomes == [Outcome.REJECTED]
    for put in (waiting, queue.put(batch(2))):
        with pytest.raises(ConnectionClosedError, match="is closed"):
            await put


async def test_the_entrance_of_a_cycle_waits_while_the_cycle_holds_its_limit(make: Make) -> None:
    rig, inside = make(records=4), Gauge()
    entrance, inner = rig.queue, make(records=1).queue
    entrance.join_cycle(inside, is_internal=False)
    inner.join_cycle(inside, is_internal=True)
    await rig.put(batch(0, 1, 2))
    taken = entrance.take(10, 1 << 20)
    assert taken is not None
    await inner.put(batch(0, 1, 2))  # within the cycle a put never waits
    taken.release()
    waiting = starts(entrance.put(batch(3, 4)))
    await rig.settle()
    assert not waiting.done()
    while (leaving := inner.take(10, 1 << 20)) is None:  # noqa: ASYNC110 - the disk has no turn of the loop
        await asyncio.sleep(0)
    leaving.release()
    await waiting
    assert inside.level == 2


async def test_the_entrance_of_a_cycle_keeps_its_byte_limit(make: Make) -> None:
    entrance = make(nbytes=1000).queue
    entrance.join_cycle(Gauge(), is_internal=False)
    await entrance.put(Batch.raw([b"x" * 600]))
    assert not entrance.offer(Batch.raw([b"x" * 600]))


async def test_its_figures_say_how_full_it_is(make: Make) -> None:
    rig = make(records=10)
    queue = rig.queue
    await rig.put(batch(0, 1, 2, 3))
    queue.take(1, 1 << 20)
    stats = queue.stats()
    assert (stats.records, stats.unacked, stats.records_in, stats.records_out, stats.full) == (3, 1, 4, 1, 0.3)
    assert (stats.bytes_in - stats.bytes_out, stats.bytes_out > 0) == (stats.nbytes, True)


async def test_what_waits_can_be_looked_at_and_dropped_and_its_origins_hear_of_it(in_memory: Make) -> None:
    rig, acks = in_memory(), [Ack(n, lambda _: None) for n in range(3)]
    queue = rig.queue
    for n, ack in enumerate(acks):
        await rig.put(batch(2 * n, 2 * n + 1).owned_by([ack]))
        ack.release()
    looked = await queue.look(lambda seen: [True] * len(seen), 1, 3)
    assert [row["n"] for each in looked for row in each.rows] == [1, 2, 3]
    assert await queue.remove(lambda seen: [row["n"] in (0, 1, 3) for row in seen.rows]) == 3
    assert [(ack.settled, ack.outcome) for ack in acks[:1]] == [(True, Outcome.DROPPED)]
    assert (queue.records, [ack.settled for ack in acks[1:]]) == (3, [False, False])
    taken = queue.take(10, 1000)
    assert taken is not None
    taken.release()
    assert [ack.outcome for ack in acks] == [Outcome.DROPPED, Outcome.DROPPED, Outcome.DELIVERED]


async def test_a_tap_sees_what_is_put(make: Make) -> None:
    rig, seen = make(), list[Batch]()
    rig.queue.taps = (seen.append,)
    await rig.put(batch(1, 2))
    assert [each.rows for each in seen] == [[{"n": 1}, {"n": 2}]]
