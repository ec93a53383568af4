"""Pydantic's findings in plain words: ``must be a whole number, got 'x'``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from router.errors import nearest

_NOUNS = {
    "string": "a text",
    "int": "a whole number",
    "float": "a number",
    "finite_number": "a finite number",
    "decimal": "a number",
    "bool": "true or false",
    "list": "a list",
    "tuple": "a list",
    "set": "a list",
    "frozen_set": "a list",
    "iterable": "a list",
    "dict": "a mapping",
    "mapping": "a mapping",
    "model": "a mapping",
    "model_attributes": "a mapping",
    "dataclass": "a mapping",
    "none_required": "left out",
    "path": "a path",
    "bytes": "a text",
}
_KIND = re.compile(r"_(?:type|parsing|parsing_size|from_float|exact_type)$")
_BOUNDS = {
    "greater_than": ("gt", "above"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "below"),
    "less_than_equal": ("le", "at most"),
    "multiple_of": ("multiple_of", "a multiple of"),
}


def noun_of(error: Mapping[str, Any]) -> str | None:
    """What a value should have been, where that is all the error says; None where it says more."""
    return _NOUNS.get(_KIND.sub("", error["type"]))


def sentence_of(error: Mapping[str, Any], got: str) -> str:
    """The rest of a sentence that begins with the setting's name."""
    kind = error["type"]
    context = error.get("ctx") or {}
    if kind in _BOUNDS:
        key, word = _BOUNDS[kind]
        return f"must be {word} {context.get(key)}, got {got}"
    if kind in {"literal_error", "enum"}:
        expected = str(context.get("expected", ""))
        hint = nearest(got.strip("'"), re.findall(r"'([^']*)'", expected))
        return f"must be {expected}, got {got}{hint}"
    if kind.endswith(("too_short", "too_long")):
        return _length(kind, context, got)
    if kind == "string_pattern_mismatch":
        return f"must look like {context.get('pattern')}, got {got}"
    said = error["msg"]
    said = said.removeprefix("Input should be ").removeprefix("Input should ").removesuffix(".")
    return f"must be {said[:1].lower()}{said[1:]}, got {got}"


def _length(kind: str, context: Mapping[str, Any], got: str) -> str:
    least = kind.endswith("short")
    number = context.get("min_length" if least else "max_length", 0)
    unit = "character" if kind.startswith(("string", "bytes")) else "entry"
    units = unit if number == 1 else "entries" if unit == "entry" else "characters"
    return f"must have at {'least' if least else 'most'} {number} {units}, got {got}"
