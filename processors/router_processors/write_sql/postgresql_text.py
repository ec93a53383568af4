"""What PostgreSQL reads: names, values as texts, the statement that writes rows."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from router import RecordError
from router_processors.write_sql.driver import Target
from router_processors.write_sql.table import Column, Form
from router_processors.write_sql.values import in_utc, json_text, moved_to_utc, quoted, text_of

_FORMS = {
    "json": Form.JSON, "jsonb": Form.JSON, "bytea": Form.BYTES, "timestamp": Form.TIME,
    "int2": Form.INTEGER, "int4": Form.INTEGER, "int8": Form.INTEGER,
}  # fmt: skip
_TEXTS: frozenset[type] = frozenset({str, type(None)})
_NUMBERS = frozenset({int, float})


def table_name(name: str) -> str:
    """Write the name of a table, which may have its schema before it."""
    return ".".join(map(quoted, name.split(".", 1)))


def form_of(category: str, base: str) -> Form:
    """What a column of this kind of type does with values."""
    return _FORMS.get(base) or {"A": Form.ARRAY, "S": Form.TEXT}.get(category, Form.VALUE)


def insert_of(target: Target, columns: Sequence[str]) -> str:
    """Write rows that come as one array of texts a column, each text cast to its column's type."""
    names = ", ".join(map(quoted, columns))
    casts = ", ".join(f"{quoted(each)}::{target.table.columns[each].type}" for each in columns)
    # A name may hold a percent sign, which would be a place to the library.
    head = f"INSERT INTO {table_name(target.table.name)} ({names}) SELECT {casts}".replace("%", "%%")
    arrays = ", ".join(["%s::text[]"] * len(columns))
    tail = f" AS r({names}){_conflict(target, columns)}".replace("%", "%%")
    return f"{head} FROM unnest({arrays}){tail}"


def _conflict(target: Target, columns: Sequence[str]) -> str:
    if target.mode == "insert":
        return ""
    others = [] if target.mode == "ignore" else [quoted(each) for each in columns if each not in target.match]
    action = f"UPDATE SET {', '.join(f'{each} = EXCLUDED.{each}' for each in others)}" if others else "NOTHING"
    return f" ON CONFLICT ({', '.join(map(quoted, target.match))}) DO {action}"


def array_of(values: Sequence[str | None]) -> str:
    """Write texts as an array of PostgreSQL's."""
    if None in values:
        return "{" + ",".join("NULL" if each is None else f'"{_escaped(each)}"' for each in values) + "}"
    texts = [each for each in values if each is not None]
    joined = "\0".join(texts)
    if joined.count("\0") != len(texts) - 1:
        raise RecordError("a text with a NUL in it cannot be stored")
    return '{"' + _escaped(joined).replace("\0", '","') + '"}'


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def texts_of(column: Column, values: Sequence[Any]) -> Sequence[str | None]:
    """The values of a column as the server reads them."""
    kinds = set(map(type, values))
    make = _MAKERS.get(column.form)
    if make is not None and not kinds <= _AS_THEY_ARE.get(column.form, _NOTHING):
        return list(map(make, values))
    if kinds <= _NUMBERS:
        return list(map(repr, values))
    return values if kinds <= _TEXTS else list(map(text_or_null, values))


def text_or_null(value: Any) -> str | None:
    """A value as the server reads it, whatever its type is to be."""
    if value is None or type(value) is str:
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return _hex(value)
    if isinstance(value, dict | list | tuple):
        return json_text(value)
    if isinstance(value, dt.datetime):
        return in_utc(value).isoformat()
    return str(value)


def _hex(content: bytes) -> str:
    return "\\x" + content.hex()


def _nested(values: Sequence[Any]) -> str:
    parts = [_nested(each) if isinstance(each, list | tuple) else _element(each) for each in values]
    return "{" + ",".join(parts) + "}"


def _element(value: Any) -> str:
    text = text_or_null(value)
    return "NULL" if text is None else f'"{_escaped(text)}"'


def _integer(value: Any) -> str | None:
    is_whole = isinstance(value, float | Decimal) and math.isfinite(value) and value == int(value)
    return str(int(value)) if is_whole else text_or_null(value)


_MAKERS: dict[Form, Callable[[Any], str | None]] = {
    Form.JSON: lambda value: None if value is None else json_text(value),
    Form.BYTES: lambda value: _hex(value.encode()) if type(value) is str else text_or_null(value),
    Form.ARRAY: lambda value: _nested(value) if isinstance(value, list | tuple) else text_or_null(value),
    Form.TEXT: lambda value: text_of(value) if type(value) is bytes else text_or_null(value),
    Form.TIME: lambda value: moved_to_utc(value, "T") if type(value) is str else text_or_null(value),
    Form.INTEGER: _integer,
}
# What needs no making, by form: by far the most there is.
_NOTHING: frozenset[type] = frozenset()
_AS_THEY_ARE: dict[Form, frozenset[type]] = {Form.TEXT: _TEXTS, Form.INTEGER: frozenset({int})}
