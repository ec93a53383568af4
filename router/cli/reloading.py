"""Loads flows anew while they run: when somebody asks, at SIGHUP, when their files have changed."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

from router.cli.progress import Meter
from router.difference import Difference
from router.engine import Engine, SystemClock
from router.engine.clock import sleep
from router.errors import FlowError, ReloadError, RouterError
from router.flow import Flow

__all__ = ["Loading", "Reloader", "on_hangup"]

LOOK_EVERY = 1.0
_log = logging.getLogger("router")


class Loading(Protocol):
    """Loads a flow from a file, with what the command was given beside it."""

    def __call__(self, path: Path, /) -> Flow:
        """Load it."""


class Reloader:
    """Loads one flow anew, and makes of the one that runs what its file says now.

    Args:
        load: Loads it.
        hide: Hears of secrets that are to be told to nobody.
    """

    def __init__(self, engine: Engine, load: Loading, hide: Callable[[Iterable[str]], None]) -> None:
        self.meter: Meter | None = None
        """Shows its figures."""
        self._engine = engine
        self._load = load
        self.hides = [hide]
        """Who hears of secrets that are to be told to nobody."""

    async def reload(self, file: Path | None = None, give_back: bool = False, drop: bool = False) -> Difference:
        """Load it and change the flow that runs.

        Raises:
            FlowError: the file is bad; all problems, and nothing was changed.
            ReloadError: it could not be done, and nothing was changed.
        """
        flow = await self._loaded(file or self._file)
        found = await self._engine.reload(flow, give_back=give_back, drop=drop)
        if self.meter is not None:
            self.meter.flow = self._engine.flow
        gc.unfreeze()  # what has gone is to be freed, and what has come lives as long as the rest
        gc.collect()
        gc.freeze()
        return found

    async def quietly(self) -> None:
        """The same, where nobody waits to hear how it went: it is told to the operator."""
        with suppress(RouterError):
            await self.reload()

    async def whenever_changed(self) -> None:
        """Load it each time its files have changed, and stay as they are for a look; until cancelled."""
        clock, loop = SystemClock(), asyncio.get_running_loop()
        known = seen = await loop.run_in_executor(None, self._versions)
        while True:
            await sleep(clock, LOOK_EVERY)
            now = await loop.run_in_executor(None, self._versions)
            if now == seen != known:
                known = now
                await self.quietly()
            seen = now

    @property
    def _file(self) -> Path:
        if self._engine.flow.file is None:
            raise ReloadError("the flow was not loaded from a file; there is nothing to load anew")
        return self._engine.flow.file

    async def _loaded(self, path: Path) -> Flow:
        """Load it in a thread, for that takes a while; the flow that runs does not wait."""
        try:
            flow = await asyncio.get_running_loop().run_in_executor(None, self._load, path)
        except FlowError as error:
            self._engine.tell("was not reloaded", error=error)
            raise
        for hide in self.hides:
            hide(flow.secrets)
        for problem in flow.registry.problems if flow.registry is not None else ():
            _log.warning("%s", problem, extra={"flow": flow.name})
        return flow

    def _versions(self) -> dict[Path, object]:
        """The files of the flow, with what tells one version from another."""
        flow = self._engine.flow
        files = {flow.file, *(flow.registry.files if flow.registry is not None else ())}
        if flow.file is not None:
            files |= set((flow.file.parent / "plugins").glob("*.py"))
        return {file: _version(file) for file in files if file is not None}


def _version(file: Path) -> object:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


@contextmanager
def on_hangup(loop: asyncio.AbstractEventLoop, reload: Callable[[], None], stop: Callable[[], None]) -> Iterator[None]:
    """Reload at SIGHUP; where it says that the terminal has gone in which the flow was run, stop.

    Whoever has the signal ignored, as `nohup` does, is left so.
    """
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        yield
        return
    had_terminal, drawn_on = _has_terminal(), [number for number in range(3) if os.isatty(number)]

    def hung_up() -> None:
        if had_terminal and not _has_terminal():
            _give_up(drawn_on)
            stop()
        else:
            reload()

    loop.add_signal_handler(signal.SIGHUP, hung_up)
    try:
        yield
    finally:
        with suppress(RuntimeError):  # the loop is closed
            loop.remove_signal_handler(signal.SIGHUP)


def _give_up(numbers: Iterable[int]) -> None:
    """Let what would be read from, or written to, a terminal that has gone come from and go nowhere."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in numbers:
        os.dup2(nowhere, number)
    os.close(nowhere)


def _has_terminal() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True
