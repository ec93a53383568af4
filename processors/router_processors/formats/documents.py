"""Take a whole stream as one document."""

from __future__ import annotations

from router import DecodeError, Misread, Part, RecordReader
from router_processors.formats.lines import KEPT, LONGEST


class DocumentReader(RecordReader):
    """Gives a stream as one record when its end has come; one longer than ``limit`` is not kept in memory."""

    def __init__(self, limit: int = LONGEST) -> None:
        self._limit = limit
        self._pieces: list[bytes] = []
        self._pending = 0

    @property
    def pending(self) -> int:
        """How many bytes were fed."""
        return self._pending

    def feed(self, data: bytes) -> Part:
        """Keep these bytes until the end."""
        self._pending += len(data)
        self._pieces.append(data)
        if self._pending > self._limit:
            self._pieces = [b"".join(self._pieces)[:KEPT]]
        return Part()

    def end(self, error: DecodeError | None = None) -> Part:
        """Give the document."""
        document, size = b"".join(self._pieces), self._pending
        self._pieces, self._pending = [], 0
        if size > self._limit:
            text = f"{size:,} bytes are too long for one document; at most {self._limit:,} are read"
            error = DecodeError(text, head_of=size)
        if error is not None:
            return Part((), (), [Misread(0, document[:KEPT] if size > self._limit else document, error)])
        return self.part(document)

    def part(self, document: bytes) -> Part:
        """Find the records of the document: it is one."""
        return Part([document])
