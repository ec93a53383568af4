"""Between disk connections a call is one transaction: rows taken, state, outputs and dead letters."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

from router.ack import Ack, Outcome
from router.authoring import Context
from router.batch import Batch
from router.engine import Engine
from router.errors import RetryableError
from router.flow import BatchOptions
from router.functions import failed
from router.relationship import SUCCESS
from router.storage.schema import FLOW_DB
from tests.router.engine.flows import Do, Feed, Gate, Keep, numbers, run_to_end, wired

DISK = {"type": "disk"}


def between(folder: Path, work: Do, feed: Feed, keep: Keep, **options: Any) -> Engine:
    return wired(
        {"read": feed, "work": work, "keep": keep},
        "read>work",
        "work>keep",
        queue={"read>work": DISK, "work>keep": DISK},
        data=folder,
        **options,
    )


def rows(folder: Path, query: str) -> list[Any]:
    with sqlite3.connect(folder / FLOW_DB) as database:
        return database.execute(query).fetchall()


async def test_a_call_commits_what_it_took_kept_and_gave_at_once(tmp_path: Path) -> None:
    async def count(batch: Batch, context: Context) -> Any:
        assert context.is_exactly_once
        before = (await context.state.get_many(["n"])).get("n", 0)
        await context.state.put_many({"n": before + len(batch)})
        bad = [index for index, n in enumerate(numbers(batch)) if n % 5 == 0]
        good = batch.select([index for index in range(len(batch)) if index not in bad])
        fives = failed(batch.select(bad), [(index, ValueError("five")) for index in range(len(bad))], "work")
        return {SUCCESS.name: good, "failure": fives}

    feed, keep = Feed(range(20), range(20, 40)), Keep()
    report = await run_to_end(between(tmp_path, Do(count), feed, keep))
    assert (report.error, report.dead_letters, feed.outcomes) == (None, 8, [Outcome.DELIVERED] * 2)
    assert keep.numbers == [n for n in range(40) if n % 5]
    assert rows(tmp_path, "SELECT count(*) FROM queue") == [(0,)]
    assert rows(tmp_path, "SELECT count(*) FROM dead_letters") == [(8,)]


async def test_a_processor_in_memory_on_one_side_is_not_exactly_once(tmp_path: Path) -> None:
    seen: list[bool] = []

    def look(batch: Batch, context: Context) -> Batch:
        seen.append(context.is_exactly_once)
        return batch

    for queues in ({"read>work": DISK}, {"work>keep": DISK}, {}):
        steps = {"read": Feed([1]), "work": Do(look), "keep": Keep()}
        await run_to_end(wired(steps, "read>work", "work>keep", queue=queues, data=tmp_path))
    assert seen == [False] * 3


async def test_what_a_dead_sink_never_took_is_on_disk_in_the_next_run(tmp_path: Path) -> None:
    def fail(batch: Batch, context: Context) -> Batch:
        raise RetryableError("down")

    feed, keep = Feed(range(10), range(10, 20)), Keep()
    async with between(tmp_path, Do(fail), feed, Keep()) as engine:
        while len(feed.outcomes) < 2:  # noqa: ASYNC110 - the disk has no turn of the loop to wait for
            await asyncio.sleep(0.001)
        report = await engine.stop()
    assert (report.outcome, feed.outcomes) == ("stopped", [Outcome.DELIVERED] * 2)
    await run_to_end(between(tmp_path, Do(lambda batch, context: batch), Feed(), keep))
    assert keep.numbers == list(range(20))


async def test_a_call_cut_off_in_its_retry_leaves_nothing_behind_and_is_given_back(tmp_path: Path) -> None:
    def halve(batch: Batch, context: Context) -> Any:
        return {SUCCESS.name: batch.slice(0, 2), "retry": batch.slice(2, len(batch))}

    feed, keep = Feed([1, 2, 3, 4], then=60), Keep()
    steps = {"read": feed, "work": Do(halve), "keep": keep}
    async with wired(steps, "read>work", "work>keep", queue={"work>keep": DISK}, data=tmp_path) as engine:
        while engine.status().processors["work"].state != "retrying":  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.001)
        assert (feed.outcomes, keep.numbers) == ([], [])
        await engine.stop()
    assert (feed.outcomes, keep.numbers) == ([Outcome.REJECTED], [])


async def test_a_source_in_memory_hears_of_a_retried_call_when_all_of_it_is_on_disk(tmp_path: Path) -> None:
    tried: list[int] = []

    def work(batch: Batch, context: Context) -> Any:
        tried.append(len(batch))
        if len(tried) == 1:
            return {SUCCESS.name: batch.slice(0, 1), "retry": batch.slice(1, len(batch))}
        return batch

    feed, keep = Feed([1, 2, 3]), Keep()
    steps = {"read": feed, "work": Do(work), "keep": keep}
    await run_to_end(wired(steps, "read>work", "work>keep", queue={"work>keep": DISK}, data=tmp_path))
    assert (tried, keep.numbers, feed.outcomes) == ([3, 2], [1, 2, 3], [Outcome.DELIVERED])


class Marking(Feed):
    """A source that keeps in its state what is safe."""

    async def start(self, context: Context) -> None:
        self._context = context

    def settled(self, ack: Ack) -> None:
        super().settled(ack)
        self._context.state.put_soon({f"safe/{ack.token}": True})


async def test_what_a_source_keeps_of_records_that_another_call_drops_is_its_own(tmp_path: Path) -> None:
    async def work(batch: Batch, context: Context) -> Any:
        for index in range(len(batch)):
            yield batch.select([index])

    feed, gate = Marking([1], [2], [3], [4]), Gate()
    steps = {"read": feed, "work": Do(work), "keep": gate}
    queue = {"work>keep": {"records": 1, "when_full": "drop_oldest"}}
    run = {"work": {"batch": BatchOptions(records=1)}}
    async with wired(steps, "read>work", "work>keep", queue=queue, run=run, data=tmp_path) as engine:
        while len(feed.told) < 2:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.001)
        gate.is_open.set()
        await engine.run()
    assert Outcome.DROPPED in feed.outcomes
    assert rows(tmp_path, "SELECT processor, key FROM state") == [("read", f"safe/{n}") for n in range(4)]


async def test_what_a_generator_gave_before_it_raised_is_undone_too(tmp_path: Path) -> None:
    raised: list[Exception] = [RetryableError("down"), ValueError("bad")]

    async def work(batch: Batch, context: Context) -> Any:
        for index in range(len(batch)):
            yield batch.select([index])
        if raised:
            raise raised.pop()

    keep = Keep()
    report = await run_to_end(between(tmp_path, Do(work), Feed(range(4)), keep))
    assert (report.error, report.dead_letters, keep.numbers) == (None, 0, list(range(4)))


async def test_a_key_that_no_text_can_say_fails_its_record_and_keeps_its_neighbours(tmp_path: Path) -> None:
    async def note(batch: Batch, context: Context) -> Any:
        keys: list[Any] = ["\ud800" if n == 1 else b"\xff" if n == 2 else str(n) for n in numbers(batch)]
        await context.state.delete(keys)
        await context.state.put_many(dict.fromkeys(keys, True))
        return batch

    keep = Keep()
    report = await run_to_end(between(tmp_path, Do(note), Feed(range(4)), keep))
    assert (report.error, report.dead_letters, keep.numbers) == (None, 2, [0, 3])
