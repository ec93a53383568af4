"""A batch as the pieces that are written: content as it is, in one piece."""

from __future__ import annotations

import struct
from array import array
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import TypeAlias

from router.batch import Batch
from router.errors import StorageError
from router.storage.packing import pack, unpack

__all__ = ["Pieces", "framed", "unframed"]

Pieces: TypeAlias = Sequence[bytes | memoryview]
_HEADER = struct.Struct("<II")  # bytes of what is packed, records whose content follows
_LINES = 1 << 31  # added to their number where they follow as lines, rather than sizes first


def framed(batch: Batch) -> Pieces:
    """The pieces of a batch: one after the other, what ``unframed`` reads.

    Raises:
        UnstorableError: some records hold objects that are no values.
    """
    if not batch.has_content:
        packed = pack(batch)
        return [_HEADER.pack(len(packed), 0), packed]
    content = batch.content
    is_even = not batch.columns and len(batch.origin_runs()) == 1  # then one record says what all have in common
    beside = batch.slice(0, 1) if is_even else batch
    packed = pack(beside.with_content([b""] * len(beside), batch.codec))
    if batch.whole:  # what was read is written, and no copy made between
        return [_HEADER.pack(len(packed), len(content) | _LINES), packed, *batch.whole]
    sizes = array("I", map(len, content)).tobytes()
    return [_HEADER.pack(len(packed), len(content)), packed, sizes, b"".join(content)]


def unframed(data: bytes) -> Batch:
    """The batch of ``framed``.

    Raises:
        StorageError: it is damaged.
    """
    try:
        length, count = _HEADER.unpack_from(data)
        start = _HEADER.size + length
        batch = unpack(data[_HEADER.size : start])
        if not count:
            return batch
        content = _lines(data[start:], count - _LINES) if count & _LINES else _cut(data, start, count)
        each = batch if len(batch) == len(content) else batch.select([0] * len(content))
        return each.with_content(content, batch.codec)
    except (struct.error, ValueError) as error:
        raise StorageError(f"kept content cannot be read: {error}") from error


def _lines(data: bytes, count: int) -> list[bytes]:
    *lines, rest = data.split(b"\n")
    if rest or len(lines) != count:
        raise ValueError(f"{len(lines)} lines, not {count}")
    return lines


def _cut(data: bytes, start: int, count: int) -> list[bytes]:
    sizes = array("I")
    sizes.frombytes(data[start : start + sizes.itemsize * count])
    ends = list(accumulate(sizes, initial=start + sizes.itemsize * count))
    if ends[-1] != len(data):
        raise ValueError(f"{len(data):,} bytes, not {ends[-1]:,}")
    return [data[first:last] for first, last in pairwise(ends)]
