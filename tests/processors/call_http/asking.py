"""A service that does as a test says, and a ``call_http`` that asks it, its time moved by hand."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from router import Batch, Outcome, ProcessorStatus, Record
from router.testing import TestRunner

__all__ = ["Asked", "Asking", "Service", "asking", "service", "until"]

DEADLINE = 10.0

Answer = web.StreamResponse | Mapping[str, Any] | int | bytes


@dataclass
class Asked:
    """One request as it came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Service:
    """What was asked, and how many asked at once."""

    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    over: asyncio.Event = field(default_factory=asyncio.Event)
    """Set at the end: an answer that waits for it never comes while the test looks."""

    @property
    def bodies(self) -> list[bytes]:
        return [each.body for each in self.asked]


Answering = Callable[[Asked, web.Request], "Answer | Awaitable[Answer]"]


def _response(answer: Any) -> web.StreamResponse:
    if isinstance(answer, int):
        return web.Response(status=answer)
    if isinstance(answer, bytes):
        return web.Response(body=answer)
    return answer if isinstance(answer, web.StreamResponse) else web.json_response(answer)


@asynccontextmanager
async def service(
    answering: Answering | Answer, *, tls: ssl.SSLContext | None = None, port: int = 0
) -> AsyncIterator[Service]:
    """Serve on 127.0.0.1: an answer for all, or a function that makes one."""
    served = Service()

    async def handle(request: web.Request) -> web.StreamResponse:
        served.at_once += 1
        served.most_at_once = max(served.most_at_once, served.at_once)
        try:
            asked = Asked(request.method, request.raw_path, request.headers, await request.read())
            served.asked.append(asked)
            answer = answering(asked, request) if callable(answering) else answering
            return _response(await answer if asyncio.iscoroutine(answer) else answer)
        finally:
            served.at_once -= 1

    app = web.Application(client_max_size=1 << 30)
    app.router.add_route("*", "/{rest:.*}", handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port, ssl_context=tls, reuse_address=True)
    await site.start()
    number = runner.addresses[0][1]
    served.url = f"https://localhost:{number}/" if tls is not None else f"http://127.0.0.1:{number}/"
    try:
        yield served
    finally:
        served.over.set()
        await runner.cleanup()


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what happens on sockets, which no clock can hurry."""
    async with asyncio.timeout(DEADLINE):
        while not condition():  # noqa: ASYNC110 - a socket tells the loop, not the test
            await asyncio.sleep(0.002)


class Asking:
    """A ``call_http`` under test."""

    def __init__(self, runner: TestRunner) -> None:
        self.runner = runner
        self._fed = 0

    async def feed(self, *records: Record | bytes) -> dict[str, list[Record]]:
        """Give records, and return what came of them when all have come out."""
        return await self.finish(await self.begin(*records))

    async def begin(self, *records: Record | bytes) -> dict[str, list[Record]]:
        """Give records and do not wait for what comes."""
        self._fed += 1
        return await self.runner.feed(*records)

    async def finish(self, routes: dict[str, list[Record]] | None = None) -> dict[str, list[Record]]:
        """Wait until all that was given has settled."""
        await until(lambda: len(self.runner.acks) == self._fed)
        found = dict(routes or {})
        for name, records in (await self.runner.advance(0)).items():
            found[name] = [*found.get(name, []), *records]
        return found

    async def feed_batch(self, batch: Batch) -> dict[str, Batch]:
        """The same with batches, for their columns."""
        self._fed += 1
        routes = {name: list(batches) for name, batches in (await self.runner.feed_batch(batch)).items()}
        await until(lambda: len(self.runner.acks) == self._fed)
        for name, sink in self.runner._sinks.items():
            routes.setdefault(name, []).extend(sink.take())
        return {name: Batch.concat(batches) for name, batches in routes.items() if batches}

    async def retrying(self, reason: str = "") -> None:
        """Wait until records wait to be tried again."""
        await until(lambda: self.state == "retrying" and reason in self.reason)

    async def advance(self, seconds: float) -> dict[str, list[Record]]:
        return await self.runner.advance(seconds)

    async def error(self, *records: Record | bytes) -> str:
        """The message of the one record that fails."""
        routes = await self.feed_batch(Batch.raw(records) if isinstance(records[0], bytes) else Batch.of(records))  # type: ignore[arg-type]
        (error,) = routes["failure"].columns["error"]
        return str(error["message"])

    @property
    def state(self) -> str:
        return self._status.state

    @property
    def reason(self) -> str:
        """What is waited for, empty where nothing is."""
        return self._status.retrying or ""

    @property
    def _status(self) -> ProcessorStatus:
        assert self.runner._engine is not None
        return self.runner._engine.status().processors["it"]

    @property
    def bulletins(self) -> list[str]:
        return [text for text, _ in self.runner.bulletins]

    @property
    def outcomes(self) -> list[Outcome]:
        return self.runner.outcomes


@asynccontextmanager
async def asking(url: str, **settings: Any) -> AsyncIterator[Asking]:
    """Run ``call_http`` with these settings."""
    async with TestRunner("call_http", url=url, **settings) as runner:
        yield Asking(runner)
