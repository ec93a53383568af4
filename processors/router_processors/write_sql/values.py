"""Values of records as texts that databases read: JSON, times, bytes."""

from __future__ import annotations

import math
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


def finite(number: float | Decimal) -> float | Decimal:
    """Pass a number on.

    Raises:
        RecordError: it is none, or infinite.
    """
    if not math.isfinite(number):
        raise RecordError(f"the number {number} cannot be stored")
    return number


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
