"""Find where a request's body ends, and keep what it says, within bounds."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Protocol

from httptools import HttpParserError, HttpRequestParser

from router_processors.serve_http.refused import Refused, broken

_MEMBERS = 1000
_AROUND, _SHARE = 1 << 10, 4  # bytes that may be around the chunks of a body, and how many more for each byte in them
_HEAD = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
_GZIP = 31  # of zlib's window bits: a gzip member, whatever window it says


class Sink(Protocol):
    """What becomes of the bytes of a body."""

    def write(self, data: bytes) -> None:
        """Take the next bytes."""

    def end(self) -> bytes:
        """Give the whole."""


class Kept:
    """Keeps a body as it is.

    ``count`` is told of every byte kept, so that the bodies of all clients have one bound.
    """

    def __init__(self, limit: int, count: Callable[[int], None]) -> None:
        self._limit = limit
        self._count = count
        self._pieces: list[bytes] = []
        self._size = 0

    def write(self, data: bytes) -> None:
        """Keep these bytes too."""
        self._size += len(data)
        if self._size > self._limit:
            raise too_large(self._limit)
        self._count(len(data))
        self._pieces.append(data)

    def end(self) -> bytes:
        """Give the whole."""
        return b"".join(self._pieces)


class Inflated:
    """Inflates a gzip body as it comes; one byte too many ends it, whatever would still come out."""

    def __init__(self, limit: int, count: Callable[[int], None]) -> None:
        self._limit = limit
        self._left = limit
        self._deflated = 0
        self._count = count
        self._inflate = zlib.decompressobj(_GZIP)
        self._pieces: list[bytes] = []
        self._members = 1

    def write(self, data: bytes) -> None:
        """Inflate what came; a member may follow another."""
        self._deflated += len(data)
        if self._deflated > self._limit:
            raise too_large(self._limit)
        while data:
            if self._inflate.eof:
                self._next_member()
            try:
                piece = self._inflate.decompress(data, self._left + 1)
            except zlib.error as error:
                raise Refused(400, f"the body is no gzip: {error}", closes=True) from error
            self._left -= len(piece)
            if self._left < 0:
                raise too_large(self._limit)
            self._count(len(piece))
            self._pieces.append(piece)
            data = self._inflate.unused_data

    def end(self) -> bytes:
        """Give the whole."""
        if not self._inflate.eof:
            raise Refused(400, "the body is no gzip: it breaks off")
        return b"".join(self._pieces)

    def _next_member(self) -> None:
        self._members += 1
        if self._members > _MEMBERS:
            raise Refused(400, f"the body is more than {_MEMBERS:,} gzip files in a row", closes=True)
        self._inflate = zlib.decompressobj(_GZIP)


class Ignored:
    """Reads past a body that nobody wants."""

    def write(self, data: bytes) -> None:
        """Forget it."""

    def end(self) -> bytes:
        """Nothing was kept."""
        return b""


class Sized:
    """A body of so many bytes."""

    def __init__(self, length: int, sink: Sink) -> None:
        self.sink = sink
        self._left = length

    def feed(self, data: bytes) -> bytes | None:
        """Take what came; give what comes behind the body, or None where its end has not come."""
        if len(data) < self._left:
            self._left -= len(data)
            self.sink.write(data)
            return None
        if len(data) == self._left:
            self.sink.write(data)
            return b""
        self.sink.write(data[: self._left])
        return data[self._left :]


class _Found:
    """What httptools calls; fields behind the chunks it checks, and gives to nobody."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.on_body = self.pieces.append
        self.is_over = False

    def on_message_complete(self) -> None:
        self.is_over = True


class Chunked:
    """A body in chunks, parsed by llhttp."""

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self._found = _Found()
        self._parser = HttpRequestParser(self._found)
        self._parser.feed_data(_HEAD)
        self._last = b""
        self._around = 0
        self._size = 0

    def feed(self, data: bytes) -> bytes | None:
        """Take what came; give what comes behind the body, or None where its end has not come."""
        known = len(self._last)
        data = self._last + data
        refused: Refused | None = None
        end = known
        try:
            end = self._parse(data, known)
        except HttpParserError as error:
            refused = broken(f"the body is not in chunks of HTTP/1.1: {error}")
        piece = b"".join(self._found.pieces)
        self._found.pieces.clear()
        if piece:  # also before what is wrong, so that it makes no difference where a request is cut
            self.sink.write(piece)
        if refused is not None:
            raise refused
        self._count(end - known, len(piece))
        self._last = data[-3:]
        return data[end:] if self._found.is_over else None

    def _parse(self, data: bytes, start: int) -> int:
        """Parse from there on; give the place where the body ends, or what there is of it."""
        # httptools reads on into the next request, and does not tell where that begins. But a body ends with an
        # empty line: it gets no more than to the next one.
        view, found = memoryview(data), self._found
        while start < len(data) and not found.is_over:
            end = data.find(b"\r\n\r\n", max(0, start - 3)) + 4
            if end < 4:
                end = len(data)
            self._parser.feed_data(view[start:end])
            start = end
        return start

    def _count(self, fed: int, kept: int) -> None:
        # llhttp has no limit: neither for chunks of one byte, which cost more than they bring, nor for notes on them.
        self._around += fed - kept
        self._size += kept
        if self._around > _AROUND + _SHARE * self._size:
            raise broken(f"the body has {self._around:,} bytes around the {self._size:,} in its chunks")


def too_large(limit: int) -> Refused:
    """A body above the limit: what is left of it is not read."""
    return Refused(413, f"the body is larger than {limit:,} bytes", closes=True)
