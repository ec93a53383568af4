from __future__ import annotations

import posixpath
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st

from router.batch import Batch
from router.codec import Projection
from router.errors import ConfigError
from router.expression import Expression, PathTemplate, Template
from tests.router.expression.strategies import hostile_sources, json_values, records, scalars, sources, texts

PLAIN = {type(None), bool, int, float, str, bytes, list, dict, datetime, Decimal}


def _read(source: str) -> Expression | None:
    """An expression, or None where it is refused in the way refusals are promised."""
    try:
        return Expression(source)
    except ConfigError:
        return None


def _projected(rows: list[dict[str, Any]], fields: frozenset[str]) -> Batch:
    batch = Batch.raw([msgspec.json.encode(row) for row in rows])
    batch._projection = Projection(fields)
    return batch


def _assert_plain(value: Any) -> None:
    assert type(value) in PLAIN
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _assert_plain(each)


@given(sources | hostile_sources | texts, st.lists(records(), max_size=4))
@example("\ud800", [{}])
@example("a-\r-\rb", [{}])
@example("9**9**9", [{}])
@example('"a" * 10**9', [{}])
@example("[1, 2] * 10**9", [{}])
@example("a" + ".x" * 2000, [{}])
@example("(" * 2000, [{}])
@example("-" * 4000 + "1", [{}])
@example("+".join("a" * 2000), [{}])
@example("not " * 1000 + "a", [{}])
@example("a" + "[0]" * 1300, [{}])
def test_any_text_is_refused_or_gives_one_plain_value_a_record(source: str, rows: list[dict[str, Any]]) -> None:
    expression = _read(source)
    if expression is not None:
        values = expression.over(Batch.of(rows, key="k", headers={"x": 1}))
        assert len(values) == len(rows)
        for value in values:
            _assert_plain(value)


@given(sources, st.lists(records(json_values), max_size=4))
def test_structs_and_rows_give_the_same_values_and_misses(source: str, rows: list[dict[str, Any]]) -> None:
    first, second = _read(source), _read(source)
    if first is not None and second is not None and "now" not in source:
        from_rows = first.over(Batch.of(rows))
        from_structs = second.over(_projected(rows, second.fields))
        assert msgspec.to_builtins(from_rows) == msgspec.to_builtins(from_structs)
        assert first.misses == second.misses


@given(st.lists(records(json_values), min_size=1, max_size=4), sources)
def test_a_batch_gives_what_its_records_give_one_by_one(rows: list[dict[str, Any]], source: str) -> None:
    expression = _read(source)
    if expression is not None and "now" not in source:
        alone = [expression.over(Batch.of([row]))[0] for row in rows]
        assert repr(expression.over(Batch.of(rows))) == repr(alone)


@given(scalars, scalars)
def test_comparison_with_a_literal_gives_what_a_computed_comparison_gives(left: Any, right: Any) -> None:
    batch = Batch.of([{"a": left, "b": right}])
    for sign in ("==", "!=", "<", "<=", ">", ">=", "+", "-", "*"):
        if right is not None:
            computed = Expression(f"a {sign} b").over(batch)
            literal = _read(f"a {sign} {right!r}")
            assert literal is None or repr(literal.over(batch)) == repr(computed)


@given(st.sampled_from([True, False, None]), st.sampled_from([True, False, None]), st.sampled_from([True, False, None]))
def test_logic_is_kleenes(a: bool | None, b: bool | None, c: bool | None) -> None:
    batch = Batch.of([{"a": a, "b": b, "c": c}])
    rank = {False: 0, None: 1, True: 2}
    assert Expression("a and b and c").over(batch) == [min(a, b, c, key=rank.__getitem__)]
    assert Expression("a or b or c").over(batch) == [max(a, b, c, key=rank.__getitem__)]
    assert Expression("not a").over(batch) == [None if a is None else not a]


@given(
    st.text(max_size=40)
    | st.lists(sources | texts, max_size=3).map(lambda parts: "x{{ " + " }}/{{ ".join(parts) + " }}"),
    records(),
)
def test_any_template_is_refused_or_gives_text_or_none(source: str, row: dict[str, Any]) -> None:
    for kind in (Template, PathTemplate):
        try:
            values = kind(source).over(Batch.of([row]))
        except ConfigError:
            continue
        assert [type(value) in {str, type(None)} for value in values] == [True]


@given(
    st.sampled_from(["out/{{ a }}.avro", "out/{{ a }}{{ b }}", "out/x/{{ a }}/{{ b }}/y", "out/.{{ a }}"]), records()
)
@example("out/{{ a }}{{ b }}", {"a": ".", "b": "."})
@example("out/.{{ a }}", {"a": "."})
@example("out/{{ a }}.avro", {"a": "../../etc/passwd"})
@example("out/{{ a }}.avro", {"a": "x" * 300})
def test_no_record_makes_a_path_outside_the_literal_folder(source: str, row: dict[str, Any]) -> None:
    for path in PathTemplate(source).over(Batch.of([row])):
        if path is not None:
            assert posixpath.normpath(path) == path
            assert path.startswith("out/")
            assert path.count("/") == source.count("/")
