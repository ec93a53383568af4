"""What an operator may do while a flow runs."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from router.batch import Batch
from router.connections.bounded import Connection
from router.engine.machine import Machine
from router.engine.runner import Runner
from router.engine.tracing.spans import SpanTrail, Tracer
from router.errors import ConfigError, nearest
from router.expression import Expression

__all__ = ["Steering", "Tap"]

SLOTS = 100


class Tap:
    """The newest records that came into a connection: a slow reader loses the oldest, the flow loses nothing."""

    def __init__(self, connection: Connection, where: Expression | None, wake: Callable[[], None]) -> None:
        self.lost = 0
        self._connection = connection
        self._where = where
        self._wake = wake
        self._seen: deque[Batch] = deque()
        connection.taps = (*connection.taps, self._see)

    def _see(self, batch: Batch) -> None:
        """Keep the newest of a batch; what is meant by ``where`` is found out when it is read."""
        self._seen.append(batch.slice(max(0, len(batch) - SLOTS), len(batch)))
        self.lost += max(0, len(batch) - SLOTS)
        if len(self._seen) > SLOTS:
            self.lost += len(self._seen.popleft())
        self._wake()

    def take(self) -> list[Batch]:
        """What came since the last time."""
        seen, self._seen = list(self._seen), deque()
        chosen = [batch.split(matching(batch, self._where))[0] for batch in seen]
        return [batch for batch in chosen if len(batch)]

    def close(self) -> None:
        """See no more."""
        self._connection.taps = tuple(tap for tap in self._connection.taps if tap != self._see)


class Steering:
    """The parts of a running flow, by name, and what can be done with them.

    Raises:
        ConfigError: every method, where the flow has no part of that name.
    """

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def connection(self, id: str) -> Connection:
        """One connection, by its id."""
        found = self._machine.connections.get(id)
        if found is None:
            raise ConfigError(f"no connection {id!r}{nearest(id, self._machine.connections)}")
        return found

    # -- connections ----------------------------------------------------------------------------

    async def look(self, id: str, *, where: Expression | None = None, offset: int = 0, limit: int = 100) -> list[Batch]:
        """Records that wait in a connection, the first to be taken first."""
        return await self.connection(id).look(lambda batch: matching(batch, where), offset, limit)

    async def drop(self, id: str, *, where: Expression | None = None) -> int:
        """Drop records that wait in a connection, all or those that match: how many that were."""
        return await self.connection(id).remove(lambda batch: matching(batch, where))

    def tap(self, id: str, *, where: Expression | None = None, wake: Callable[[], None] = lambda: None) -> Tap:
        """See the records that come into a connection from now on; ``wake`` is called when there are some."""
        return Tap(self.connection(id), where, wake)

    def resize(self, id: str, *, records: int | None = None, nbytes: int | None = None) -> None:
        """Change the limits of a connection."""
        if (records is not None and records < 1) or (nbytes is not None and nbytes < 1):
            raise ConfigError("a limit is above 0")
        self.connection(id).resize(records, nbytes)

    # -- processors -----------------------------------------------------------------------------

    def stop(self, name: str) -> None:
        """Let a processor begin no more calls; its queue fills, and what feeds it waits."""
        self._of(name).switch.stop()

    def start(self, name: str) -> None:
        """Let a stopped processor work again."""
        self._of(name).switch.start()

    def run_once(self, name: str) -> None:
        """Let a processor make one call, and stop it."""
        self._of(name).switch.once()

    def widen(self, name: str, concurrency: int) -> None:
        """Change how many calls of a processor may overlap."""
        each = self._of(name)
        if not isinstance(each, Runner):
            raise ConfigError(f"{name!r} is a source; it makes no calls")
        if not 1 <= concurrency <= _MOST:
            raise ConfigError(f"'concurrency' is from 1 to {_MOST:,}, got {concurrency}")
        each.lanes.widen(concurrency)
        each.notify()

    # -- following ------------------------------------------------------------------------------

    def trace(self, tracer: Tracer) -> None:
        """Have a tracer hear of each call; said again, of processors too that a reload has made."""
        for name in self._machine.order:
            each = self._machine.of(name)
            if not isinstance(each.trail, SpanTrail):
                each.trail = SpanTrail(name, tracer, each.trail)

    def _of(self, name: str) -> Any:
        if name not in self._machine.order:
            raise ConfigError(f"no processor {name!r}{nearest(name, self._machine.order)}")
        return self._machine.of(name)


_MOST = 1024


def matching(batch: Batch, where: Expression | None) -> Sequence[bool]:
    """Which records an expression is true of; without one all. What cannot be decoded matches none."""
    if where is None:
        return [True] * len(batch)
    ready, undecodable = batch.decoded()
    mask = [False] * len(batch)
    bad = {index for index, _ in undecodable}
    good = [index for index in range(len(batch)) if index not in bad]
    for index, value in zip(good, where.over(ready), strict=True):
        mask[index] = value is True
    return mask
