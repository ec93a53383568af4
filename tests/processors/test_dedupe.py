from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from hashlib import blake2b
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router import Batch, Context, Engine, Inbox, Outcome, build_flow
from router.testing import TestRunner
from router_processors.dedupe import Dedupe
from router_processors.dedupe.index import Index

Problems = Callable[..., list[str]]
A, B = {"id": "a", "n": 1}, {"id": "b", "n": 2}


def dedupe(**settings: Any) -> TestRunner:
    return TestRunner("dedupe", **{"key": "id", "within": "10s", **settings})


async def test_the_first_record_with_a_key_passes_and_repeats_leave_by_duplicate() -> None:
    async with dedupe() as it:
        assert await it.feed(A, B) == {"success": [A, B]}
        assert await it.feed({"id": "a", "n": 9}) == {"duplicate": [{"id": "a", "n": 9}]}


async def test_repeats_within_one_batch_are_found() -> None:
    async with dedupe() as it:
        assert await it.feed(A, B, A, A) == {"success": [A, B], "duplicate": [A, A]}


async def test_a_key_is_new_again_after_the_time() -> None:
    async with dedupe() as it:
        await it.feed(A, at=100)
        assert await it.feed(A, at=109.9) == {"duplicate": [A]}
        assert await it.feed(A, at=110) == {"success": [A]}


async def test_a_record_without_a_key_leaves_by_failure() -> None:
    async with dedupe() as it:
        routes = await it.feed_batch(Batch.of([A, {}, {"id": None}, {"id": float("nan")}]))
    assert routes["success"][0].rows == [A]
    messages = {error["message"] for error in routes["failure"][0].columns["error"]}
    assert (len(routes["failure"][0]), messages) == (3, {"the key is missing, or no value that can be compared"})


async def test_what_cannot_be_decoded_leaves_by_failure() -> None:
    async with dedupe() as it:
        assert await it.feed(b'{"id":1}', b'{"id":') == {"success": [{"id": 1}], "failure": [b'{"id":']}


async def test_content_leaves_as_the_bytes_that_came() -> None:
    lines = [b'{ "id":1, "x": 1.10 }', b'{"id": 1.0}']
    async with dedupe() as it:
        routes = await it.feed_batch(Batch.raw(lines))
    assert {name: batch.content for name, (batch,) in routes.items()} == {"success": lines[:1], "duplicate": lines[1:]}


async def test_keys_are_told_apart_by_kind_and_value() -> None:
    records = [{"id": value} for value in ("1", 1, True, [1], ["1"], {"a": 1, "b": 2}, "")]
    async with dedupe() as it:
        assert await it.feed(*records) == {"success": records}
        assert await it.feed({"id": 1.0}, {"id": {"b": 2, "a": 1}}) == {
            "duplicate": [{"id": 1.0}, {"id": {"b": 2, "a": 1}}]
        }


@pytest.mark.parametrize("key", ["[id, day]", "record", "concat(id, meta.day)  # of both"])
async def test_a_key_may_be_made_of_several_values(key: str) -> None:
    async with dedupe(key=key) as it:
        await it.feed({"id": "a", "day": 1}, day="mon")
        assert await it.feed({"id": "a", "day": 2}, day="tue") == {"success": [{"id": "a", "day": 2}]}


class Restarted(Dedupe):
    """Begins with the state that another has left."""

    type_name = "restarted_dedupe"
    left: ClassVar[dict[str, Any]] = {}

    async def start(self, context: Context) -> None:
        await context.state.put_many(self.left)
        await super().start(context)


async def test_keys_outlive_a_restart() -> None:
    async with dedupe() as first:
        await first.feed(A, at=100)
        await first.feed({"id": "c"}, at=105)
        Restarted.left = await first.state.scan()
    second = TestRunner(Restarted, key="id", within="10s")
    second._clock._now = 111.0
    async with second:
        assert await second.feed(A, {"id": "c"}, B) == {"success": [A, B], "duplicate": [{"id": "c"}]}


async def test_keys_take_the_same_room_however_long_they_are() -> None:
    async with dedupe() as it:
        await it.feed({"id": "x" * 100_000}, {"id": 1})
        kept = [value[1] for name, value in (await it.state.scan()).items() if name.startswith("keys/")]
    assert list(map(len, kept)) == [32]


async def test_above_the_bound_the_oldest_keys_are_forgotten() -> None:
    async with dedupe(max_keys=2) as it:
        for key in "abc":
            await it.feed({"id": key}, at=100)
        assert await it.feed({"id": "c"}, {"id": "b"}) == {"duplicate": [{"id": "c"}, {"id": "b"}]}
        assert await it.feed({"id": "a"}) == {"success": [{"id": "a"}]}
        assert len(await it.state.scan("keys/")) == 2
    text = "more keys than 'max_keys' came within the time; the oldest were forgotten early"
    assert it.bulletins == [(text, {"max_keys": 2})]


async def test_what_was_rejected_is_no_repeat_when_it_comes_again() -> None:
    inbox = Inbox()
    steps = {
        "in": {"type": "generate", "to": "it"},
        "it": {"type": "dedupe", "key": "id", "within": "1m", "to": "out"},
        "out": {"type": "route", "when": {"bad": "n == 9"}, "to": {"bad": "reject", "unmatched": "drop"}},
    }
    flow = build_flow({"flow": "test", "processors": steps})
    async with Engine(flow, replace={"in": inbox}) as engine:
        outcomes = [await inbox.push([{"id": "a", "n": n}]) for n in (9, 9, 1, 2)]
        inbox.end()
        report = await engine.run()
    assert outcomes == [Outcome.REJECTED, Outcome.REJECTED, Outcome.DROPPED, Outcome.DROPPED]
    assert report.processors["it"].out == {"success": 3, "duplicate": 1, "failure": 0}


def test_the_index_finds_what_a_dict_finds() -> None:
    dice, index, right = random.Random(5), Index(), dict[bytes, tuple[int, int]]()
    for time in range(300):
        keys = list(
            {blake2b(b"%d" % dice.randint(0, 5000), digest_size=16).digest() for _ in range(dice.randint(1, 60))}
        )
        index.drop_before(time - 200)
        right = {key: each for key, each in right.items() if each[1] > time - 200}
        found = index.find(keys)
        assert found == [right.get(key, (-1, 0))[0] for key in keys]
        new = [key for key, number in zip(keys, found, strict=True) if number < 0]
        right.update(dict.fromkeys(new, (index.next_number, time)))
        index.add(index.next_number, time, b"".join(new))


async def test_repeats_that_nobody_wants_are_dropped() -> None:
    inbox = Inbox()
    steps = {"in": {"type": "generate", "to": "it"}, "it": {"type": "dedupe", "key": "id", "within": "1m", "to": "out"}}
    flow = build_flow({"flow": "test", "processors": {**steps, "out": {"type": "log"}}})
    async with Engine(flow, replace={"in": inbox}):
        outcomes = [await inbox.push([A]) for _ in range(2)]
        inbox.end()
    assert outcomes == [Outcome.DELIVERED, Outcome.DROPPED]


@given(st.lists(st.integers(0, 9), max_size=60), st.randoms(use_true_random=False))
def test_the_way_records_are_cut_into_batches_changes_nothing(keys: list[int], dice: random.Random) -> None:
    async def run() -> list[dict[str, Any]]:
        passed: list[dict[str, Any]] = []
        async with dedupe() as it:
            rest = [{"id": key, "n": number} for number, key in enumerate(keys)]
            while rest:
                count = dice.randint(1, 9)
                passed += (await it.feed(*rest[:count])).get("success", [])
                rest = rest[count:]
        return passed

    first = {key: number for number, key in reversed(list(enumerate(keys)))}
    assert asyncio.run(run()) == [{"id": key, "n": n} for n, key in enumerate(keys) if first[key] == n]


def test_bad_settings_are_refused(problems: Problems) -> None:
    assert problems("dedupe", key="id", within="0s") == ["within: Input should be greater than 0 seconds"]
    assert problems("dedupe", key="id") == ["within: Field required"]
    assert problems("dedupe", within="1s") == ["key: Field required"]
    assert problems("dedupe", key="id ==", within="1s") == [
        "key: Value error, expression 'id ==', column 4: it ends in the middle: nothing follows '=='"
    ]
