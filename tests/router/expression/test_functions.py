from __future__ import annotations

import pickle
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from router.batch import Batch
from router.errors import ConfigError
from router.expression import BUILTINS, Expression, FunctionTable, reference

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "expressions.md"


def value(source: str, /, **record: Any) -> Any:
    """The value of an expression for one record."""
    return Expression(source).over(Batch.of([record]))[0]


@pytest.mark.parametrize("function", list(BUILTINS), ids=lambda function: function.name)
def test_every_example_is_true(function: Any) -> None:
    assert function.doc
    assert value(function.example) is True


def test_the_documentation_holds_the_table() -> None:
    assert reference() in DOCUMENT.read_text()


@pytest.mark.parametrize(
    ("source", "record", "expected"),
    [
        ("length(a)", {"a": "héé"}, 3),
        ("length(a)", {"a": {"x": 1}}, 1),
        ("length(a)", {"a": [1, 2]}, 2),
        ("trim(a, 'x')", {"a": "xax"}, "a"),
        ("contains(a, b)", {"a": "abc", "b": "bc"}, True),
        ("starts_with(a, b)", {"a": "abc", "b": "bc"}, False),
        ('split("a  b c")', {}, ["a", "b", "c"]),
        ("concat(a, true_, 1.5, '!')", {"a": "n", "true_": True}, "ntrue1.5!"),
        ("concat(a, b)", {"a": [1], "b": [2]}, [1, 2]),
        ("concat(a, b)", {"a": "x"}, None),
        ("text(a)", {"a": {"x": [1, None]}}, '{"x":[1,null]}'),
        ("text(a)", {"a": True}, "true"),
        ("text(a)", {"a": 10**30}, "1" + "0" * 30),
        ("text(a)", {"a": b"abc"}, "abc"),
        ("number(a)", {"a": " 12 "}, 12),
        ("number(a)", {"a": "1e3"}, 1000.0),
        ("number(a)", {"a": 5}, 5),
        ("boolean(a)", {"a": False}, False),
        ("round(a)", {"a": 2.5}, 2),
        ("round(a, 1)", {"a": 2.25}, 2.2),
        ("round(a)", {"a": Decimal("2.6")}, 3),
        ("min(a)", {"a": [3, 1.5]}, 1.5),
        ("max(a, b)", {"a": "x", "b": "y"}, "y"),
        ("max(a, b)", {"a": 1}, None),
        ("sum(a)", {"a": []}, 0),
        ("type_of(a)", {}, "null"),
        ("type_of(a)", {"a": True}, "boolean"),
        ("keys(record)", {"a": 1, "b": 2}, ["a", "b"]),
        ('get(a, "b.-1.c")', {"a": {"b": [{"c": 1}]}}, 1),
        ('get(a, "b.c.d")', {"a": {"b": 1}}, None),
        ("parse_json(a).x", {"a": '{"x": 12345678901234567890123}'}, 12345678901234567890123),
        ('matches(a, "^x.z$")', {"a": "xyz"}, True),
        ("matches(a, b)", {"a": "xyz", "b": "y$"}, False),
        ("extract(a, r'([a-z]+)-([0-9]+)', 2)", {"a": "x-7"}, "7"),
        ("extract(a, 'q')", {"a": "x"}, None),
        (r"replace_pattern(a, '([a-z])([0-9])', r'\2\1\\')", {"a": "ä a1 b2"}, "ä 1a\\ 2b\\"),
        ("replace_pattern(a, 'x*', '-')", {"a": "äb"}, "-ä-b-"),
        ("split_pattern(a, '[,;]')", {"a": "ä,b;c"}, ["ä", "b", "c"]),
        ("format_time(a)", {"a": 0.5}, "1970-01-01T00:00:00+0000"),
        ('format_time(a, "%H:%M", "Asia/Tokyo")', {"a": 0}, "09:00"),
        ('parse_time("1970-01-01T01:00:00+01:00")', {}, 0.0),
        ('parse_time("02/01/1970", "%d/%m/%Y")', {}, 86400.0),
        ("hash(a) == hash(b)", {"a": {"x": 1, "y": [2.0]}, "b": {"y": [2], "x": 1.0}}, True),
        ("hash(a) == hash(b)", {"a": 1, "b": "1"}, False),
        ("bucket(a, 1000)", {"a": "router"}, 689),
    ],
)
def test_function_gives(source: str, record: dict[str, Any], expected: Any) -> None:
    found = value(source, **record)
    assert (type(found), found) == (type(expected), expected)


@pytest.mark.parametrize(
    ("source", "record"),
    [
        ("upper(a)", {"a": 5}),
        ("length(a)", {"a": 5}),
        ("join(a, ',')", {"a": [1]}),
        ("join(a, ',')", {"a": "abc"}),
        ("number(a)", {"a": "1_000"}),
        ("number(a)", {"a": "nan"}),
        ("number(a)", {"a": "1e999"}),
        ("number(a)", {"a": True}),
        ("number(a)", {"a": "9" * 5000}),
        ("boolean(a)", {"a": 1}),
        ("round(a, b)", {"a": 5, "b": -(10**9)}),
        ("round(a)", {"a": float("inf")}),
        ("round(a)", {"a": Decimal("1e999999")}),
        ("min(a)", {"a": []}),
        ("max(a, b)", {"a": 1, "b": "x"}),
        ("sum(a)", {"a": [True]}),
        ("replace(a, '', 'x')", {"a": "abc"}),
        ("replace(a, 'x', b)", {"a": "x" * 10_000, "b": "y" * 10_000}),
        ("replace_pattern(a, 'x', b)", {"a": "x" * 10_000, "b": "y" * 10_000}),
        ("join(a, b)", {"a": [""] * 10_000, "b": "y" * 10_000}),
        ("split(a, ',')", {"a": "," * 1_000_001}),
        ("matches(a, b)", {"a": "x", "b": "("}),
        ("matches(a, b)", {"a": "x", "b": "x" * 5000}),
        ("extract(a, 'x', 1)", {"a": "x"}),
        ("matches(a, b)", {"a": "x", "b": "x{1,1000}y"}),
        (r"replace_pattern(a, 'x', '\\1')", {"a": "x"}),
        ("parse_json(a)", {"a": "{"}),
        ("parse_json(a)", {"a": "[" * 100_000}),
        ("text(a)", {"a": float("nan")}),
        ("text(a)", {"a": b"\xff"}),
        ("bucket(a, 0)", {"a": "x"}),
        ("format_time(a)", {"a": 1e20}),
        ("format_time(a, b)", {"a": 0, "b": "%1000000000d"}),
        ("format_time(a, '%Y', b)", {"a": 0, "b": "../../etc/passwd"}),
        ("parse_time(a)", {"a": "yesterday"}),
        ("parse_time(a)", {"a": "1" * 100_000}),
    ],
)
def test_what_a_function_cannot_take_is_none_and_counted(source: str, record: dict[str, Any]) -> None:
    expression = Expression(source)
    assert expression.over(Batch.of([record])) == [None]
    assert expression.misses == 1


def test_a_catastrophic_pattern_is_linear() -> None:
    assert value("matches(a, '^(a+)+$')", a="a" * 50_000 + "!") is False


def test_patterns_are_not_loaded_before_they_are_needed() -> None:
    code = "import router.expression as e, sys; e.Expression('lower(a)'); sys.exit('re2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def _table(**functions: Any) -> FunctionTable:
    table = BUILTINS.copy()
    for name, function in functions.items():
        table.register(name, function)
    return table


def test_a_plugin_adds_a_function_to_its_table_alone() -> None:
    def shout(text: str, times: int = 1) -> str:
        """Upper-case, louder."""
        return text.upper() + "!" * times

    table = _table(shout=shout)
    with table.active():
        expression = Expression("shout(a, 2)")
    assert expression.over(Batch.of([{"a": "x"}, {"a": 5}, {}])) == ["X!!", None, None]
    assert expression.misses == 1
    assert "| `shout(text, times=1)` | Upper-case, louder. |" in reference(table)
    assert "shout" not in BUILTINS


def _shout(text: str) -> str:
    return text.upper()


def test_an_expression_takes_the_functions_of_plugins_along_to_another_process() -> None:
    with _table(shout=_shout).active():
        expression = Expression("shout(lower(a))")
    again = pickle.loads(pickle.dumps(expression))
    assert again.over(Batch.of([{"a": "x"}])) == ["X"]


def test_whatever_a_plugin_function_does_over_does_not_raise() -> None:
    def leave(_: object) -> None:
        sys.exit(3)

    def endless(value: object) -> object:
        return endless(value)

    with _table(leave=leave, endless=endless, odd=lambda value: {value}).active():
        expressions = [Expression(f"{name}(a)") for name in ("leave", "endless", "odd")]
    assert [each.over(Batch.of([{"a": 1}])) for each in expressions] == [[None]] * 3
    assert [each.misses for each in expressions] == [1, 1, 1]


@pytest.mark.parametrize(
    ("name", "function", "message"),
    [
        ("lower", str, "there is a function 'lower' already; choose another name"),
        ("Shout", str, "a function's name is a lower-case word such as 'shout'; got 'Shout'"),
        ("record", str, "a function's name is a lower-case word such as 'shout'; got 'record'"),
        ("f", lambda *, a: a, "function 'f': its parameter 'a' must be named; expressions cannot do so"),
    ],
)
def test_a_function_that_cannot_be_called_is_refused(name: str, function: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        BUILTINS.copy().register(name, function)
