"""Write Avro container files, a block a batch."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from typing import Any

from router import Batch, EncodeError, Failures, Record, RecordWriter, resumable
from router_processors.formats.avro_schema import infer


class AvroWriter(RecordWriter):
    """Writes blocks of one schema, after a header where there is none yet."""

    def __init__(
        self, schema: dict[str, Any] | None, *, codec: str, sync: bytes | None = None, has_header: bool = False
    ) -> None:
        self._codec = codec
        self._sync = sync or os.urandom(16)
        self._has_header = has_header
        self._header_size = 0
        self._schema: Any = None
        if schema is not None:
            self._use(schema)
        self._given = self._schema

    def write(self, batch: Batch) -> tuple[bytes, Failures]:
        """Give a block of the records that fit."""
        rows: Sequence[Record] = batch.rows
        if self._schema is None:
            self._use(infer(rows))
        failures: Failures = []
        try:
            data = self._container(rows)
        except Exception:  # noqa: BLE001 - one record does not fit, and fastavro raises many things
            data, failures = self._without_misfits(rows)
        if not self._has_header:
            if len(failures) == len(rows):
                self._schema = self._given  # what was inferred from such records is no schema
                return b"", failures
            self._has_header = True
            return data, failures
        return data[self._header_size :], failures

    def _use(self, schema: dict[str, Any]) -> None:
        from fastavro import parse_schema  # noqa: PLC0415 - slow to import, and not needed by every flow

        self._schema = parse_schema(schema)
        self._header_size = len(self._container(()))

    def _container(self, rows: Sequence[Record]) -> bytes:
        from fastavro import writer  # noqa: PLC0415

        stream = io.BytesIO()
        writer(
            stream,
            self._schema,
            rows,
            codec=self._codec,
            sync_interval=1 << 62,  # one block
            sync_marker=self._sync,
            strict_allow_default=True,
            disable_tuple_notation=True,
        )
        return stream.getvalue()

    def _without_misfits(self, rows: Sequence[Record]) -> tuple[bytes, Failures]:
        from fastavro import schemaless_writer  # noqa: PLC0415

        def fit(row: Record) -> Record:
            schemaless_writer(io.BytesIO(), self._schema, row, strict_allow_default=True, disable_tuple_notation=True)
            return row

        good, failures = resumable(fit, rows)
        return self._container(good), [(index, _misfit(error)) for index, error in failures]


def _misfit(error: BaseException) -> EncodeError:
    made = EncodeError(f"does not fit the Avro schema: {error}")
    made.__cause__ = error
    return made
