"""Where a flow's news arrive: bulletins for the operator, dead letters for the disk."""

from __future__ import annotations

import itertools
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from router.ack import Outcome
from router.batch import Batch
from router.connections.bounded import Connection
from router.connections.rows import outside
from router.engine.clock import Clock, Timer
from router.engine.report import Bulletin
from router.engine.retry import Backoff, Pauses
from router.errors import StorageError
from router.flow import ProcessorSpec
from router.storage.dead_letters import DeadLetters
from router.storage.unit import Unit, open_unit

__all__ = ["Desk"]

KEPT = 1000
LOOK_AGAIN = 5.0
PATIENCE, EVERY = 10.0, 60.0  # seconds: how long a put may wait before it is news, and how often that is
_log = logging.getLogger("router")


class Writer(Protocol):
    """Whose records become dead letters."""

    spec: ProcessorSpec

    def on_paused(self, change: int) -> None:
        """Count waits for room in the dead letters."""


class Desk:
    """Keeps the newest bulletins and logs each; writes dead letters, waiting while there is no room."""

    def __init__(
        self,
        flow: str,
        clock: Clock,
        letters: DeadLetters,
        *,
        on_letter: Callable[[], None] = lambda: None,
        hide: Callable[[str], str] = str,
    ) -> None:
        self.bulletins: deque[Bulletin] = deque(maxlen=KEPT)
        self.letters = letters
        self._pauses = Pauses(clock)
        self._flow = flow
        self._told_full: dict[str, float] = {}
        self._dropped: dict[tuple[str, str], tuple[int, float]] = {}
        self.dropped: dict[str, dict[str, int]] = {}
        """How many records each connection has dropped by the flow's own words: because it was ``full``, or ``expired``."""
        self._clock = clock
        self._on_letter = on_letter
        self._hide = hide
        self._told = itertools.count(1)  # also from threads

    @property
    def is_stopping(self) -> bool:
        """True from the moment the flow stops: what waits to be written, and cannot be, is given back."""
        return self._pauses.is_over

    @is_stopping.setter
    def is_stopping(self, value: bool) -> None:
        if value:
            self._pauses.end()

    def bulletin(self, processor: str, text: str, data: Mapping[str, object]) -> None:
        """Tell the operator; safe from any thread."""
        data = {name: self._hidden(value) for name, value in data.items()}
        made = Bulletin(self._clock.now(), processor, self._hide(text), data, next(self._told))
        self.bulletins.append(made)
        _log.warning("%s", made, extra={"flow": self._flow, "processor": processor, "data": made.data})

    def _hidden(self, value: object) -> object:
        said = str(value)
        shown = self._hide(said)
        return value if shown == said else shown

    def told_dropped(self, connection: str, records: int, why: str) -> None:
        """Tell that a connection dropped records by the flow's own words: how many, once a minute at most."""
        now, counts = self._clock.now(), self.dropped.setdefault(connection, {})
        counts[why] = counts.get(why, 0) + records
        untold, since = self._dropped.get((connection, why), (0, now - EVERY))
        if is_due := now - since >= EVERY:
            self._tell_dropped(connection, untold + records, why)
        self._dropped[connection, why] = (0, now) if is_due else (untold + records, since)

    def tell_rest(self) -> None:
        """The flow ends: tell of the drops that were not told yet."""
        for (connection, why), (untold, _) in self._dropped.items():
            if untold:
                self._tell_dropped(connection, untold, why)
        self._dropped.clear()

    def _tell_dropped(self, connection: str, records: int, why: str) -> None:
        text = "dropped records that had waited too long" if why == "expired" else "dropped records because it is full"
        self.bulletin(connection, text, {"records": records})

    def tell_full(self, producer: str, connection: Connection) -> Timer:
        """Tell of a full connection when its producer has waited for some seconds, once a minute at most."""

        def tell() -> None:
            now = self._clock.now()
            if now - self._told_full.get(connection.id, -EVERY) >= EVERY:
                self._told_full[connection.id] = now
                text = f"the connection is full ({connection.records:,} records); {producer!r} is waiting"
                self.bulletin(connection.id, text, {"records": connection.records, "bytes": connection.nbytes})

        return self._clock.call_later(PATIENCE, tell)

    def dead_letters_of(self, runner: Writer) -> Callable[[Batch, str | None], Awaitable[bool]]:
        """Write dead letters of one processor: returns when they are on disk; False if a stop came first."""

        async def write(batch: Batch, connection: str | None) -> bool:
            return await self._write(runner, batch, connection)

        return write

    async def _write(self, runner: Writer, batch: Batch, connection: str | None) -> bool:
        name = runner.spec.name
        if not await self._has_room(runner):
            return False
        if (unit := open_unit()) is not None:
            self._write_with(unit, name, batch, connection)
            return True
        backoff = Backoff(self._clock.now())
        while True:
            try:
                await self.letters.put(batch, name, connection)
            except StorageError as error:
                if self.is_stopping:
                    return False
                self.bulletin(name, "dead letters cannot be written; trying again", {"error": error})
                if not await self._pauses.wait(backoff.next(), str(error)):
                    return False
            else:
                self._on_letter()
                return True

    async def _has_room(self, runner: Writer) -> bool:
        """Wait for room in the dead letters; False if the flow stops first."""
        if self.letters.has_room() or await self.letters.look():
            return True
        if self.is_stopping:
            return False
        text = "the dead letters are full; waiting until some are tried again or deleted: router dead-letters"
        self.bulletin(runner.spec.name, text, {"records": self.letters.kept})
        runner.on_paused(1)
        try:
            while not await self.letters.look():
                if not await self._pauses.wait(LOOK_AGAIN, "the dead letters are full"):
                    return False
        finally:
            runner.on_paused(-1)
        return True

    def _write_with(self, unit: Unit, name: str, batch: Batch, connection: str | None) -> None:
        """Write them in the commit of the call, which nobody can wait for inside of it."""
        acks = outside(batch.acks())
        for ack in acks:
            ack.hold()

        def done(_: object, error: BaseException | None) -> None:
            for ack in acks:
                ack.release(Outcome.DEAD_LETTERED if error is None else Outcome.REJECTED, error)
            if error is None:
                self._on_letter()

        self.letters.write(batch, name, connection, unit.write, done)
