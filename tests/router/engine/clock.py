"""A clock that jumps to the next thing due whenever the whole flow has come to rest."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from router.engine import Engine

_Value = TypeVar("_Value")


class Timer:
    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


class JumpingClock:
    """Time that costs nothing."""

    def __init__(self) -> None:
        self.time = 0.0
        self._order = itertools.count()
        self._timers: list[tuple[float, int, Timer]] = []

    def now(self) -> float:
        return self.time

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        timer = Timer(callback)
        heapq.heappush(self._timers, (self.time + max(0.0, seconds), next(self._order), timer))
        return timer

    def jump(self) -> bool:
        """Move to the next thing due; False if there is none."""
        while self._timers:
            due, _, timer = heapq.heappop(self._timers)
            if timer.callback is not None:
                self.time = max(self.time, due)
                timer.callback()
                return True
        return False


async def at_rest(engine: Engine) -> None:
    """Return when no task can go on before time moves."""
    ready: Any = asyncio.get_running_loop()._ready  # type: ignore[attr-defined]
    await asyncio.sleep(0)
    while ready or engine.is_busy:  # noqa: ASYNC110 - the loop tells nobody when it has nothing to do
        await asyncio.sleep(0 if ready else 0.0005)  # a thread has no turn of the loop to wait for


async def until(
    engine: Engine,
    clock: JumpingClock,
    work: Awaitable[_Value],
    *,
    limit: float = 1e7,
    look: Callable[[], None] = lambda: None,
) -> _Value:
    """Move the clock until ``work`` is done; ``look`` is called each time the flow has come to rest."""
    task = asyncio.ensure_future(work)
    while not task.done():
        await at_rest(engine)
        look()
        if task.done():
            break
        if not clock.jump() or clock.time > limit:
            task.cancel()
            raise AssertionError(f"the flow is stuck at {clock.time:.0f} s: {stuck(engine)}")
    return await task


def stuck(engine: Engine) -> str:
    status = engine.status()
    states = {name: (each.state, each.held) for name, each in status.processors.items()}
    waiting = {id_: each.records for id_, each in status.connections.items() if each.records}
    return f"{states}, {waiting}, {status.outstanding} acks are open"
