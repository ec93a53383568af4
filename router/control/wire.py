"""The client's way to a server: over a socket in a data folder or over TCP, with errors that say what to do."""

from __future__ import annotations

import asyncio
import json
import os
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import aiohttp
import msgspec
from yarl import URL

from router.control.messages import ErrorView
from router.control.places import socket_path
from router.errors import ControlError, UnreachableError

__all__ = ["Wire"]

_T = TypeVar("_T")
_LONGEST_EVENT = 32 << 20
_BROKEN = (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, TimeoutError, OSError)
Query = Sequence[tuple[str, str]]


class Wire:
    """Asks one server; nothing is connected before the first question, and a broken connection is made anew.

    Args:
        where: A data folder, or the URL of a server.
        token: What the server asks for over TCP.
        tls: How its certificate is checked; None: as the system does.
        timeout: Seconds an answer may take.
    """

    def __init__(
        self, where: Path | str, *, token: str | None = None, tls: ssl.SSLContext | None = None, timeout: float = 30.0
    ) -> None:
        self._where = where
        self._tls = tls
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._timeout = aiohttp.ClientTimeout(total=timeout, sock_connect=5.0)
        self._session: aiohttp.ClientSession | None = None
        self._path: Path | None = None

    def __str__(self) -> str:
        return str(self._where)

    async def close(self) -> None:
        """Let go of the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def ask(
        self,
        method: str,
        path: Sequence[str],
        kind: type[_T],
        *,
        query: Query = (),
        body: Any = None,
        timeout: float | None = None,
    ) -> _T:
        """Ask, and read the answer.

        Raises:
            ControlError: it was refused; or what answered is no router.
            UnreachableError: nobody answers.
        """
        async with self._answered(method, path, query, body, self._within(timeout)) as answer:
            data = await answer.read()
        try:
            return msgspec.json.decode(data, type=kind)
        except msgspec.DecodeError as error:
            raise ControlError(f"{self}: this is no answer of a router: {error}", 502) from error

    async def text(self, path: Sequence[str]) -> str:
        """Ask for text."""
        async with self._answered("GET", path, (), None, self._timeout) as answer:
            return await answer.text()

    async def pieces(self, path: Sequence[str], query: Query = ()) -> AsyncIterator[bytes]:
        """Read an answer piece by piece, as they come."""
        forever = aiohttp.ClientTimeout(total=None, sock_connect=5.0, sock_read=60.0)
        async with self._answered("GET", path, query, None, forever) as answer:
            async for piece in answer.content.iter_any():
                yield piece

    async def events(self, path: Sequence[str], query: Query = ()) -> AsyncIterator[tuple[str, bytes]]:
        """Read server-sent events: the name and the data of each."""
        left = b""
        async for piece in self.pieces(path, query):
            *whole, left = (left + piece).split(b"\n\n")
            for each in whole:
                fields = dict(line.split(b": ", 1) for line in each.split(b"\n") if b": " in line[1:])
                if b"data" in fields:
                    yield fields.get(b"event", b"message").decode(), fields[b"data"]
            if len(left) > _LONGEST_EVENT:
                raise ControlError(f"{self}: an event is larger than {_LONGEST_EVENT:,} bytes", 502)

    # -- connections ----------------------------------------------------------------------------

    @asynccontextmanager
    async def _answered(
        self, method: str, path: Sequence[str], query: Query, body: Any, timeout: aiohttp.ClientTimeout
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        base, session = await self._base()
        names = "/".join(quote(name, safe="") for name in path)
        url = URL(f"{str(base).rstrip('/')}/{names}", encoded=True).with_query(list(query))
        data = None if body is None else msgspec.json.encode(body)
        headers = {"Content-Type": "application/json"} if data is not None else {}
        try:
            async with session.request(method, url, data=data, headers=headers, timeout=timeout) as answer:
                if answer.status >= 400:
                    raise ControlError(_said(await answer.content.read(1 << 20), answer.status), answer.status)
                yield answer
        except _BROKEN as error:
            raise UnreachableError(self._no_answer(error)) from error
        except aiohttp.ClientError as error:
            raise ControlError(f"{self}: this is no answer of a router: {error}", 502) from error

    async def _base(self) -> tuple[URL, aiohttp.ClientSession]:
        """Where to ask, and the connections to it."""
        if isinstance(self._where, str):
            if self._session is None:
                connector = aiohttp.TCPConnector(ssl=self._tls if self._tls is not None else True, keepalive_timeout=15)
                self._session = aiohttp.ClientSession(connector=connector, headers=self._headers)
            return URL(self._where), self._session
        path = socket_path(self._where)
        if path is None:
            raise UnreachableError(self._no_answer(FileNotFoundError()))
        if self._session is None or path != self._path:
            await self.close()
            self._path = path
            self._session = aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path), keepalive_timeout=15))
        return URL("http://localhost"), self._session

    def _within(self, timeout: float | None) -> aiohttp.ClientTimeout:
        return self._timeout if timeout is None else aiohttp.ClientTimeout(total=timeout, sock_connect=5.0)

    def _no_answer(self, error: BaseException) -> str:
        if isinstance(error, TimeoutError | asyncio.TimeoutError):
            return f"{self}: no answer in time"
        if isinstance(self._where, str):
            return f"{self}: no router answers there: {error}"
        if isinstance(error, PermissionError) or (isinstance(error, OSError) and os.strerror(13) in str(error)):
            return f"the flow of data folder {str(self._where)!r} belongs to another user"
        return f"no flow runs with data folder {str(self._where)!r}"


def _said(data: bytes, status: int) -> str:
    try:
        return msgspec.json.decode(data, type=ErrorView).error
    except (msgspec.DecodeError, json.JSONDecodeError, UnicodeDecodeError):
        return f"refused with status {status}"
