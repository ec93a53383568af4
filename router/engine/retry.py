"""How long to wait before the world is tried again, and the waiting."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta

from router.batch import Batch
from router.engine.clock import Clock, resolve
from router.errors import RetryableError
from router.flow import RetryOptions

__all__ = ["LONGEST", "Backoff", "Pauses", "next_attempt", "outage_of"]

FIRST, LONGEST = 1.0, 300.0


class Backoff:
    """Doubles from 1 s to 5 minutes, each wait with up to a quarter of jitter, unless the other side said when."""

    __slots__ = ("attempts", "since")

    def __init__(self, now: float) -> None:
        self.attempts = 1
        self.since = now

    def next(self, error: BaseException | None = None) -> float:
        """Seconds to wait after the call that just failed."""
        wait = min(LONGEST, FIRST * 2.0 ** min(self.attempts - 1, 16))
        self.attempts += 1
        if isinstance(error, RetryableError) and error.after is not None:
            return max(0.0, error.after)
        return wait * random.uniform(1.0, 1.25)  # noqa: S311 - spreads load, keeps no secret

    def is_exhausted(self, now: float, options: RetryOptions | None) -> bool:
        """True if another call would be beyond the limits the flow set."""
        if options is None:
            return False
        if options.attempts is not None and self.attempts >= options.attempts:
            return True
        return options.within is not None and timedelta(seconds=now - self.since) >= options.within


class Pauses:
    """The waits of one processor before it tries again; a stop ends them all."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waiting: set[asyncio.Future[bool]] = set()
        self.is_over = False
        """True when the flow stops: nothing waits any more."""
        self.is_cut = False
        """True while the flow is changed: nothing waits; what did goes back to where it was taken."""
        self.reason: str | None = None
        """What the newest of them waits for."""

    async def wait(self, seconds: float, reason: str) -> bool:
        """Wait; False if the flow stops or is changed meanwhile, or does so already."""
        if self.is_over or self.is_cut:
            return False
        pause: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        timer = self._clock.call_later(seconds, lambda: resolve(pause, value=True))
        self._waiting.add(pause)
        self.reason = reason
        try:
            return await pause
        finally:
            timer.cancel()
            self._waiting.discard(pause)
            if not self._waiting:
                self.reason = None

    def end(self) -> None:
        """The flow stops: end those that wait, and every one to come."""
        self.is_over = True
        self._wake()

    def cut(self) -> None:
        """The flow is changed: end those that wait, and every one to come until ``mend``."""
        self.is_cut = True
        self._wake()

    def mend(self) -> None:
        """Wait again from now on."""
        self.is_cut = False

    def _wake(self) -> None:
        for pause in self._waiting:
            resolve(pause, value=False)


def outage_of(again: Batch, processor: str) -> RetryableError | None:
    """What a processor says of the records it wants to be tried again, in their column ``error``; the longest wait counts."""
    errors = [each for each in again.columns.get("error", ()) if _is_own(each, processor)]
    if not errors:
        return None
    waits = [wait for each in errors if (wait := (each.get("data") or {}).get("after")) is not None]
    return RetryableError(str(errors[0].get("message")), after=max(waits, default=None))


def next_attempt(again: Batch, attempts: int, processor: str) -> Batch:
    """What is called again: without what the processor said of the last attempt, with what others said before."""
    errors = again.columns.get("error", ())
    others = [None if _is_own(each, processor) else each for each in errors]
    return again.with_columns(attempts=[attempts] * len(again), error=others if any(others) else None)


def _is_own(error: object, processor: str) -> bool:
    return isinstance(error, dict) and error.get("processor") == processor
