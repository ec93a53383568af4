"""Read Parquet: row group by row group, of a stream that can seek."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any, BinaryIO

from router import DecodeError, Misread, Part
from router_processors.formats.documents import DocumentReader
from router_processors.formats.lines import KEPT
from router_processors.formats.parquet_columns import to_rows
from router_processors.formats.parquet_schema import load_pyarrow

_RECORDS = 1000


class ParquetReader(DocumentReader):
    """Reads what cannot seek: keeps it until its end has come, and gives all its records at once."""

    def part(self, document: bytes) -> Part:
        """Find the records of the file."""
        if not document:
            return Part()
        rows: list[Any] = []
        misread: list[Misread] = []
        for part in parts(io.BytesIO(document)):
            before = len(rows) + len(misread)
            misread += [Misread(before + each.index, each.content, each.error) for each in part.misread]
            rows += part.rows
        return Part((), rows, misread)


def parts(stream: BinaryIO) -> Iterator[Part]:
    """Give the records of a file, some of them at a time; a row group that is damaged costs its own records."""
    pa = load_pyarrow()
    head = b""
    try:
        if not (head := stream.read(KEPT)):
            return
        stream.seek(0)
        file = pa.parquet.ParquetFile(stream, pre_buffer=False)
    except (pa.ArrowException, OSError, ValueError) as error:
        yield Part((), (), [Misread(0, head, DecodeError(f"not parquet: {_first_sentence(error)}", head_of=0))])
        return
    with file:
        for group in range(file.num_row_groups):
            yield from _group(pa, file, group)


def _group(pa: Any, file: Any, group: int) -> Iterator[Part]:
    given, count = 0, file.metadata.row_group(group).num_rows
    try:
        for batch in file.iter_batches(_RECORDS, row_groups=[group], use_threads=False):
            rows = to_rows(batch)
            given += len(rows)
            yield Part((), rows)
    except (pa.ArrowException, OSError, ValueError, ArithmeticError) as error:
        text = f"{count - given:,} of the {count:,} records of row group {group} cannot be read"
        yield Part((), (), [Misread(0, b"", DecodeError(f"{text}: {_first_sentence(error)}", head_of=0))])


def _first_sentence(error: BaseException) -> str:
    return str(error).split(". ", 1)[0].strip().rstrip(".")
