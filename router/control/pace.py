"""Keeps the API's share of the event loop small: long work in slices, few requests at a time."""

from __future__ import annotations

import asyncio
import time

from router.engine import SystemClock
from router.engine.clock import resolve, sleep

__all__ = ["Gate", "Slices"]

SLICE = 0.002  # seconds of work before the flow has its turn
SHARE = 0.1  # of the time, while such work goes on
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
        self._waiting: set[asyncio.Future[None]] = set()
        self._is_open = False

    async def turn(self) -> None:
        """Wait until the request may be answered."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        self._next = max(self._next + self._step, now - self._slack)
        if (wait := self._next - now) <= 0 or self._is_open:
            return
        place: asyncio.Future[None] = loop.create_future()
        self._waiting.add(place)
        timer = loop.call_later(wait, resolve, place, None)
        try:
            await place
        finally:
            timer.cancel()
            self._waiting.discard(place)

    def open(self) -> None:
        """Let everybody pass: it is the end."""
        self._is_open = True
        for place in self._waiting:
            resolve(place, None)
