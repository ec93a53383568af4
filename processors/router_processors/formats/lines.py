"""Cut a stream into lines, and put lines together again."""

from __future__ import annotations

from collections.abc import Sequence

from router import Batch, DecodeError, EncodeError, Failures, Misread, Part, RecordReader, RecordWriter

LONGEST = 64 << 20
"""A longer line, document or block is no record: it is skipped, and its first KiB kept."""
KEPT = 1024
BOM = b"\xef\xbb\xbf"


class LineReader(RecordReader):
    r"""Gives lines without their end; a byte order mark at the start of the stream is taken off.

    Only ``\n`` ends a line; a ``\r`` before it belongs to the end. A line of more than
    ``LONGEST`` bytes is skipped without being kept in memory.
    """

    def __init__(self, *, skip_blank: bool = False, keep_returns: bool = False) -> None:
        self._skip_blank = skip_blank
        self._keep_returns = keep_returns
        self._waiting: list[bytes] = []
        self._pending = 0
        self._is_first = True

    @property
    def pending(self) -> int:
        """How many bytes of an unfinished line were fed."""
        return self._pending

    def feed(self, data: bytes) -> Part:
        """Give the lines that are complete with these bytes."""
        lines = data.split(b"\n")
        if len(lines) == 1:
            self._wait(data)
            return Part()
        has_returns = b"\r" in data
        misread: Sequence[Misread] = ()
        before, is_first = self._waiting, self._is_first
        if self._pending:
            before = [*before]
            self._wait(lines[0])
            lines[0] = b"".join(self._waiting)
            has_returns = has_returns or lines[0].endswith(b"\r")
            misread = self._too_long()
            if misread:
                del lines[0]
        last = lines.pop()
        self._waiting, self._pending = [last], len(last)
        given = self._trimmed(lines, has_returns=has_returns)
        if given is not lines or misread or is_first:
            return Part(given, (), misread)
        return Part(given, whole=[*filter(None, before), memoryview(data)[: len(data) - len(last)]])

    def end(self, error: DecodeError | None = None) -> Part:
        """Give the last line where nothing ended it."""
        misread = self._too_long()
        lines = [] if misread or not self._pending else [b"".join(self._waiting)]
        self._waiting, self._pending = [], 0
        lines = self._trimmed(lines, has_returns=True)
        if error is not None:
            return Part((), (), [*misread, *(Misread(0, line, error) for line in lines)])
        return Part(lines, (), misread)

    def _wait(self, piece: bytes) -> None:
        self._pending += len(piece)
        if self._pending <= LONGEST:
            self._waiting.append(piece)
        else:
            self._waiting = [b"".join([*self._waiting, piece])[:KEPT]]

    def _too_long(self) -> Sequence[Misread]:
        if self._pending <= LONGEST:
            return ()
        text = f"a line of {self._pending:,} bytes is too long; at most {LONGEST:,} are read"
        return [Misread(0, self._waiting[0], DecodeError(text, head_of=self._pending))]

    def _trimmed(self, lines: list[bytes], *, has_returns: bool) -> list[bytes]:
        if self._is_first and lines:
            lines[0] = lines[0].removeprefix(BOM)
            self._is_first = False
        if has_returns and not self._keep_returns:
            lines = [line.removesuffix(b"\r") for line in lines]
        if self._skip_blank and b"" in lines:
            lines = [line for line in lines if line]
        return lines


class LineWriter(RecordWriter):
    """Ends every record with a line break; one that holds a line break itself does not pass.

    ``first`` is what must come before the first record.
    """

    def __init__(self, first: bytes = b"") -> None:
        self._first = first

    def write(self, batch: Batch) -> tuple[bytes, Failures]:
        """Give the records' content, a line each."""
        if batch.whole:
            return self._begun(b"".join(batch.whole)), []
        lines: Sequence[bytes] = batch.content
        failures: Failures = []
        if b"\n" in b"".join(lines):  # one look at all costs half of counting the ends, a tenth of looking into each
            lines, failures = self._flattened(lines)
        if not lines:
            return b"", failures
        return self._begun(b"\n".join([*lines, b""])), failures

    def _begun(self, data: bytes) -> bytes:
        """Put first what must come first."""
        if self._first:
            data, self._first = self._first + data, b""
        return data

    def _flattened(self, content: Sequence[bytes]) -> tuple[list[bytes], Failures]:
        lines: list[bytes] = []
        failures: Failures = []
        for index, line in enumerate(content):
            try:
                lines.append(self.flat(line) if b"\n" in line else line)
            except EncodeError as error:
                failures.append((index, error))
        return lines, failures

    def flat(self, content: bytes) -> bytes:
        """Say the same without a line break.

        Raises:
            EncodeError: it cannot be said so.
        """
        raise EncodeError(f"a line has no line break in it; got {content!r:.80}")
