"""What became of the records a source gave, and when that may be said."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, final

__all__ = ["Ack", "Outcome", "Reply", "Watermark"]


class Outcome(IntEnum):
    """The end of a record. Of all records of one origin, the worst counts."""

    DELIVERED = 0
    """Safe in a sink, or beyond a connection that keeps it."""
    DROPPED = 1
    """Gone by the flow's own words: filtered, expired, shed."""
    DEAD_LETTERED = 2
    """Set aside in the dead letters of the flow."""
    REJECTED = 3
    """Safe nowhere: the source must give it again."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer to one record of a request.

    ``record`` is None where the flow gave no answer and only the status is known.
    """

    status: int
    record: dict[str, Any] | None = None
    headers: dict[str, str] | None = None


@final
class Ack:
    """Counts who still works on what a source gave with one token; settles exactly once.

    Made with one holder: the source's own first put. The engine holds it for every
    batch that is put and releases it when the taken batch is done and its outputs
    are put, so it cannot settle early. Authors see it in ``Source.settled`` alone.
    Not thread-safe: it lives on its flow's event loop.
    """

    __slots__ = ("_pending", "_replied", "_settle", "_steps", "error", "is_stored", "outcome", "replies", "token")

    def __init__(
        self, token: object, settle: Callable[[Ack], None], replied: Callable[[Ack], None] | None = None
    ) -> None:
        self.token = token
        self.outcome = Outcome.DELIVERED
        self.error: BaseException | None = None
        self.replies: dict[int, Reply] | None = None
        self.is_stored = False
        """True if some of its records wait in a connection that keeps them on disk: nobody behind it can answer."""
        self._pending = 1
        self._steps: list[Callable[[Ack, Callable[[], None]], None]] | None = None
        self._settle = settle
        self._replied = replied

    @property
    def settled(self) -> bool:
        """True from the moment nobody works on it any more."""
        return not self._pending

    def hold(self) -> None:
        """Add a holder.

        Raises:
            RuntimeError: it has settled; whoever calls works on records whose end was told.
        """
        if not self._pending:
            msg = "an ack that has settled cannot be held again"
            raise RuntimeError(msg)
        self._pending += 1

    def release(self, outcome: Outcome = Outcome.DELIVERED, error: BaseException | None = None) -> None:
        """Take one holder away, with what became of its records; the last one settles the ack.

        Raises:
            RuntimeError: it has settled already.
        """
        if not self._pending:
            msg = "an ack settles once; it was released more often than held"
            raise RuntimeError(msg)
        if outcome > self.outcome:
            self.outcome, self.error = outcome, error
        self._pending -= 1
        if not self._pending:
            self._end()

    def before_end(self, step: Callable[[Ack, Callable[[], None]], None]) -> None:
        """Do something when its last holder has let go; it settles when every such step has called back."""
        if self._steps is None:
            self._steps = []
        self._steps.append(step)

    def _end(self) -> None:
        steps, self._steps = self._steps, None
        if not steps:
            self._settle(self)
            return
        left = len(steps)

        def go_on() -> None:
            nonlocal left
            left -= 1
            if not left:
                self._settle(self)

        for step in steps:
            step(self, go_on)

    def reply(self, index: int, reply: Reply) -> bool:
        """Keep the answer to record ``index`` of the request; False if it has one or has settled."""
        if not self._pending:
            return False
        if self.replies is None:
            self.replies = {}
        if index in self.replies:
            return False
        self.replies[index] = reply
        if self._replied is not None:
            self._replied(self)
        return True


class _Lane:
    __slots__ = ("last", "sent", "unsettled")

    def __init__(self) -> None:
        self.sent: deque[int] = deque()  # rising; the front is the oldest not yet in the safe prefix
        self.unsettled: set[int] = set()
        self.last: int | None = None


@final
class Watermark:
    """Finds the contiguous prefix that is safe, for sources that can commit one position a lane.

    A lane is a partition, a file, a client. Positions are sent in rising order and may
    settle in any order; ``settled`` says how far everything before is safe. Memory is
    what lies between the oldest unsettled position and the newest sent. A source that
    goes back makes a new lane, such as ``(partition, epoch)``, so that what settles
    late from before cannot be mistaken for what it gave again.

    Example:
        >>> mark = Watermark()
        >>> mark.sent("p0", 10)
        >>> mark.sent("p0", 20)
        >>> mark.settled("p0", 20), mark.settled("p0", 10)
        (None, 20)
    """

    def __init__(self) -> None:
        self._lanes: dict[object, _Lane] = {}

    def sent(self, lane: object, position: int) -> None:
        """Remember that everything up to ``position`` was given to the flow.

        Raises:
            ValueError: the position is not above the last one sent in this lane.
        """
        entry = self._lanes.setdefault(lane, _Lane())
        if entry.last is not None and position <= entry.last:
            msg = f"positions rise within a lane; got {position} after {entry.last}"
            raise ValueError(msg)
        entry.last = position
        entry.sent.append(position)
        entry.unsettled.add(position)

    def settled(self, lane: object, position: int) -> int | None:
        """Mark ``position`` safe; return the new safe position of the lane if it moved.

        A lane that was revoked, or a position that was never sent, moves nothing.
        """
        entry = self._lanes.get(lane)
        if entry is None:
            return None
        entry.unsettled.discard(position)
        moved = None
        while entry.sent and entry.sent[0] not in entry.unsettled:
            moved = entry.sent.popleft()
        return moved

    def unsettled(self, lane: object) -> int:
        """How many positions of the lane were sent and have not settled."""
        entry = self._lanes.get(lane)
        return len(entry.unsettled) if entry is not None else 0

    def revoke(self, lane: object) -> None:
        """Forget the lane: what settles later in it is ignored."""
        self._lanes.pop(lane, None)
