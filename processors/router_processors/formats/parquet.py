"""Parquet files: columns of one schema, in row groups, found through a footer."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any, BinaryIO, Literal

from router import Batch, Config, ConfigError, Field, FilePath, Format, Part, Size
from router_processors.formats.parquet_reader import ParquetReader, parts
from router_processors.formats.parquet_schema import load_pyarrow, schema_of
from router_processors.formats.parquet_writer import ParquetWriter


class RowGroup(Config):
    """How large a row group becomes; the batch that fills it is not cut."""

    records: int = Field(100_000, gt=0, description="Records.")
    nbytes: Size = Field(64 << 20, gt=0, alias="bytes", description="Bytes they take in memory, uncompressed.")


class ParquetConfig(Config):
    """The settings of format ``parquet``."""

    record_schema: FilePath | dict[str, Any] | None = Field(
        None,
        alias="schema",
        description="On writing: the fields and their types, or the file they stand in, JSON or Parquet. "
        "Without it, it is inferred from the first batch.",
        examples=[{"id": "integer", "text": "text", "tags": ["text"], "user": {"age": "int32"}}],
    )
    compression: Literal["none", "snappy", "gzip", "brotli", "lz4", "zstd"] = Field(
        "zstd", description="How columns are compressed on writing."
    )
    row_group: RowGroup = Field(
        RowGroup(),
        description="How large a row group becomes on writing: `records` (100000) and `bytes` in memory (64MiB), "
        "whichever comes first. Who reads holds one at a time.",
    )
    max_size: Size = Field(
        256 << 20, gt=0, description="The longest stream read that cannot seek, such as a pipe or a compressed file."
    )


class Parquet(Format):
    """Records of one schema in columns: a file is read through its footer, so it is whole only when it is closed.

    Needs the extra `parquet`. A file is read one row group at a time, one that is damaged fails by
    itself; what cannot seek is read as a whole first. Bytes, times and decimals stay what they are,
    dates and times of day become text, nanoseconds are cut to microseconds, an absent field is null.

    On writing, records are held until their file is closed, see `write_file`. The types of a schema are
    `boolean`, `integer` (or `int8` to `int64`, `uint8` to `uint64`), `number` (or `float32`), `text`, `bytes`,
    `datetime` (with a time zone, kept as UTC), `local_datetime` (without), `decimal(12, 2)`, `[type]` for lists and a mapping
    for objects; every field may be null. Without a schema, the first value of a field in the first batch
    says its type, a field that is null throughout is a text. A record with a value that does not fit, or with a
    field that the schema lacks, fails; nothing is converted or left out.

    Example:
        archive: {type: write_file, path: "out/{{ lang }}/posts.parquet", format: {type: parquet, compression: snappy}}
    """

    type_name = "parquet"
    suffixes = (".parquet", ".pq")
    is_streaming = False
    is_appendable = False
    config: ParquetConfig

    def reader(self) -> ParquetReader:
        """Make a reader for one stream that cannot seek.

        Raises:
            ConfigError: pyarrow is not installed.
        """
        load_pyarrow()
        return ParquetReader(self.config.max_size)

    def parts(self, stream: BinaryIO) -> Iterator[Part]:
        """Read a stream that can seek, one row group at a time."""
        return parts(stream)

    def writer(self, existing: BinaryIO | None = None) -> ParquetWriter:
        """Make a writer for one new stream.

        Raises:
            ConfigError: pyarrow is not installed, or ``schema`` is none.
        """
        if existing is not None and existing.seek(0, 2):
            raise ConfigError("nothing can be written behind a Parquet file that is there")
        load_pyarrow()
        group = self.config.row_group
        return ParquetWriter(
            self._schema, compression=self.config.compression, records=group.records, nbytes=group.nbytes
        )

    def fitted(self, batch: Batch) -> Parquet:
        """The same format, with the schema that these records say."""
        if self._schema is not None:
            return self
        writer = self.writer()
        writer.write(batch)
        if writer.schema is None:
            return self
        found = Parquet(self.config)
        found._schema = writer.schema
        return found

    @cached_property
    def _schema(self) -> Any:
        given = self.config.record_schema
        return None if given is None else schema_of(given)
