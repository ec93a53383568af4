from __future__ import annotations

from router import Outcome
from tests.processors.window.windows import at, row, window


async def test_a_session_closes_when_nothing_comes_for_its_key() -> None:
    async with window(gap="10s", key="k") as it:
        await it.feed({"k": "a", "x": 1}, {"k": "b", "x": 1}, at=100)
        await it.feed({"k": "a", "x": 2}, at=109)
        assert await it.advance(1) == {"success": [row(100, 100, k="b", n=1, total=1)]}
        assert await it.advance(9) == {"success": [row(100, 109, k="a", n=2, total=3)]}
        assert it.outcomes == [Outcome.DELIVERED] * 2


async def test_a_record_after_the_gap_begins_another_session() -> None:
    async with window(gap="10s") as it:
        await it.feed({"x": 1}, at=100)
        assert await it.feed({"x": 2}, at=110) == {"success": [row(100, 100, n=1, total=1)]}
        assert await it.end() == {"success": [row(110, 110, n=1, total=2)]}


async def test_a_record_between_two_sessions_makes_them_one() -> None:
    compute = {"n": "count()", "first": "first(x)", "last": "last(x)", "all": "list(x)", "spread": "stddev(x)"}
    async with window(gap="10s", time="t", lateness="1h", compute=compute) as it:
        await it.feed(at(100, 1))
        await it.feed(at(116, 3))
        await it.feed(at(108, 2))
        given = await it.end()
    assert given == {"success": [row(100, 116, n=3, first=1, last=3, all=[1, 3, 2], spread=1.0)]}


async def test_sessions_merge_within_one_batch() -> None:
    async with window(gap="10s", time="t", lateness="1h", compute={"n": "count()", "all": "list(x)"}) as it:
        await it.feed(at(100, 1), at(116, 2), at(108, 3), at(130, 4))
        assert await it.end() == {"success": [row(100, 116, n=3, all=[1, 2, 3]), row(130, 130, n=1, all=[4])]}


async def test_a_record_that_no_open_session_takes_is_late() -> None:
    async with window(gap="10s", time="t", key="k") as it:
        routes = await it.feed(at(1, k="a"), at(30, k="b"), at(15, k="a"), at(21, k="b"))
    assert routes == {"success": [row(1, 1, k="a", n=1, total=1)], "late": [at(15, k="a")]}


async def test_many_keys_close_in_the_order_of_their_ends() -> None:
    async with window(gap="10s", key="k") as it:
        for second in range(5):
            await it.feed({"k": second, "x": 1}, {"k": "all", "x": 1}, at=100 + second)
        given = await it.advance(14)
    assert [each["k"] for each in given["success"]] == [0, 1, 2, 3, 4, "all"]
