"""One open file: its bytes, decompressed, cut into records, put into batches."""

from __future__ import annotations

import asyncio
import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple, TypeAlias

from router import RAW, Batch, DecodeError, Format, Misread, Part, Routes, failed
from router_processors.read_file.decompress import Compression, Decompressor, decompressor, is_undecided

BLOCK = 256 << 10
RECORDS = 1000
_BLOCKS = (64 << 10, 1 << 20)
_AIMED = 980  # records of a block: as many as fit a batch, but for chance
_INHERITED = re.compile(r"-|/dev/stdin|(?:/dev|/proc/self)/fd/([0-9]+)")


class Position(NamedTuple):
    """The token of a batch: its file, and up to which byte of it every record has been given."""

    path: str
    offset: int


Item: TypeAlias = "tuple[Batch | Routes, Position]"


class Meter:
    """How many bytes have been read of all files."""

    __slots__ = ("nbytes",)

    def __init__(self) -> None:
        self.nbytes = 0


@dataclass(frozen=True, slots=True)
class Manner:
    """How files are read: what the settings say, and who reads."""

    format: Format
    compression: Compression
    records: int
    """The most records of a batch."""
    reader: str
    """The processor's name, for the errors of records."""
    meter: Meter


class Reading:
    """Reads one file from its beginning.

    ``step`` reads a block and gives what it holds; ``at_end`` then says that there was nothing
    more, which may change for a file that grows. What cannot be read is given as records for
    ``failure``, counted in ``misread``; after an error of the whole file nothing more is read.

    Raises:
        OSError: it cannot be opened.
    """

    def __init__(self, name: str, place: str, manner: Manner) -> None:
        self.name = name
        self.at_end = False
        self.misread = 0
        self._records = 0
        self._block = BLOCK
        self.offset = 0
        self.error: DecodeError | None = None
        self._manner = manner
        self._fd = _open(place)
        mode = os.fstat(self._fd).st_mode
        self._waits = stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or os.isatty(self._fd)
        self._stream: BinaryIO | None = None
        self._begin()
        self._parts = self._seekable_parts() if stat.S_ISREG(mode) else None
        self._part: Part | None = None

    def _begin(self) -> None:
        self._frames = self._manner.format.reader()
        self._decompressor: Decompressor | None = None
        self._head: bytes | None = b""
        self._position = Position(self.name, 0)

    @property
    def identity(self) -> tuple[int, int]:
        """What stays when the file is renamed."""
        found = os.fstat(self._fd)
        return found.st_dev, found.st_ino

    @property
    def size(self) -> int:
        """How long the file is now."""
        return os.fstat(self._fd).st_size

    async def wait(self) -> None:
        """Wait until something can be read where that may take long: a pipe, a terminal."""
        if not self._waits:
            return
        loop = asyncio.get_running_loop()
        ready: asyncio.Future[None] = loop.create_future()
        loop.add_reader(self._fd, _set, ready)
        try:
            await ready
        finally:
            loop.remove_reader(self._fd)

    def step(self) -> Iterator[Item]:
        """Read the next block and give its records."""
        if self._parts is not None:
            yield from self._next_part(self._parts)
            return
        try:
            data = os.read(self._fd, self._block)
        except BlockingIOError:
            return
        except OSError as error:
            text = f"reading stopped at byte {self.offset:,}: {error.strerror}"
            yield from self._break_off(DecodeError(text))
            return
        self.at_end = not data
        self.offset += len(data)
        self._manner.meter.nbytes += len(data)
        if self.error is None and data:
            before = self._records
            yield from self._decompressed(data)
            if self._records > before and len(data) == self._block:
                fitting = len(data) * _AIMED // (self._records - before)
                self._block = max(_BLOCKS[0], min(_BLOCKS[1], fitting))

    def end(self) -> Iterator[Item]:
        """Give what was waiting for the end of the file."""
        if self.error is not None or self._parts is not None:
            return
        try:
            if self._head is not None:
                yield from self._sniffed(self._head)
            if self._decompressor is not None:
                for piece in self._decompressor.end():
                    yield from self._items(self._frames.feed(piece))
        except DecodeError as error:
            yield from self._break_off(error)
        else:
            yield from self._items(self._frames.end())

    def restart(self) -> None:
        """Go back to the beginning, for a file that was cut."""
        os.lseek(self._fd, 0, os.SEEK_SET)
        self.offset = 0
        self.error = None
        self._begin()

    def close(self) -> None:
        """Close it."""
        if self._stream is not None:
            self._stream.close()
        os.close(self._fd)

    # -- of what is read from its end ------------------------------------------------------------

    def _seekable_parts(self) -> Iterator[Part] | None:
        """The parts of a plain file whose format reads it better in an order of its own."""
        if self._manner.format.is_streaming:
            return None
        if decompressor(self._manner.compression, os.pread(self._fd, 4, 0)) is not None:
            return None
        stream = os.fdopen(os.dup(self._fd), "rb")
        parts = self._manner.format.parts(stream)
        if parts is None:
            stream.close()
        else:
            self._stream = stream
        return parts

    def _next_part(self, parts: Iterator[Part]) -> Iterator[Item]:
        """Give a part; the last one says that all of the file has been given."""
        part = next(parts, Part()) if self._part is None else self._part
        self._part = next(parts, None)
        if self._part is None:
            self.at_end = True
            self.offset = self.size
            self._manner.meter.nbytes += self.offset
        yield from self._items(part)

    # -- piece by piece --------------------------------------------------------------------------

    def _decompressed(self, data: bytes) -> Iterator[Item]:
        try:
            if self._head is not None:
                self._head += data
                if not is_undecided(self._head):
                    yield from self._sniffed(self._head)
            elif self._decompressor is None:
                yield from self._items(self._frames.feed(data))
            else:
                for piece in self._decompressor.feed(data):
                    yield from self._items(self._frames.feed(piece))
        except DecodeError as error:
            yield from self._break_off(error)

    def _sniffed(self, data: bytes) -> Iterator[Item]:
        self._head = None
        self._decompressor = decompressor(self._manner.compression, data) if data else None
        for piece in (data,) if self._decompressor is None else self._decompressor.feed(data):
            yield from self._items(self._frames.feed(piece))

    def _break_off(self, error: DecodeError) -> Iterator[Item]:
        """Give what is whole, and one failure for what is lost behind it."""
        self.error, self.at_end = error, True
        part = self._frames.end(error)
        yield from self._items(part if part.misread else Part(part.content, part.rows, [Misread(0, b"", error)]))

    # -- batches --------------------------------------------------------------------------------

    def _items(self, part: Part) -> Iterator[Item]:
        codec = self._manner.format.codec
        given: list[Batch | Routes] = []
        if codec is None:
            given += [Batch.of(part.rows[each], path=self.name) for each in self._slices(len(part.rows))]
        else:
            given += [Batch.raw(part.content[each], codec, path=self.name) for each in self._slices(len(part.content))]
        self._records += len(part.content) + len(part.rows)
        if part.misread:
            given.append({"failure": self._failures(part.misread)})
        if not given:
            return
        for batch in given[:-1]:
            yield batch, self._position
        unfinished = self._frames.pending if self._decompressor is None else 0
        self._position = Position(self.name, self.offset - unfinished)
        yield given[-1], self._position

    def _failures(self, misread: Sequence[Misread]) -> Batch:
        self.misread += len(misread)
        lost = Batch.raw([each.content for each in misread], RAW, path=self.name)
        return failed(lost, [(index, each.error) for index, each in enumerate(misread)], self._manner.reader)

    def _slices(self, count: int) -> Iterator[slice]:
        """Batches of about the same size, none of them too large."""
        if count:
            size = -(-count // -(-count // self._manner.records))
            for start in range(0, count, size):
                yield slice(start, start + size)


def _set(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)


def _open(place: str) -> int:
    inherited = _INHERITED.fullmatch(place)
    if inherited is not None:
        # Opened anew, a pipe whose writer is gone already would never tell its end.
        return os.dup(int(inherited[1] or 0))
    return os.open(place, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
