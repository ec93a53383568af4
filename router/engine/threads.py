"""The Context of a call that runs in a thread: what touches the flow is done on its event loop."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import TypeVar

from router.authoring import State
from router.batch import Batch
from router.engine.context import FlowContext, HeldBatch

__all__ = ["ThreadContext"]

_Value = TypeVar("_Value")


class ThreadContext:
    """Hands each call over to the loop and waits for it; see ``Context``."""

    def __init__(self, context: FlowContext, loop: asyncio.AbstractEventLoop) -> None:
        self.name = context.name
        self.flow = context.flow
        self.now = context.now
        self.state: State = context.state
        self.is_exactly_once = context.is_exactly_once
        self._context = context
        self._loop = loop

    def bulletin(self, text: str, /, **data: object) -> None:
        """Tell the operator; this needs no loop."""
        self._context.bulletin(text, **data)

    def reply(self, batch: Batch, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        """Answer requests."""
        self._on_loop(lambda: self._context.reply(batch, status, headers))

    def hold(self, batch: Batch) -> HeldBatch:
        """Keep origins waiting."""
        return self._on_loop(lambda: self._context.hold(batch))

    def wake_at(self, time: float | None) -> None:
        """Ask for a wake."""
        self._on_loop(lambda: self._context.wake_at(time))

    async def sleep(self, seconds: float) -> None:
        """Not in a thread: a plain function has nothing to await."""
        raise TypeError("a call in a thread cannot sleep by the flow's clock; make it an `async def`")

    def _on_loop(self, work: Callable[[], _Value]) -> _Value:
        done: Future[_Value] = Future()

        def run() -> None:
            try:
                done.set_result(work())
            except BaseException as error:  # noqa: BLE001 - raised again in the thread that asked
                done.set_exception(error)

        self._loop.call_soon_threadsafe(run, context=contextvars.copy_context())
        return done.result()
