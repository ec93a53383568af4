"""Makes requests by aiohttp, and tells the faults of the world from those of a record."""

from __future__ import annotations

import asyncio
import io
import os
import time
from functools import lru_cache

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from router import RecordError, RetryableError
from router_processors.call_http.call import Answer, Call
from router_processors.call_http.config import CallHttpConfig
from router_processors.call_http.deadlines import Deadlines
from router_processors.call_http.reading import read_body

__all__ = ["Client"]

_REDIRECTS = {301, 302, 303, 307, 308}
_LARGE = 1 << 20  # aiohttp writes larger bodies in pieces only where they can be read in pieces


class Client:
    """One pool of connections, as many as requests may be open; nothing of one answer reaches another request."""

    def __init__(self, config: CallHttpConfig) -> None:
        self._server = config.url.server
        self._method = config.method
        self._timeout = config.timeout.total_seconds()
        self._deadlines = Deadlines(self._timeout)
        self._max_response = config.max_response
        self._redirects = config.redirects
        tls = config.tls.context() if config.tls is not None else True
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=config.open_requests, ssl=tls),
            headers=_headers(config),
            skip_auto_headers=("Content-Type",) if config.content_type is None else None,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),  # see Deadlines
            auto_decompress=False,
        )
        self._url = lru_cache(1024)(_url)

    async def close(self) -> None:
        """Let go of the connections."""
        self._deadlines.close()
        await self._session.close()

    async def send(self, call: Call) -> Answer:
        """Make a request; any status is an answer.

        Raises:
            RetryableError: it could not be sent, or not be answered whole, in time.
            RecordError: it cannot be sent, or the answer cannot be read.
        """
        task = asyncio.current_task()
        assert task is not None
        began = self._deadlines.begin(task)
        body = call.body
        if body is None:
            data = None
        else:  # what is large is written in pieces, and so must be there in pieces
            data = aiohttp.BytesPayload(body) if len(body) <= _LARGE else aiohttp.BytesIOPayload(io.BytesIO(body))
        try:
            response = await self._session.request(
                self._method, self._url(call.url), data=data, headers=call.headers, allow_redirects=False
            )
            try:
                if self._redirects and response.status in _REDIRECTS:
                    response = await self._followed(response, call)
                found, is_cut = await read_body(response, self._max_response)
            finally:
                if not response.closed:
                    response.close()
        except asyncio.CancelledError as error:
            if not self._deadlines.has_cut(task):
                raise
            raise RetryableError(f"{self._server} did not answer within {self._timeout:g} s") from error
        except aiohttp.InvalidURL as error:
            raise RecordError("the URL cannot be read") from error
        except (aiohttp.ClientError, OSError) as error:
            raise RetryableError(f"{self._server} {_said(error)}") from error
        except RecordError as error:
            raise RecordError(f"{self._server} {error}") from error
        finally:
            self._deadlines.end(task)
        return Answer(response.status, response.reason or "", response.headers, found, is_cut, time.monotonic() - began)

    async def _followed(self, response: aiohttp.ClientResponse, call: Call) -> aiohttp.ClientResponse:
        """Go where an answer leads, at most as often as the flow allows; the answer found there."""
        method, body = self._method, call.body
        for _ in range(self._redirects):
            location = response.headers.get("Location")
            if response.status not in _REDIRECTS or not location:
                break
            response.close()
            url = _target(response.url, location)
            if response.status == 303 or (response.status in {301, 302} and method == "POST"):
                method, body = ("HEAD" if method == "HEAD" else "GET"), None
            data = io.BytesIO(body) if body is not None else None
            response = await self._session.request(method, url, data=data, headers=call.headers, allow_redirects=False)
        return response


def _headers(config: CallHttpConfig) -> CIMultiDict[str]:
    """The headers that are the same in every request."""
    # To compress a small answer costs more than to send it, so nobody is asked to.
    headers = CIMultiDict({"User-Agent": "stream-router", "Accept": "*/*", "Accept-Encoding": "identity"})
    if config.format == "json":
        headers["Accept"] = "application/json"
    if config.content_type is not None:
        headers["Content-Type"] = config.content_type
    if config.auth is not None:
        headers["Authorization"] = config.auth.header()
    for name, value in config.headers.items():
        if value.literal:
            headers[name] = value.prefix
    return headers


def _url(text: str) -> URL:
    return URL(text, encoded=True)


def _target(url: URL, location: str) -> URL:
    """Where a redirect leads: to the same server, for the request may carry what no other is to see."""
    try:
        target = url.join(URL(location))
    except ValueError as error:
        raise RecordError("redirects to what is no URL") from error
    if target.origin() != url.origin():
        raise RecordError(f"redirects to another server, {target.origin()}")
    return target


def _said(error: Exception) -> str:
    """What an outage was, without what the URL may hold."""
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "has a name that cannot be resolved"
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        found = error.certificate_error
        return f"shows a certificate that is not trusted: {getattr(found, 'verify_message', None) or found}"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"cannot be reached: {_reason(error.os_error)}"
    if isinstance(error, aiohttp.ClientResponseError):
        return "answered with what is no HTTP"
    if isinstance(error, aiohttp.ServerDisconnectedError | aiohttp.ClientPayloadError):
        return "closed the connection before its answer was whole"
    if isinstance(error, OSError):
        return f"broke the connection: {_reason(error)}"
    return f"could not be asked: {type(error).__name__}"


def _reason(error: OSError) -> str:
    text = os.strerror(error.errno) if error.errno is not None and error.errno > 0 else str(error.strerror or error)
    return text[:1].lower() + text[1:]
