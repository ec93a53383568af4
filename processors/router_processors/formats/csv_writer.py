"""Write csv: the columns are fixed by the settings, the header that is there, or the first batch."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any, BinaryIO, Literal

from router import Batch, EncodeError, Failures, Record, RecordWriter, nearest, resumable
from router_processors.formats import csv_types
from router_processors.formats.lines import BOM, LONGEST


class CsvWriter(RecordWriter):
    """Writes rows as lines, after a header where there is none yet."""

    def __init__(
        self, columns: Sequence[str] | None, delimiter: str, quote: str | None, *, before: bytes, has_header: bool
    ) -> None:
        self._columns = columns
        self._has_header = has_header
        self._before = before
        self._text = io.StringIO()
        self._cells = self._cell_writer(delimiter, quote, csv.QUOTE_MINIMAL)
        # The csv module leaves a carriage return bare, and then refuses to read it.
        self._quoted_cells = self._cell_writer(delimiter, quote, csv.QUOTE_ALL)

    def write(self, batch: Batch) -> tuple[bytes, Failures]:
        """Give the records' lines."""
        if self._columns is None:
            self._columns = list(dict.fromkeys(name for row in batch.rows for name in row))
        lines, failures = resumable(self._line, batch.rows)
        if not lines:
            return b"", failures
        if not self._has_header:
            lines.insert(0, self._encoded(self._columns))
        self._has_header = True
        before, self._before = self._before, b""
        return before + b"".join(lines), failures

    def _line(self, row: Record) -> bytes:
        columns = self._columns or ()
        if not row.keys() <= set(columns):
            name = next(name for name in row if name not in columns)
            raise EncodeError(f"no column holds the field {name!r}{nearest(name, columns)}")
        try:
            return self._encoded([csv_types.write(row.get(name)) for name in columns])
        except (ValueError, csv.Error) as error:
            raise EncodeError(f"cannot be written as csv: {error}") from error

    def _cell_writer(self, delimiter: str, quote: str | None, quoting: Literal[0, 1]) -> Any:
        rule = quoting if quote is not None else csv.QUOTE_NONE
        return csv.writer(self._text, delimiter=delimiter, quotechar=quote, quoting=rule, lineterminator="\n")

    def _encoded(self, cells: Sequence[str]) -> bytes:
        self._text.seek(0)
        self._text.truncate()
        (self._quoted_cells if any("\r" in cell for cell in cells) else self._cells).writerow(cells)
        return self._text.getvalue().encode()


def columns_of(existing: BinaryIO, delimiter: str, quote: str | None) -> list[str]:
    """The columns that the header of a file names; none of an empty file."""
    existing.seek(0)
    text = io.TextIOWrapper(io.BytesIO(existing.read(LONGEST // 64).removeprefix(BOM)), errors="replace", newline="")
    rows = csv.reader(
        text, delimiter=delimiter, quotechar=quote, quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE
    )
    return next((row for row in rows if row), [])
