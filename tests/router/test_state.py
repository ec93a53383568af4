"""State by key, as a dictionary with an end of life would have it."""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from router.storage.state import MemoryState

KEYS = st.sampled_from(["a", "ab", "b", ""])
STEPS = st.one_of(
    st.tuples(st.just("put"), st.dictionaries(KEYS, st.integers()), st.none() | st.integers(0, 3)),
    st.tuples(st.just("delete"), st.lists(KEYS)),
    st.tuples(st.just("get"), st.lists(KEYS)),
    st.tuples(st.just("scan"), KEYS),
    st.tuples(st.just("sleep"), st.integers(1, 3)),
)


class Model:
    def __init__(self) -> None:
        self.now = 0.0
        self.values: dict[str, tuple[int, float]] = {}

    def alive(self) -> dict[str, int]:
        return {key: value for key, (value, until) in self.values.items() if until > self.now}


async def play(steps: list[tuple[Any, ...]]) -> None:
    model = Model()
    state = MemoryState(lambda: model.now)
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
        else:
            model.now += given_[0]


@given(st.lists(STEPS, max_size=30))
def test_state_agrees_with_a_dictionary(steps: list[tuple[Any, ...]]) -> None:
    asyncio.run(play(steps))


async def test_what_has_expired_does_not_stay_in_memory() -> None:
    clock = [0.0]
    state = MemoryState(lambda: clock[0])
    for number in range(100_000):
        clock[0] += 1
        await state.put_many({str(number): number}, expire=10)
    assert len(state._values) < 10_000
    assert len(await state.scan()) == 10
