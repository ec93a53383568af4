"""Pull records out of a generator that may block, in a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from contextvars import copy_context
from typing import Any

__all__ = ["Puller"]

MOST = 1000


class Puller:
    """Runs a generator ahead of who takes its records; each is there as soon as it was yielded.

    At most ``MOST`` records wait. What the generator raises is raised behind the records it
    gave before. One that never comes back is left behind: Python's exit does not wait for it.
    """

    def __init__(self, records: Iterator[Any]) -> None:
        self._records = records
        self._loop = asyncio.get_running_loop()
        self._changed = threading.Condition()
        self._ready: list[Any] = []
        self._error: BaseException | None = None
        self._is_over = False
        self._waiter: asyncio.Future[None] | None = None
        threading.Thread(target=copy_context().run, args=(self._pull,), name="router-source", daemon=True).start()

    async def next(self) -> list[Any]:
        """Take what is there, waiting for the first; nothing: the generator has ended."""
        while True:
            with self._changed:
                rows, self._ready = self._ready, []
                self._changed.notify()
                if rows:
                    return rows
                if self._is_over:
                    break
                waiter = self._waiter = self._loop.create_future()
            await waiter
        if self._error is not None:
            raise self._error
        return []

    def stop(self) -> None:
        """Pull no more; the generator is closed when it comes back."""
        with self._changed:
            self._is_over = True
            self._changed.notify()

    # -- in the thread --------------------------------------------------------------------------

    def _pull(self) -> None:
        try:
            for record in self._records:
                if not self._put(record):
                    self._close()
                    break
        except BaseException as error:  # noqa: BLE001 - raised again where the records are taken
            self._error = error
        with self._changed:
            self._is_over = True
            self._tell()

    def _put(self, record: Any) -> bool:
        with self._changed:
            self._ready.append(record)
            self._tell()
            while len(self._ready) >= MOST and not self._is_over:
                self._changed.wait()
            return not self._is_over

    def _close(self) -> None:
        close = getattr(self._records, "close", None)
        if close is not None:
            close()

    def _tell(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None:
            with contextlib.suppress(RuntimeError):  # the loop is gone
                self._loop.call_soon_threadsafe(_wake, waiter)


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
