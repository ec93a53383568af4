"""Which values can be added, ordered and told apart."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import blake2b
from typing import Any

import msgspec

LARGEST = 1e300
"""Numbers beyond it would make sums that are none."""
UNFIT: Any = object()
"""What nothing usable can be made of."""
_NUMBERS = frozenset({int, float, type(None)})


def are_numbers(values: Sequence[Any]) -> bool:
    """Whether all are plain numbers within bounds, or null: at most two looks at each."""
    if not set(map(type, values)) <= _NUMBERS:
        return False
    numbers = [value for value in values if value is not None]
    if not numbers:
        return True
    if not (max(numbers) <= LARGEST and min(numbers) >= -LARGEST):
        return False
    total = sum(numbers)
    return total - total == 0 or all(each - each == 0 for each in numbers)  # NaN hides from a comparison


def as_number(value: Any) -> Any:
    """Make a number of a value; null stays, what is none is UNFIT."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return UNFIT
    if isinstance(value, Decimal):
        value = float(value)
    return value if -LARGEST <= value <= LARGEST else UNFIT


def rank(value: Any) -> tuple[int, Any] | None:
    """Give what orders values of different kinds; None: it has no order."""
    if value is None:
        return (-1, 0)
    if isinstance(value, str):
        return (1, value)
    if isinstance(value, datetime):
        return (2, (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp())
    number = as_number(value)
    return None if number is UNFIT else (0, number)


def hashed(value: Any) -> Any:
    """Give 64 bits that depend on the value alone; null stays, what has no such is UNFIT."""
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # 1.0 is no other value than 1
    try:
        said = msgspec.json.encode(value, order="deterministic")
    except (msgspec.MsgspecError, TypeError, ValueError, RecursionError):
        return UNFIT
    return int.from_bytes(blake2b(said, digest_size=8).digest(), "big")
