from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Problems = Callable[..., list[str]]
N = {"n": "count()"}


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({}, "a window has one of 'size' (time), 'gap' (sessions) and 'count' (records); got none"),
        (
            {"size": "1m", "count": 5},
            "a window has one of 'size' (time), 'gap' (sessions) and 'count' (records); got 'size' and 'count'",
        ),
        ({"gap": "1m", "every": "10s"}, "'every' means nothing without 'size'"),
        ({"gap": "1m", "within": "10s"}, "'within' means nothing without 'count'"),
        ({"size": "1m", "per_key": False, "key": "k"}, "'per_key' means nothing without 'count'"),
        ({"count": 2, "per_key": False}, "'per_key' means nothing without 'key'"),
        ({"size": "1m", "lateness": "1s"}, "'lateness' means nothing without 'time'"),
        ({"size": "1m", "idle": "1s"}, "'idle' means nothing without 'time'"),
        ({"count": 2, "time": "t"}, "'time': a window of 'count' takes records as they come"),
        ({"size": "1m", "every": "2m"}, "'every' is at most 'size': records between two windows would be in none"),
        ({"size": "1m", "every": "7s"}, "'size' is a whole multiple of 'every'"),
        (
            {"size": "1d", "every": "1s"},
            "a record would be in 86,400 windows; 'size' is at most 1,000 times 'every'",
        ),
        (
            {"size": "1m", "compute": {"window_end": "count()"}},
            "'compute': the field 'window_end' is given already; choose another name",
        ),
        (
            {"size": "1m", "key": "[user, day]", "compute": {"day": "count()"}},
            "'compute': the field 'day' is given already; choose another name",
        ),
    ],
)
def test_settings_that_make_no_window_are_refused(problems: Problems, settings: dict[str, Any], problem: str) -> None:
    assert problems("window", **{"compute": N, **settings}) == [problem]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("summ(x)", "expression 'summ(x)', column 1: no aggregate 'summ' (did you mean 'sum'?)"),
        ("sum", ("expression 'sum', column 1: an aggregate is one call, such as count() or sum(amount); "
            "compute with its value behind the window")),
        ("sum(x) / 2", ("expression 'sum(x) / 2', column 1: an aggregate is one call, such as count() or sum(amount); "
            "compute with its value behind the window")),
        ("sum()", "expression 'sum()', column 1: sum is written sum(value)"),
        ("sum(x, 2)", "expression 'sum(x, 2)', column 1: sum is written sum(value)"),
        ("sum(value=x)", "expression 'sum(value=x)', column 1: arguments have no names here"),
        ("sum(x", "expression 'sum(x', column 4: '(' is not closed"),
        ("sum(x =)", "expression 'sum(x =)', column 7: no sign '=' here; write '==' to compare"),
        ("sum(user-id)", ("expression 'user-id', column 1: 'user-id' may be a name or a difference; "
            "write record[\"user-id\"] or 'user - id'")),
        ("percentile(x)", ("expression 'percentile(x)', column 1: percentile is written percentile(value, percent): "
            "percent is a number from 0 to 100")),
        ("percentile(x, 101)", ("expression 'percentile(x, 101)', column 1: percentile is written "
            "percentile(value, percent): percent is a number from 0 to 100; got 101")),
        ("list(x, 0)", ("expression 'list(x, 0)', column 1: list is written list(value) or list(value, at_most): "
            "at most is a number from 1 to 100,000; got 0")),
        (5, "expression '5', column 1: an aggregate is text, such as 'sum(amount)'; got 5"),
    ],
)  # fmt: skip
def test_what_is_no_aggregate_is_refused(problems: Problems, text: object, problem: str) -> None:
    assert problems("window", size="1m", compute={"a": text}) == [f"compute.a: Value error, {problem}"]


def test_something_must_be_computed(problems: Problems) -> None:
    assert problems("window", size="1m", compute={})[0].startswith("compute: ")
    assert problems("window", size="0s", compute=N) == ["size: Input should be greater than 0 seconds"]
