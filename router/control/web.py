"""The API over HTTP: reads requests, has them done, writes answers; imported when the first client comes."""

from __future__ import annotations

import asyncio
import logging
import os
import re
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from functools import partial
from importlib.metadata import version
from typing import Any

import msgspec
from aiohttp import web
from msgspec import Struct

from router.control import openapi
from router.control.access import Access
from router.control.api import OPERATIONS, Operation
from router.control.call import Call, Stream
from router.control.doors import Door, Factory
from router.control.messages import ErrorView, FlowsView, Health
from router.control.metrics import metrics
from router.control.pace import Gate
from router.control.page.files import PageFile, page_files, page_response
from router.control.refusals import NotThereError, RefusedError
from router.control.subject import Subject
from router.control.views import flow_summary, flow_view
from router.errors import nearest

__all__ = ["Web"]

LARGEST = 256 << 10  # bytes of a request's body
LONGEST_LINE = 128 << 10  # bytes of a request's address: an expression, a thousand ids
PATIENCE = 10.0  # seconds for a body to come
RATE, BURST = 100.0, 50  # requests a second; with an interface open there are about four
HEAVY = 2  # heavy requests at a time
_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_log = logging.getLogger("router")
_quiet = logging.getLogger("router.control.http")  # what clients do wrong is told to them
_quiet.setLevel(logging.CRITICAL + 1)
_NUMBERS = re.compile(r"\{(letter|record)\}")
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Web:
    """What is served at one door.

    Args:
        subjects: The flows, by name, as they are now.
        is_ready: Whether all flows that are to run do.
        access: Who may ask; None: whoever can open the socket.
    """

    def __init__(
        self, subjects: Callable[[], Mapping[str, Subject]], is_ready: Callable[[], bool], access: Access | None = None
    ) -> None:
        self._subjects = subjects
        self._is_ready = is_ready
        self._access = access
        self._gate = Gate(RATE, BURST)
        self._heavy = asyncio.Semaphore(HEAVY)
        self._document: bytes | None = None
        self._runner: web.AppRunner | None = None

    async def serve(self, door: Door) -> Factory:
        """Get ready to speak HTTP with those who come in by a door."""
        app = web.Application(middlewares=[web.middleware(partial(self._around, door))], client_max_size=LARGEST)
        for each in OPERATIONS:
            app.router.add_route(
                each.method, _NUMBERS.sub(r"{\1:[0-9]{1,18}}", each.path), partial(self._operate, each)
            )
        for path, handle in {
            "/api/flows": self._flows,
            "/api/openapi.json": self._openapi,
            "/metrics": self._metrics,
            "/healthz": self._healthz,
            "/readyz": self._readyz,
        }.items():
            app.router.add_route("GET", path, handle)
        if self._access is not None:  # a browser comes by TCP
            files = await asyncio.get_running_loop().run_in_executor(None, page_files)
            for path, file in files.items():
                app.router.add_route("GET", path, partial(self._page, file))
        self._runner = web.AppRunner(
            app,
            access_log=None,
            logger=_quiet,
            handle_signals=False,
            shutdown_timeout=1.0,
            lingering_time=1.0,
            max_line_size=LONGEST_LINE,
        )
        await self._runner.setup()
        assert self._runner.server is not None
        return self._runner.server

    async def close(self) -> None:
        """Answer what is being answered, for a second at most, and no more."""
        self._gate.open()
        if self._runner is not None:
            await self._runner.cleanup()

    # -- around every request -------------------------------------------------------------------

    async def _around(self, door: Door, request: web.Request, handler: _Handler) -> web.StreamResponse:
        door.began(request.transport)
        try:
            return await self._admitted(request, handler)
        except RefusedError as error:
            return _refusal(error.status, str(error))
        except web.HTTPException as error:
            text = f"{request.method} {request.path[:200]!r}: {(error.reason or 'refused').lower()}"
            return _refusal(error.status, text, {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {})
        except (ConnectionError, asyncio.CancelledError):  # the client has gone, or the flow is over
            raise
        except Exception:  # noqa: BLE001 - one request failed, the others need not
            _log.exception("the control API failed: a defect of router")
            return _refusal(500, "a defect of router; its log says more")
        finally:
            door.ended(request.transport)

    async def _admitted(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        if self._access is not None:
            self._access.check(request.path, request.headers, request.scheme)
        await self._gate.turn()
        if request.transport is None or request.transport.is_closing():
            raise ConnectionResetError("the client has gone")
        return await handler(request)

    async def _operate(self, operation: Operation, request: web.Request) -> web.StreamResponse:
        subject = self._subject(request.match_info["flow"])
        names = {name: request.match_info[name] for name in operation.names}
        query, body = _query(operation, request), await _body(operation, request)
        call = Call(subject, names, query, body, is_here=self._access is None)
        if not operation.is_heavy:
            return await self._done(operation, call, request)
        async with self._heavy:  # until it is sent: what waits to be read is bounded, too
            response = await self._done(operation, call, request)
            await response.prepare(request)
            await response.write_eof()
            return response

    async def _done(self, operation: Operation, call: Call[Any, Any], request: web.Request) -> web.StreamResponse:
        if call.subject.over.is_set():
            raise RefusedError(f"the flow {call.subject.name!r} has ended", status=503)
        if operation.is_shared:
            return _json(call.subject.shared(operation.id, lambda: _encoded(call.subject, flow_view(call.subject))))
        if operation.method != "GET" and not operation.is_early and call.subject.engine.status().is_starting:
            raise RefusedError(f"the flow {call.subject.name!r} still starts; ask again when it runs", status=409)
        result = await operation.handle(call)
        if operation.method != "GET":
            call.subject.changed()
        if isinstance(result, Stream):
            return await _streamed(call.subject, result, request)
        return _json(_encoded(call.subject, result))

    def _subject(self, name: str) -> Subject:
        subjects = self._subjects()
        if name not in subjects:
            raise NotThereError(f"no flow {name[:100]!r} is served here{nearest(name, subjects)}")
        return subjects[name]

    # -- about the process ----------------------------------------------------------------------

    async def _page(self, file: PageFile, request: web.Request) -> web.Response:
        return page_response(file, request)

    async def _flows(self, request: web.Request) -> web.Response:
        flows = [flow_summary(each) for each in self._subjects().values()]
        return _json(msgspec.json.encode(FlowsView(version=version("stream-router"), process=os.getpid(), flows=flows)))

    async def _openapi(self, request: web.Request) -> web.Response:
        if self._document is None:
            self._document = openapi.encoded()
        return _json(self._document)

    async def _metrics(self, request: web.Request) -> web.Response:
        subjects = list(self._subjects().values())
        text = subjects[0].shared("metrics", lambda: metrics(subjects)) if subjects else metrics([])
        headers = {**_HEADERS, "Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
        return web.Response(body=text, headers=headers)

    async def _healthz(self, request: web.Request) -> web.Response:
        return _json(msgspec.json.encode(Health(status="ok")))

    async def _readyz(self, request: web.Request) -> web.Response:
        failed = [each.name for each in self._subjects().values() if each.engine.error is not None]
        stopping = [each.name for each in self._subjects().values() if each.engine.status().is_stopping]
        said = "failed" if failed else "stopping" if stopping else "ok" if self._is_ready() else "starting"
        return _json(msgspec.json.encode(Health(status=said)), 200 if said == "ok" else 503)


def _query(operation: Operation, request: web.Request) -> Struct | None:
    given: dict[str, Any] = {}
    for name, value in request.query.items():
        given.setdefault(name, []).append(value)
    kind = operation.query
    if kind is None:
        if given:
            raise RefusedError(f"no parameter {next(iter(given))[:100]!r}; this takes none")
        return None
    if unknown := [name for name in given if name not in kind.__struct_encode_fields__]:
        raise RefusedError(f"no parameter {unknown[0][:100]!r}{nearest(unknown[0], kind.__struct_encode_fields__)}")
    lists = {each.encode_name for each in msgspec.structs.fields(kind) if "list" in str(each.type)}
    if several := [name for name, values in given.items() if len(values) > 1 and name not in lists]:
        raise RefusedError(f"{several[0]!r} is given {len(given[several[0]])} times; give it once")
    try:
        asked = msgspec.convert(
            {name: values if name in lists else values[0] for name, values in given.items()}, type=kind, strict=False
        )
    except msgspec.ValidationError as error:
        raise RefusedError(_said(error)) from error
    for name in given:
        if getattr(asked, name) is None:  # "null" is read so, and would choose everything
            raise RefusedError(f"{name!r}: 'null' is nothing to ask for; leave it out")
    return asked


async def _body(operation: Operation, request: web.Request) -> Struct | None:
    if operation.body is None:
        return None
    try:
        async with asyncio.timeout(PATIENCE):
            data = await request.read()
    except TimeoutError as error:
        raise RefusedError("the body did not come in time", status=408) from error
    try:
        return msgspec.json.decode(data or b"{}", type=operation.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RefusedError(_said(error)) from error


def _said(error: Exception) -> str:
    text = str(error)
    return text if text[:2].isupper() else text[:1].lower() + text[1:]  # JSON stays JSON


async def _streamed(subject: Subject, stream: Stream, request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={**_HEADERS, "Content-Type": stream.media})
    pieces = stream.pieces
    try:
        await response.prepare(request)
        async with aclosing(pieces):
            async for piece in pieces:
                await response.write(subject.mask.data(piece))
        await response.write_eof()
    except ConnectionError:
        pass  # the client has seen enough
    return response


def _encoded(subject: Subject, result: Any) -> bytes:
    return subject.mask.data(msgspec.json.encode(result))


def _json(data: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(
        body=data, status=status, headers={**_HEADERS, "Content-Type": "application/json", **(headers or {})}
    )


def _refusal(status: int, text: str, headers: Mapping[str, str] | None = None) -> web.Response:
    beside = {**(headers or {}), **({"WWW-Authenticate": "Bearer"} if status == 401 else {})}
    return _json(msgspec.json.encode(ErrorView(error=text)), status, beside)
