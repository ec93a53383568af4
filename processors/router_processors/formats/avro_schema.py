"""Infer an Avro schema from records."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from router import Record

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SCALARS = {bool: "boolean", int: "long", float: "double", str: "string", bytes: "bytes"}
_TIME = {"type": "long", "logicalType": "timestamp-micros"}


def infer(rows: Sequence[Record]) -> dict[str, Any]:
    """The schema that the records have in common; fields without an Avro name, or of no Avro type, are left out."""
    return _record(rows, "record")


def _record(rows: Iterable[Record], name: str) -> dict[str, Any]:
    values: dict[str, list[Any]] = {}
    for row in rows:
        for field, value in row.items():
            values.setdefault(field, []).append(value)
    fields = [
        {"name": field, "type": ["null", *_branches(found, f"{name}_{field}")], "default": None}
        for field, found in values.items()
        if isinstance(field, str) and _NAME.fullmatch(field)
    ]
    return {"type": "record", "name": name, "fields": fields}


def _branches(values: Iterable[Any], name: str) -> list[Any]:
    """The types of values, null aside; a string where all are null."""
    found = [value for value in values if value is not None]
    kinds = set(map(type, found))
    branches: list[Any] = [word for kind, word in _SCALARS.items() if kind in kinds]
    if {int, float} <= kinds and all(float(value) == value for value in found if type(value) is int):
        branches.remove("long")  # a double says all of them exactly
    if any(isinstance(value, datetime) for value in found):
        branches.append(_TIME)
    if dict in kinds:
        branches.append(_record([value for value in found if type(value) is dict], name))
    if list in kinds:
        branches.append({"type": "array", "items": _items([value for value in found if type(value) is list], name)})
    return branches or ["string"]


def _items(lists: Iterable[list[Any]], name: str) -> Any:
    values = [value for each in lists for value in each]
    branches = _branches(values, f"{name}_item")
    return ["null", *branches] if not values or None in values else branches if len(branches) > 1 else branches[0]
