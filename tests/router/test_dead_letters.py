"""Dead letters as the engine writes them: on disk before their source hears of it, bounded, with a pause at the bound."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from router.ack import Ack, Outcome
from router.batch import Batch
from router.errors import RetryableError, StorageError
from router.storage import dead_letters
from router.storage.dead_letters import DeadLetters
from router.storage.letter_box import LetterBox
from tests.letters import letters_in, records_in
from tests.router.engine.clock import JumpingClock, at_rest, until
from tests.router.engine.flows import Do, Feed, Keep, numbers, run_to_end, wired


async def test_the_source_hears_of_it_only_when_the_letter_is_on_disk(tmp_path: Path) -> None:
    class Careful(Feed):
        def settled(self, ack: Ack) -> None:
            assert records_in(tmp_path) == [{"n": 1}]
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

    puts: list[int] = []
    put = DeadLetters.put

    async def counted(letters: DeadLetters, batch: Batch, *rest: Any) -> None:
        puts.append(len(batch))
        await put(letters, batch, *rest)

    monkeypatch.setattr(DeadLetters, "put", counted)
    await run_to_end(wired({"read": Feed(range(100)), "work": Do(work)}, "read>work", "work>drop", data=tmp_path))
    assert (len(letters_in(tmp_path)), puts) == (50, [50])


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
        with closing(LetterBox(tmp_path)) as box:
            assert box.delete(range(1, 4)) == 3
        while engine.status().processors["work"].records_in < 14:
            clock.jump()
            await at_rest(engine)
        assert records_in(tmp_path) == [{"n": n} for n in (7, 9, 11)]
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
    await run_to_end(wired({"read": Feed([1]), "work": Do(half_bad)}, "read>work", "work>drop", data=tmp_path))
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


async def test_what_cannot_be_written_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fails, put = [1, 1, 1], DeadLetters.put

    async def flaky(letters: DeadLetters, *rest: Any) -> None:
        if fails:
            fails.pop()
            raise StorageError("no such table")
        await put(letters, *rest)

    monkeypatch.setattr(DeadLetters, "put", flaky)
    feed, clock = Feed([1]), JumpingClock()
    engine = wired({"read": feed, "work": Do(half_bad)}, "read>work", "work>drop", clock=clock, data=tmp_path)
    async with engine:
        await until(engine, clock, engine.run())
    assert (feed.outcomes, len(letters_in(tmp_path))) == ([Outcome.DEAD_LETTERED], 1)
    assert 7 <= clock.time <= 9
    assert {each.text for each in engine.bulletins} == {"dead letters cannot be written; trying again"}


async def test_a_stop_gives_back_what_a_database_that_is_no_more_ours_cannot_take(tmp_path: Path) -> None:
    def swap(batch: Batch, context: Any) -> Any:
        with closing(sqlite3.connect(tmp_path / "flow.db")) as other:
            other.execute("CREATE TABLE theirs (n)")
        return {"failure": batch}

    feed = Feed([1], then=1e9)
    engine = wired({"read": feed, "work": Do(swap)}, "read>work", "work>drop", data=tmp_path)
    async with engine:
        await at_rest(engine)
        await engine.stop(10)
    assert feed.outcomes == [Outcome.REJECTED]
    assert "is a database of another program" in str(engine.bulletins[0])


async def test_an_outage_pours_nothing_into_the_dead_letters(tmp_path: Path) -> None:
    tries: list[int] = []

    def work(batch: Batch, context: Any) -> Batch:
        tries.append(1)
        if len(tries) < 50:
            raise RetryableError("down")
        return batch

    report = await run_to_end(wired({"read": Feed([1]), "work": Do(work)}, "read>work", "work>drop", data=tmp_path))
    assert (report.outcome, report.dead_letters) == ("done", 0)


async def test_an_embedding_program_reads_the_letters_before_and_after_the_end(tmp_path: Path) -> None:
    engine = wired({"read": Feed([1, 2, 3]), "work": Do(half_bad)}, "read>work", "work>drop", data=tmp_path)
    async with engine:
        report = await until(engine, engine._clock, engine.run())  # type: ignore[arg-type]
        during = [each.id for each in engine.dead_letters()]
    assert during == [each.id for each in engine.dead_letters()] == [1, 2]
    assert [each.batch.rows for each in engine.dead_letters() if each.batch is not None] == [[{"n": 1}], [{"n": 3}]]
    assert (report.dead_letters, engine.data) == (2, tmp_path)


async def test_letters_of_an_older_router_are_told_of(tmp_path: Path) -> None:
    (tmp_path / "dead_letters.jsonl").write_text("{}\n")
    engine = wired({"read": Feed([2]), "work": Do(half_bad)}, "read>work", "work>drop", data=tmp_path)
    await run_to_end(engine)
    assert [each.text for each in engine.bulletins] == ["dead letters of an older router are in a file of their own"]
