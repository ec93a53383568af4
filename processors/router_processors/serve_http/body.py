"""Find where a request's body ends, and keep what it says, within bounds."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from typing import Protocol

from router_processors.serve_http.refused import Refused, broken

_SIZE = re.compile(rb"([0-9A-Fa-f]{1,12})[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?")
_TRAILER = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*")
_LINE = 1 << 10
_TRAILERS = 8 << 10
_FREE_CHUNKS, _SMALL = 1000, 16
_MEMBERS = 1000
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


class Chunked:
    """A body in chunks, each with its size before it."""

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self._waiting = b""
        self._left = 0
        self._chunks = 0
        self._size = 0
        self._trailers = 0
        self._step: Callable[[bytes], bytes | None] = self._read_size
        self._is_over = False

    def feed(self, data: bytes) -> bytes | None:
        """Take what came; give what comes behind the body, or None where its end has not come."""
        rest: bytes | None = self._waiting + data if self._waiting else data
        self._waiting = b""
        while rest is not None:
            if self._is_over:
                return rest
            rest = self._step(rest)
        return None

    def _read_size(self, data: bytes) -> bytes | None:
        line, rest = self._line(data)
        if line is None:
            return None
        found = _SIZE.fullmatch(line)
        if found is None:
            raise broken(f"a chunk begins with its size in hexadecimal; got {line!r:.100}")
        self._left = int(found[1], 16)
        self._chunks += 1
        self._size += self._left
        if self._chunks > _FREE_CHUNKS and self._size < _SMALL * self._chunks:
            raise broken(
                f"the body has {self._chunks:,} chunks of less than {_SMALL} bytes; each costs as much as a large one"
            )
        self._step = self._read_chunk if self._left else self._read_trailer
        return rest

    def _read_chunk(self, data: bytes) -> bytes | None:
        if len(data) < self._left:
            if data:
                self._left -= len(data)
                self.sink.write(data)
            return None
        self.sink.write(data[: self._left])
        rest, self._left = data[self._left :], 0
        self._step = self._read_end
        return rest

    def _read_end(self, data: bytes) -> bytes | None:
        if not b"\r\n".startswith(data[:2]):
            raise broken("a chunk ends with CR LF, where its size says")
        if len(data) < 2:
            self._waiting = data
            return None
        self._step = self._read_size
        return data[2:]

    def _read_trailer(self, data: bytes) -> bytes | None:
        line, rest = self._line(data)
        if line is None:
            return None
        if not line:
            self._is_over = True
            return rest
        self._trailers += len(line)
        if self._trailers > _TRAILERS or not _TRAILER.fullmatch(line):
            raise broken(f"a field behind the chunks is too long, or none; got {line!r:.100}")
        return rest

    def _line(self, data: bytes) -> tuple[bytes | None, bytes]:
        """One line without its end, and what comes behind; None where its end has not come."""
        end = data.find(b"\n", 0, _LINE)
        if end < 0:
            if len(data) >= _LINE:
                raise broken(f"a line between the chunks is longer than {_LINE:,} bytes")
            self._waiting = data
            return None, b""
        if data[end - 1 : end] != b"\r" or not end:
            raise broken("a line between the chunks does not end in CR LF")
        return data[: end - 1], data[end + 1 :]


def too_large(limit: int) -> Refused:
    """A body above the limit: what is left of it is not read."""
    return Refused(413, f"the body is larger than {limit:,} bytes", closes=True)
