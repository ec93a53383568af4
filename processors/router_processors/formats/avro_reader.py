"""Read Avro container files piece by piece, block by block."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import cast

from router import DecodeError, Misread, Part, Record, RecordReader
from router_processors.formats.avro_blocks import SYNC_SIZE, Header, Incomplete, read_block, read_header
from router_processors.formats.lines import KEPT


class AvroReader(RecordReader):
    """Gives the records of whole blocks; goes on at the next sync marker behind a damaged one."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._head = b""
        self._header: Header | None = None
        self._skipped = 0
        self._error: DecodeError | None = None
        self._kept = b""

    @property
    def pending(self) -> int:
        """How many bytes of an unfinished block were fed."""
        return len(self._data) + self._skipped

    def feed(self, data: bytes) -> Part:
        """Give the records of the blocks that are complete with these bytes."""
        self._data += data
        rows: list[Record] = []
        misread: list[Misread] = []
        try:
            if self._header is None and self._error is None:
                self._begin()
            while self._error is None or self._find_sync(rows, misread):
                self._read_blocks(rows, misread)
        except Incomplete:
            pass
        return Part((), rows, misread)

    def end(self, error: DecodeError | None = None) -> Part:
        """Say what is left of a block, or that there was no header."""
        left = (self._kept + bytes(self._data[:KEPT]))[:KEPT]
        size, wrong = self.pending, error or self._error
        if wrong is None and self._header is None and size:
            wrong = DecodeError("not avro: the file ends within its header")
        if wrong is None:
            wrong = DecodeError(f"the file ends within a block; {size:,} bytes follow the last whole one")
        self._data.clear()
        self._skipped = 0
        return Part((), (), [Misread(0, left, _head_of(wrong, size))] if size else ())

    def _begin(self) -> None:
        try:
            self._header = read_header(self._data)
        except DecodeError as error:
            self._damaged(error)
            return
        self._head = bytes(self._data[: self._header.size])
        del self._data[: self._header.size]

    def _read_blocks(self, rows: list[Record], misread: list[Misread]) -> None:
        """Read all blocks that are whole; stops before one that is damaged.

        Raises:
            Incomplete: the next block is not whole yet.
        """
        assert self._header is not None
        at = 0
        try:
            while True:
                count, stop = read_block(self._data, at, self._header.sync)
                self._decode(count, self._data[at:stop], rows, misread)
                at = stop
        except DecodeError as error:
            del self._data[:at]
            self._damaged(error)
        except Incomplete:
            del self._data[:at]
            raise

    def _decode(self, count: int, block: bytearray, rows: list[Record], misread: list[Misread]) -> None:
        from fastavro import reader  # noqa: PLC0415 - slow to import, and not needed by every flow

        before = len(rows)
        try:
            rows.extend(cast("Iterator[Record]", reader(io.BytesIO(self._head + block))))
        except Exception as error:  # noqa: BLE001 - fastavro raises whatever broken bytes lead it to
            lost = count - (len(rows) - before)
            text = f"{lost:,} of the {count:,} records of a block cannot be read: {type(error).__name__}: {error}"
            misread.append(
                Misread(len(rows) + len(misread), bytes(block[:KEPT]), DecodeError(text, head_of=len(block)))
            )

    def _damaged(self, error: DecodeError) -> None:
        self._error = error

    def _find_sync(self, rows: list[Record], misread: list[Misread]) -> bool:
        """Skip to behind the next sync marker; False: it is not there yet."""
        found = -1 if self._header is None else self._data.find(self._header.sync)
        if found < 0:
            # All but what may be the first part of a marker.
            self._skip(max(0, len(self._data) - SYNC_SIZE))
            return False
        self._skip(found + SYNC_SIZE)
        assert self._error is not None
        misread.append(Misread(len(rows) + len(misread), self._kept, _head_of(self._error, self._skipped)))
        self._error, self._kept, self._skipped = None, b"", 0
        return True

    def _skip(self, size: int) -> None:
        self._kept += bytes(self._data[: min(size, KEPT - len(self._kept))])
        self._skipped += size
        del self._data[:size]


def _head_of(error: DecodeError, size: int) -> DecodeError:
    """The same error, of what is kept as its first KiB."""
    return DecodeError(str(error), head_of=size) if size > KEPT else error
