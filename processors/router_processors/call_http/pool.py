"""Makes requests beside each other, so many at once, in the order in which they were asked for."""

from __future__ import annotations

import asyncio
import contextvars
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from router import RetryableError
from router_processors.call_http.call import Call

__all__ = ["Pool"]

Make = Callable[[Call], Awaitable[None]]


class _Round:
    """The requests of one call of the processor."""

    __slots__ = ("done", "left")

    def __init__(self, left: int) -> None:
        self.left = left
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class Pool:
    """Workers for the requests of all calls of a processor.

    A worker takes the next request, whoever asked for it, and ends when there is none: one that hangs holds
    up no other, and from a worker to its socket the way is short. A call that is cut takes its requests with it.
    """

    def __init__(self, size: int, make: Make) -> None:
        self._size = size
        self._make = make
        self._waiting: deque[tuple[Call, _Round]] = deque()
        self._workers: dict[asyncio.Task[None], _Round | None] = {}
        # Whoever happens to start a worker has nothing to do with most of what it will make.
        self._context = contextvars.copy_context()

    async def run(self, calls: Sequence[Call]) -> None:
        """Make requests; returns when all have come to their ends."""
        if not calls:
            return
        round_ = _Round(len(calls))
        self._waiting.extend([(call, round_) for call in calls])
        self._start()
        try:
            await round_.done
        finally:
            if round_.left:
                self._forget(round_)

    async def close(self) -> None:
        """Cut what is left."""
        self._waiting.clear()
        for worker in self._workers:
            worker.cancel()
        if self._workers:
            await asyncio.wait(list(self._workers))

    def _start(self) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(min(len(self._waiting), self._size - len(self._workers))):
            worker = loop.create_task(self._work(), name="call_http request", context=self._context)
            self._workers[worker] = None
            worker.add_done_callback(self._ended)

    async def _work(self) -> None:
        worker = asyncio.current_task()
        assert worker is not None
        while self._waiting:
            call, round_ = self._waiting.popleft()
            self._workers[worker] = round_
            await self._make(call)
            round_.left -= 1
            if not round_.left and not round_.done.done():
                round_.done.set_result(None)
        self._workers[worker] = None

    def _ended(self, worker: asyncio.Task[None]) -> None:
        round_ = self._workers.pop(worker)
        error = None if worker.cancelled() else worker.exception()
        if round_ is not None and not round_.done.done():
            round_.done.set_exception(error or RetryableError("a request was cut"))
        if self._waiting:
            self._start()

    def _forget(self, round_: _Round) -> None:
        self._waiting = deque(each for each in self._waiting if each[1] is not round_)
        for worker, own in self._workers.items():
            if own is round_:
                worker.cancel()
