"""Letters that somebody marked are put where they failed, and settled by what becomes of them: none is lost."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from router.ack import Outcome
from router.authoring import Why
from router.batch import Batch
from router.storage.letter_box import LetterBox
from tests.letters import letters_in, records_in
from tests.router.engine.clock import JumpingClock, at_rest, until
from tests.router.engine.flows import Do, Feed, Gate, Keep, numbers, run_to_end, wired

WORK = "read.success>work"


def refuse(batch: Batch, context: Any) -> Any:
    return {"failure": batch}


def same(batch: Batch, context: Any) -> Batch:
    return batch


async def left(folder: Path, *ids: int, records: int = 3, to: str | None = None) -> None:
    """A run that leaves so many letters, of which these are marked; without any, all are."""
    feed = Feed(range(records))
    await run_to_end(wired({"read": feed, "work": Do(refuse)}, "read>work", "work>drop", data=folder))
    mark(folder, *(ids or range(1, records + 1)), to=to)


def mark(folder: Path, *ids: int, to: str | None = None) -> None:
    with closing(LetterBox(folder)) as box:
        assert box.mark(ids, to) == len(ids)


def said(engine: Any) -> list[str]:
    return [each.text for each in engine.bulletins]


async def test_letters_marked_at_the_start_are_tried_again_before_the_flow_is_done(tmp_path: Path) -> None:
    await left(tmp_path, 1, 3)
    keep = Keep()
    engine = wired({"read": Feed(), "work": Do(same), "keep": keep}, "read>work", "work>keep", run={}, data=tmp_path)
    report = await run_to_end(engine)
    assert (report.outcome, keep.numbers, report.dead_letters) == ("done", [0, 2], 0)
    assert [each["id"] for each in letters_in(tmp_path)] == [2]
    assert (said(engine), engine.bulletins[0].data) == (["dead letters are tried again"], {"records": 2})


async def test_what_lies_beside_a_record_comes_along_but_not_its_failure(tmp_path: Path) -> None:
    batch = Batch.of([{"n": 1}], path="a.jsonl").with_columns(key=["k"], error=[{"type": "E", "message": "m"}])
    await run_to_end(wired({"read": Feed(batch), "work": Do(refuse)}, "read>work", "work>drop", data=tmp_path))
    mark(tmp_path, 1)
    keep = Keep()
    await run_to_end(wired({"read": Feed(), "work": keep}, "read>work", data=tmp_path))
    (found,) = keep.batches
    assert (found.rows, dict(found.columns), dict(found.attributes)) == (
        [{"n": 1}],
        {"key": ["k"]},
        {"path": "a.jsonl"},
    )


async def test_a_letter_that_fails_again_stays_one_letter(tmp_path: Path) -> None:
    await left(tmp_path, 2)
    engine = wired({"read": Feed(), "work": Do(refuse)}, "read>work", "work>drop", data=tmp_path)
    report = await run_to_end(engine)
    letters = [(each["id"], each["record"]["n"], each["attempts"], "retry_to" in each) for each in letters_in(tmp_path)]
    assert letters == [(1, 0, 1, False), (2, 1, 2, False), (3, 2, 1, False)]
    assert (report.outcome, report.dead_letters) == ("done", 1)


async def test_a_letter_of_which_one_part_fails_keeps_that_part(tmp_path: Path) -> None:
    def twice(batch: Batch, context: Any) -> Any:
        doubled = batch.expand([[{"n": n}, {"n": 10 * n}] for n in numbers(batch)])
        return doubled.partition(["failure" if n >= 10 else "success" for n in numbers(doubled)])

    await left(tmp_path, 2)
    keep = Keep()
    await run_to_end(wired({"read": Feed(), "work": Do(twice), "keep": keep}, "read>work", "work>keep", data=tmp_path))
    assert (keep.numbers, records_in(tmp_path)) == ([1], [{"n": 0}, {"n": 10}, {"n": 2}])


async def test_letters_can_be_put_elsewhere_by_connection_processor_or_input(tmp_path: Path) -> None:
    await left(tmp_path, 1, to="read.other>keep")
    mark(tmp_path, 2, to="keep")
    mark(tmp_path, 3, to="join.left")
    keep, seen = Keep(), list[Any]()

    def join(batch: Batch, context: Any) -> Batch:
        seen.append((numbers(batch), batch.columns["input"]))
        return batch

    steps = {"read": Feed(), "join": Do(join), "keep": keep}
    engine = wired(steps, "read>join.right", "read.more>join.left", "read.other>keep", "join>drop", data=tmp_path)
    await run_to_end(engine)
    assert (keep.numbers, seen, letters_in(tmp_path)) == ([0, 1], [([2], ["left"])], [])


async def test_a_letter_whose_connection_is_gone_stays_unmarked_and_is_told_of(tmp_path: Path) -> None:
    await left(tmp_path, 1, 2)
    engine = wired({"read": Feed(), "other": Keep()}, "read>other", data=tmp_path)
    report = await run_to_end(engine)
    text = "dead letters cannot be tried again: the flow has no such connection; name one with --to"
    assert (report.outcome, said(engine)) == ("done", [text])
    assert engine.bulletins[0].data == {"connection": WORK, "records": 2}
    assert ["retry_to" in each for each in letters_in(tmp_path)] == [False] * 3


async def test_a_damaged_letter_stays_unmarked_and_its_neighbours_are_tried(tmp_path: Path) -> None:
    await left(tmp_path)
    with closing(sqlite3.connect(tmp_path / "flow.db")) as database:
        database.execute("UPDATE dead_letters SET checksum = checksum + 1 WHERE id = 2")
        database.commit()
    keep = Keep()
    engine = wired({"read": Feed(), "work": keep}, "read>work", data=tmp_path)
    await run_to_end(engine)
    assert (keep.numbers, [(each["id"], "retry_to" in each) for each in letters_in(tmp_path)]) == ([0, 2], [(2, False)])
    assert said(engine)[1:] == ["a dead letter is damaged and cannot be tried again"]


async def test_more_letters_than_a_connection_holds_are_all_put(tmp_path: Path) -> None:
    await left(tmp_path, records=200)
    keep = Keep()
    engine = wired(
        {"read": Feed([1000]), "work": keep},
        "read>work",
        queue={"read>work": {"records": 3}},
        run={"work": {"batch": {"records": 2}}},
        data=tmp_path,
    )
    await run_to_end(engine)
    assert (sorted(keep.numbers), letters_in(tmp_path)) == ([*range(200), 1000], [])


async def test_what_holds_a_letter_until_the_end_of_input_gets_its_end(tmp_path: Path) -> None:
    await left(tmp_path)

    def hold(batch: Batch, context: Any) -> None:
        window.held.append(context.hold(batch))

    def give(context: Any, why: Why) -> Any:
        given = [each.batch for each in window.held]
        for each in window.held:
            each.release()
        window.held.clear()
        return Batch.concat(given) if given else None

    window, keep = Do(hold, give), Keep()
    engine = wired({"read": Feed([7]), "work": window, "keep": keep}, "read>work", "work>keep", data=tmp_path)
    report = await run_to_end(engine)
    assert (report.outcome, sorted(keep.numbers), letters_in(tmp_path)) == ("done", [0, 1, 2, 7], [])


async def test_a_stop_leaves_letters_that_are_not_safe_marked_for_the_next_run(tmp_path: Path) -> None:
    await left(tmp_path)
    gate, clock = Gate(), JumpingClock()
    engine = wired(
        {"read": Feed(then=1e9), "work": gate},
        "read>work",
        queue={"read>work": {"records": 1}},
        clock=clock,
        data=tmp_path,
    )
    async with engine:
        await at_rest(engine)
        report = await engine.stop(0)
    assert (report.outcome, [each["retry_to"] for each in letters_in(tmp_path)]) == ("cut_off", [WORK] * 3)
    keep = Keep()
    await run_to_end(wired({"read": Feed(), "work": keep}, "read>work", data=tmp_path))
    assert (keep.numbers, letters_in(tmp_path)) == ([0, 1, 2], [])


async def test_what_is_marked_while_the_flow_runs_is_taken_up_and_only_once(tmp_path: Path) -> None:
    keep, clock = Keep(), JumpingClock()
    engine = wired(
        {"read": Feed(range(3), then=1e9), "work": Do(refuse), "keep": keep},
        "read>work",
        "work>keep",
        clock=clock,
        data=tmp_path,
    )
    async with engine:
        await at_rest(engine)
        for attempts in (2, 3):
            mark(tmp_path, 2)
            while letters_in(tmp_path)[1]["attempts"] < attempts:
                clock.jump()
                await at_rest(engine)
        mark(tmp_path, 1, 3, to="keep")
        while len(letters_in(tmp_path)) > 1:
            clock.jump()
            await at_rest(engine)
        await engine.stop()
    assert (keep.numbers, records_in(tmp_path)) == ([0, 2], [{"n": 1}])


async def test_the_status_counts_the_letters_that_are_left_whoever_took_the_others_away(tmp_path: Path) -> None:
    keep, clock = Keep(), JumpingClock()
    steps = {"read": Feed(range(3), then=1e9), "work": Do(refuse), "keep": keep}
    engine = wired(steps, "read>work", "work>keep", clock=clock, data=tmp_path)
    async with engine:
        await at_rest(engine)
        assert engine.status().dead_letters_kept == 3
        mark(tmp_path, 1, to="keep")
        with closing(LetterBox(tmp_path)) as box:
            box.delete([2])
        while engine.status().dead_letters_kept != 1:
            clock.jump()
            await at_rest(engine)
        await engine.stop()
    assert (keep.numbers, [each["id"] for each in letters_in(tmp_path)]) == ([0], [3])


async def test_what_is_marked_when_its_processor_has_ended_waits_for_the_next_run(tmp_path: Path) -> None:
    await left(tmp_path, 1, to="late")
    clock, early = JumpingClock(), Keep()

    def late(batch: Batch, context: Any) -> Batch:
        mark(tmp_path, 2, to="early")
        return batch

    class Slow(Feed):
        async def produce(self, context: Any) -> Any:
            await context.sleep(10)
            async for each in super().produce(context):
                yield each

    steps = {"read": Feed([9]), "early": early, "slow": Slow([5]), "late": Do(late)}
    engine = wired(steps, "read>early", "slow>late", "late>drop", clock=clock, data=tmp_path)
    async with engine:
        report = await until(engine, clock, engine.run())
    assert (report.outcome, early.numbers) == ("done", [9])
    assert [(each["id"], each.get("retry_to")) for each in letters_in(tmp_path)] == [(2, "early"), (3, None)]


@pytest.mark.parametrize("edge", ["work>reject", "work>drop"])
async def test_rejected_is_tried_in_the_next_run_and_dropped_is_gone(tmp_path: Path, edge: str) -> None:
    await left(tmp_path, 1)
    engine = wired({"read": Feed(), "work": Do(same)}, "read>work", edge, data=tmp_path)
    await run_to_end(engine)
    kept = [(each["id"], each.get("retry_to")) for each in letters_in(tmp_path)]
    assert kept == [*([(1, WORK)] if edge == "work>reject" else []), (2, None), (3, None)]
    assert said(engine) == ["dead letters are tried again"]


async def test_letters_that_are_full_are_tried_again_and_may_fail_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await left(tmp_path)
    monkeypatch.setattr("router.storage.dead_letters.MOST_RECORDS", 3)
    report = await run_to_end(wired({"read": Feed(), "work": Do(refuse)}, "read>work", "work>drop", data=tmp_path))
    assert (report.outcome, [each["attempts"] for each in letters_in(tmp_path)]) == ("done", [2, 2, 2])


async def test_a_source_hears_nothing_of_letters(tmp_path: Path) -> None:
    await left(tmp_path)
    feed = Feed([7])
    await run_to_end(wired({"read": feed, "work": Keep()}, "read>work", data=tmp_path))
    assert feed.told == [(0, Outcome.DELIVERED)]
