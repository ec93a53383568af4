"""What MySQL and MariaDB read: names, values, the statement that writes rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from pymysql.converters import escape_string

from router import RecordError
from router_processors.write_sql.driver import Target
from router_processors.write_sql.table import Column, Form, TableError
from router_processors.write_sql.values import all_finite, finite, in_utc, json_text, moved_to_utc, quoted, text_of

_HANDY = 1 << 20  # bytes
_TEXTS = frozenset({"char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set"})
_TIMES = frozenset({"datetime", "timestamp"})


def place_of(name: str) -> tuple[str | None, str]:
    """The schema, where it is named, and the table."""
    schema, _, table = name.rpartition(".")
    return schema or None, table


def column_name(name: str) -> str:
    """Write the name of a column, whatever stands in it."""
    return quoted(name, "`")


def table_name(name: str) -> str:
    """Write the name of a table, which may have its schema before it."""
    return ".".join(map(column_name, name.split(".", 1)))


def form_of(type_: str, *, is_json: bool) -> Form:
    """What a column of this type does with values."""
    if is_json:
        return Form.JSON
    return Form.TEXT if type_ in _TEXTS else Form.TIME if type_ in _TIMES else Form.VALUE


def guard_of(target: Target, columns: Sequence[str]) -> str | None:
    """The column that refuses a row found by another unique index than that of 'match'; None: there is no other.

    The server cannot be told which index means the same row. So the first assignment makes a null of a column
    that takes none, where the row that was found has other values.
    """
    match = frozenset(target.match)
    known = target.table.columns
    numbered = {name for name, column in known.items() if column.is_serial} - set(columns)
    if all(match <= index or index <= numbered for index in target.table.unique):
        return None
    required = [each for each in target.match if not known[each].is_nullable]
    if not required:
        raise TableError(
            f"table {target.table.name!r} has other unique indexes beside that of 'match', and MySQL tells them apart "
            f"only by a column that is NOT NULL; declare {target.match[0]!r} so"
        )
    return required[0]


def on_duplicate(target: Target, columns: Sequence[str]) -> str:
    """What becomes of a row that is there already."""
    guard = guard_of(target, columns)
    if guard is None:
        first = [f"{column_name(target.match[0])} = {column_name(target.match[0])}"]
    else:
        same = " AND ".join(f"{column_name(each)} <=> VALUES({column_name(each)})" for each in target.match)
        first = [f"{column_name(guard)} = IF({same}, {column_name(guard)}, NULL)"]
    others = [] if target.mode == "ignore" else [column_name(each) for each in columns if each not in target.match]
    return ", ".join([*first, *(f"{each} = VALUES({each})" for each in others)])


def parts_of(rows: Sequence[bytes], most: int) -> Iterator[bytes]:
    """Join rows to lists of a size that is handled well; ``most`` is what the server takes at all."""
    part: list[bytes] = []
    size = 0
    for row in rows:
        if len(row) > most:
            raise RecordError(f"the row takes {len(row):,} bytes; the server's max_allowed_packet leaves {most:,}")
        if part and size + len(row) + 1 > min(_HANDY, most):
            yield b",".join(part)
            part, size = [], 0
        part.append(row)
        size += len(row) + 1
    yield b",".join(part)


def literals(column: Column, values: Sequence[Any]) -> list[str]:
    """Write the values of a column as SQL."""
    if column.form is Form.JSON:
        return ["NULL" if value is None else _text(json_text(value)) for value in values]
    kinds = set(map(type, values))
    if kinds == {int}:
        return list(map(str, values))
    if kinds == {float}:
        return list(map(repr, all_finite(values)))
    if column.form is Form.TEXT and bytes in kinds:
        values = [text_of(value) if type(value) is bytes else value for value in values]
    if column.form is Form.TIME:
        values = [moved_to_utc(value, " ") if type(value) is str else value for value in values]
    return [_text(value) if type(value) is str else _literal(value) for value in values]


def _literal(value: Any) -> str:
    made = plain(value)
    if made is None:
        return "NULL"
    if isinstance(made, bytes):
        return f"x'{made.hex()}'"
    return _text(made) if isinstance(made, str) else repr(made) if type(made) is float else str(made)


def _text(text: str) -> str:
    return f"'{escape_string(text)}'"


def _written(moment: dt.datetime) -> str:
    return in_utc(moment).replace(tzinfo=None).isoformat(" ")


def plain(value: Any) -> Any:
    """A value of a type that the library writes as MySQL reads it."""
    if isinstance(value, str):
        value.encode()  # half of a surrogate pair would be written as a byte of its own
        return value
    if isinstance(value, float | Decimal):
        return finite(value)
    if isinstance(value, dt.datetime):
        return _written(value)
    if isinstance(value, dict | list | tuple):
        return json_text(value)
    if value is None or isinstance(value, int | bytes):
        return int(value) if isinstance(value, bool) else value
    return str(value)
