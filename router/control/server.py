"""Serves the API of the flows of one process: on a socket in each data folder, and on TCP where that was asked for."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import ssl
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from router.control import places
from router.control.access import Access
from router.control.doors import Door, Factory
from router.control.log import Log
from router.control.subject import Subject
from router.engine import Engine, Report
from router.secrecy import Mask

if TYPE_CHECKING:
    from router.control.web import Web

__all__ = ["Control", "Listening"]

LOOK_EVERY, LATEST = 0.05, 0.5
BACKLOG = 128
_log = logging.getLogger("router")


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
        self._sites: dict[str, tuple[Subject, _Site]] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="router-control")
        self._outside: _Site | None = None
        self._log = Log()

    async def begin(self) -> None:
        """Keep the log; serve over TCP, where that was asked for."""
        self._log.begin()
        if self._listening is not None:
            web = self._web(lambda: self._subjects, self._listening.access)
            self._outside = _Site(web)
            await self._outside.door.open(self._listening.socket, self._listening.tls)

    def add(self, engine: Engine, stop: Callable[[float | None], asyncio.Future[Report]]) -> None:
        """Serve a flow that has been started, from when its first record has moved, or soon.

        Args:
            stop: Begins to stop it, draining for so many seconds; what it returns is done when it has ended.
        """
        subject = Subject(engine, stop, self._log, self._threads)
        self._subjects[subject.name] = subject
        self._log.hide = Mask(secret for each in self._subjects.values() for secret in each.flow.secrets)
        self._wait(subject, asyncio.get_running_loop().time() + LATEST)

    async def remove(self, name: str) -> None:
        """Serve a flow no more: it has ended."""
        if (timer := self._timers.pop(name, None)) is not None:
            timer.cancel()
        if (subject := self._subjects.pop(name, None)) is not None:
            subject.end()
        if self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)
        if (found := self._sites.pop(name, None)) is not None:
            await found[1].close()
            places.withdraw(found[0].data)

    async def close(self) -> None:
        """Serve no more."""
        for name in list(self._subjects):
            await self.remove(name)
        if self._outside is not None:
            await self._outside.close()
        self._log.end()
        self._threads.shutdown(wait=False, cancel_futures=True)

    # -- one flow -------------------------------------------------------------------------------

    def _wait(self, subject: Subject, until: float) -> None:
        """Begin when a record has moved: the start of a flow is not slowed down."""
        loop = asyncio.get_running_loop()
        if loop.time() >= until or any(any(each.out.values()) for each in subject.engine.status().processors.values()):
            self._timers.pop(subject.name, None)
            self._open(subject)
        else:
            self._timers[subject.name] = loop.call_later(LOOK_EVERY, self._wait, subject, until)

    def _open(self, subject: Subject) -> None:
        subject.history.begin()
        task = asyncio.get_running_loop().create_task(self._serve(subject), name=f"control API of {subject.name}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, subject: Subject) -> None:
        try:
            listener = _listener(subject.data)
            places.announce(subject.name, subject.data)
        except OSError as error:
            _log.warning("%s: the control API is not served: %s", subject.name, error, extra={"flow": subject.name})
            return
        site = _Site(self._web(lambda: {subject.name: subject}, None))
        self._sites[subject.name] = (subject, site)
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
