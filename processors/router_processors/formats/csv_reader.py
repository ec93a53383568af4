"""Read csv piece by piece: a broken record fails alone, as the line it came from."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from router import DecodeError, Misread, Part, Record, RecordReader, nearest
from router_processors.formats import csv_types
from router_processors.formats.lines import LineReader

_LONGEST_OPEN = 4 << 20  # a record still open after so many bytes is not waited for: its quote was a stray one
_NO_NAMES = "the columns have no names: "


class CsvReader(RecordReader):
    """Makes rows of lines.

    The csv module reads many lines in one call; only where that finds something wrong, or a
    record that is not complete yet, the same lines are read one record at a time.
    """

    def __init__(
        self,
        *,
        header: bool,
        columns: Sequence[str] | None,
        types: Mapping[str, csv_types.TypeName],
        delimiter: str,
        quote: str | None,
    ) -> None:
        self._lines = LineReader(keep_returns=True)
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._line = 1
        self._awaits_header = header
        self._named = columns
        self._types = types
        self._broken: DecodeError | None = None
        self._columns: Sequence[str] = ()
        self._readers: list[tuple[int, Callable[[str], Any]]] = []
        self._dialect: dict[str, Any] = {
            "delimiter": delimiter,
            "quotechar": quote,
            "quoting": csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
            "strict": True,
        }
        if not header and columns is not None:
            self._name(columns)

    @property
    def pending(self) -> int:
        """How many bytes of an unfinished record were fed."""
        return self._waiting_bytes + self._lines.pending

    def feed(self, data: bytes) -> Part:
        """Give the records that are complete with these bytes."""
        found = self._lines.feed(data)
        part = self._parse([*self._waiting, *found.content], is_end=self._waiting_bytes > _LONGEST_OPEN)
        self._line += len(found.misread)
        return Part((), part.rows, [*found.misread, *part.misread]) if found.misread else part

    def end(self, error: DecodeError | None = None) -> Part:
        """Give the last record where nothing ended it."""
        found = self._lines.end(error)
        lines = [*self._waiting, *found.content]
        if error is not None and lines:
            self._waiting, self._waiting_bytes = [], 0
            cut = Misread(0, b"\n".join([*lines, *(each.content for each in found.misread)]), error)
            return Part((), (), [cut])
        part = self._parse(lines, is_end=True)
        return Part((), part.rows, [*part.misread, *found.misread])

    def _parse(self, lines: list[bytes], *, is_end: bool) -> Part:
        if not lines:
            return Part()
        if self._awaits_header:
            lines = self._read_header(lines, is_end=is_end)
        rows = self._at_once(lines)
        if rows is not None:
            self._waiting, self._waiting_bytes = [], 0
            self._line += len(lines)
            return Part((), rows)
        return self._one_by_one(lines, is_end=is_end)

    # -- the fast way ---------------------------------------------------------------------------

    def _at_once(self, lines: Sequence[bytes]) -> list[Record] | None:
        """Make rows of all lines; None where one of them needs a closer look."""
        if self._broken is not None:
            return None
        try:
            text = b"\n".join([*lines, b""]).decode()
            cells = [row for row in csv.reader(io.StringIO(text, newline="\n"), **self._dialect) if row]
        except (UnicodeDecodeError, csv.Error):
            return None
        if set(map(len, cells)) - {len(self._columns)}:
            return None
        try:
            return self._rows(cells)
        except ValueError:
            return None

    def _rows(self, cells: list[list[str]]) -> list[Record]:
        for position, read in self._readers:
            for row in cells:
                row[position] = read(row[position])
        columns = self._columns
        return [dict(zip(columns, row, strict=True)) for row in cells]

    # -- the careful way ------------------------------------------------------------------------

    def _one_by_one(self, lines: Sequence[bytes], *, is_end: bool) -> Part:
        rows: list[Record] = []
        misread: list[Misread] = []
        done = 0
        for found, start, stop in self._records(lines, is_end=is_end):
            done = stop
            try:
                row = self._row(found, self._line + start)
            except DecodeError as error:
                content = b"\n".join(lines[start:stop])
                misread.append(Misread(len(rows) + len(misread), content, error))
            else:
                rows += [row] if row is not None else []
        self._line += done
        self._waiting = list(lines[done:])
        self._waiting_bytes = sum(map(len, self._waiting)) + len(self._waiting)
        return Part((), rows, misread)

    def _records(self, lines: Sequence[bytes], *, is_end: bool) -> Iterator[tuple[list[str] | csv.Error, int, int]]:
        """Give each record, or what is wrong with it, and the lines it takes."""
        texts = [line.decode(errors="surrogateescape") + "\n" for line in lines]
        start = 0
        while start < len(texts):
            source = csv.reader(map(texts.__getitem__, range(start, len(texts))), **self._dialect)
            base = start
            try:
                for row in source:
                    yield row, start, base + source.line_num
                    start = base + source.line_num
            except csv.Error as error:
                if base + source.line_num == len(texts) and not is_end and start < len(texts):
                    return  # the rest of it may be on its way
                # Only the line it begins on: what a stray quote has swallowed may be good records.
                yield error, start, start + 1
                start += 1

    def _row(self, found: list[str] | csv.Error, line: int) -> Record | None:
        if isinstance(found, csv.Error):
            raise DecodeError(f"line {line}: {found}") from found
        if not found:
            return None
        if self._broken is not None:
            raise self._broken
        if len(found) != len(self._columns):
            raise DecodeError(f"line {line}: {len(found)} values for {len(self._columns)} columns")
        try:
            "".join(found).encode()
        except UnicodeEncodeError as error:
            byte = ord(error.object[error.start]) - 0xDC00
            raise DecodeError(f"line {line}: byte {byte:#04x} is not UTF-8") from error
        for position, read in self._readers:
            try:
                found[position] = read(found[position])
            except ValueError as error:
                name = self._columns[position]
                text = f"line {line}: column {name!r} is {self._types[name]}; got {found[position]!r:.80}"
                raise DecodeError(text) from error
        return dict(zip(self._columns, found, strict=True))

    # -- the header -----------------------------------------------------------------------------

    def _read_header(self, lines: list[bytes], *, is_end: bool) -> list[bytes]:
        for found, _, stop in self._records(lines, is_end=is_end):
            if not found:
                continue
            self._awaits_header = False
            if isinstance(found, csv.Error):
                self._broken = DecodeError(f"{_NO_NAMES}the header is {lines[0][:80]!r}: {found}")
            else:
                self._name(found if self._named is None else self._named)
            self._line += stop
            return lines[stop:]
        return lines

    def _name(self, columns: Sequence[str]) -> None:
        twice = next((name for position, name in enumerate(columns) if name in columns[:position]), None)
        unknown = next((name for name in self._types if name not in columns), None)
        if twice is not None:
            self._broken = DecodeError(f"{_NO_NAMES}the header says {twice!r} twice")
        elif unknown is not None:
            text = f"{_NO_NAMES}'types' names {unknown!r}, which the header lacks{nearest(unknown, columns)}"
            self._broken = DecodeError(text)
        self._columns = columns
        typed = [(position, self._types.get(name, "text")) for position, name in enumerate(columns)]
        self._readers = [(position, csv_types.read(each)) for position, each in typed if each != "text"]
