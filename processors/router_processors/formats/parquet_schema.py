"""Schemas of Parquet files: as a flow says them, as a file holds them, or inferred from records."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from router import ConfigError, Record, nearest

_WORDS = {
    "boolean": "bool_",
    "integer": "int64",
    "int8": "int8",
    "int16": "int16",
    "int32": "int32",
    "int64": "int64",
    "uint8": "uint8",
    "uint16": "uint16",
    "uint32": "uint32",
    "uint64": "uint64",
    "number": "float64",
    "float32": "float32",
    "float64": "float64",
    "text": "string",
    "bytes": "binary",
}
_DECIMAL = re.compile(r"decimal\(\s*(\d{1,2})\s*,\s*(\d{1,2})\s*\)")
_DIGITS = 38


@cache
def load_pyarrow() -> Any:
    """The package that reads and writes Parquet.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        import pyarrow as pa  # noqa: PLC0415 - heavy, and an extra
        import pyarrow.parquet  # noqa: PLC0415
    except ImportError as error:
        text = f"format 'parquet' needs the 'pyarrow' package: pip install 'stream-router[parquet]' ({error})"
        raise ConfigError(text) from error
    return pa


def schema_of(given: Path | Mapping[str, Any]) -> Any:
    """The schema that a setting says: a mapping, a JSON file that holds one, or a Parquet file.

    Raises:
        ConfigError: it says none.
    """
    pa = load_pyarrow()
    if isinstance(given, Mapping):
        return pa.schema(_fields(given, "schema"))
    try:
        if given.suffix == ".parquet":
            return pa.parquet.read_schema(given).remove_metadata()
        found = json.loads(given.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigError(f"schema {str(given)!r} cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise ConfigError(f"schema {str(given)!r} is a mapping of fields to their types; got {found!r:.80}")
    return pa.schema(_fields(found, str(given)))


def infer(rows: Sequence[Record]) -> Any:
    """The schema that the first value of every field says, a whole number beside others being one of them."""
    return load_pyarrow().schema(_inferred_fields(rows))


# -- as it is said ------------------------------------------------------------------------------


def _fields(given: Mapping[str, Any], where: str) -> list[tuple[str, Any]]:
    if not given:
        raise ConfigError(f"{where}: a file without columns holds no records; name a field and its type")
    return [(str(name), _type(said, f"{where}.{name}")) for name, said in given.items()]


def _type(said: Any, where: str) -> Any:
    pa = load_pyarrow()
    if isinstance(said, Mapping):
        return pa.struct(_fields(said, where))
    if isinstance(said, list) and len(said) == 1:
        return pa.list_(_type(said[0], f"{where}[0]"))
    if said == "datetime":
        return pa.timestamp("us", tz="UTC")
    if said == "local_datetime":
        return pa.timestamp("us")
    if isinstance(said, str) and (found := _DECIMAL.fullmatch(said)):
        digits, scale = int(found[1]), int(found[2])
        if not 1 <= digits <= _DIGITS or scale > digits:
            raise ConfigError(f"{where}: a decimal has 1 to {_DIGITS} digits, so many of them fractional; got {said!r}")
        return pa.decimal128(digits, scale)
    if isinstance(said, str) and said in _WORDS:
        return getattr(pa, _WORDS[said])()
    known = [*_WORDS, "datetime", "local_datetime", "decimal(12, 2)"]
    hint = nearest(said, known) if isinstance(said, str) else ""
    text = f"{where}: a type is one of {', '.join(known)}, a list of one type, or a mapping of fields"
    raise ConfigError(f"{text}; got {said!r:.80}{hint}")


# -- inferred -----------------------------------------------------------------------------------


def _inferred_fields(rows: Iterable[Mapping[str, Any]]) -> list[tuple[str, Any]]:
    values: dict[str, list[Any]] = {}
    for row in rows:
        for name, value in row.items():
            values.setdefault(name, []).append(value)
    return [(name, _inferred(found)) for name, found in values.items() if isinstance(name, str)]


def _inferred(values: Iterable[Any]) -> Any:
    """The type of the first value; a text where all are null, and where Parquet has no such type."""
    pa = load_pyarrow()
    found = [value for value in values if value is not None]
    kind: type[Any] = type(found[0]) if found else str
    if kind is bool:
        return pa.bool_()
    if kind in (int, float):
        return pa.float64() if any(type(value) is float for value in found) else pa.int64()
    if kind is bytes:
        return pa.binary()
    if kind is Decimal:
        return pa.decimal128(_DIGITS, _scale(found))
    if issubclass(kind, datetime):
        return pa.timestamp("us", tz=None if found[0].tzinfo is None else "UTC")
    if kind is list:
        return pa.list_(_inferred(item for value in found if type(value) is list for item in value))
    if kind is dict and (fields := _inferred_fields(value for value in found if type(value) is dict)):
        return pa.struct(fields)
    return pa.string()


def _scale(values: Iterable[Any]) -> int:
    """The most fractional digits that a decimal among the values has."""
    exponents = (value.as_tuple().exponent for value in values if type(value) is Decimal)
    return min(_DIGITS, max((-each for each in exponents if isinstance(each, int) and each < 0), default=0))
