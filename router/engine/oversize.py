"""Part off the records that are larger than a processor takes."""

from __future__ import annotations

from router.batch import Batch
from router.codec import RAW, encode_all
from router.errors import RecordError
from router.forms import EVEN
from router.functions import failed

__all__ = ["without_oversize"]

KEPT = 1024


def without_oversize(batch: Batch, limit: int, processor: str) -> tuple[Batch, Batch | None]:
    """The records up to ``limit`` bytes, and the others: as their first KiB, each with its error.

    A decoded record counts as about what it takes as JSON. Looking costs nothing per record
    while all of them together stay below the limit; with a small limit each is measured.
    """
    if limit >= EVEN and batch.record_bytes <= limit:
        return batch, None
    sizes = batch.sizes()
    large = [index for index, size in enumerate(sizes) if size > limit]
    if not large:
        return batch, None
    found = failed(batch, [(index, _too_large(sizes[index], limit)) for index in large], processor)
    skipped = set(large)
    rest = batch.select([index for index in range(len(batch)) if index not in skipped])
    return rest, found.with_content([_head(batch, index) for index in large], RAW)


def _too_large(size: int, limit: int) -> RecordError:
    """What is said of a record that is too large."""
    text = f"a record of {size:,} bytes is too large; at most {limit:,} are taken (run: max_record)"
    return RecordError(text, head_of=size)


def _head(batch: Batch, index: int) -> bytes:
    if batch.has_content:
        return batch.content[index][:KEPT]
    content, failures = encode_all(batch.codec, [batch.rows[index]])
    return repr(batch.rows[index]).encode("utf-8", "replace")[:KEPT] if failures else content[0][:KEPT]
