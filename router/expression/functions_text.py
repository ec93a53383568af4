"""Functions of texts."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from router.expression.functions import builtin
from router.expression.patterns import Pattern, pattern
from router.expression.values import ITEM_LIMIT, Unfit, bounded, kind

_encode = msgspec.json.Encoder(decimal_format="number").encode


def need_text(*values: Any) -> None:
    """Refuse what is no text.

    Raises:
        Unfit: one of the values is none.
    """
    for value in values:
        if not isinstance(value, str):
            raise Unfit(f"takes text, got {kind(value)}")


def as_text(value: Any) -> str:
    """Write a value as text: JSON, but for texts themselves, times and bytes.

    Raises:
        Unfit: it is a NaN or an infinity.
    """
    if isinstance(value, str):
        return value
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, int | Decimal):
        return str(value)
    if isinstance(value, float):
        if value - value != 0:
            raise Unfit(f"{value!r} cannot be written")
        return repr(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode()
    return _encode(value).decode()


@builtin('text(1.5) == "1.5"')
def text(value: Any) -> str:
    """Any value as text; lists and objects as JSON."""
    return as_text(value)


@builtin('length("abc") == 3', inline="len({0})")
def length(value: Any) -> int:
    """The number of characters of a text, of elements of a list, of names in an object."""
    if kind(value) not in {"text", "list", "object", "bytes"}:
        raise Unfit(f"takes text, a list or an object, got {kind(value)}")
    return len(value)


@builtin('lower("ABC") == "abc"', inline="{0}.lower()")
def lower(text: Any) -> str:
    """The text in lower case."""
    need_text(text)
    return text.lower()  # type: ignore[no-any-return]


@builtin('upper("abc") == "ABC"', inline="{0}.upper()")
def upper(text: Any) -> str:
    """The text in upper case."""
    need_text(text)
    return text.upper()  # type: ignore[no-any-return]


@builtin('trim("  a b ") == "a b"')
def trim(text: Any, characters: Any = None) -> str:
    """The text without white space, or without those characters, at both ends."""
    need_text(text, "" if characters is None else characters)
    return text.strip(characters)  # type: ignore[no-any-return]


@builtin('contains("router", "out")', inline="{1} in {0}")
def contains(text: Any, part: Any) -> bool:
    """Whether the part is in the text; for lists and objects write `x in list`."""
    need_text(text, part)
    return part in text


@builtin('starts_with("router", "ro")', inline="{0}.startswith({1})")
def starts_with(text: Any, start: Any) -> bool:
    """Whether the text starts so."""
    need_text(text, start)
    return text.startswith(start)  # type: ignore[no-any-return]


@builtin('ends_with("router", "er")', inline="{0}.endswith({1})")
def ends_with(text: Any, end: Any) -> bool:
    """Whether the text ends so."""
    need_text(text, end)
    return text.endswith(end)  # type: ignore[no-any-return]


@builtin('replace("a.b.c", ".", "-") == "a-b-c"')
def replace(text: Any, old: Any, new: Any) -> str:
    """The text with each `old` replaced, both taken literally."""
    need_text(text, old, new)
    if not old:
        raise Unfit("there is nothing to replace")
    bounded(len(text) + text.count(old) * (len(new) - len(old)), len(text) + len(new))
    return text.replace(old, new)  # type: ignore[no-any-return]


@builtin('split("a,b", ",") == ["a", "b"]')
def split(text: Any, separator: Any = None) -> list[str]:
    """The parts of the text between the separators; without one, its words."""
    need_text(text, "" if separator is None else separator)
    parts: list[str] = text.split(separator, ITEM_LIMIT)
    if len(parts) > ITEM_LIMIT:
        raise Unfit(f"more than {ITEM_LIMIT:,} parts")
    return parts


@builtin('join(["a", "b"], ", ") == "a, b"')
def join(list: Any, separator: Any) -> str:
    """The texts of a list as one text."""
    need_text(separator)
    if kind(list) != "list":
        raise Unfit(f"takes a list, got {kind(list)}")
    need_text(*list)
    size = sum(map(len, list)) + len(separator) * max(0, len(list) - 1)
    bounded(size, sum(map(len, list)) + len(separator) + len(list))
    return separator.join(list)  # type: ignore[no-any-return]


@builtin('concat("n", 1, "!") == "n1!"')
def concat(first: Any, *more: Any) -> str | list[Any]:
    """Texts, numbers and booleans as one text; or lists as one list."""
    values = (first, *more)
    if type(first) is list and set(map(type, values)) == {list}:
        if sum(map(len, values)) > ITEM_LIMIT:
            raise Unfit(f"more than {ITEM_LIMIT:,} elements")
        return [each for value in values for each in value]
    parts = [value if type(value) is str else _part(value) for value in values]
    size = sum(map(len, parts))
    bounded(size, size)
    return "".join(parts)


def _part(value: Any) -> str:
    if kind(value) not in {"text", "number", "boolean"}:
        raise Unfit(f"takes texts and numbers, or lists, got {kind(value)}")
    return as_text(value)


def _pattern(value: Any) -> Pattern:
    if type(value) is Pattern:
        return value
    need_text(value)
    found = pattern(value)
    if found.is_large:
        raise Unfit("a pattern that is not written in the expression may not be so large")
    return found


@builtin('matches("router 2", r"[0-9]$")', prepare={1: pattern})
def matches(text: Any, pattern: Any) -> bool:
    """Whether the [RE2](https://github.com/google/re2/wiki/Syntax) pattern is found anywhere in the text."""
    need_text(text)
    return _pattern(pattern).is_in(text)


@builtin(r'replace_pattern("a1b22", r"[0-9]+", "#") == "a#b#"', prepare={1: pattern})
def replace_pattern(text: Any, pattern: Any, new: Any) -> str:
    r"""The text with each match replaced; `\\1` in `new` is the first group."""
    need_text(text, new)
    return _pattern(pattern).replace(text, new)


@builtin('split_pattern("a, b;c", r"[,;] *") == ["a", "b", "c"]', prepare={1: pattern})
def split_pattern(text: Any, pattern: Any) -> list[str]:
    """The parts of the text between the matches."""
    need_text(text)
    return _pattern(pattern).split(text)


@builtin('extract("id=42", r"id=([0-9]+)", 1) == "42"', prepare={1: pattern})
def extract(text: Any, pattern: Any, group: Any = 0) -> str | None:
    """The first match, or a group of it; None where nothing matches."""
    need_text(text)
    if type(group) is not int:
        raise Unfit(f"a group is a number, got {kind(group)}")
    return _pattern(pattern).extract(text, group)
