"""A bounded first-in-first-out queue of batches in memory."""

from __future__ import annotations

from router.ack import Outcome
from router.batch import Batch
from router.connections.bounded import Connection, Entry

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

    def close(self) -> None:
        """Take no more; what still waits is rejected, and so is every put that waits for room."""
        self.is_closed = True
        while self._entries:
            self._end_head(Outcome.REJECTED)
        self._wake_putter()  # who leaves wakes the next
