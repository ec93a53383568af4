"""Dead letters are on disk before their source hears of it, bounded, and readable whatever they hold."""

from __future__ import annotations

import asyncio
import base64
import json
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from router.ack import Ack, Outcome
from router.batch import Batch
from router.errors import RetryableError
from router.storage import dead_letters
from router.storage.dead_letters import DeadLetters
from tests.router.engine.clock import JumpingClock, at_rest, until
from tests.router.engine.flows import Do, Feed, Keep, numbers, run_to_end, wired


def letters_in(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "dead_letters.jsonl").read_text().splitlines()]


async def put(folder: Path, batch: Batch) -> list[dict[str, Any]]:
    letters = DeadLetters(folder, lambda: 0.0)
    letters.open()
    await letters.put(batch, "work", "read.success>work")
    letters.close()
    return letters_in(folder)


async def test_a_letter_says_where_it_failed_why_and_what_it_was(tmp_path: Path) -> None:
    error = {"type": "ValueError", "message": "bad", "processor": "work", "data": None}
    batch = Batch.of([{"n": 10**23}], path="in.jsonl").with_columns(
        error=[error], key=["k"], attempts=[3], index=[None]
    )
    assert await put(tmp_path, batch) == [
        {
            "time": "1970-01-01T00:00:00.000+00:00",
            "processor": "work",
            "connection": "read.success>work",
            "error": error,
            "record": {"n": 10**23},
            "columns": {"key": "k"},
            "attributes": {"path": "in.jsonl"},
            "attempts": 3,
        }
    ]


@pytest.mark.parametrize(
    ("batch", "expected"),
    [
        (Batch.raw([b"{broken"]), {"record": None, "content": "{broken"}),
        (Batch.raw([b"\xff\xfe"]), {"record": None, "content_base64": base64.b64encode(b"\xff\xfe").decode()}),
        (Batch.raw([b"text"], format="raw"), {"record": None, "content": "text"}),
        (Batch.of([{"price": Decimal("1.10")}]), {"record": {"price": 1.1}}),
    ],
)
async def test_whatever_a_record_is_its_letter_can_be_read(tmp_path: Path, batch: Batch, expected: Any) -> None:
    (letter,) = await put(tmp_path, batch)
    assert {name: letter[name] for name in expected} == expected


@pytest.mark.parametrize("value", ["\ud800", object(), {1: {2: 3}}, float("nan")])
async def test_what_json_cannot_say_is_still_written(tmp_path: Path, value: Any) -> None:
    assert len(await put(tmp_path, Batch.of([{"value": value}]))) == 1


async def test_puts_that_come_together_share_a_sync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    syncs: list[int] = []
    monkeypatch.setattr(os, "fsync", syncs.append)
    letters = DeadLetters(tmp_path, lambda: 0.0)
    await asyncio.gather(*(letters.put(Batch.of([{"n": n}]), "work", None) for n in range(50)))
    letters.close()
    assert [letter["record"]["n"] for letter in letters_in(tmp_path)] == list(range(50))
    assert len(syncs) == 2
    assert letters.count == 50


async def test_a_full_disk_leaves_no_half_line_and_tells_every_put(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    letters = DeadLetters(tmp_path, lambda: 0.0)
    await letters.put(Batch.of([{"n": 0}]), "work", None)
    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", full)
        puts = [letters.put(Batch.of([{"n": n}]), "work", None) for n in range(1, 4)]
        assert [type(each) for each in await asyncio.gather(*puts, return_exceptions=True)] == [OSError] * 3
    await letters.put(Batch.of([{"n": 9}]), "work", None)
    letters.close()
    assert [letter["record"]["n"] for letter in letters_in(tmp_path)] == [0, 9]


async def test_the_source_hears_of_it_only_when_the_letter_is_on_disk(tmp_path: Path) -> None:
    class Careful(Feed):
        def settled(self, ack: Ack) -> None:
            assert letters_in(tmp_path)[0]["record"] == {"n": 1}
            super().settled(ack)

    feed = Careful([1])
    engine = wired(
        {"read": feed, "work": Do(lambda batch, _: {"failure": batch})}, "read>work", "work>drop", data=tmp_path
    )
    report = await run_to_end(engine)
    assert (report.outcome, report.dead_letters, feed.outcomes) == ("done", 1, [Outcome.DEAD_LETTERED])


async def test_all_bad_records_of_a_call_are_written_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def work(batch: Batch, context: Any) -> Batch:
        if any(n % 2 for n in numbers(batch)):
            raise ValueError("odd")
        return batch

    syncs: list[int] = []
    monkeypatch.setattr(os, "fsync", syncs.append)
    await run_to_end(wired({"read": Feed(range(100)), "work": Do(work)}, "read>work", "work>drop", data=tmp_path))
    assert (len(letters_in(tmp_path)), len(syncs)) == (50, 1)


def half_bad(batch: Batch, context: Any) -> Any:
    return batch.partition(["failure" if n % 2 else "success" for n in numbers(batch)])


async def test_at_the_bound_the_processor_pauses_and_its_siblings_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dead_letters, "MOST_RECORDS", 3)
    keep, clock, feed = Keep(), JumpingClock(), Feed(*([n] for n in range(20)), then=1e9)
    engine = wired(
        {"read": feed, "work": Do(half_bad), "keep": keep},
        "read>work",
        "work>keep",
        run={"work": {"batch": {"records": 1}}},
        clock=clock,
        data=tmp_path,
    )
    async with engine:
        await at_rest(engine)
        assert engine.status().processors["work"].state == "paused"
        assert len(letters_in(tmp_path)) == 3
        (tmp_path / "dead_letters.jsonl").rename(tmp_path / "taken_away.jsonl")
        while engine.status().processors["work"].records_in < 14:
            clock.jump()
            await at_rest(engine)
        assert len(letters_in(tmp_path)) == 3
        await engine.stop(0)


async def test_paused_with_nothing_else_able_to_run_ends_the_run_as_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dead_letters, "MOST_RECORDS", 3)
    feed, keep = Feed(*([n] for n in range(20))), Keep()
    engine = wired(
        {"read": feed, "work": Do(half_bad), "keep": keep},
        "read>work",
        "work>keep",
        run={"work": {"batch": {"records": 1}}},
        data=tmp_path,
    )
    report = await run_to_end(engine)
    assert (report.outcome, report.error) == ("failed", "the dead letters are full, 'work' cannot go on")
    assert len(feed.told) == 20
    assert set(feed.outcomes) == {Outcome.DELIVERED, Outcome.DEAD_LETTERED, Outcome.REJECTED}


async def test_what_earlier_runs_left_counts_against_the_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dead_letters, "MOST_RECORDS", 1)
    await put(tmp_path, Batch.of([{"n": 0}]))
    engine = wired({"read": Feed([1]), "work": Do(half_bad)}, "read>work", "work>drop", data=tmp_path)
    assert (await run_to_end(engine)).outcome == "failed"
    assert len(letters_in(tmp_path)) == 1


async def test_a_flow_may_ask_to_stop_at_a_dead_letter(tmp_path: Path) -> None:
    engine = wired(
        {"read": Feed([1], then=1e9), "work": Do(half_bad)},
        "read>work",
        "work>drop",
        flow={"on_dead_letter": "stop"},
        data=tmp_path,
    )
    report = await run_to_end(engine)
    assert (report.outcome, report.error) == ("failed", "stopped at a dead letter, as the flow asks")


async def test_a_disk_that_is_full_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fails, sync = [1, 1, 1], os.fsync

    def flaky(descriptor: int) -> None:
        if fails:
            fails.pop()
            raise OSError(28, "No space left on device")
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", flaky)
    feed, clock = Feed([1]), JumpingClock()
    engine = wired({"read": feed, "work": Do(half_bad)}, "read>work", "work>drop", clock=clock, data=tmp_path)
    async with engine:
        await until(engine, clock, engine.run())
    assert (feed.outcomes, len(letters_in(tmp_path))) == ([Outcome.DEAD_LETTERED], 1)
    assert 7 <= clock.time <= 9
    assert {each.text for each in engine.bulletins} == {"dead letters cannot be written; trying again"}


async def test_an_outage_pours_nothing_into_the_dead_letters(tmp_path: Path) -> None:
    tries: list[int] = []

    def work(batch: Batch, context: Any) -> Batch:
        tries.append(1)
        if len(tries) < 50:
            raise RetryableError("down")
        return batch

    report = await run_to_end(wired({"read": Feed([1]), "work": Do(work)}, "read>work", "work>drop", data=tmp_path))
    assert (report.outcome, report.dead_letters) == ("done", 0)
