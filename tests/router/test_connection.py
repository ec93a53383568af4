"""A connection is first in first out, bounded, fair to who waits, and holds acks exactly."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from router.ack import Ack, Outcome
from router.batch import Batch
from router.connections.base import Gauge, Limits, Surroundings
from router.connections.memory import MemoryConnection
from router.errors import ConnectionClosedError


class Clock:
    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        return self.time


def connection(around: Surroundings | None = None, **limits: Any) -> MemoryConnection:
    on_drop = limits.pop("on_drop", lambda _id, _records, _why: None)
    return MemoryConnection("a.success>b", Limits(**limits), around or Surroundings(lambda: 0.0, on_drop))


def batch(*numbers: int) -> Batch:
    return Batch.of([{"n": n} for n in numbers])


def take(queue: MemoryConnection) -> list[int]:
    taken = queue.take(1000, 1 << 20)
    return [row["n"] for row in taken.batch.rows] if taken is not None else []


async def turns(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_put_waits_until_the_whole_batch_fits_and_is_not_sliced() -> None:
    queue = connection(records=10)
    await queue.put(batch(*range(8)))
    waiting = asyncio.get_running_loop().create_task(queue.put(batch(8, 9, 10)))
    await turns()
    assert len(queue) == 1
    assert take(queue) == list(range(8))
    await waiting
    assert take(queue) == [8, 9, 10]


async def test_a_waiting_put_is_woken_when_the_queue_is_half_empty() -> None:
    queue = connection(records=10)
    for n in range(10):
        await queue.put(batch(n))
    waiting = asyncio.get_running_loop().create_task(queue.put(batch(10)))
    await turns()
    for left in range(9, 5, -1):
        queue.take(1, 1 << 20)
        await turns()
        assert not waiting.done(), left
    queue.take(1, 1 << 20)
    await turns()
    assert waiting.done()


async def test_only_a_batch_above_the_limit_is_sliced_and_an_offer_of_it_changes_nothing() -> None:
    queue = connection(records=10)
    assert not queue.offer(batch(*range(25)))
    assert queue.records == 0
    waiting = asyncio.get_running_loop().create_task(queue.put(batch(*range(25))))
    found: list[int] = []
    while len(found) < 25:
        await turns()
        assert 0 < queue.records <= 10
        found += take(queue)
    await waiting
    assert found == list(range(25))


async def test_a_single_record_above_the_byte_limit_passes_alone() -> None:
    queue = connection(nbytes=100)
    large = Batch.raw([b"x", b"y" * 500, b"z"])
    waiting = asyncio.get_running_loop().create_task(queue.put(large))
    seen: list[int] = []
    while sum(seen) < 3:
        await turns()
        assert queue.nbytes <= 100 or queue.records == 1
        taken = queue.take(1000, 1 << 20)
        seen.append(len(taken.batch) if taken else 0)
    await waiting


async def test_a_batch_that_grew_while_it_waited_is_sliced_again() -> None:
    queue = connection(nbytes=4000)
    blocker, growing = Batch.raw([b"{}"] * 100), Batch.raw([b'{"a":1}'] * 90)
    await queue.put(blocker)
    waiting = asyncio.get_running_loop().create_task(queue.put(growing))
    await turns()
    assert growing.rows  # a sibling of a fan-out has decoded it: six times as large
    assert growing.nbytes > 4000
    found = 0
    while found < 190:
        await turns()
        taken = queue.take(1000, 1 << 20)
        found += len(taken.batch) if taken else 0
    await waiting


async def test_an_offer_does_not_overtake_who_waits() -> None:
    queue = connection(records=4)
    await queue.put(batch(0, 1, 2))
    waiting = asyncio.get_running_loop().create_task(queue.put(batch(3, 4)))
    await turns()
    assert not queue.offer(batch(5))
    assert take(queue) == [0, 1, 2]
    assert not queue.offer(batch(5))  # woken, and not yet put
    await waiting
    assert queue.offer(batch(5))
    assert take(queue) == [3, 4, 5]


async def test_neighbours_that_share_no_form_are_not_merged() -> None:
    queue = connection()
    both = Batch.raw([b'{"n":0}'])
    assert both.rows
    for each in (both, Batch.raw([b"{broken"]), batch(2)):
        await queue.put(each)
    first, second = queue.take(1000, 1 << 20), queue.take(1000, 1 << 20)
    assert first is not None
    assert second is not None
    assert first.batch.content == [b'{"n":0}', b"{broken"]
    assert second.batch.rows == [{"n": 2}]


async def test_a_take_gives_at_most_its_bytes_but_for_one_record() -> None:
    queue = connection()
    await queue.put(Batch.raw([b"x" * 100] * 10))
    sizes = []
    while (taken := queue.take(1000, 300)) is not None:
        sizes.append(len(taken.batch))
    assert sum(sizes) == 10
    assert max(sizes) <= 2


async def test_drop_oldest_makes_room_and_drop_newest_refuses_both_settling_as_dropped() -> None:
    told: list[tuple[str, int, str]] = []
    for when_full, kept, lost in (("drop_oldest", [2, 3], 0), ("drop_newest", [0, 1], 1)):
        options: dict[str, Any] = {"records": 2, "when_full": when_full, "on_drop": lambda *each: told.append(each)}
        queue, acks = connection(**options), [Ack(n, lambda _: None) for n in range(2)]
        for n, ack in enumerate(acks):
            await queue.put(batch(2 * n, 2 * n + 1).owned_by([ack]))
            ack.release()
        assert [ack.settled for ack in acks] == [n == lost for n in range(2)]
        assert acks[lost].outcome is Outcome.DROPPED
        assert take(queue) == kept
    assert told == [("a.success>b", 2, "full")] * 2


async def test_a_drop_oldest_of_more_than_the_limit_keeps_the_newest() -> None:
    queue = connection(records=4, when_full="drop_oldest")
    await queue.put(batch(*range(11)))
    assert queue.records <= 4
    assert take(queue)[-1] == 10


async def test_expired_records_are_dropped_before_they_are_taken() -> None:
    clock = Clock()
    queue = connection(Surroundings(clock.now), expire=timedelta(seconds=5))
    await queue.put(batch(0))
    clock.time = 3
    await queue.put(batch(1))
    clock.time = 6
    assert take(queue) == [1]
    assert queue.stats().dropped == 1


async def test_closing_rejects_what_waits_and_refuses_who_puts() -> None:
    queue = connection(records=1)
    outcomes: list[Outcome] = []
    ack = Ack(None, lambda ack: outcomes.append(ack.outcome))
    await queue.put(batch(0).owned_by([ack]))
    ack.release()
    waiting = asyncio.get_running_loop().create_task(queue.put(batch(1)))
    await turns()
    queue.close()
    assert outcomes == [Outcome.REJECTED]
    for put in (waiting, queue.put(batch(2))):
        with pytest.raises(ConnectionClosedError, match="is closed"):
            await put


async def test_the_entrance_of_a_cycle_waits_while_the_cycle_holds_its_limit() -> None:
    entrance, inner, inside = connection(records=4), connection(records=1), Gauge()
    entrance.join_cycle(inside, is_internal=False)
    inner.join_cycle(inside, is_internal=True)
    await entrance.put(batch(0, 1, 2))
    taken = entrance.take(10, 1 << 20)
    assert taken is not None
    await inner.put(batch(0, 1, 2))  # within the cycle a put never waits
    taken.release()
    waiting = asyncio.get_running_loop().create_task(entrance.put(batch(3, 4)))
    await turns()
    assert not waiting.done()
    leaving = inner.take(10, 1 << 20)
    assert leaving is not None
    leaving.release()
    await waiting
    assert inside.level == 2


async def test_the_entrance_of_a_cycle_keeps_its_byte_limit() -> None:
    entrance = connection(nbytes=1000)
    entrance.join_cycle(Gauge(), is_internal=False)
    await entrance.put(Batch.raw([b"x" * 600]))
    assert not entrance.offer(Batch.raw([b"x" * 600]))


async def test_its_figures_say_how_full_it_is() -> None:
    queue = connection(records=10)
    await queue.put(batch(0, 1, 2, 3))
    queue.take(1, 1 << 20)
    stats = queue.stats()
    assert (stats.records, stats.unacked, stats.records_in, stats.records_out, stats.full) == (3, 1, 4, 1, 0.3)


async def test_what_waits_can_be_looked_at_and_dropped_and_its_origins_hear_of_it() -> None:
    queue, acks = connection(), [Ack(n, lambda _: None) for n in range(3)]
    for n, ack in enumerate(acks):
        await queue.put(batch(2 * n, 2 * n + 1).owned_by([ack]))
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


async def test_a_tap_sees_what_is_put() -> None:
    queue, seen = connection(), list[Batch]()
    queue.taps = (seen.append,)
    await queue.put(batch(1, 2))
    assert [each.rows for each in seen] == [[{"n": 1}, {"n": 2}]]
