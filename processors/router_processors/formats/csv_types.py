"""The types of csv columns: how the text of a cell becomes a value, and a value the text of a cell."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Literal, TypeAlias

import msgspec

TypeName: TypeAlias = Literal["text", "number", "integer", "boolean", "datetime"]

_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def read(name: TypeName) -> Callable[[str], Any]:
    """The function that reads a cell of a type: an empty one is None, one that does not fit a ValueError."""
    return _READ[name]


def write(value: Any) -> str:
    """The text of a value: nothing for None, lists and objects as JSON.

    Raises:
        ValueError: JSON cannot say it, or no cell can.
    """
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | Decimal):
        return str(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, dict | list | tuple):
        return msgspec.json.encode(value).decode()
    raise ValueError(f"a value of type {type(value).__name__} has no place in a cell")


def _number(cell: str) -> float | None:
    if not cell:
        return None
    number = float(cell)
    if not math.isfinite(number) or "_" in cell:
        raise ValueError
    return number


def _integer(cell: str) -> int | None:
    if not cell:
        return None
    if "_" in cell:
        raise ValueError
    return int(cell)


def _boolean(cell: str) -> bool | None:
    if not cell:
        return None
    truth = _TRUTH.get(cell.strip().lower())
    if truth is None:
        raise ValueError
    return truth


def _datetime(cell: str) -> datetime | None:
    return datetime.fromisoformat(cell.strip()) if cell else None


_READ: Mapping[TypeName, Callable[[str], Any]] = {
    "text": str,
    "number": _number,
    "integer": _integer,
    "boolean": _boolean,
    "datetime": _datetime,
}
