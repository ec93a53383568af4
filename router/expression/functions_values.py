"""Functions of numbers, lists, objects and anything."""

from __future__ import annotations

import builtins
import re
from collections.abc import Callable
from decimal import Decimal
from hashlib import blake2b
from typing import Any

import msgspec

from router.expression.functions import builtin
from router.expression.functions_text import need_text
from router.expression.values import Unfit, is_number, kind

_NUMBER = re.compile(r"\s*[+-]?(?:[0-9]{1,400}(?:\.[0-9]{0,400})?|\.[0-9]{1,400})(?:[eE][+-]?[0-9]{1,5})?\s*", re.ASCII)
_BOOLEANS = {"true": True, "false": False, True: True, False: False}
_canonical = msgspec.json.Encoder(order="deterministic").encode
_LONGEST_PATH = 1024


def need_number(*values: Any) -> None:
    """Refuse what is no number.

    Raises:
        Unfit: one of the values is none.
    """
    for value in values:
        if not is_number(value):
            raise Unfit(f"takes a number, got {kind(value)}")


@builtin("default(None, 0) == 0", takes_null=True)
def default(value: Any, otherwise: Any, *more: Any) -> Any:
    """The first of the values that is not None."""
    return next((each for each in (value, otherwise, *more) if each is not None), None)


@builtin('type_of([1]) == "list"', takes_null=True)
def type_of(value: Any) -> str:
    """The kind of a value: null, boolean, number, text, bytes, time, list or object."""
    return kind(value)


@builtin('number("1.5") == 1.5')
def number(value: Any) -> Any:
    """A text as a number; a number as it is."""
    if is_number(value):
        return value
    if not isinstance(value, str) or not _NUMBER.fullmatch(value):
        raise Unfit(f"{value!r:.40} is no number")
    found = float(value) if set(value) & set(".eE") else int(value)
    need_finite(found)
    return found


def need_finite(value: float) -> None:
    """Refuse NaN and the infinities.

    Raises:
        Unfit: it is one of them.
    """
    if isinstance(value, float) and value - value != 0:
        raise Unfit(f"{value!r} is no number")


@builtin('boolean("true")')
def boolean(value: Any) -> bool:
    """The texts `true` and `false` as a boolean; a boolean as it is."""
    found = _BOOLEANS.get(value) if isinstance(value, str | bool) else None
    if found is None:
        raise Unfit(f"{value!r:.40} is neither true nor false")
    return found


@builtin("round(2.345, 2) == 2.35 or round(2.345, 2) == 2.34", name="round")
def round_(number: Any, digits: Any = 0) -> Any:
    """The number rounded to so many digits, halves to the even one; to an integer without them."""
    need_number(number)
    if type(digits) is not int or not -30 <= digits <= 30:
        raise Unfit("digits are a whole number from -30 to 30")
    if isinstance(number, Decimal) and number.adjusted() > 400:
        raise Unfit("the number is too large to round")
    return builtins.round(number, digits) if digits else builtins.round(number)


@builtin("abs(-2) == 2", name="abs")
def abs_(number: Any) -> Any:
    """The number without its sign."""
    need_number(number)
    return builtins.abs(number)


@builtin("min(3, 1, 2) == 1", name="min")
def min_(first: Any, *more: Any) -> Any:
    """The smallest of the numbers, texts or times, or of a list of them."""
    return _extreme(builtins.min, first, more)


@builtin("max([3, 1, 2]) == 3", name="max")
def max_(first: Any, *more: Any) -> Any:
    """The largest of the numbers, texts or times, or of a list of them."""
    return _extreme(builtins.max, first, more)


def _extreme(choose: Callable[..., Any], first: Any, more: tuple[Any, ...]) -> Any:
    values = first if kind(first) == "list" and not more else (first, *more)
    kinds = set(map(kind, values))
    if len(kinds) != 1 or not kinds <= {"number", "text", "time"}:
        raise Unfit(f"takes numbers, texts or times, got {', '.join(sorted(kinds)) or 'nothing'}")
    return choose(values)


@builtin("sum([1, 2, 3]) == 6", name="sum")
def sum_(numbers: Any) -> Any:
    """The sum of a list of numbers."""
    if kind(numbers) != "list":
        raise Unfit(f"takes a list, got {kind(numbers)}")
    need_number(*numbers)
    return builtins.sum(numbers)


@builtin('hash("a") == "dbea35bc7f21752194bf49390c6f6a35"', name="hash")
def hash_(value: Any) -> str:
    """32 hexadecimal digits that depend on the value alone (BLAKE2b of its JSON, names sorted); the same everywhere."""
    return blake2b(_canonical(_normal(value)), digest_size=16).hexdigest()


@builtin('bucket("a", 10) < 10')
def bucket(value: Any, count: Any) -> int:
    """A whole number from 0 up to, not including, `count`; equal values get the same, everywhere."""
    if type(count) is not int or not 0 < count <= 2**31:
        raise Unfit("a count is a whole number from 1 to 2,147,483,648")
    return int.from_bytes(blake2b(_canonical(_normal(value)), digest_size=8).digest(), "big") % count


def _normal(value: Any) -> Any:
    """Write equal values alike: 1.0 as 1; a NaN is refused, JSON cannot say it."""
    if isinstance(value, float):
        need_finite(value)
        return int(value) if value.is_integer() else value
    if isinstance(value, list | tuple):
        return [_normal(each) for each in value]
    if isinstance(value, dict):
        return {name: _normal(each) for name, each in value.items()}
    return value


@builtin('keys({"a": 1}) == ["a"]')
def keys(object: Any) -> list[str]:
    """The names in an object, in their order."""
    if not isinstance(object, dict):
        raise Unfit(f"takes an object, got {kind(object)}")
    return list(object)


@builtin('get({"a": [{"b": 1}]}, "a.0.b") == 1')
def get(value: Any, path: Any) -> Any:
    """What lies at a path of names and positions with dots between, None where there is nothing."""
    need_text(path)
    if len(path) > _LONGEST_PATH:
        raise Unfit(f"a path has at most {_LONGEST_PATH:,} characters")
    for name in path.split("."):
        if isinstance(value, dict):
            value = value.get(name)
        elif isinstance(value, list) and re.fullmatch(r"-?[0-9]{1,9}", name, re.ASCII):
            value = value[int(name)] if -len(value) <= int(name) < len(value) else None
        else:
            return None
    return value


@builtin('parse_json(\'{"a": 1}\') == {"a": 1}')
def parse_json(text: Any) -> Any:
    """The value that a text holds as JSON."""
    need_text(text)
    return msgspec.json.decode(text)
