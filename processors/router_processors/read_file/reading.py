"""One open file: its bytes, decompressed, cut into records."""

from __future__ import annotations

import asyncio
import os
import re
import stat
from collections.abc import Iterator
from typing import BinaryIO

from router import DecodeError, Misread, Part, RecordReader
from router_processors.read_file.batches import UNTRACKED, Batches, Item, Manner, Position, Track
from router_processors.read_file.decompress import Decompressor, decompressor, is_undecided

BLOCK = 256 << 10
RECORDS = 1000
_BLOCKS = (64 << 10, 1 << 20)
_AIMED = 980  # records of a block: as many as fit a batch, but for chance
_HEAD = 1 << 20  # how much of a file is read again before a jump, to learn what its beginning says
_INHERITED = re.compile(r"-|/dev/stdin|(?:/dev|/proc/self)/fd/([0-9]+)")


class Reading:
    """Reads one file from its beginning, or from a position on.

    ``step`` reads a block and gives what it holds; ``at_end`` then says that there was nothing
    more, which may change for a file that grows. What cannot be read is given as records for
    ``failure``; after an error of the whole file nothing more is read.

    Raises:
        OSError: it cannot be opened.
    """

    def __init__(self, name: str, place: str, manner: Manner) -> None:
        self.name = name
        self.at_end = False
        self.offset = 0
        self.error: DecodeError | None = None
        self._block = BLOCK
        self._manner = manner
        self._fd = _open(place)
        mode = os.fstat(self._fd).st_mode
        self.is_regular = stat.S_ISREG(mode)
        self._waits = stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or os.isatty(self._fd)
        self._stream: BinaryIO | None = None
        self._begin(Position(name, 0), UNTRACKED)
        self._parts = self._seekable_parts() if self.is_regular else None
        self._part: Part | None = None

    def _begin(self, start: Position, track: Track) -> None:
        self._frames = self._manner.format.reader()
        self._decompressor: Decompressor | None = None
        self._head: bytes | None = b""
        self._batches = Batches(self._manner, start, track)

    def go_on(self, start: Position, track: Track) -> None:
        """Begin at a position, and tell a track what is given."""
        self._begin(start._replace(path=self.name), track)
        if start.offset:
            self._head = None  # what has places to go on at is not compressed
            self._frames = self._prepared(start.offset)
            os.lseek(self._fd, start.offset, os.SEEK_SET)
            self.offset = start.offset
            self._manner.meter.nbytes += start.offset

    def _prepared(self, offset: int) -> RecordReader:
        """A reader that knows the beginning of the file, such as a header, and expects a record next."""
        frames = self._manner.format.reader()
        if offset <= _HEAD:
            frames.feed(os.pread(self._fd, offset, 0))
            return frames
        fed, whole = 0, 0
        while not whole and fed < offset:
            data = os.pread(self._fd, min(_HEAD, offset - fed), fed)
            frames.feed(data)
            fed += len(data)
            whole = fed - frames.pending
        if whole < fed:
            frames = self._manner.format.reader()
            frames.feed(os.pread(self._fd, whole, 0))
        return frames

    @property
    def identity(self) -> tuple[int, int]:
        """What stays when the file is renamed."""
        found = os.fstat(self._fd)
        return found.st_dev, found.st_ino

    @property
    def size(self) -> int:
        """How long the file is now."""
        return os.fstat(self._fd).st_size

    @property
    def version(self) -> tuple[int, int]:
        """What changes when the file does."""
        found = os.fstat(self._fd)
        return found.st_size, found.st_mtime_ns

    @property
    def misread(self) -> int:
        """How many parts of it are no records."""
        return self._batches.misread

    def look(self, size: int, at: int = 0) -> bytes:
        """The bytes that stand at a place, as many as there are; what is read next stays the same."""
        return os.pread(self._fd, size, at)

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
            before = self._batches.records
            yield from self._decompressed(data)
            if self._batches.records > before and len(data) == self._block:
                fitting = len(data) * _AIMED // (self._batches.records - before)
                self._block = max(_BLOCKS[0], min(_BLOCKS[1], fitting))

    def end(self) -> Iterator[Item]:
        """Give what was waiting for the end of the file."""
        if self.error is None and self._parts is None:
            yield from self._last()
        self._batches.track.finished(self._batches.position, self.offset)

    def _last(self) -> Iterator[Item]:
        try:
            if self._head is not None:
                yield from self._sniffed(self._head)
            if self._decompressor is not None:
                for piece in self._decompressor.end():
                    yield from self._items(self._frames.feed(piece))
        except DecodeError as error:
            yield from self._break_off(error)
        else:
            is_tail = self._decompressor is None and self._manner.format.is_streaming
            yield from self._batches.items(self._frames.end(), None, is_tail=is_tail)

    def restart(self) -> None:
        """Go back to the beginning, for a file that was cut."""
        os.lseek(self._fd, 0, os.SEEK_SET)
        self.offset = 0
        self.error = None
        self._begin(Position(self.name, 0), self._batches.track.anew())

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
        yield from self._batches.items(part, None)

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

    def _items(self, part: Part) -> Iterator[Item]:
        is_plain = self._decompressor is None and self._manner.format.is_streaming
        return self._batches.items(part, self.offset - self._frames.pending if is_plain else None)

    def _break_off(self, error: DecodeError) -> Iterator[Item]:
        """Give what is whole, and one failure for what is lost behind it."""
        self.error, self.at_end = error, True
        part = self._frames.end(error)
        part = (
            part
            if part.misread
            else Part(part.content, part.rows, [Misread(0, b"", DecodeError(str(error), head_of=0))])
        )
        yield from self._batches.items(part, None)


def _set(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)


def _open(place: str) -> int:
    inherited = _INHERITED.fullmatch(place)
    if inherited is not None:
        # Opened anew, a pipe whose writer is gone already would never tell its end.
        return os.dup(int(inherited[1] or 0))
    return os.open(place, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
