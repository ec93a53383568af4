"""How long to wait before the world is tried again."""

from __future__ import annotations

import random

from router.errors import RetryableError

__all__ = ["Backoff"]

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

    def is_exhausted(self, now: float, attempts: int | None, within: float | None) -> bool:
        """True if another call would be beyond the limits the flow set."""
        return (attempts is not None and self.attempts >= attempts) or (
            within is not None and now - self.since >= within
        )
