from __future__ import annotations

import math
import random
import statistics
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router import Batch
from router_processors.window.aggregates import KINDS
from router_processors.window.compute import Aggregate
from tests.processors.window.windows import window


async def computed(*values: Any, **compute: str) -> dict[str, Any]:
    async with window(count=len(values), compute=compute) as it:
        given = await it.feed(*({"x": value} for value in values))
    (found,) = given["success"]
    return {name: found[name] for name in compute}


async def test_each_aggregate_over_numbers() -> None:
    found = await computed(3, 1, None, 2.5, n="count()", known="count(x)", sum="sum(x)", avg="avg(x)", min="min(x)",
        max="max(x)", first="first(x)", last="last(x)", kinds="distinct(x)", all="list(x)", two="list(x, 2)",
        sd="stddev(x)")  # fmt: skip
    sd = found.pop("sd")
    assert found == {
        "n": 4, "known": 3, "sum": 6.5, "avg": 6.5 / 3, "min": 1, "max": 3, "first": 3, "last": 2.5,
        "kinds": 3, "all": [3, 1, 2.5], "two": [3, 1],
    }  # fmt: skip
    assert math.isclose(sd, statistics.stdev([3, 1, 2.5]))


async def test_of_no_values_there_is_nothing() -> None:
    compute = {name: f"{name}(x, 50)" if name == "percentile" else f"{name}(x)" for name in KINDS}
    found = await computed(None, **compute)
    assert found == {**dict.fromkeys(KINDS), "count": 0, "distinct": 0, "list": []}


async def test_an_argument_is_an_expression() -> None:
    async with window(count=2, compute={"value": "sum(x * price)", "large": "count(x if x > 1 else None)"}) as it:
        given = await it.feed({"x": 1, "price": 10}, {"x": 2, "price": 5})
    assert given["success"][0] | {"value": 20, "large": 1} == given["success"][0]


async def test_texts_and_times_have_a_smallest_and_a_largest() -> None:
    old, new = datetime(2020, 1, 1, tzinfo=UTC), datetime(2021, 1, 1)  # noqa: DTZ001 - without a zone it is UTC
    assert await computed("b", "a", "c", min="min(x)", max="max(x)") == {"min": "a", "max": "c"}
    assert await computed(new, old, min="min(x)", max="max(x)") == {"min": old, "max": new}
    assert await computed("a", 5, old, 7.5, min="min(x)", max="max(x)") == {"min": 5, "max": old}


async def test_decimals_count_as_numbers() -> None:
    assert await computed(Decimal("1.5"), 2, total="sum(x)", mean="avg(x)") == {"total": 3.5, "mean": 1.75}


@pytest.mark.parametrize(("name", "text"), [("sum", "is no number"), ("max", "is neither number, text nor time")])
async def test_a_value_that_does_not_fit_sends_its_record_to_failure(name: str, text: str) -> None:
    bad = [True, [1], {"a": 1}, float("nan"), float("inf"), 10**400]
    async with window(count=2, compute={"found": f"{name}(x)"}) as it:
        routes = await it.feed_batch(Batch.of([{"x": value} for value in (1, *bad, 2)]))
    messages = [error["message"] for error in routes["failure"][0].columns["error"]]
    assert messages == [f"{name}(x): {value!r:.80} {text}" for value in bad]
    assert routes["success"][0].rows[0]["found"] == {"sum": 3, "max": 2}[name]


@pytest.mark.parametrize("count", [10, 1023, 5000, 200_000])
def test_distinct_is_exact_for_few_and_close_for_many(count: int) -> None:
    kind = Aggregate("distinct(x)").kind
    state = None
    for start in range(0, count, 10_000):
        hashes, _ = kind.usable([f"user-{number}" for number in range(start, min(count, start + 10_000))])
        state = kind.fold(state, hashes, ())
        state = kind.fold(state, hashes[:5], ())
    assert abs(kind.result(state) - count) <= (0 if count < 1024 else 0.1 * count)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=200), st.sampled_from([0, 25, 50, 99, 100]))
def test_a_percentile_is_within_a_hundredth(values: list[float], percent: float) -> None:
    kind = Aggregate(f"percentile(x, {percent})").kind
    right = sorted(values)[math.floor(percent / 100 * (len(values) - 1))]
    assert math.isclose(kind.result(kind.fold(None, values, ())), right, rel_tol=0.0101, abs_tol=1e-8)


NUMBERS = st.lists(st.integers(-1000, 1000), min_size=1, max_size=40)


@given(st.sampled_from(sorted(KINDS)), NUMBERS, st.randoms(use_true_random=False))
def test_parts_that_are_merged_give_the_same_as_all_at_once(name: str, numbers: list[int], dice: random.Random) -> None:
    kind = KINDS[name](50 if name == "percentile" else None)
    values, _ = kind.usable(numbers)
    times = list(range(len(values)))
    cut = dice.randint(0, len(values))
    parts = [kind.fold(None, values[part], times[part]) for part in (slice(0, cut), slice(cut, None)) if values[part]]
    merged = parts[0] if len(parts) == 1 else kind.merge(*parts)
    together, apart = kind.result(kind.fold(None, values, times)), kind.result(merged)
    assert together == (pytest.approx(apart) if name in ("stddev", "avg") and apart is not None else apart)
