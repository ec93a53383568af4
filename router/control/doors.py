"""A socket that clients come in by: few at a time, each bounded in time and in what it leaves unread."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable
from typing import cast

__all__ = ["Door", "Factory"]

CLIENTS = 200
FIRST = 15.0  # seconds to the first request
BETWEEN = 75.0  # seconds from one request to the next
UNREAD = 10.0  # seconds that a client may leave unread what it was sent
_FULL = b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n"
_log = logging.getLogger("router")

Factory = Callable[[], asyncio.Protocol]


class Door:
    """Listens on a socket, and has what speaks HTTP made when the first client comes: until then it costs nothing.

    Args:
        make: Makes what makes the protocol of a connection; called once.
    """

    def __init__(self, make: Callable[[Door], Awaitable[Factory]]) -> None:
        self.guests: dict[asyncio.BaseTransport, _Guest] = {}
        self._make = make
        self._factory: Factory | None = None
        self._waiting: list[_Guest] = []
        self._making: asyncio.Task[None] | None = None
        self._server: asyncio.Server | None = None

    async def open(self, listener: socket.socket, tls: ssl.SSLContext | None = None) -> None:
        """Let clients in."""
        loop = asyncio.get_running_loop()
        if listener.family == socket.AF_UNIX:
            self._server = await loop.create_unix_server(lambda: _Guest(self), sock=listener)
        else:
            self._server = await loop.create_server(lambda: _Guest(self), sock=listener, ssl=tls)

    def shut(self) -> None:
        """Let nobody in any more; who is here may stay a while."""
        if self._server is not None:
            self._server.close()

    async def close(self) -> None:
        """Let nobody in any more, and send home who is here."""
        self.shut()
        if self._making is not None:
            self._making.cancel()
            await asyncio.gather(self._making, return_exceptions=True)
        for guest in list(self.guests.values()):
            guest.leave()

    def began(self, transport: asyncio.BaseTransport | None) -> None:
        """A request of a client is being answered."""
        if transport is not None and (guest := self.guests.get(transport)) is not None:
            guest.allow(None)

    def ended(self, transport: asyncio.BaseTransport | None) -> None:
        """It has been answered."""
        if transport is not None and (guest := self.guests.get(transport)) is not None:
            guest.allow(BETWEEN)

    # -- guests ---------------------------------------------------------------------------------

    def _admit(self, guest: _Guest, transport: asyncio.Transport) -> Factory | None:
        """Let a client in, at once or when HTTP is ready; too many are turned away."""
        if len(self.guests) >= CLIENTS:
            transport.write(_FULL)
            transport.close()
            return None
        self.guests[transport] = guest
        guest.allow(FIRST)
        if self._factory is None:
            transport.pause_reading()
            self._waiting.append(guest)
            if self._making is None:
                self._making = asyncio.get_running_loop().create_task(self._get_ready(), name="control API")
        return self._factory

    async def _get_ready(self) -> None:
        try:
            self._factory = await self._make(self)
        except Exception:  # noqa: BLE001 - the flow goes on without being watched
            _log.exception("the control API cannot be served: a defect of router")
            for guest in self._waiting:
                guest.leave()
            return
        finally:
            self._making = None
        waiting, self._waiting = self._waiting, []
        for guest in waiting:
            guest.begin(self._factory)


class _Guest(asyncio.Protocol):
    """One client's connection: passes on to the protocol that speaks HTTP, and keeps time."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._inner: asyncio.Protocol | None = None
        self._early = b""
        self._transport: asyncio.Transport
        self._idle: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None

    def begin(self, factory: Factory) -> None:
        """Speak HTTP from now on."""
        if self._transport in self._door.guests:
            self._inner = factory()
            self._inner.connection_made(self._transport)
            self._transport.resume_reading()
            early, self._early = self._early, b""
            if early:
                self._inner.data_received(early)

    def allow(self, seconds: float | None) -> None:
        """Be cut off then, unless something is asked before; None: not now."""
        self._idle = _reset(self._idle, seconds, self.leave)

    def leave(self) -> None:
        """Go at once, whatever is still to be said."""
        self._transport.abort()

    # -- what the loop calls --------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        _tell_of_the_dead(self._transport.get_extra_info("socket"))
        if (factory := self._door._admit(self, self._transport)) is not None:  # one in two classes
            self._inner = factory()
            self._inner.connection_made(self._transport)

    def data_received(self, data: bytes) -> None:
        if self._inner is not None:
            self._inner.data_received(data)
        else:  # uvloop begins to read after `connection_made`, whatever was said there
            self._early += data
            self._transport.pause_reading()

    def eof_received(self) -> bool | None:
        return self._inner.eof_received() if self._inner is not None else None

    def pause_writing(self) -> None:
        self._unread = _reset(self._unread, UNREAD, self.leave)
        if self._inner is not None:
            self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._unread = _reset(self._unread, None, self.leave)
        if self._inner is not None:
            self._inner.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self.allow(None)
        self._unread = _reset(self._unread, None, self.leave)
        self._door.guests.pop(self._transport, None)
        if self._inner is not None:
            self._inner.connection_lost(exc)


def _reset(
    timer: asyncio.TimerHandle | None, seconds: float | None, then: Callable[[], None]
) -> asyncio.TimerHandle | None:
    if timer is not None:
        timer.cancel()
    return None if seconds is None else asyncio.get_running_loop().call_later(seconds, then)


def _tell_of_the_dead(client: socket.socket | None) -> None:
    """Have the system find out that the other machine has gone."""
    if client is None or client.family == socket.AF_UNIX:
        return
    client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(3 * UNREAD * 1000))
