"""State by key agrees with a dictionary, comes back after a restart, and is never ahead of what is safe."""

from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from router.ack import Ack, Outcome
from router.storage.database import Database
from router.storage.schema import FLOW_DB, FLOW_SCHEMA
from router.storage.state import FlowState, StagedState
from router.storage.unit import unit_of, write
from tests.router.disk import memory_folder

KEYS = st.sampled_from(["a", "ab", "b", ""])
STEPS = st.one_of(
    st.tuples(st.just("put"), st.dictionaries(KEYS, st.integers()), st.none() | st.integers(0, 3)),
    st.tuples(st.just("delete"), st.lists(KEYS)),
    st.tuples(st.just("get"), st.lists(KEYS)),
    st.tuples(st.just("scan"), KEYS),
    st.tuples(st.just("sleep"), st.integers(1, 3)),
    st.tuples(st.just("restart")),
)


class Model:
    def __init__(self) -> None:
        self.now = 0.0
        self.values: dict[str, tuple[int, float]] = {}

    def alive(self) -> dict[str, int]:
        return {key: value for key, (value, until) in self.values.items() if until > self.now}


def opened(folder: str | Path) -> Database:
    database = Database(Path(folder) / FLOW_DB, FLOW_SCHEMA)
    database.open()
    return database


async def play(steps: list[tuple[Any, ...]], folder: str) -> None:
    model, database = Model(), opened(folder)
    state = FlowState(database, "step", lambda: model.now)
    for name, *given_ in steps:
        if name == "put":
            values, expire = given_
            await state.put_many(values, expire)
            until = float("inf") if expire is None else model.now + expire
            model.values |= {key: (value, until) for key, value in values.items()}
        elif name == "delete":
            await state.delete(given_[0])
            model.values = {key: each for key, each in model.values.items() if key not in given_[0]}
        elif name == "get":
            found = await state.get_many(given_[0])
            assert found == {key: value for key, value in model.alive().items() if key in given_[0]}
        elif name == "scan":
            assert await state.scan(given_[0]) == {k: v for k, v in model.alive().items() if k.startswith(given_[0])}
        elif name == "sleep":
            model.now += given_[0]
        else:
            await database.close()
            database = opened(folder)
            state = FlowState(database, "step", lambda: model.now)
    await database.close()


@settings(deadline=None, max_examples=60)
@given(st.lists(STEPS, max_size=20))
def test_state_agrees_with_a_dictionary(steps: list[tuple[Any, ...]]) -> None:
    with memory_folder() as folder:
        asyncio.run(play(steps, folder))


async def test_processors_do_not_see_each_others_keys(tmp_path: Path) -> None:
    database = opened(tmp_path)
    one, other = (FlowState(database, name, lambda: 0.0) for name in ("one", "other"))
    await one.put_many({"a": 1})
    assert await other.get_many(["a"]) == {}
    await database.close()


async def test_what_has_expired_does_not_stay_on_disk(tmp_path: Path) -> None:
    clock, database = [0.0], opened(tmp_path)
    state = FlowState(database, "step", lambda: clock[0])
    for number in range(300):
        clock[0] += 10
        await state.put_many({f"{number}": number}, 5)
    (kept,) = await database.submit(lambda connection: connection.execute("SELECT count(*) FROM state").fetchone())
    assert kept <= 101
    await database.close()


async def test_asking_a_flow_that_stored_nothing_makes_no_file(tmp_path: Path) -> None:
    database = opened(tmp_path)
    assert await FlowState(database, "step", lambda: 0.0).get_many(["a"]) == {}
    assert not database.path.exists()
    await database.close()


class Call:
    """One call's change of state, and the acks of the records it was given."""

    def __init__(self, state: FlowState, value: int, acks: int = 1) -> None:
        self.settled: list[Outcome] = []
        self.acks = [Ack(self, lambda ack: self.settled.append(ack.outcome)) for _ in range(acks)]
        self.staged: StagedState = state.stage(state.changes({"a": value}, None))
        self.staged.commit_after(self.acks)


async def on_disk(database: Database) -> Any:
    return (await FlowState(database, "step", lambda: 0.0).get_many(["a"])).get("a")


async def test_staged_state_is_seen_at_once_and_on_disk_before_the_source_hears(tmp_path: Path) -> None:
    database = opened(tmp_path)
    state = FlowState(database, "step", lambda: 0.0)
    call = Call(state, 1, acks=2)
    assert await state.get_many(["a"]) == {"a": 1}
    call.acks[0].release()
    await database.submit(lambda _: None)
    assert (call.settled, await on_disk(database)) == ([], None)
    call.acks[1].release()
    assert call.settled == []
    await database.submit(lambda _: None)
    assert (call.settled, await on_disk(database)) == ([Outcome.DELIVERED] * 2, 1)
    await database.close()


async def test_what_a_rejected_call_staged_is_forgotten(tmp_path: Path) -> None:
    database = opened(tmp_path)
    state = FlowState(database, "step", lambda: 0.0)
    await state.put_many({"a": 0})
    call = Call(state, 1, acks=2)
    call.acks[0].release()
    call.acks[1].release(Outcome.REJECTED)
    assert sorted(call.settled) == [Outcome.DELIVERED, Outcome.REJECTED]
    assert await state.get_many(["a"]) == {"a": 0}
    await database.close()


async def test_an_older_call_that_ends_later_does_not_undo_a_newer_one(tmp_path: Path) -> None:
    database = opened(tmp_path)
    state = FlowState(database, "step", lambda: 0.0)
    older, newer = Call(state, 1), Call(state, 2)
    newer.acks[0].release()
    await database.submit(lambda _: None)
    older.acks[0].release()
    await database.submit(lambda _: None)
    assert (await on_disk(database), await state.get_many(["a"])) == (2, {"a": 2})
    await database.close()


async def overlap(dice: Random, folder: str) -> None:
    """Calls that overlap, each adding its number to one list; their records end in any order, as anything."""
    database = opened(folder)
    state = FlowState(database, "step", lambda: 0.0)
    told: dict[object, Outcome] = {}
    acks: list[Ack] = []
    for number in range(12):
        seen = (await state.get_many(["a"])).get("a", [])
        ack = Ack(number, lambda ack: told.update({ack.token: ack.outcome}))
        state.stage(state.changes({"a": [*seen, number], str(number): number}, None)).commit_after([ack])
        acks.append(ack)
        while acks and dice.random() < 0.4:
            acks.pop(dice.randrange(len(acks))).release(dice.choice([Outcome.DELIVERED, Outcome.REJECTED]))
        if dice.random() < 0.5:
            await database.submit(lambda _: None)
        kept = await on_disk(database)
        assert set(kept or ()) <= set(range(number + 1)) - {ack.token for ack in acks}
    for ack in acks:
        ack.release(Outcome.DELIVERED)
    await database.submit(lambda _: None)
    kept = await on_disk(database) or []
    assert len(told) == 12
    assert {number for number, outcome in told.items() if outcome is Outcome.DELIVERED} <= set(kept)
    await database.close()


@settings(deadline=None, max_examples=60)
@given(st.randoms(use_true_random=False))
def test_calls_that_overlap_lose_nothing_and_are_not_on_disk_before_their_records_ended(dice: Random) -> None:
    with memory_folder() as folder:
        asyncio.run(overlap(dice, folder))


async def test_what_is_put_behind_a_change_that_waits_is_on_disk_on_return(tmp_path: Path) -> None:
    database = opened(tmp_path)
    state = FlowState(database, "step", lambda: 0.0)
    ack = Ack("record", lambda _: None)
    state.stage(state.changes({"a": 1}, None)).commit_after([ack])
    putting = asyncio.ensure_future(state.put_many({"a": 2}))
    await database.submit(lambda _: None)
    assert (putting.done(), await on_disk(database)) == (False, None)
    ack.release()
    await putting
    assert await on_disk(database) == 2
    await database.close()


async def test_each_unit_of_work_keeps_its_own_change_of_a_key(tmp_path: Path) -> None:
    def fail(_: object) -> None:
        raise ValueError("no")

    database = opened(tmp_path)
    state = FlowState(database, "step", lambda: 0.0)
    with unit_of(database):
        state.stage(state.changes({"a": 1}, None)).commit()
    with unit_of(database):
        write(database, fail, lambda _, _error: None)
        state.stage(state.changes({"a": 2}, None)).commit()
    await database.submit(lambda _: None)
    assert (await on_disk(database), await state.get_many(["a"])) == (1, {"a": 1})
    await database.close()


async def test_in_a_unit_of_work_nothing_is_on_disk_before_all_of_it_is(tmp_path: Path) -> None:
    database = opened(tmp_path)
    state = FlowState(database, "step", lambda: 0.0)
    with unit_of(database):
        state.put_soon({"a": 1})
        assert await on_disk(database) is None
        state.put_soon({"b": 2})
    assert await state.get_many(["a", "b"]) == {"a": 1, "b": 2}
    await database.submit(lambda _: None)
    assert await on_disk(database) == 1
    await database.close()
