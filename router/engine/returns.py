"""What goes back to where it was taken, because the flow is changed while it waits to be called."""

from __future__ import annotations

from collections.abc import Mapping

from router.ack import Ack, Outcome
from router.batch import Batch
from router.connections.base import Taken
from router.connections.bounded import Connection

__all__ = ["Returns"]


class Returns:
    """Batches of one processor that go back: their origins wait on, and no source hears of it."""

    def __init__(self) -> None:
        self._found: list[tuple[Taken, Batch]] = []

    def add(self, taken: Taken, left: Batch, outcomes: Mapping[Ack, Outcome] | None = None) -> None:
        """Keep what is left of a batch that was taken; the rest of it has met ``outcomes``."""
        for ack in left.acks():
            ack.hold()
        taken.take_up()
        taken.release(outcomes)
        self._found.append((taken, left))

    def give(self, connections: Mapping[str, Connection]) -> None:
        """Put all of it back, so that what was taken first is the first to be taken again."""
        found, self._found = self._found, []
        for taken, batch in sorted(found, key=lambda each: each[0].number, reverse=True):
            assert taken.connection is not None
            as_put = batch.with_columns(input=None) if "input" in batch.columns else batch
            connections[taken.connection].put_back(as_put, taken.time)
