"""A thread with a connection in it: what blocks there never stops the flow, and can be given up."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from router import RetryableError
from router_processors.write_sql.writer import Writer

_Value = TypeVar("_Value")
_GRACE = 2.0  # seconds that the server has for saying by itself that its time is over


class Session:
    """One writer and the only thread that uses it.

    A call that is cancelled, or whose database does not answer, is given up: its connection is cut, its
    thread ends by itself, and the session takes no more calls.
    """

    def __init__(self, writer: Writer, name: str, timeout: float) -> None:
        self.is_open = True
        self._writer = writer
        self._timeout = timeout
        self._calls: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = queue.SimpleQueue()
        # A daemon: looking up a name, say, cannot be cut, and must not keep the program from ending.
        threading.Thread(target=self._work, name=f"router-{name}", daemon=True).start()

    async def run(self, call: Callable[[Writer], _Value]) -> _Value:
        """Run a call in the thread and wait for it.

        Raises:
            RetryableError: the database did not answer in time.
        """
        done: Future[_Value] = Future()
        begun = time.monotonic()
        self._calls.put((done, lambda: call(self._writer)))
        answer = asyncio.wrap_future(done)
        answer.add_done_callback(_look_at)
        try:
            while not answer.done():
                left = max(begun, self._writer.since) + self._timeout + _GRACE - time.monotonic()
                if left <= 0:
                    raise RetryableError(f"{self._writer.where}: no answer within {self._timeout:g} s")
                await asyncio.wait({answer}, timeout=left)
            return answer.result()
        finally:
            if not answer.done():
                self.end()
                self._writer.abort()

    def end(self) -> None:
        """Let the thread close its connection and end, when it has done what it is at."""
        if self.is_open:
            self.is_open = False
            self._calls.put(None)

    def _work(self) -> None:
        while (given := self._calls.get()) is not None:
            done, call = given
            if not done.set_running_or_notify_cancel():
                continue
            try:
                done.set_result(call())
            except BaseException as error:  # noqa: BLE001 - raised again where the call came from
                done.set_exception(error)
        self._writer.drop()


def _look_at(answer: asyncio.Future[Any]) -> None:
    """Take note of an error that nobody waits for any more."""
    if not answer.cancelled():
        answer.exception()
