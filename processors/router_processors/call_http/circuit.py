"""Leaves a service alone that does not answer, and finds out with one request when it does again."""

from __future__ import annotations

import asyncio

from router import Context, RetryableError
from router_processors.call_http.settings import CircuitConfig

_LONGEST = 300.0
_SOON = 0.001  # seconds: clocks may disagree by so much on whether a rest is over


class Circuit:
    """Counts the requests of a processor that met an outage, none answered between them.

    At the limit it opens: nothing is sent until the rest is over, and records that wait go back
    to be retried just then. One request tries first; if that meets an outage too, the next rest
    is twice as long, and when it is answered the others follow. Without settings it never opens.
    """

    def __init__(self, config: CircuitConfig | None) -> None:
        self._limit = config.failures if config is not None else None
        self._first = config.rest.total_seconds() if config is not None else 0.0
        self._failed = 0
        self._rest = 0.0  # how long it rests, or rested last; 0 while it is closed
        self._until = 0.0
        self._reason = ""
        self._trial: asyncio.Future[None] | None = None

    @property
    def is_open(self) -> bool:
        """True until the service has answered again."""
        return self._rest > 0

    async def admit(self, context: Context) -> bool:
        """Wait until a request may be sent; True if it is the one that tries, whose end ``over`` must hear of.

        Raises:
            RetryableError: not before the rest is over.
        """
        while self._rest:
            left = self._until - context.now()
            if left > _SOON:
                raise RetryableError(self._reason, after=left)
            if self._trial is None:
                self._trial = asyncio.get_running_loop().create_future()
                return True
            await asyncio.shield(self._trial)
        return False

    def over(self) -> None:
        """Hear that the request that tries has ended, whatever it met."""
        trial, self._trial = self._trial, None
        if trial is not None and not trial.done():
            trial.set_result(None)

    def answered(self, context: Context) -> None:
        """Hear that the service answered."""
        if self._rest:
            self._rest = self._until = 0.0
            context.bulletin("is answered again; it goes on")
        self._failed = 0

    def failed(self, error: RetryableError, context: Context, *, is_trial: bool) -> None:
        """Hear of an outage."""
        self._failed += 1
        now = context.now()
        if self._limit is None or self._failed < self._limit or (self._rest and not is_trial):
            return
        is_news = not self._rest
        self._rest = min(self._rest * 2, max(_LONGEST, self._first)) if self._rest else self._first
        self._until = now + max(self._rest, error.after or 0.0)
        self._reason = str(error)
        if is_news:
            data = {"failures": self._failed, "seconds": self._until - now, "error": str(error)}
            context.bulletin("rests, for the service does not answer", **data)
