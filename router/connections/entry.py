"""What waits in a connection, and who waits to put more."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

from router.ack import Ack
from router.batch import Batch

__all__ = ["Entry", "Turn", "cut"]


class Entry:
    """A batch that waits, and the acks it keeps waiting."""

    __slots__ = ("acks", "batch", "nbytes", "row", "time")

    def __init__(self, batch: Batch, acks: Sequence[Ack], nbytes: int, time: float, row: Any = None) -> None:
        self.batch = batch
        self.acks = acks
        self.nbytes = nbytes
        self.time = time
        self.row = row


class Turn:
    """A put's place among those that wait."""

    __slots__ = ("_woken",)

    def __init__(self) -> None:
        self._woken: asyncio.Future[None] | None = None

    async def wait(self) -> None:
        """Wait to be woken."""
        self._woken = asyncio.get_running_loop().create_future()
        await self._woken

    def wake(self) -> None:
        """Let it look again."""
        if self._woken is not None and not self._woken.done():
            self._woken.set_result(None)


def cut(batch: Batch, records: int, nbytes: int) -> Iterator[Batch]:
    """Parts of a batch that is larger than a limit: at most half of it each, as far as can be told."""
    count = len(batch)
    by_bytes = count * nbytes // (2 * max(1, batch.nbytes))
    step = max(1, min(records // 2, by_bytes, count // 2))
    for start in range(0, count, step):
        yield batch.slice(start, start + step)
