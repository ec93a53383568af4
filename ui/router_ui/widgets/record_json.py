"""JSON as lines of coloured words."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from router_ui.widgets.records_text import clean

__all__ = ["Line", "json_lines", "plain", "wrapped"]

Line: TypeAlias = "list[tuple[str, str]]"
"""Pieces of text, each with the name of its colour."""

_INLINE = 60  # what is so short stands on one line
_DEEPEST = 40


def json_lines(value: Any, depth: int = 0, before: Line | None = None, after: str = "") -> Iterator[Line]:
    """A value, indented by two, its keys in their order; what is small stands on one line."""
    lead: Line = [("  " * depth, ""), *(before or [])]
    if not isinstance(value, Mapping | list) or not value or depth >= _DEEPEST or _is_small(value):
        yield [*lead, *_words(value), (after, "mark")]
        return
    marks = "{}" if isinstance(value, Mapping) else "[]"
    yield [*lead, (marks[0], "mark")]
    for index, (key, item) in enumerate(_items(value), 1):
        yield from json_lines(item, depth + 1, key, "," if index < len(value) else "")
    yield [("  " * depth, ""), (marks[1], "mark"), (after, "mark")]


def _items(value: Mapping[str, Any] | list[Any]) -> Iterator[tuple[Line, Any]]:
    if isinstance(value, Mapping):
        yield from ((_key(name), item) for name, item in value.items())
    else:
        yield from (([], item) for item in value)


def plain(line: Line) -> str:
    """Its text alone."""
    return "".join(text for text, _ in line)


def wrapped(line: Line, width: int) -> Iterator[Line]:
    """The same, on as many lines as it needs; what goes on is indented."""
    left, room, indent = list[tuple[str, str]](), width, ""
    for text, tone in line:
        rest = text
        while len(rest) > room:
            yield [*left, (rest[:room], tone)]
            indent = indent or _indent(line, width)
            rest, left, room = rest[room:], [(indent, "")], width - len(indent)
        left.append((rest, tone))
        room -= len(rest)
    yield left


def _indent(line: Line, width: int) -> str:
    text = plain(line[:2])
    return " " * min(len(text) - len(text.lstrip()) + 4, max(0, width // 2))


def _is_small(value: Mapping[str, Any] | list[Any]) -> bool:
    items = list(value.values() if isinstance(value, Mapping) else value)
    if len(items) > 20 or any(isinstance(item, Mapping | list) and item for item in items):
        return False
    return len(items) == 0 or (not isinstance(value, Mapping) and len(_compact(value)) <= _INLINE)


def _words(value: Any) -> Line:
    match value:
        case str():
            return [(clean(_compact(value)), "string")]
        case bool() | None:
            return [(_compact(value), "literal")]
        case int() | float():
            return [(_compact(value), "number")]
        case list() if _is_small(value):
            pieces: Line = [("[", "mark")]
            for index, item in enumerate(value):
                pieces += [*([(", ", "mark")] if index else []), *_words(item)]
            return [*pieces, ("]", "mark")]
        case _:
            return [(clean(_compact(value)), "")]


def _key(name: str) -> Line:
    return [(clean(_compact(name)), "key"), (": ", "mark")]


def _compact(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)
    except (RecursionError, ValueError):
        return "…"
