"""The values an expression knows, the words for them, and how large a computed one may be."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

TEXT_LIMIT = 16 * 1024 * 1024
ITEM_LIMIT = 1_000_000
INTEGER_BITS = 4096
DEPTH_LIMIT = 32
TOO_DEEP = f"an expression has at most {DEPTH_LIMIT} levels; split it over several fields"

_KINDS: dict[type, str] = {
    type(None): "null",
    bool: "boolean",
    int: "number",
    float: "number",
    Decimal: "number",
    str: "text",
    bytes: "bytes",
    datetime: "time",
    list: "list",
    tuple: "list",
    dict: "object",
}


class Unfit(Exception):  # noqa: N818 - no error of a caller's: it turns into None where the operation stands
    """An operation met a value it cannot take."""


class Misses:
    """Counts the operations that met values they cannot take, and keeps the first reason."""

    __slots__ = ("count", "reason")

    def __init__(self) -> None:
        self.count = 0
        self.reason: str | None = None

    def between(self, sign: str, left: object, right: object) -> None:
        """Count an operation between two values of the wrong kinds."""
        self.count += 1
        if self.reason is None:
            self.reason = f"{sign!r} between {kind(left)} and {kind(right)}"

    def add(self, reason: str, error: BaseException | None = None) -> None:
        """Count an operation that failed."""
        self.count += 1
        if self.reason is None:
            text = f"{reason}: {error}" if error is not None and str(error) else reason
            self.reason = text[:200]


def kind(value: object) -> str:
    """Name the kind of a value: null, boolean, number, text, bytes, time, list or object."""
    found = _KINDS.get(type(value))
    if found is not None:
        return found
    return next((word for each, word in _KINDS.items() if isinstance(value, each)), type(value).__name__)


def is_number(value: object) -> bool:
    """Whether arithmetic takes it: booleans are no numbers here."""
    return kind(value) == "number"


def is_plain(value: object) -> bool:
    """Whether a value is of the kinds a record may hold; does not look inside lists and objects."""
    return type(value) in _KINDS


def bounded(size: int, given: int) -> None:
    """Refuse a text that would be much larger than what it is made of, or larger than any record.

    Raises:
        Unfit: it would be.
    """
    if size > min(TEXT_LIMIT, 65_536 + 16 * given):
        raise Unfit(f"a text of {size:,} characters is too long")
