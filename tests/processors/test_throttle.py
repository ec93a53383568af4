from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from router import Batch
from router.testing import TestRunner

Problems = Callable[..., list[str]]


def posts(count: int, **fields: Any) -> list[dict[str, Any]]:
    return [{"n": number, **fields} for number in range(count)]


async def test_records_pass_at_the_rate() -> None:
    async with TestRunner("throttle", rate=10) as throttle:
        assert await throttle.feed(*posts(3), at=100) == {"success": posts(3)[:1]}
        assert await throttle.advance(0.1) == {"success": posts(3)[1:2]}
        assert await throttle.advance(0.1) == {"success": posts(3)[2:]}


async def test_what_comes_behind_waits_its_turn() -> None:
    async with TestRunner("throttle", rate=1) as throttle:
        await throttle.feed({"n": 0}, at=100)
        assert await throttle.feed({"n": 1}) == {}
        assert await throttle.advance(1) == {"success": [{"n": 1}]}


async def test_a_burst_passes_after_a_pause() -> None:
    async with TestRunner("throttle", rate=1, burst=3) as throttle:
        assert await throttle.feed(*posts(5), at=100) == {"success": posts(3)}
        assert await throttle.advance(2) == {"success": posts(5)[3:]}


async def test_the_excess_is_dropped() -> None:
    async with TestRunner("throttle", rate=1, burst=2, excess="drop") as throttle:
        assert await throttle.feed(*posts(5), at=100) == {"success": posts(2)}
        assert await throttle.feed({"n": 9}, at=101) == {"success": [{"n": 9}]}
        assert await throttle.feed({"n": 10}) == {}


async def test_the_excess_leaves_by_its_relationship() -> None:
    async with TestRunner("throttle", rate=1, excess="route") as throttle:
        assert await throttle.feed(*posts(2), at=100) == {"success": posts(1), "excess": posts(2)[1:]}


async def test_each_key_has_a_rate_of_its_own() -> None:
    async with TestRunner("throttle", rate=1, key="user", excess="drop") as throttle:
        routes = await throttle.feed({"user": "a"}, {"user": "b"}, {"user": "a"}, at=100)
    assert routes == {"success": [{"user": "a"}, {"user": "b"}]}


async def test_a_key_that_waits_lets_others_of_its_batch_go_first() -> None:
    async with TestRunner("throttle", rate=1, key="user") as throttle:
        assert await throttle.feed({"user": "a"}, {"user": "a"}, {"user": "b"}, at=100) == {
            "success": [{"user": "a"}, {"user": "b"}]
        }
        assert await throttle.advance(1) == {"success": [{"user": "a"}]}


@pytest.mark.parametrize("excess", ["wait", "drop", "route"])
async def test_a_key_that_is_none_leaves_by_failure(excess: str) -> None:
    async with TestRunner("throttle", rate=1, key="user", excess=excess) as throttle:
        routes = await throttle.feed_batch(Batch.of([{}, {"user": [1]}, {"user": "a"}]))
    messages = [error["message"] for error in routes["failure"][0].columns["error"]]
    assert messages == ["the key is missing", "a key is a text or a number; got [1]"]
    assert routes["success"][0].rows == [{"user": "a"}]


async def test_a_high_rate_lets_records_pass_together() -> None:
    async with TestRunner("throttle", rate=1_000_000) as throttle:
        assert await throttle.feed(*posts(1000), at=100) == {"success": posts(1000)}


def test_a_rate_of_nothing_is_refused(problems: Problems) -> None:
    assert problems("throttle", rate=0) == ["rate: Input should be greater than 0"]
