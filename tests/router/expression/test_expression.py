from __future__ import annotations

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from pydantic import BaseModel, ValidationError

from router.batch import Batch
from router.codec import Projection
from router.expression import BUILTINS, CLOCK, Expression, ExpressionError


def value(source: str, /, **record: Any) -> Any:
    """The value of an expression for one record."""
    return Expression(source).over(Batch.of([record]))[0]


@pytest.mark.parametrize(
    ("source", "record", "expected"),
    [
        ('lang == "en"', {"lang": "en"}, True),
        ('lang == "en"', {"lang": "de"}, False),
        ('lang == "en"', {}, None),
        ('lang != "en"', {}, None),
        ('lang == "en"', {"lang": 5}, False),
        ('lang != "en"', {"lang": ["en"]}, True),
        ("n == 1", {"n": 1.0}, True),
        ("n == 1", {"n": True}, False),
        ("n == 1.0", {"n": 1}, True),
        ("n == 1", {"n": Decimal(1)}, True),
        ("n == 1", {"n": "1"}, False),
        ("a == b", {"a": [1, {"x": True}], "b": [1.0, {"x": True}]}, True),
        ("a == b", {"a": [1], "b": [True]}, False),
        ("a == [None]", {"a": [None]}, True),
        ("0 < n < 10", {"n": 5}, True),
        ("0 < n < 10", {"n": 10}, False),
        ("0 < n < m < 10", {"n": 3}, None),
        ("0 < n < m < 1", {"n": 3, "m": 5}, False),
        ('a < "b"', {"a": "a"}, True),
        ("a < b", {"a": datetime(2020, 1, 1, tzinfo=UTC), "b": datetime(2021, 1, 1, tzinfo=UTC)}, True),
        ('lang in ["en", "de"]', {"lang": "de"}, True),
        ('lang not in ["en", "de"]', {"lang": "fr"}, True),
        ('lang in ["en", "de"]', {}, None),
        ("n in [1, 2]", {"n": 1.0}, True),
        ("n in [1, 2]", {"n": True}, False),
        ('n in [1, "a", [2]]', {"n": [2]}, True),
        ('"a" in tags', {"tags": ["a"]}, True),
        ("1 in tags", {"tags": [True]}, False),
        ('"out" in text', {"text": "router"}, True),
        ('"x" in user', {"user": {"x": None}}, True),
        ("a is None", {}, True),
        ("a is not None", {"a": 0}, True),
        ("a is True", {"a": 1}, False),
        ("not a", {"a": False}, True),
        ('"yes" if n > 1 else "no"', {}, "no"),
        ('"yes" if n > 1 else "no"', {"n": 2}, "yes"),
        ("default(a, b, 3)", {"b": 0}, 0),
        ("default(a, b, 3)", {}, 3),
        ("user.name", {"user": {"name": "ada"}}, "ada"),
        ("user.name.first", {"user": {}}, None),
        ('user["full name"]', {"user": {"full name": "ada"}}, "ada"),
        ("tags[0]", {"tags": ["a", "b"]}, "a"),
        ("tags[-1]", {"tags": ["a", "b"]}, "b"),
        ("tags[2]", {"tags": ["a", "b"]}, None),
        ("text[1:3]", {"text": "router"}, "ou"),
        ("text[-2:]", {"text": "router"}, "er"),
        ("tags[:1]", {"tags": ["a", "b"]}, ["a"]),
        ('record["odd name"]', {"odd name": 1}, 1),
        ('record["__x"]', {"__x": 1}, 1),
        ("record.text", {"text": "a"}, "a"),
        ("record[name]", {"name": "x", "x": 5}, 5),
        ("record", {"a": 1}, {"a": 1}),
        ("timestamp", {"timestamp": 3}, 3),
        ("length", {"length": 3}, 3),
        ('{"n": n, "list": [n, 1]}', {"n": 2}, {"n": 2, "list": [2, 1]}),
        ("a\n  + b", {"a": 1, "b": 2}, 3),
        ("-n", {"n": 2}, -2),
        ("n - -1", {"n": 2}, 3),
        ('first + " " + last', {"first": "a", "last": "b"}, "a b"),
        ("7 // 2 + 7 % 2 + 2 ** 3 + 1 / 2", {}, 12.5),
    ],
)
def test_value(source: str, record: dict[str, Any], expected: Any) -> None:
    found = value(source, **record)
    assert (type(found), found) == (type(expected), expected)


@pytest.mark.parametrize(
    ("source", "record"),
    [
        ("a > 5", {"a": "x"}),
        ("a > 5", {"a": True}),
        ('a < "b"', {"a": 5}),
        ("a < b", {"a": [1], "b": [2]}),
        ("a < b", {"a": datetime(2020, 1, 1), "b": datetime(2021, 1, 1, tzinfo=UTC)}),  # noqa: DTZ001
        ("a + 1", {"a": True}),
        ("a + 1", {"a": "1"}),
        ("a + b", {"a": [1], "b": [2]}),
        ("a * 3", {"a": "ab"}),
        ("a * 10**9", {"a": [1]}),
        ("a % 3", {"a": "%s"}),
        ("1 / a", {"a": 0}),
        ("a % 0", {"a": 1}),
        ("9**9**9", {}),
        ('"a" * 10**9', {}),
        ("a ** 0.5", {"a": -1}),
        ("a * a", {"a": 10**700}),
        ("1e308 ** 2", {}),
        ("a + 1.5", {"a": 10**400}),
        ("a + b", {"a": "x" * 2**24, "b": "x"}),
        ("-a", {"a": "x"}),
        ("not a", {"a": 1}),
        ("a and b", {"a": "yes", "b": True}),
        ("a in b", {"a": 1, "b": 5}),
        ("a.b", {"a": "text"}),
        ("a[0]", {"a": {"0": 1}}),
        ("a[b]", {"a": [1], "b": True}),
        ("a[0:1]", {"a": {"x": 1}}),
        ("record[a]", {"a": 5}),
        ("lower(a)", {"a": 5}),
    ],
)
def test_wrong_kinds_give_none_and_are_counted(source: str, record: dict[str, Any]) -> None:
    expression = Expression(source)
    assert expression.over(Batch.of([record])) == [None]
    assert expression.misses >= 1
    assert expression.last_miss


@pytest.mark.parametrize(
    "source", ["a > 5", "a + 1", "a.b.c", "a[0]", "a[b]", "lower(a)", "not a", "-a", "a in b", "a[0:1]"]
)
def test_a_missing_value_gives_none_and_is_not_counted(source: str) -> None:
    expression = Expression(source)
    assert (expression.over(Batch.of([{}, {"a": None}])), expression.misses) == ([None, None], 0)


def test_a_wrong_record_leaves_its_neighbours_alone() -> None:
    expression = Expression("n * 2 > 3")
    assert expression.over(Batch.of([{"n": 1}, {"n": "x"}, {"n": {}}, {"n": 2}])) == [False, None, None, True]
    assert expression.misses == 2
    assert expression.last_miss == "'*' between text and number"


def test_a_record_nested_too_deeply_to_compare_is_none_alone() -> None:
    deep: list[Any] = []
    for _ in range(20_000):
        deep = [deep]
    expression = Expression("a == b")
    assert expression.over(Batch.of([{"a": 1, "b": 1}, {"a": deep, "b": [deep[0]]}])) == [True, None]
    assert expression.misses == 1


def test_what_only_fails_outside_its_operation_costs_one_record() -> None:
    class Hostile(dict[str, Any]):
        def get(self, key: str, default: Any = None) -> Any:
            raise MemoryError(key)

    expression = Expression("a")
    assert expression.over(Batch.of([{"a": 1}, Hostile(a=2), {"a": 3}])) == [1, None, 3]
    assert (expression.misses, expression.last_miss) == (1, "MemoryError: a")


def test_fields_are_the_roots_that_are_read() -> None:
    expression = Expression('user.name == meta.key and record["odd name"] > length(text) or length is None')
    assert expression.fields == {"user", "odd name", "text", "length"}
    assert not expression.whole


@pytest.mark.parametrize("source", ["record", "record[name]", "keys(record)"])
def test_reading_a_computed_field_needs_the_whole_record(source: str) -> None:
    assert Expression(source).whole


def test_meta_reads_columns_and_attributes() -> None:
    batch = Batch.of([{"key": 1}, {"key": 2}], topic="posts").with_columns(
        key=["a", "b"], error=[None, {"message": "no"}], headers=[{"x-id": "7"}, {}]
    )
    found = Expression('[meta.key, meta.topic, meta.error.message, meta.headers["x-id"], meta["no such"], key]').over(
        batch
    )
    assert found == [["a", "posts", None, "7", None, 1], ["b", "posts", "no", None, None, 2]]


def test_undecoded_records_are_not_decoded_for_an_expression() -> None:
    expression = Expression('lang == "en" and record["user-id"] > 4')
    batch = Batch.raw([msgspec.json.encode({"lang": "en", "user-id": n}) for n in (4, 5)])
    batch._projection = Projection(expression.fields)
    assert expression.over(batch) == [False, True]
    assert batch._rows is None


def test_an_expression_without_fields_gives_a_value_for_undecodable_records_too() -> None:
    assert Expression("True").over(Batch.raw([b"broken", b"{}"])) == [True, True]


def test_an_empty_batch_gives_no_values() -> None:
    assert Expression("a > meta.key").over(Batch.of([])) == []


@pytest.mark.parametrize("literal", [True, False, 5, -1, 2.5])
def test_a_literal_of_yaml_is_itself(literal: float) -> None:
    expression = Expression(literal)
    assert (expression.over(Batch.of([{}])), expression.source) == ([literal], repr(literal))


def test_expressions_are_equal_by_source() -> None:
    assert Expression(" a > 1 ") == Expression("a > 1") != Expression("a > 2")
    assert len({Expression("a"), Expression("a"), Expression(True), Expression("True")}) == 2
    assert Expression("a") != "a"


def test_an_expression_survives_pickle_and_copy() -> None:
    expression = Expression('contains(text, "x")')
    again = pickle.loads(pickle.dumps(expression))
    assert (again, again.over(Batch.of([{"text": "x"}]))) == (expression, [True])
    assert copy.deepcopy(expression) is copy.copy(expression) is expression


def test_threads_share_an_expression_and_lose_no_miss() -> None:
    expression = Expression("a + 1")
    batch = Batch.of([{"a": 1}, {"a": "x"}] * 50)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: expression.over(batch), range(100)))
    assert found == [[2, None] * 50] * 100
    assert expression.misses == 50 * 100


def test_now_is_the_clock_of_the_context_and_one_for_a_batch() -> None:
    ticks = iter(range(100, 200))
    token = CLOCK.set(lambda: float(next(ticks)))
    try:
        assert Expression("now() - now() + a").over(Batch.of([{"a": 1}, {"a": 2}])) == [0.0, 1.0]
    finally:
        CLOCK.reset(token)


class Settings(BaseModel):
    where: Expression = Expression("True")
    key: Expression | None = None
    names: dict[str, Expression] = {}


def test_a_setting_is_an_expression() -> None:
    settings = Settings.model_validate({"where": True, "key": "a.b", "names": {"n": 5}})
    assert settings.where == Expression("True")
    assert settings.key == Expression("a.b")
    assert settings.model_dump(mode="json") == {"where": "True", "key": "a.b", "names": {"n": "5"}}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (None, "an expression is missing; a null is written 'None', in quotes"),
        ({"a": 1}, "an expression is text, got dict; put all of it in quotes"),
        (["a"], "an expression is text, got list; put all of it in quotes"),
        (float("nan"), "nan is no number"),
        (10**2000, "a number has at most 4,096 bits"),
        ("a = 1", "no sign '=' here"),
    ],
)
def test_a_setting_that_is_none_is_refused(given: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Settings.model_validate({"where": given})


def test_the_schema_of_a_setting_says_what_it_is() -> None:
    schema = Settings.model_json_schema()["properties"]["where"]
    assert schema["type"] == ["string", "number", "boolean"]
    assert schema["description"].startswith("An expression")


def test_no_function_shares_its_name_with_the_words_of_the_language() -> None:
    assert not {"meta", "record", "and", "or", "not", "in"} & {each.name for each in BUILTINS}


def test_an_error_survives_pickle() -> None:
    with pytest.raises(ExpressionError) as caught:
        Expression("a +")
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.source, again.column) == (str(caught.value), "a +", 3)
