"""Cuts what takes too long, with one timer for all that is under way."""

from __future__ import annotations

import asyncio
import time

__all__ = ["Deadlines"]

_LOOKS = 20  # times within the limit: what takes too long may take a twentieth longer
_OFTEN = 0.001


class Deadlines:
    """One limit for many tasks: a timer for each would cost a twentieth of a request."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._begun: dict[asyncio.Task[object], float] = {}
        self._late: set[asyncio.Task[object]] = set()
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, task: asyncio.Task[object]) -> float:
        """Count from now; the task is cancelled when it takes too long. Say when that is, by ``time.monotonic``."""
        now = self._begun[task] = time.monotonic()
        if self._timer is None:
            self._look_soon()
        return now

    def end(self, task: asyncio.Task[object]) -> None:
        """Count no longer."""
        self._begun.pop(task, None)
        self._late.discard(task)

    def has_cut(self, task: asyncio.Task[object]) -> bool:
        """True if it was this that cancelled the task, which goes on then."""
        if task not in self._late:
            return False
        task.uncancel()
        return True

    def close(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()

    def _look_soon(self) -> None:
        wait = max(self._seconds / _LOOKS, _OFTEN)
        self._timer = asyncio.get_running_loop().call_later(wait, self._look)

    def _look(self) -> None:
        before = time.monotonic() - self._seconds
        for task, begun in self._begun.items():
            if begun <= before and task not in self._late:
                self._late.add(task)
                task.cancel()
        self._timer = None
        if self._begun:
            self._look_soon()
