"""Take compression off a stream, piece by piece and within bounds."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any, Literal, Protocol, TypeAlias

from router import DecodeError

Compression: TypeAlias = Literal["auto", "none", "gzip", "zstd"]

_PIECE = 256 << 10
_SLICE = 4 << 10  # what a slice of zstd may become is bounded by its size alone
_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"


def is_undecided(head: bytes) -> bool:
    """Whether so few bytes cannot tell yet if they are compressed."""
    return any(len(head) < len(magic) and magic.startswith(head) for magic in (_GZIP, _ZSTD))


class Decompressor(Protocol):
    """Takes compressed bytes, gives plain ones."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Give what these bytes become.

        Raises:
            DecodeError: they are damaged.
        """

    def end(self) -> Iterator[bytes]:
        """Give what is left.

        Raises:
            DecodeError: the end came too early.
        """


def decompressor(compression: Compression, head: bytes) -> Decompressor | None:
    """Make the one that a setting names, or that the first bytes of a stream ask for; None: they are plain."""
    if compression == "gzip" or (compression == "auto" and head.startswith(_GZIP)):
        return Gunzip()
    if compression == "zstd" or (compression == "auto" and head.startswith(_ZSTD)):
        return Unzstd()
    return None


class Gunzip:
    """One gzip member behind the other."""

    def __init__(self) -> None:
        self._member: Any = None
        self._members = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Give what these bytes become."""
        while data:
            if self._member is None:
                data = data.lstrip(b"\0") if self._members else data  # tapes are padded
                if not data:
                    return
                self._member = zlib.decompressobj(wbits=31)
                self._members += 1
            try:
                piece = self._member.decompress(data, _PIECE)
            except zlib.error as error:
                raise DecodeError(f"the gzip data is damaged: {error}") from error
            data = self._member.unconsumed_tail
            if piece:
                yield piece
            if self._member.eof:
                data = self._member.unused_data
                self._member = None

    def end(self) -> Iterator[bytes]:
        """Give what is left."""
        while self._member is not None and (piece := self._member.decompress(b"", _PIECE)):
            yield piece
        if self._member is not None and not self._member.eof:
            raise DecodeError("the file ends within its gzip data")


class Unzstd:
    """One zstd frame behind the other."""

    def __init__(self) -> None:
        import zstandard  # noqa: PLC0415 - slow to import, and rarely needed

        self._library = zstandard
        self._frame: Any = None

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Give what these bytes become."""
        for start in range(0, len(data), _SLICE):
            rest = data[start : start + _SLICE]
            while rest:
                if self._frame is None:
                    self._frame = self._library.ZstdDecompressor().decompressobj()
                try:
                    piece = self._frame.decompress(rest)
                except self._library.ZstdError as error:
                    raise DecodeError(f"the zstd data is damaged: {error}") from error
                if piece:
                    yield piece
                rest = self._frame.unused_data if self._frame.eof else b""
                if self._frame.eof:
                    self._frame = None

    def end(self) -> Iterator[bytes]:
        """Give what is left: nothing is kept back."""
        if self._frame is not None:
            raise DecodeError("the file ends within its zstd data")
        return iter(())
