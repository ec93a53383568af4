from __future__ import annotations

from router import Outcome
from tests.processors.window.windows import row, window


async def test_a_window_is_full_after_so_many_records_of_its_key() -> None:
    async with window(count=2, key="k") as it:
        given = await it.feed(*({"k": key, "x": x} for x, key in enumerate("abaabaa")), at=5)
        assert [(each["k"], each["n"], each["total"]) for each in given["success"]] == [
            ("a", 2, 2),
            ("b", 2, 5),
            ("a", 2, 8),
        ]
        assert await it.end() == {"success": [row(5, 5, k="a", n=1, total=6)]}


async def test_a_window_counts_over_batches() -> None:
    async with window(count=3) as it:
        assert await it.feed({"x": 1}, at=10) == {}
        assert await it.feed({"x": 2}, at=20) == {}
        assert await it.feed({"x": 4}, {"x": 8}, at=30) == {"success": [row(10, 30, n=3, total=7)]}
        assert it.outcomes == [Outcome.DELIVERED] * 2


async def test_all_records_may_be_counted_together_with_a_row_for_each_key() -> None:
    async with window(count=3, per_key=False, key="k", compute={"n": "count()", "first": "first(x)"}) as it:
        given = await it.feed(*({"k": key, "x": x} for x, key in enumerate("abaab")), at=5)
        assert given == {"success": [row(5, 5, k="a", n=2, first=0), row(5, 5, k="b", n=1, first=1)]}
        assert await it.end() == {"success": [row(5, 5, k="a", n=1, first=3), row(5, 5, k="b", n=1, first=4)]}


async def test_the_rest_is_given_at_the_end() -> None:
    async with window(count=1000) as it:
        await it.feed({"x": 1})
        assert await it.end() == {"success": [row(0, 0, n=1, total=1)]}


async def test_a_window_that_does_not_fill_closes_within_the_time() -> None:
    async with window(count=10, within="1m", key="k") as it:
        await it.feed({"k": "a", "x": 1}, at=100)
        await it.feed({"k": "a", "x": 1}, {"k": "b", "x": 1}, at=130)
        assert await it.advance(30) == {"success": [row(100, 130, k="a", n=2, total=2)]}
        assert await it.advance(30) == {"success": [row(130, 130, k="b", n=1, total=1)]}


async def test_one_batch_may_fill_many_windows() -> None:
    async with window(count=2) as it:
        given = await it.feed(*({"x": x} for x in range(1000)))
    assert [each["total"] for each in given["success"]] == [4 * number + 1 for number in range(500)]
