"""Write Parquet: row groups as they fill, the footer at the end."""

from __future__ import annotations

import io
from typing import Any

from router import Batch, EncodeError, Failures, RecordWriter
from router_processors.formats.parquet_columns import to_table
from router_processors.formats.parquet_schema import infer, load_pyarrow

_NOTHING = EncodeError("a record without fields says nothing of the columns of a file")


class ParquetWriter(RecordWriter):
    """Gathers records to row groups, and gives a group's bytes when it is full."""

    def __init__(self, schema: Any, *, compression: str, records: int, nbytes: int) -> None:
        self.schema = schema
        """The columns; None until records have said what they are."""
        self._compression = compression
        self._records = records
        self._nbytes = nbytes
        self._sink = _Sink()
        self._file: Any = None
        self._tables: list[Any] = []
        self._waiting = 0
        self._pending = 0

    @property
    def pending(self) -> int:
        """How many bytes the records of the row group that is not full take in memory."""
        return self._pending

    def write(self, batch: Batch) -> tuple[bytes, Failures]:
        """Take the records that fit; give a row group where it is full with them."""
        rows = batch.rows
        schema = infer(rows) if self.schema is None else self.schema
        table, failures = to_table(rows, schema)
        if not schema.names or not table.num_rows:
            return b"", failures or [(index, _NOTHING) for index in range(len(rows))]
        self.schema = schema
        """The columns; None until records have said what they are."""
        self._tables.append(table)
        self._waiting += table.num_rows
        self._pending += table.nbytes
        if self._waiting >= self._records or self._pending >= self._nbytes:
            self._write_group()
        return self._sink.take(), failures

    def end(self) -> bytes:
        """Give the last row group and the footer; nothing where no record came and no schema is known."""
        if self.schema is None:
            return b""
        self._write_group()
        self._opened().close()
        return self._sink.take()

    def _write_group(self) -> None:
        if not self._tables:
            return
        table = load_pyarrow().concat_tables(self._tables)
        self._opened().write_table(table, row_group_size=table.num_rows)
        self._tables.clear()
        self._waiting = self._pending = 0

    def _opened(self) -> Any:
        if self._file is None:
            parquet = load_pyarrow().parquet
            self._file = parquet.ParquetWriter(self._sink, self.schema, compression=self._compression)
        return self._file


class _Sink(io.RawIOBase):
    """Keeps what pyarrow writes until it is taken."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._pieces.append(bytes(data))
        return len(self._pieces[-1])

    def take(self) -> bytes:
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)
