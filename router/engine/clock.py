"""The flow's time: the system's, or one that a test moves by hand."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol, TypeVar

__all__ = ["Alarm", "Clock", "SystemClock", "Timer", "resolve", "sleep"]

_Value = TypeVar("_Value")


class Timer(Protocol):
    """A call that is due later."""

    def cancel(self) -> None:
        """Do not make the call; a second time does nothing."""


class Clock(Protocol):
    """Where a flow takes its time from."""

    def now(self) -> float:
        """Seconds since 1970."""

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Call back on the running event loop when the time has come."""


class SystemClock:
    """The time of the machine; waiting does not depend on its clock being set right."""

    def now(self) -> float:
        """Seconds since 1970."""
        return time.time()

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Call back on the running event loop when the time has come."""
        return asyncio.get_running_loop().call_later(max(0.0, seconds), callback)


def resolve(future: asyncio.Future[_Value], value: _Value) -> None:
    """Set a future's result unless it has one, or was cancelled."""
    if not future.done():
        future.set_result(value)


class Alarm:
    """At most one call that is due: setting it forgets the last."""

    __slots__ = ("_callback", "_clock", "_timer")

    def __init__(self, clock: Clock, callback: Callable[[], None]) -> None:
        self._clock = clock
        self._callback = callback
        self._timer: Timer | None = None

    @property
    def is_set(self) -> bool:
        """True until it is due."""
        return self._timer is not None

    def set(self, seconds: float | None) -> None:
        """Call back then; None: not at all."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if seconds is None else self._clock.call_later(max(0.0, seconds), self._due)

    def _due(self) -> None:
        self._timer = None
        self._callback()


async def sleep(clock: Clock, seconds: float) -> None:
    """Wait by a clock."""
    woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    timer = clock.call_later(seconds, lambda: resolve(woken, None))
    try:
        await woken
    finally:
        timer.cancel()
