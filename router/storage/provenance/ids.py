"""Lineage ids as few bytes: neighbours differ little, and most are a range without gaps."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import accumulate, islice
from operator import sub

__all__ = ["pack_ids", "pack_shares", "unpack_ids", "unpack_shares"]

_SMALL = 64  # bytes that are not worth the compressor's frame
_STEPS, _WHOLE = b"s", b"w"
_PLAIN, _COMPRESSED = b"p", b"z"


def pack_ids(ids: Sequence[int]) -> tuple[int, int, bytes | None]:
    """The least and the greatest of some ids, and all of them as bytes; None where they are a range without gaps."""
    try:
        steps = bytes(map(sub, islice(ids, 1, None), ids))
    except ValueError:  # one goes back, or far ahead
        return min(ids), max(ids), _WHOLE + _compressed(array("q", ids).tobytes())
    has_gaps = steps.count(1) < len(steps)
    return ids[0], ids[-1], _STEPS + _compressed(steps) if has_gaps else None


def unpack_ids(packed: bytes | None, low: int, high: int) -> list[int]:
    """What ``pack_ids`` packed; ``low`` is the least of them, ``high`` the greatest."""
    if packed is None:
        return list(range(low, high + 1))
    body = _plain(packed[1:])
    if packed[:1] == _STEPS:
        return list(accumulate(body, initial=low))
    numbers = array("q")
    numbers.frombytes(body)
    return list(numbers)


def pack_shares(shares: Sequence[int]) -> bytes | None:
    """How many parents each record has; None where each has one, or where nothing is said of it."""
    if shares.count(1) == len(shares):
        return b"" if shares else None
    return _compressed(array("q", shares).tobytes())


def unpack_shares(packed: bytes | None, count: int) -> list[int]:
    """What ``pack_shares`` packed; empty where each record has all the parents."""
    if packed is None:
        return []
    if not packed:
        return [1] * count
    numbers = array("q")
    numbers.frombytes(_plain(packed))
    return list(numbers)


def _compressed(data: bytes) -> bytes:
    if len(data) < _SMALL:
        return _PLAIN + data
    import zstandard  # noqa: PLC0415 - `import router` does without it

    # A compressor of its own each time: one must not be shared among threads.
    return _COMPRESSED + zstandard.ZstdCompressor(level=1).compress(data)


def _plain(data: bytes) -> bytes:
    if data[:1] == _PLAIN:
        return data[1:]
    import zstandard  # noqa: PLC0415 - same

    return zstandard.ZstdDecompressor().decompress(data[1:])
