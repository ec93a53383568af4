"""Read the body of an answer within a limit, whatever it says of itself."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from router import RecordError

if TYPE_CHECKING:
    from aiohttp import ClientResponse

__all__ = ["read_body"]

_WINDOWS = {"gzip": 31, "x-gzip": 31, "deflate": 47}


async def read_body(response: ClientResponse, limit: int) -> tuple[bytes, bool]:
    """Read a body: what came of it up to the limit, and whether there is more.

    Raises:
        RecordError: it is compressed in a way that nobody asked for, or not as it says.
    """
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    length = response.content_length
    if encoding in {"identity", ""}:
        if length is not None and length <= limit:
            return await response.read(), False
        return await _read_plain(response, limit)
    if encoding not in _WINDOWS:
        raise RecordError(f"answered in the encoding {encoding!r}, and only gzip and deflate are known")
    try:
        return await _read_compressed(response, limit, _WINDOWS[encoding])
    except zlib.error as error:
        raise RecordError(f"answered with what is not {encoding}: {error}") from error


async def _read_plain(response: ClientResponse, limit: int) -> tuple[bytes, bool]:
    parts: list[bytes] = []
    size = 0
    while part := await response.content.readany():
        parts.append(part)
        size += len(part)
        if size > limit:
            return b"".join(parts)[:limit], True
    return b"".join(parts), False


async def _read_compressed(response: ClientResponse, limit: int, window: int) -> tuple[bytes, bool]:
    """Decompress as it comes, never more than the limit: a small body may stand for a huge one."""
    inflate = zlib.decompressobj(window)
    body = bytearray()
    begun = False
    while part := await response.content.readany():
        begun = True
        while part:
            if inflate.eof:  # one stream may follow another
                inflate = zlib.decompressobj(window)
            body += inflate.decompress(part, limit + 1 - len(body))
            if len(body) > limit:
                return bytes(body[:limit]), True
            part = inflate.unconsumed_tail or inflate.unused_data
    if begun and not inflate.eof:
        raise zlib.error("it breaks off")
    return bytes(body), False
