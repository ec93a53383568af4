"""The time an expression sees as now."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextvars import ContextVar

CLOCK: ContextVar[Callable[[], float]] = ContextVar("expression clock", default=time.time)
"""Seconds since 1970. An engine sets its own in the context of its tasks: ``CLOCK.set(clock.now)``; a
thread sees it when it is entered with ``contextvars.copy_context().run`` (``asyncio.to_thread`` does)."""


def now() -> float:
    """Read the clock of this context."""
    return CLOCK.get()()
