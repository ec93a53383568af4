"""Values of records as texts that databases read: JSON, times, bytes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from router import JSON, RecordError


def json_text(value: Any) -> str:
    """Write any value as JSON.

    Raises:
        RecordError: JSON cannot say it.
    """
    try:
        # A codec writes records, so the value is put into one and cut out again.
        return JSON.encode({"": value})[4:-1].decode()
    except Exception as error:
        raise RecordError(f"a value that JSON cannot say: {error}") from error


def in_utc(moment: datetime) -> datetime:
    """Move a moment to UTC; one without an offset is taken to be there."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def moved_to_utc(text: str, separator: str) -> str:
    """Text of a moment with an offset, in UTC and without one; any other text as it is."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    return text if moment.tzinfo is None else in_utc(moment).replace(tzinfo=None).isoformat(separator)


def finite(number: float | Decimal) -> float | Decimal:
    """Pass a number on.

    Raises:
        RecordError: it is none, or infinite.
    """
    if not math.isfinite(number):
        raise RecordError(f"the number {number} cannot be stored")
    return number


def all_finite(values: Sequence[Any]) -> Sequence[Any]:
    """Pass values on.

    Raises:
        RecordError: one of the floats among them is no number, or infinite.
    """
    for each in values:
        if type(each) is float and not math.isfinite(each):
            finite(each)
    return values


def text_of(content: bytes) -> str:
    """Read bytes as UTF-8.

    Raises:
        RecordError: they are none.
    """
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise RecordError(f"bytes for a column of text are no UTF-8: {error.reason} at {error.start}") from error


def quoted(name: str, mark: str = '"') -> str:
    """Write the name of a table or column, whatever stands in it."""
    return mark + name.replace(mark, mark * 2) + mark
