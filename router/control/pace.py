"""Keeps the API's share of the event loop small: long work in slices, few requests at a time."""

from __future__ import annotations

import asyncio
import time

from router.engine import SystemClock
from router.engine.clock import sleep

__all__ = ["Gate", "Slices"]

SLICE = 0.002  # seconds of work before the flow has its turn
SHARE = 0.2  # of the time, while such work goes on
_CLOCK = SystemClock()


class Slices:
    """Long work on the loop: call ``rest`` often, and the flow goes on in between.

    After each slice of work it waits several times as long, so that the loop belongs to the flow.
    """

    def __init__(self) -> None:
        self._began = time.perf_counter()

    async def rest(self) -> None:
        """Give up the turn, if it has been long."""
        worked = time.perf_counter() - self._began
        if worked >= SLICE:
            await sleep(_CLOCK, worked * (1 / SHARE - 1))
            self._began = time.perf_counter()


class Gate:
    """Lets so many requests a second pass, some together after a pause; the others wait their turn, in order.

    Args:
        rate: Requests a second.
        burst: How many may pass at once when there were few before.
    """

    def __init__(self, rate: float, burst: int) -> None:
        self._step = 1 / rate
        self._slack = burst / rate
        self._next = 0.0

    async def turn(self) -> None:
        """Wait until the request may be answered."""
        now = asyncio.get_running_loop().time()
        self._next = max(self._next + self._step, now - self._slack)
        if (wait := self._next - now) > 0:
            await sleep(_CLOCK, wait)
