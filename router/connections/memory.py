"""A bounded first-in-first-out queue of batches in memory."""

from __future__ import annotations

from collections import deque

from router.ack import Outcome
from router.batch import Batch
from router.connections.base import Choose
from router.connections.bounded import Connection
from router.connections.entry import Entry
from router.connections.pages import page

__all__ = ["MemoryConnection"]


class MemoryConnection(Connection):
    """A queue in memory: a batch's acks are held from its put until the processor that took it is done."""

    def _append(self, batch: Batch) -> None:
        acks = batch.acks()
        for ack in acks:
            if ack.settled:
                raise RuntimeError("records whose origins have settled cannot be put")
        for ack in acks:
            ack.hold()
        count, nbytes = len(batch), batch.nbytes
        self._entries.append(Entry(batch, acks, nbytes, self._now()))
        self._arrive(count, nbytes)
        self.records_in += count
        self.bytes_in += nbytes
        self.notify()

    def _own(self, entry: Entry) -> None:
        """It has had its acks from the start."""

    def _drop_head(self) -> int:
        return self._end_head(Outcome.DROPPED)

    def _end_head(self, outcome: Outcome) -> int:
        entry = self._entries.popleft()
        count = self._leave(entry)
        for ack in entry.acks:
            ack.release(outcome)
        return count

    async def look(self, choose: Choose, offset: int, limit: int) -> list[Batch]:
        """The records that wait and are chosen, in order."""
        return page(((entry.batch, choose(entry.batch)) for entry in list(self._entries)), offset, limit)

    async def remove(self, choose: Choose) -> int:
        """Drop the records that wait and are chosen."""
        before, self._entries = self._entries, deque()
        removed = 0
        for entry in before:
            gone, kept = entry.batch.split(choose(entry.batch))
            removed += len(gone)
            self._part(entry, gone, kept)
        self._wake_putter()
        return removed

    def _part(self, entry: Entry, gone: Batch, kept: Batch) -> None:
        """Let some records of an entry go, and leave the others in their place."""
        if len(kept):
            nbytes = entry.nbytes * len(kept) // len(entry.batch)
            self._entries.append(Entry(kept, kept.acks(), nbytes, entry.time))
        else:
            nbytes = 0
        if not len(gone):
            return
        self._tell_lost(gone, "drop")
        self._leave(Entry(gone, (), entry.nbytes - nbytes, entry.time))
        for ack in kept.acks() if len(kept) else ():
            ack.hold()
        for ack in entry.acks:
            ack.release(Outcome.DROPPED if ack in gone.acks() else Outcome.DELIVERED)

    def close(self) -> None:
        """Take no more; what still waits is rejected, and so is every put that waits for room."""
        self.is_closed = True
        while self._entries:
            self._end_head(Outcome.REJECTED)
        self._wake_putter()  # who leaves wakes the next
