"""Ctrl-C and SIGTERM: the first asks the flows to stop, a second Ctrl-C ends the process whatever it does."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from asyncio import AbstractEventLoop
from collections.abc import Callable
from types import FrameType
from typing import Any, NoReturn, Self

__all__ = ["Interrupts", "leave"]

CUT_OFF = 1
HEARTBEAT = 0.2  # seconds


class Interrupts:
    """Handlers of the two signals, from entering to leaving the context.

    They are Python's own, not the loop's: a processor that keeps the loop busy for ever does not
    keep them from running. ``by`` is the first signal that came, or None.

    Args:
        stop: Called on the loop, once.
        say: Tells the operator what happens; called in the handler.
    """

    def __init__(self, loop: AbstractEventLoop, stop: Callable[[], None], say: Callable[[str], None]) -> None:
        self.by: signal.Signals | None = None
        self._loop = loop
        self._stop = stop
        self._say = say
        self._former: dict[signal.Signals, Any] = {}
        self._left = threading.Event()

    def __enter__(self) -> Self:
        # The kernel may give a signal to any thread, and CPython then leaves the main one in its loop until it
        # next gives up the interpreter's lock; a thread that asks for the lock now and then sees to that.
        threading.Thread(target=self._beat, name="router-heartbeat", daemon=True).start()
        for number in (signal.SIGINT, signal.SIGTERM):
            self._former[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        self._left.set()
        for number, handler in self._former.items():
            signal.signal(number, handler)

    def _beat(self) -> None:
        while not self._left.wait(HEARTBEAT):
            pass

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self.by is None:
            self.by = signal.Signals(number)
            with contextlib.suppress(RuntimeError):  # the loop has just been closed: all is over anyway
                self._loop.call_soon_threadsafe(self._stop)
            self._tell("stopping: what is under way is finished first; Ctrl-C again ends at once")
        elif number == signal.SIGINT:
            self._tell("ended at once: what was under way was not settled")
            leave(CUT_OFF)

    def _tell(self, text: str) -> None:
        with contextlib.suppress(OSError):
            try:
                self._say(text)
            except RuntimeError:  # the handler came in the middle of another write, which cannot be entered again
                os.write(2, f"{text}\n".encode())


def leave(code: int) -> NoReturn:
    """End the process now: what is printed comes out, nothing is waited for, no thread, no processor."""
    for stream in filter(None, (sys.stdout, sys.stderr)):
        # The handler may have come in the middle of a write: what cannot be flushed then is lost, and
        # the process ends all the same.
        with contextlib.suppress(Exception):
            stream.flush()
    os._exit(code)
