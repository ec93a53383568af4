"""CSV: values side by side, the first line naming the columns."""

from __future__ import annotations

from typing import Annotated, BinaryIO, Self

from pydantic import AfterValidator, model_validator

from router import Batch, Config, ConfigError, Field, Format
from router_processors.formats.csv_reader import CsvReader
from router_processors.formats.csv_types import TypeName
from router_processors.formats.csv_writer import CsvWriter, columns_of
from router_processors.formats.tails import end_line


def _one_character(value: str) -> str:
    if len(value) != 1 or value in "\r\n":
        raise ValueError('it is one character, such as ";" or "\\t"')
    return value


Character = Annotated[str, AfterValidator(_one_character)]


class CsvConfig(Config):
    """The settings of format ``csv``."""

    header: bool = Field(True, description="The first line names the columns; on writing, one is written.")
    columns: list[str] | None = Field(
        None,
        min_length=1,
        description="The names of the columns: needed without a header, in place of its names with one. "
        "On writing without them, the fields of the first batch.",
    )
    delimiter: Character = Field(",", description="What stands between two values.", examples=[";"])
    quote: Character | None = Field(
        '"', description="What stands around a value that holds a delimiter; null: nothing."
    )
    types: dict[str, TypeName] = Field(
        default_factory=dict,
        description="What the values of a column are: text (as without a type), number, integer, boolean, datetime. "
        "An empty value of a typed column is null; one that does not fit fails its record.",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        names = self.columns
        if names is not None and len(set(names)) < len(names):
            raise ValueError("two columns have the same name")
        if names is not None and (unknown := sorted(set(self.types) - set(names))):
            raise ValueError(f"'types' names {unknown[0]!r}, which is not in 'columns'")
        if self.delimiter == self.quote:
            raise ValueError("'delimiter' and 'quote' are the same character")
        return self


class Csv(Format):
    """Values side by side, one record a line, the first line naming the columns.

    Values are text unless ``types`` says more. A value in quotes may hold delimiters, line
    breaks, and quotes written twice. A record with too many or too few values, quotes in the
    wrong place or a value that is not of its type fails alone, as the line it came from. A value
    longer than 128 KiB fails its record (Python's ``csv.field_size_limit``).

    On writing, a record with a field that no column holds fails, a missing field is an empty
    value, lists and objects are written as JSON. On appending, the columns are those of the
    header that is there.

    Example:
        read:
          type: read_file
          path: orders.csv
          format: {type: csv, delimiter: ";", types: {price: number, ordered_at: datetime}}
          to: store
    """

    type_name = "csv"
    suffixes = (".csv",)
    config: CsvConfig

    def reader(self) -> CsvReader:
        """Make a reader for one stream."""
        config = self.config
        if not config.header and config.columns is None:
            raise ConfigError("without a header the columns need names, such as columns: [id, name]")
        return CsvReader(
            header=config.header,
            columns=config.columns,
            types=config.types,
            delimiter=config.delimiter,
            quote=config.quote,
        )

    def writer(self, existing: BinaryIO | None = None) -> CsvWriter:
        """Make a writer for one stream."""
        config = self.config
        before = end_line(existing)
        columns, has_header = config.columns, not config.header
        if existing is not None and config.header and (found := columns_of(existing, config.delimiter, config.quote)):
            columns, has_header = found, True
        return CsvWriter(columns, config.delimiter, config.quote, before=before, has_header=has_header)

    def fitted(self, batch: Batch) -> Csv:
        """The same format, with the fields of these records as its columns."""
        columns = list(dict.fromkeys(name for row in batch.rows for name in row))
        if self.config.columns is not None or not columns:
            return self
        return Csv(self.config.model_copy(update={"columns": columns}))
