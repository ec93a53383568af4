"""Avro object container files: records of one schema, in blocks."""

from __future__ import annotations

import json
from functools import cached_property
from typing import Any, BinaryIO, Literal

from router import Batch, Config, ConfigError, Field, FilePath, Format
from router_processors.formats.avro_blocks import cut_to_whole_blocks
from router_processors.formats.avro_reader import AvroReader
from router_processors.formats.avro_schema import infer
from router_processors.formats.avro_writer import AvroWriter


class AvroConfig(Config):
    """The settings of format ``avro``."""

    record_schema: FilePath | dict[str, Any] | None = Field(
        None,
        alias="schema",
        description="On writing: the schema, or the file it stands in. Without it, it is inferred from the first batch.",
    )
    compression: Literal["none", "deflate"] = Field("none", description="How blocks are compressed on writing.")


class Avro(Format):
    """Records of one schema, which the file itself holds, in blocks that survive the loss of their neighbours.

    A block that is damaged or cut off fails as its first KiB; the others are read.

    On writing, each batch makes a block. Without ``schema``, it is inferred from the first batch
    for the file: whole numbers are ``long``, others ``double``, objects are records, every field
    may be null, one that is null throughout is a string. A record that does not fit the schema,
    or has a field that it lacks, fails. On appending, the file's own schema goes on.

    Example:
        archive: {type: write_file, path: "out/{{ lang }}.avro", format: {type: avro, compression: deflate}}
    """

    type_name = "avro"
    suffixes = (".avro",)
    config: AvroConfig

    def reader(self) -> AvroReader:
        """Make a reader for one stream."""
        return AvroReader()

    def writer(self, existing: BinaryIO | None = None) -> AvroWriter:
        """Make a writer for one stream.

        Raises:
            ConfigError: ``schema`` is none.
        """
        header = None if existing is None else cut_to_whole_blocks(existing)
        if header is not None:
            return AvroWriter(header.schema, codec=header.codec, sync=header.sync, has_header=True)
        codec = "null" if self.config.compression == "none" else self.config.compression
        return AvroWriter(self._schema, codec=codec)

    def fitted(self, batch: Batch) -> Avro:
        """The same format, with the schema that these records have in common."""
        if self.config.record_schema is not None:
            return self
        found = Avro(self.config.model_copy(update={"record_schema": infer(batch.rows)}))
        return found if len(found.writer().write(batch)[1]) < len(batch) else self

    @cached_property
    def _schema(self) -> dict[str, Any] | None:
        given = self.config.record_schema
        if given is None or isinstance(given, dict):
            return _checked(given, "schema")
        try:
            found = json.loads(given.read_bytes())
        except (OSError, ValueError) as error:
            raise ConfigError(f"schema {str(given)!r} cannot be read: {error}") from error
        return _checked(found, str(given))


def _checked(schema: Any, where: str) -> dict[str, Any] | None:
    if schema is None:
        return None
    from fastavro import parse_schema  # noqa: PLC0415 - slow to import, and not needed by every flow
    from fastavro.schema import SchemaParseException, UnknownType  # noqa: PLC0415

    if not isinstance(schema, dict) or schema.get("type") != "record":
        raise ConfigError(f"{where}: an Avro schema of records is a mapping with type: record; got {schema!r:.80}")
    try:
        parse_schema(schema)
    except (SchemaParseException, UnknownType, KeyError, TypeError, ValueError) as error:
        raise ConfigError(f"{where}: {type(error).__name__}: {error}") from error
    return schema
