"""A batch as the pieces that are written: content as it is, in one piece."""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise
from typing import TypeAlias

from router.batch import Batch
from router.errors import StorageError
from router.storage.packing import pack, unpack

__all__ = ["Pieces", "framed", "unframed"]

Pieces: TypeAlias = Sequence[bytes]
_HEADER = struct.Struct("<II")  # bytes of what is packed, records whose content follows


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
        sizes = array("I")
        sizes.frombytes(data[start : start + sizes.itemsize * count])
        if not count:
            return batch
        each = batch if len(batch) == count else batch.select([0] * count)
        return each.with_content(list(_cut(data, start + sizes.itemsize * count, sizes)), batch.codec)
    except (struct.error, ValueError) as error:
        raise StorageError(f"kept content cannot be read: {error}") from error


def _cut(data: bytes, start: int, sizes: Iterable[int]) -> Iterable[bytes]:
    return (data[first:last] for first, last in pairwise(accumulate(sizes, initial=start)))
