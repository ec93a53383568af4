"""Lets a processor rest whose every record fails, tells of it, and lets it try again."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Protocol

from router.engine.clock import Clock, resolve
from router.engine.context import FlowContext
from router.engine.outputs import Outputs
from router.engine.retry import LONGEST, Pauses
from router.flow import CircuitOptions
from router.relationship import FAILURE, UNAVAILABLE

__all__ = ["Circuit", "Watched"]

MANY = 1000
"""So many failures in a row are news, whatever the flow says of resting."""


class Owner(Protocol):
    """Whose calls are counted."""

    context: FlowContext


class Circuit:
    """Counts the records of one processor that failed without a success between them.

    At the limit that the flow set, the processor rests: no call begins before the rest is
    over. Then one call tries, and the others wait for what it gives. If that fails too, the
    next rest is twice as long, up to five minutes; the first success ends it all, and a stop
    ends the rest. What is to be retried counts neither way: the world's faults have waits of
    their own.
    """

    def __init__(self, options: CircuitOptions | None, clock: Clock, pauses: Pauses, owner: Owner) -> None:
        self._limit = options.failures if options is not None else None
        self._first = options.rest.total_seconds() if options is not None else 0.0
        self._clock = clock
        self._pauses = pauses
        self._owner = owner
        self._failed = 0
        self._is_told = False
        self._rest = 0.0  # how long it rests, or rested last; 0 while all is well
        self._until = 0.0
        self._trial: asyncio.Future[None] | None = None

    @property
    def is_resting(self) -> bool:
        """True while no call may begin."""
        return self._clock.now() < self._until

    @property
    def is_open(self) -> bool:
        """True from its first rest to the first success after it: a call may have to wait."""
        return self._rest > 0

    def watched(self) -> Watched:
        """Watch the calls made for one batch."""
        return Watched(self)

    async def ready(self) -> bool:
        """Wait until a call may begin; False if the flow stops meanwhile."""
        while self._rest:
            if self.is_resting:
                if not await self._pauses.wait(self._until - self._clock.now(), "every record failed"):
                    return False
            elif self._trial is None:
                self._trial = asyncio.get_running_loop().create_future()
                return True
            else:
                await asyncio.shield(self._trial)
        return True

    def trial_over(self) -> None:
        """Let the calls go on that waited for this one."""
        if self._trial is not None:
            resolve(self._trial, None)
            self._trial = None

    def succeeded(self) -> None:
        """Hear that a record did not fail."""
        if self._rest:
            self._owner.context.bulletin("works again after its rest")
        self._failed, self._is_told, self._rest, self._until = 0, False, 0.0, 0.0

    def failed(self, records: int, error: str | None) -> None:
        """Hear that records failed, and none of their call did not."""
        self._failed += records
        if self._failed >= MANY and not self._is_told:
            self._is_told = True
            self._owner.context.bulletin(
                "many records in a row have failed, and none has not", records=self._failed, error=error
            )
        if self._limit is not None and self._failed >= self._limit and not self.is_resting:
            self._rest = min(self._rest * 2, max(LONGEST, self._first)) if self._rest else self._first
            self._until = self._clock.now() + self._rest
            self._owner.context.bulletin(
                "rests, for every record fails", records=self._failed, seconds=self._rest, error=error
            )


class Watched:
    """Tells a circuit what the calls for one batch give."""

    __slots__ = ("_circuit", "_gave", "_given_at", "_is_trial")

    def __init__(self, circuit: Circuit) -> None:
        self._circuit = circuit
        self._gave = False
        self._given_at: float | None = None
        self._is_trial = False

    def left_of(self, wait: float) -> float:
        """What is left of a wait that began when the last call gave something, which may have waited for its turn."""
        since, self._given_at = self._given_at, None
        return wait if since is None else max(0.0, wait - (self._circuit._clock.now() - since))

    async def ready(self) -> bool:
        """Wait until a call may begin; False if the flow stops meanwhile."""
        circuit = self._circuit
        goes_on = await circuit.ready()
        self._is_trial = goes_on and circuit._trial is not None
        return goes_on

    def saw(self, outputs: Outputs) -> None:
        """Note outputs of a call; before they wait for their turn, for others may wait for this."""
        failed: Sequence[Any] = ()
        is_good = False
        for name, batch in outputs:
            if name == FAILURE.name:
                failed = batch.columns.get("error") or [None] * len(batch)
            elif name != UNAVAILABLE.name:
                is_good = True
        self._gave |= bool(outputs)
        self._given_at = self._circuit._clock.now()
        if is_good:
            self._circuit.succeeded()
        elif failed:
            self._circuit.failed(len(failed), failed[-1]["message"] if failed[-1] else None)
        self._end_trial()

    def ended(self, *, is_retried: bool) -> None:
        """Note the end of a call; one that gave nothing has not failed either."""
        if not self._gave and not is_retried:
            self._circuit.succeeded()
        self._gave = False
        self._end_trial()

    def _end_trial(self) -> None:
        if self._is_trial:
            self._is_trial = False
            self._circuit.trial_over()
