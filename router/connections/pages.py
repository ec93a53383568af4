"""A page of the records that wait and are chosen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from router.batch import Batch

__all__ = ["page"]


def page(seen: Iterable[tuple[Batch, Sequence[bool]]], offset: int, limit: int) -> list[Batch]:
    """Chosen records of batches with what is chosen of each: without the first ``offset``, ``limit`` at most."""
    found: list[Batch] = []
    for batch, mask in seen:
        chosen, _ = batch.split(mask)
        part = chosen.slice(min(offset, len(chosen)), min(len(chosen), offset + limit))
        offset = max(0, offset - len(chosen))
        limit -= len(part)
        if len(part):
            found.append(part)
        if not limit:
            break
    return found
