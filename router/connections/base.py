"""What every connection offers, whatever it keeps its records in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal, TypeAlias

from router.ack import Ack, Outcome
from router.batch import Batch

__all__ = ["Choose", "ConnectionStats", "Gauge", "Limits", "Surroundings", "Taken"]


Choose: TypeAlias = Callable[[Batch], Sequence[bool]]
"""Says of each record of a batch whether it is meant."""


@dataclass(frozen=True, slots=True)
class ConnectionStats:
    """What a connection looks like at one moment."""

    records: int
    """Records that wait."""
    nbytes: int
    """What they cost in memory, in bytes."""
    max_records: int
    max_bytes: int
    full: float
    """How full it is, 0 to 1: the fuller of records and bytes."""
    oldest: float
    """Seconds that the oldest record has waited."""
    unacked: int
    """Records taken whose processing is not done."""
    waiting: int
    """Puts that wait for room."""
    records_in: int
    """Records ever put."""
    records_out: int
    """Records ever taken."""
    dropped: int
    """Records that expired, or were shed because it was full."""
    bytes_in: int = 0
    """What the records ever put cost in memory."""
    bytes_out: int = 0
    """What the records ever taken cost in memory."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a connection may hold, and what it does when it holds that much."""

    records: int = 10_000
    nbytes: int = 8 << 20
    expire: timedelta | None = None
    when_full: Literal["block", "drop_oldest", "drop_newest"] = "block"


class Gauge:
    """How much lies within a part of the flow; who waits for room is told when it has become less."""

    __slots__ = ("_watchers", "level")

    def __init__(self) -> None:
        self.level = 0
        self._watchers: list[Callable[[], None]] = []

    def add(self, amount: int) -> None:
        """Change the level."""
        self.level += amount
        if amount < 0:
            for tell in self._watchers:
                tell()

    def watch(self, tell: Callable[[], None]) -> None:
        """Call ``tell`` each time the level has fallen; it must be cheap."""
        self._watchers.append(tell)

    def unwatch(self, tell: Callable[[], None]) -> None:
        """Call it no more."""
        if tell in self._watchers:
            self._watchers.remove(tell)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a connection has of the flow it is part of."""

    now: Callable[[], float]
    on_drop: Callable[[str, int, str], None] = lambda _id, _records, _why: None
    """Hears of records that were dropped: connection, how many, ``full`` or ``expired``."""
    memory: Gauge = field(default_factory=Gauge)
    """All that waits in the flow, in bytes."""


class Taken:
    """A batch on its way through a processor, with the acks it holds until that is done."""

    __slots__ = ("_aside", "_set_aside", "acks", "batch", "connection", "done", "number", "time")

    def __init__(
        self,
        batch: Batch,
        acks: list[Ack],
        connection: str | None = None,
        done: Callable[[int], None] = lambda _: None,
        set_aside: Callable[[int, int], None] = lambda _records, _nbytes: None,
    ) -> None:
        self.batch = batch
        self.acks = acks
        self.connection = connection
        self.done = done
        self.number = 0
        """Counts what was taken from its connection."""
        self.time = 0.0
        """When the first of it was put."""
        self._set_aside = set_aside
        self._aside = (0, 0)

    def set_aside(self) -> None:
        """Count it against the limits of its connection again, while it waits for its call."""
        self._aside = len(self.batch), self.batch.nbytes
        self._set_aside(*self._aside)

    def take_up(self) -> None:
        """Its call begins: count it no more."""
        records, nbytes = self._aside
        self._aside = (0, 0)
        self._set_aside(-records, -nbytes)

    def release(self, outcomes: Mapping[Ack, Outcome] | None = None, error: BaseException | None = None) -> None:
        """Say that the processor is done with all of it: delivered, but for what ``outcomes`` says."""
        acks, self.acks = self.acks, []
        for ack in acks:
            ack.release(outcomes.get(ack, Outcome.DELIVERED) if outcomes else Outcome.DELIVERED, error)
        self.done(len(self.batch))

    def reject(self, error: BaseException | None = None) -> None:
        """Say that it is safe nowhere."""
        self.release(dict.fromkeys(self.acks, Outcome.REJECTED), error)

    def part(self, batch: Batch) -> Taken:
        """Some of its records as a batch of their own, with acks of their own."""
        acks = list(batch.acks())
        for ack in acks:
            ack.hold()
        taken = Taken(batch, acks, self.connection, self.done, self._set_aside)
        taken.number, taken.time = self.number, self.time
        return taken
