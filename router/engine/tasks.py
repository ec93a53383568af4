"""The one place that makes tasks: kept alive, named, their errors told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import copy_context
from typing import Any

from router.errors import ProcessorError
from router.expression import CLOCK
from router.secrecy import HIDE

__all__ = ["Tasks"]

ROUNDS, PATIENCE = 3, 5.0


class Tasks:
    """The tasks of one flow. A task that raises calls ``on_error``; none is lost to the garbage collector."""

    def __init__(
        self,
        on_error: Callable[[BaseException], None],
        now: Callable[[], float],
        hide: Callable[[str], str] = str,
    ) -> None:
        self.patience = PATIENCE
        """Seconds to wait for a task that was cancelled, before it is asked once more."""
        self._tasks: set[asyncio.Task[Any]] = set()
        self._on_error = on_error
        self._context = copy_context()
        self._context.run(CLOCK.set, now)  # what `now()` means in the expressions of this flow
        self._context.run(HIDE.set, hide)

    def start(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """Run a coroutine beside the others."""
        task = asyncio.get_running_loop().create_task(work, name=name, context=self._context.copy())
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            if not task.cancelling():  # nobody here asked for it: an author's code awaited what was cancelled
                self._on_error(ProcessorError(f"{task.get_name()!r} was cancelled from within"))
        elif (error := task.exception()) is not None:
            self._on_error(error)

    async def cancel(self) -> list[str]:
        """Cancel all and wait until they have ended; the names of those that do not, asked several times."""
        for _ in range(ROUNDS):
            if not self._tasks:
                break
            for task in self._tasks:
                task.cancel()
            await asyncio.wait(list(self._tasks), timeout=self.patience)
        return [task.get_name() for task in self._tasks]
