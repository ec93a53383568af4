"""A flow that is served on a free port, and clients that speak to it byte by byte."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from router import Engine, Processor, build_flow

__all__ = ["Client", "Response", "Served", "post", "serving", "until"]

DEADLINE = 10.0


@dataclass
class Response:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> str:
        return str(self.json["error"])


class Client:
    """One socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def response(self) -> Response:
        async with asyncio.timeout(DEADLINE):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:-2])}
            body = await self.reader.readexactly(int(headers.get("content-length", 0)))
        return Response(int(head[0].split()[1]), headers, body)

    async def ask(self, data: bytes) -> Response:
        await self.send(data)
        return await self.response()

    async def rest(self) -> bytes:
        """What comes until the server hangs up."""
        async with asyncio.timeout(DEADLINE):
            return await self.reader.read()

    def leave(self) -> None:
        """Go away, as a program that was killed does."""
        self.writer.transport.abort()


class Served:
    """A flow at work."""

    def __init__(self, engine: Engine, url: str, tls: ssl.SSLContext | None) -> None:
        self.engine = engine
        self.url = url
        self.port = int(url.split("/")[2].rpartition(":")[2])
        self._tls = tls
        self._clients: list[Client] = []

    async def client(self) -> Client:
        made = Client(*await asyncio.open_connection("127.0.0.1", self.port, ssl=self._tls))
        self._clients.append(made)
        return made

    async def ask(self, data: bytes) -> Response:
        return await (await self.client()).ask(data)

    async def post(self, body: Any, *headers: str, **options: Any) -> Response:
        return await self.ask(post(body, *headers, **options))

    @property
    def told(self) -> list[str]:
        return [each.text for each in self.engine.bulletins]

    def hang_up(self) -> None:
        for client in self._clients:
            client.writer.close()


def post(body: Any, *headers: str, path: str = "/in", method: str = "POST", version: str = "1.1") -> bytes:
    """A whole request."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/{version}", "Host: test", *headers, f"Content-Length: {len(data)}"]
    return "\r\n".join([*lines, "", ""]).encode() + data


@asynccontextmanager
async def serving(
    steps: Mapping[str, Any],
    to: Any = None,
    *,
    trusts: ssl.SSLContext | None = None,
    run: Mapping[str, Any] | None = None,
    **settings: Any,
) -> AsyncIterator[Served]:
    """Serve a flow: ``steps`` as a flow has them, or instances that stand for sinks; ``to`` of the source, else the first."""
    source = {"type": "serve_http", "listen": "127.0.0.1:0", "to": to or next(iter(steps)), **settings}
    replace = {name: each for name, each in steps.items() if isinstance(each, Processor)}
    given = {name: {"type": "log"} if name in replace else each for name, each in steps.items()}
    flow = build_flow({"flow": "served", "processors": {"in": source, **given}, **({"run": run} if run else {})})
    async with Engine(flow, replace=replace) as engine:
        (listens,) = [each for each in engine.bulletins if each.text == "listens"]
        served = Served(engine, str(listens.data["url"]).split()[0], trusts)
        try:
            yield served
        finally:
            served.hang_up()


async def until(is_so: Callable[[], Any]) -> None:
    """Return when something has come about."""
    async with asyncio.timeout(DEADLINE):
        while not is_so():  # noqa: ASYNC110 - sockets tell nobody what the server sees
            await asyncio.sleep(0.002)
