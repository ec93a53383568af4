"""The server: listens, keeps its clients within bounds, and puts what they ask into the intake."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from email.utils import formatdate
from typing import Any

from router import Batch, ProcessorError
from router_processors.serve_http.answers import Answer
from router_processors.serve_http.client import Client
from router_processors.serve_http.gate import Gate
from router_processors.serve_http.head import Head
from router_processors.serve_http.intake import Intake
from router_processors.serve_http.reading import Reader
from router_processors.serve_http.refused import Refused
from router_processors.serve_http.request import Request
from router_processors.serve_http.settings import Address, written

_BACKLOG = 1024
_FAREWELL = 1.0  # seconds that clients have to read the last answers
_SOONEST, _LATEST = 0.02, 0.5  # seconds between two looks at the clients
_EMPTY_BATCH = Answer(200, b"[]", (("Content-Type", "application/json"),))


class Server:
    """Serves any number of clients on one event loop, with one timer for all of them.

    ``time`` is the loop's, ``now`` what it was at the last look, and ``date`` the line that answers carry.
    """

    def __init__(
        self,
        gate: Gate,
        reader: Reader,
        intake: Intake,
        *,
        headers: list[str],
        max_clients: int,
        timeout: float,
        keep_alive: float,
        look_every: float,
    ) -> None:
        self.intake = intake
        self.check_head = gate.check
        self.max_body = gate.max_body
        self.timeout = timeout
        self.keep_alive = keep_alive
        self.now = 0.0
        self.date = b""
        self.addresses: list[str] = []
        self._reader = reader
        self._headers = [name.lower() for name in headers]
        self._max_clients = max_clients
        self._look_every = min(max(look_every, _SOONEST), _LATEST)
        self._clients: set[Client] = set()
        self._server: asyncio.AbstractServer | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._nobody: asyncio.Future[None] | None = None
        self.time: Callable[[], float]

    # -- life -----------------------------------------------------------------------------------

    async def start(self, listen: Address, tls: ssl.SSLContext | None) -> None:
        """Address.

        Raises:
            ProcessorError: the address cannot be had.
        """
        loop = asyncio.get_running_loop()
        self.time = loop.time
        self._look()
        try:
            self._server = server = await loop.create_server(
                lambda: Client(self),
                listen.host,
                listen.port,
                ssl=tls,
                backlog=_BACKLOG,
                ssl_handshake_timeout=self.timeout if tls is not None else None,
            )
        except OSError as error:
            raise ProcessorError(f"cannot listen on '{listen}': {reason(error, listen)}") from error
        names = [each.getsockname() for each in server.sockets]
        self.addresses = [written(name[0], name[1]) for name in names]

    async def stop(self) -> None:
        """Hang up on everybody; the last answers go out first."""
        self.intake.close()
        if self._server is not None:
            self._server.close()
        for client in list(self._clients):
            client.close()
        if self._clients:
            self._nobody = asyncio.get_running_loop().create_future()
            with suppress(TimeoutError):
                async with asyncio.timeout(_FAREWELL):
                    await asyncio.shield(self._nobody)
            for client in list(self._clients):
                client.abort()
            if self._clients:
                await self._nobody
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        """Tell the clients whose time is up."""
        self.now = self.time()
        self.date = f"Date: {formatdate(time.time(), usegmt=True)}\r\n".encode()
        for client in [each for each in self._clients if each.deadline <= self.now]:
            client.expire()
        self.intake.turn_away(self.now)
        self._timer = asyncio.get_running_loop().call_later(self._look_every, self._look)

    # -- clients --------------------------------------------------------------------------------

    def joined(self, client: Client) -> Refused | None:
        """Count a client in; if there are too many, the one idle longest goes, or else the new one is refused."""
        self._clients.add(client)
        if len(self._clients) <= self._max_clients:
            return None
        idle = min((each for each in self._clients if each.is_idle and each is not client), key=_deadline, default=None)
        if idle is not None:
            idle.close()
            return None
        return Refused(503, f"{self._max_clients:,} clients are served already", self.intake.retry)

    def left(self, client: Client) -> None:
        """Count a client out."""
        self._clients.discard(client)
        if not self._clients and self._nobody is not None and not self._nobody.done():
            self._nobody.set_result(None)

    # -- requests -------------------------------------------------------------------------------

    def check(self, head: Head) -> None:
        """Let a request in, to send its body.

        Raises:
            Refused: it is not meant for this flow, or there is no room for it.
        """
        self.check_head(head)
        self.intake.check()

    def accept(self, client: Client, head: Head, body: bytes, size: int) -> Request | Answer:
        """Put a request into the intake; an empty array has its answer at once.

        Raises:
            Refused: its body cannot be read.
        """
        try:
            batch, is_batch = self._records(client, head, body)
        except BaseException:
            self.intake.count(-size)
            raise
        if not len(batch):
            self.intake.count(-size)
            return _EMPTY_BATCH
        request = Request(client, len(batch), size, self.time(), is_batch=is_batch)
        self.intake.put(batch, request)
        return request

    def _records(self, client: Client, head: Head, body: bytes) -> tuple[Batch, bool]:
        attributes: dict[str, Any] = {"method": head.method, "path": head.path, "client": client.host}
        if "content-type" in head.headers:
            attributes["content_type"] = head.headers["content-type"]
        if head.query:
            attributes["query"] = head.query
        batch, is_batch = self._reader.read(body, head.media_type, attributes)
        if is_batch:
            batch = batch.with_columns(index=list(range(len(batch))))
        if self._headers:
            chosen = {name: head.headers[name] for name in self._headers if name in head.headers}
            batch = batch.with_columns(headers=[chosen] * len(batch))
        return batch, is_batch


def _deadline(client: Client) -> float:
    return client.deadline


def reason(error: OSError, listen: Address) -> str:
    """Why an address cannot be had."""
    if isinstance(error, socket.gaierror):
        return f"no address is known for the host {listen.host!r}"
    if error.errno == errno.EADDRINUSE:
        return f"another program listens on port {listen.port}"
    if error.errno == errno.EACCES:
        return f"port {listen.port} needs more rights than this process has; those from 1024 on need none"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"this machine has no address {listen.host!r}; '0.0.0.0' is all that it has"
    return os.strerror(error.errno) if error.errno else str(error)
