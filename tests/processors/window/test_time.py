from __future__ import annotations

from typing import Any

import pytest

from router import Batch, Outcome
from tests.processors.window.windows import at, row, window


async def test_a_window_closes_when_its_time_is_over() -> None:
    async with window(size="10s", key="user") as it:
        assert await it.feed({"user": "a", "x": 1}, {"user": "b", "x": 2}, {"user": "a", "x": 3}, at=102) == {}
        assert await it.advance(7.9) == {}
        assert it.outcomes == []
        assert await it.advance(0.1) == {
            "success": [row(100, 110, user="a", n=2, total=4), row(100, 110, user="b", n=1, total=2)]
        }
        assert it.outcomes == [Outcome.DELIVERED]


async def test_windows_follow_each_other() -> None:
    async with window(size="10s") as it:
        await it.feed({"x": 1}, at=109)
        assert await it.feed({"x": 2}, at=110) == {"success": [row(100, 110, n=1, total=1)]}
        assert await it.end() == {"success": [row(110, 120, n=1, total=2)]}


async def test_overlapping_windows_count_a_record_in_each() -> None:
    async with window(size="10s", every="5s") as it:
        await it.feed({"x": 1}, at=102)
        assert await it.feed({"x": 2}, at=107) == {"success": [row(95, 105, n=1, total=1)]}
        assert await it.advance(3) == {"success": [row(100, 110, n=2, total=3)]}
        assert it.outcomes == [Outcome.DELIVERED]
        assert await it.advance(60) == {"success": [row(105, 115, n=1, total=2)]}
        assert it.outcomes == [Outcome.DELIVERED] * 2


async def test_by_their_own_time_windows_close_when_a_record_is_newer() -> None:
    async with window(size="10s", time="t", lateness="2s") as it:
        assert await it.feed(at(1), at(3)) == {}
        assert await it.feed(at(11.9)) == {}
        assert await it.feed(at(9), at(12)) == {"success": [row(0, 10, n=3, total=3)]}
        assert await it.end() == {"success": [row(10, 20, n=2, total=2)]}


async def test_what_comes_after_its_window_leaves_by_late() -> None:
    async with window(size="10s", time="t", key="k") as it:
        routes = await it.feed(at(1, k="a"), at(10, k="b"), at(9, k="a"))
        assert routes == {"success": [row(0, 10, k="a", n=1, total=1)], "late": [at(9, k="a")]}
        assert await it.feed(at(9, k="c")) == {"late": [at(9, k="c")]}


async def test_a_record_too_late_for_some_windows_counts_in_the_others() -> None:
    async with window(size="10s", every="5s", time="t") as it:
        given = await it.feed(at(7, 1), at(11, 2), at(8, 4), at(4, 8), at(15, 16))
        assert given == {
            "success": [row(0, 10, n=1, total=1), row(5, 15, n=3, total=7)],
            "late": [at(4, 8)],
        }


@pytest.mark.parametrize("value", [60, 60.0, "1970-01-01T00:01:00Z", "1970-01-01T01:01:00+01:00", "1970-01-01 00:01"])
async def test_a_time_is_in_seconds_or_a_text(value: Any) -> None:
    async with window(size="1m", time="t") as it:
        await it.feed(at(value))
        assert await it.end() == {"success": [row(60, 120, n=1, total=1)]}


async def test_a_record_without_a_usable_time_or_key_leaves_by_failure() -> None:
    records = [at(None, k=1), at("soon", k=1), at(True, k=1), at(1.7e12, k=1), at(float("nan"), k=1), at(1, k=None), {}]
    async with window(size="1m", time="t", key="k") as it:
        routes = await it.feed_batch(Batch.of([*records, at(1, k=1)]))
        assert [error["message"] for error in routes["failure"][0].columns["error"]] == [
            "the time is missing",
            "'soon' is no time",
            "a time is in seconds since 1970, or ISO 8601; got True",
            "a time is in seconds since 1970; got 1700000000000.0",
            "a time is in seconds since 1970; got nan",
            "the key is missing",
            "the key is missing",
        ]
        assert await it.end() == {"success": [row(0, 60, k=1, n=1, total=1)]}


async def test_an_idle_stream_closes_its_windows() -> None:
    async with window(size="10s", time="t", idle="1m") as it:
        assert await it.feed(at(1), at(12), at=1000) == {"success": [row(0, 10, n=1, total=1)]}
        assert await it.advance(59) == {}
        assert await it.advance(1) == {"success": [row(10, 20, n=1, total=1)]}
        assert await it.feed(at(13)) == {"late": [at(13)]}


async def test_windows_begin_at_multiples_of_their_length() -> None:
    async with window(size="100ms", time="t") as it:
        await it.feed(at(0.3), at(-0.05))
        assert await it.end() == {"success": [row(0.3, 0.4, n=1, total=1)]}


async def test_a_clock_that_goes_back_loses_nothing() -> None:
    async with window(size="10s") as it:
        await it.feed({"x": 1}, at=105)
        it._clock._now = 20.0
        await it.feed({"x": 2})
        assert await it.end() == {"success": [row(100, 110, n=2, total=3)]}


async def test_a_key_stands_under_the_name_of_its_field() -> None:
    for key, fields in (
        ("k", {"k": "a"}),
        ("[k, l]", {"k": "a", "l": 2}),
        ("upper(k)", {"key": "A"}),
        ("[k, 1]", {"key": ["a", 1]}),
        ("record", {"key": {"k": "a", "l": 2, "x": 1}}),
    ):
        async with window(count=1, key=key) as it:
            assert await it.feed({"k": "a", "l": 2, "x": 1}) == {"success": [row(0, 0, **fields, n=1, total=1)]}


async def test_keys_are_told_apart_by_kind() -> None:
    async with window(size="10s", key="k", compute={"n": "count()"}) as it:
        await it.feed({"k": 1}, {"k": True}, {"k": "1"}, {"k": 1.0}, {"k": [1]}, {"k": [True]})
        given = await it.end()
    assert [(each["k"], each["n"]) for each in given["success"]] == [(1, 2), (True, 1), ("1", 1), ([1], 1), ([True], 1)]


async def test_what_cannot_be_decoded_leaves_by_failure() -> None:
    async with window(count=2) as it:
        assert await it.feed(b'{"x":1}', b"{", b'{"x":2}') == {"success": [row(0, 0, n=2, total=3)], "failure": [b"{"]}


async def test_an_empty_batch_changes_nothing() -> None:
    async with window(size="10s") as it:
        assert await it.feed() == {}
        assert await it.end() == {}
