"""Lineage ids as few bytes: neighbours differ little, and most are a range without gaps."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import accumulate, islice
from operator import sub

__all__ = ["pack_ids", "pack_shares", "unpack_ids", "unpack_shares"]

_STEPS, _WHOLE = b"s", b"w"


def pack_ids(ids: Sequence[int]) -> tuple[int, int, bytes | None]:
    """The least and the greatest of some ids, and all of them as bytes; None where they are a range without gaps."""
    try:
        steps = bytes(map(sub, islice(ids, 1, None), ids))
    except ValueError:  # one goes back, or far ahead
        return min(ids), max(ids), _WHOLE + array("q", ids).tobytes()
    has_gaps = steps.count(1) < len(steps)
    return ids[0], ids[-1], _STEPS + steps if has_gaps else None


def unpack_ids(packed: bytes | None, low: int, high: int) -> list[int]:
    """What ``pack_ids`` packed; ``low`` is the least of them, ``high`` the greatest."""
    if packed is None:
        return list(range(low, high + 1))
    return list(accumulate(packed[1:], initial=low)) if packed[:1] == _STEPS else _numbers(packed[1:])


def pack_shares(shares: Sequence[int]) -> bytes | None:
    """How many parents each record has; empty where each has one, None where nothing is said of it."""
    if shares.count(1) == len(shares):
        return b"" if shares else None
    return array("q", shares).tobytes()


def unpack_shares(packed: bytes | None, count: int) -> list[int]:
    """What ``pack_shares`` packed; empty where each record has all the parents."""
    if packed is None:
        return []
    return _numbers(packed) if packed else [1] * count


def _numbers(packed: bytes) -> list[int]:
    numbers = array("q")
    numbers.frombytes(packed)
    return list(numbers)
