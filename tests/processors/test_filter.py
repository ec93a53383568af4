from __future__ import annotations

from router import Batch, Outcome
from router.testing import TestRunner


async def test_only_what_matches_is_kept() -> None:
    async with TestRunner("filter", where="n > 1") as keep:
        assert await keep.feed({"n": 2}, {"n": 1}, {}, {"n": "3"}) == {"success": [{"n": 2}]}


async def test_what_is_not_kept_counts_as_dropped() -> None:
    async with TestRunner("filter", where="n > 1") as keep:
        assert await keep.feed({"n": 1}) == {}
        assert await keep.feed({"n": 2}) == {"success": [{"n": 2}]}
    assert keep.outcomes == [Outcome.DROPPED, Outcome.DELIVERED]


async def test_content_leaves_as_the_bytes_that_came() -> None:
    lines = [b'{"n": 2.0 }', b'{"n":1}']
    async with TestRunner("filter", where="n > 1") as keep:
        routes = await keep.feed_batch(Batch.raw(lines))
    assert routes["success"][0].content == lines[:1]


async def test_what_cannot_be_decoded_leaves_by_failure() -> None:
    async with TestRunner("filter", where="n > 1") as keep:
        assert await keep.feed(b'{"n":2}', b"{") == {"success": [{"n": 2}], "failure": [b"{"]}


async def test_a_condition_may_read_the_whole_record() -> None:
    async with TestRunner("filter", where='record["odd name"] == 1') as keep:
        assert await keep.feed(b'{"odd name":1}', b"{}") == {"success": [{"odd name": 1}]}
