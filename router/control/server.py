"""Serves the API of the flows of one process: on a socket in each data folder, and on TCP where that was asked for."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from router.control import places
from router.control.doors import Door, Factory
from router.engine import Engine, Report
from router.secrecy import Mask

if TYPE_CHECKING:
    from router.control.access import Access
    from router.control.log import Log
    from router.control.subject import Reloading, Subject
    from router.control.web import Web

__all__ = ["Control", "Listening"]

LOOK_EVERY, LATEST = 0.05, 0.5
BACKLOG = 128
_log = logging.getLogger("router")
Stop: TypeAlias = "Callable[[float | None], asyncio.Future[Report]]"


@dataclass(frozen=True, slots=True)
class Listening:
    """A socket that is bound, who may come by it, and how it is kept from others' eyes."""

    socket: socket.socket
    access: Access
    tls: ssl.SSLContext | None


class Control:
    """The control API of one process.

    What a flow has of it until somebody comes: one socket, and a look at its figures each second.
    HTTP is imported when the first client comes. Nothing of it can fail the flow.

    Args:
        listening: Where it is served over TCP, all flows of the process together.
        is_ready: Whether all flows that are to run do.
    """

    def __init__(self, listening: Listening | None = None, *, is_ready: Callable[[], bool] = lambda: True) -> None:
        self._listening = listening
        self._is_ready = is_ready
        self._subjects: dict[str, Subject] = {}
        self._sites: dict[str, tuple[Path, _Site]] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="router-control")
        self._outside: _Site | None = None
        self._log: Log | None = None

    async def begin(self) -> None:
        """Serve over TCP, where that was asked for."""
        if self._listening is not None:
            self._outside = _Site(self._web(lambda: self._subjects, self._listening.access))
            await self._outside.door.open(self._listening.socket, self._listening.tls)

    def add(self, engine: Engine, stop: Stop, reload: Reloading | None = None) -> None:
        """Serve a flow that starts or has started, from when its first record has moved, or soon.

        Args:
            stop: Begins to stop it, draining for so many seconds; what it returns is done when it has ended.
            reload: Loads it anew, and makes of the flow that runs what it says now.
        """
        self._wait(engine, stop, reload, asyncio.get_running_loop().time() + LATEST)

    async def remove(self, name: str) -> None:
        """Serve a flow no more: it has ended."""
        if (timer := self._timers.pop(name, None)) is not None:
            timer.cancel()
        if (subject := self._subjects.pop(name, None)) is not None:
            subject.end()
        if self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)
        if (found := self._sites.pop(name, None)) is not None:
            data, site = found
            await site.close()
            places.withdraw(data)

    async def close(self) -> None:
        """Serve no more."""
        for name in {*self._subjects, *self._timers}:
            await self.remove(name)
        if self._outside is not None:
            await self._outside.close()
        if self._log is not None:
            self._log.end()
        self._threads.shutdown(wait=False, cancel_futures=True)

    # -- one flow -------------------------------------------------------------------------------

    def _wait(self, engine: Engine, stop: Stop, reload: Reloading | None, until: float) -> None:
        """Begin when a record has moved: the start of a flow is not slowed down, not even by an import."""
        loop, name = asyncio.get_running_loop(), engine.flow.name
        if loop.time() < until and not any(any(each.out.values()) for each in engine.status().processors.values()):
            self._timers[name] = loop.call_later(LOOK_EVERY, self._wait, engine, stop, reload, until)
            return
        self._timers.pop(name, None)
        task = loop.create_task(self._serve(self._subject(engine, stop, reload)), name=f"control API of {name}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _subject(self, engine: Engine, stop: Stop, reload: Reloading | None) -> Subject:
        from router.control.log import Log  # noqa: PLC0415 - see above
        from router.control.subject import Subject  # noqa: PLC0415

        if self._log is None:
            self._log = Log()
            self._log.begin()
        subject = self._subjects[engine.flow.name] = Subject(engine, stop, self._log, self._threads, reload)
        self._hide()
        subject.history.begin()
        return subject

    def hide(self, secrets: Iterable[str]) -> None:
        """Tell these to nobody either: a flow has others now."""
        for each in self._subjects.values():
            each.mask.add(secrets)
        self._hide()

    def _hide(self) -> None:
        if self._log is not None:
            self._log.hide = Mask(secret for each in self._subjects.values() for secret in each.mask.secrets)

    async def _serve(self, subject: Subject) -> None:
        try:
            listener = _listener(subject.data)
            places.announce(subject.name, subject.data)
        except OSError as error:
            _log.warning("%s: the control API is not served: %s", subject.name, error, extra={"flow": subject.name})
            return
        site = _Site(self._web(lambda: {subject.name: subject}, None))
        self._sites[subject.name] = (subject.data, site)
        await site.door.open(listener)

    def _web(self, subjects: Callable[[], dict[str, Subject]], access: Access | None) -> Callable[[], Awaitable[Web]]:
        async def make() -> Web:
            def load() -> type[Web]:
                from router.control.web import Web  # noqa: PLC0415 - heavy, and most flows are never watched

                return Web

            kind = await asyncio.get_running_loop().run_in_executor(self._threads, load)
            return kind(subjects, self._is_ready, access)

        return make


class _Site:
    """A door, and what is served there once somebody has come."""

    def __init__(self, make: Callable[[], Awaitable[Web]]) -> None:
        self.door = Door(self._serve)
        self._make = make
        self._web: Web | None = None

    async def _serve(self, door: Door) -> Factory:
        self._web = await self._make()
        return await self._web.serve(door)

    async def close(self) -> None:
        self.door.shut()
        if self._web is not None:
            await self._web.close()
        await self.door.close()


def _listener(data: Path) -> socket.socket:
    """A socket for this user alone. A stale one is replaced: whoever has the data folder is the only owner."""
    path = places.place_for(data)
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with suppress(OSError):
            os.fchmod(listener.fileno(), 0o600)  # Linux makes the file with this mode
        listener.bind(str(path))
        path.chmod(0o600)  # elsewhere nobody can connect before `listen`
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener
