"""Lineage ids as few bytes: neighbours differ little, and most are a range without gaps."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import accumulate, islice
from operator import sub
from typing import Any

__all__ = ["pack_ids", "pack_shares", "steps_of", "unpack_ids", "unpack_shares"]

_STEPS, _WHOLE = b"s", b"w"


def steps_of(ids: Sequence[Any]) -> bytes | None:
    """From each id to the next, where they rise in small steps; None where they do not, or some are none."""
    if type(ids[0]) is not int:
        return None
    try:
        steps = bytes(map(sub, islice(ids, 1, None), ids))
    except (TypeError, ValueError):  # one is no id; one goes back, or far ahead
        return None
    return None if 0 in steps else steps


def pack_ids(ids: Sequence[int], steps: bytes | None = None) -> tuple[int, int, bytes | None]:
    """The least and the greatest of some ids, and all of them as bytes; None where they are a range without gaps.

    ``steps`` are those of ``steps_of``, where they are known.
    """
    steps = steps_of(ids) if steps is None else steps
    if steps is None:
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
