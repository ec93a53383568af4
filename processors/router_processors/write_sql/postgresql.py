"""Write to PostgreSQL, with psycopg."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from router import ProcessorError, Record, RecordError, RetryableError
from router_processors.write_sql.driver import Access, Driver, Line, Target, needs, typed
from router_processors.write_sql.rows import Group
from router_processors.write_sql.statement import Statement, percent_style
from router_processors.write_sql.table import Column, Form, Table, missing
from router_processors.write_sql.url import with_password
from router_processors.write_sql.values import in_utc, json_text, quoted, text_of

try:
    import psycopg
except ImportError as error:
    raise needs("psycopg", "postgresql", error) from error

# Classes of SQLSTATE that mean: not now, not with these rights, not with this table. A trigger of the user's own may
# raise any other code, and means the record.
_OF_THE_WORLD = frozenset(
    "08 0A 25 26 28 2D 34 3D 3F 40 42 53 55 57 58 72 F0 HV XX".split()  # noqa: SIM905 - so they can be read
)
_NO_RIGHT = "42501"
_TOGETHER = 50  # statements sent without waiting for the answers in between
_TEXTS: frozenset[type] = frozenset({str, type(None)})
_NUMBERS = frozenset({int, float})
_COLUMNS = """
SELECT a.attname, format_type(a.atttypid, -1), t.typcategory, coalesce(b.typname, t.typname),
       a.attgenerated <> '' OR a.attidentity = 'a', a.attnotnull
FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_type b ON b.oid = t.typbasetype
WHERE a.attrelid = to_regclass(%s) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""
# Only these may stand in ON CONFLICT: whole, without expressions, checked at once.
_UNIQUE = """
SELECT (SELECT array_agg(a.attname::text) FROM unnest(i.indkey::int2[]) WITH ORDINALITY k(number, place)
        JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number WHERE k.place <= i.indnkeyatts)
FROM pg_index i WHERE i.indrelid = to_regclass(%s)
AND i.indisunique AND i.indimmediate AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
"""
_TABLES = """
SELECT CASE WHEN pg_table_is_visible(oid) THEN '' ELSE relnamespace::regnamespace || '.' END || relname FROM pg_class
WHERE relkind IN ('r', 'p', 'v', 'f') AND relnamespace::regnamespace::text NOT IN ('pg_catalog', 'information_schema')
"""


class PostgresDriver(Driver):
    """A connection to a server.

    Values go as text and are read by the server, as the type of their column or of their place in the statement:
    so what a record holds never changes what a statement means, and a time may be text.
    """

    errors = (*Driver.errors, psycopg.Error)

    def __init__(self, access: Access) -> None:
        super().__init__(access)
        options: dict[str, Any] = {"connect_timeout": max(2, round(access.timeout)), **access.url.options}
        parts = with_password(access.url, access.password)
        try:
            self._connection = psycopg.connect(
                dbname=access.url.database, client_encoding="utf8", autocommit=True, **(parts | options)
            )
        except psycopg.ProgrammingError as error:
            raise ProcessorError(f"{access.url}: {_line(str(error))}") from error
        self._line = Line(self._connection.fileno())
        self._inserts: dict[tuple[str, ...], bytes] = {}
        try:
            self._prepare(f"{round(access.timeout * 1000)}ms")
        except BaseException:
            self.close()
            raise

    def _prepare(self, limit: str) -> None:
        """Set the session up: the server gives up by itself too, for else it would go on waiting for a lock."""
        settings = {"statement_timeout": limit, "idle_in_transaction_session_timeout": limit, "timezone": "UTC"}
        for name, value in settings.items():
            self._connection.execute("SELECT set_config(%s, %s, false)", (name, value))

    def command(self, sql: str) -> None:
        """Run a statement."""
        self._connection.execute(sql.encode())

    def commit(self) -> None:
        """Commit; the server answers ROLLBACK, and raises nothing, where a statement had failed before."""
        if self._connection.execute("COMMIT").statusmessage != "COMMIT":
            raise RetryableError(f"{self.url}: the transaction could not be committed")

    def describe(self, name: str) -> Table:
        """Look a table up."""
        self._inserts.clear()
        regclass = _quoted(name)
        columns = {
            column: Column(column, type_, _form(category, base), not is_required, not is_computed)
            for column, type_, category, base, is_computed, is_required in self._connection.execute(
                _COLUMNS, (regclass,)
            )
        }
        if not columns:
            raise missing(name, [each for (each,) in self._connection.execute(_TABLES)], " that this user may use")
        unique = self._connection.execute(_UNIQUE, (regclass,)).fetchall()
        return Table(name, columns, tuple(frozenset(each) for (each,) in unique))

    def insert(self, target: Target, group: Group) -> None:
        """Write the rows of a group with one statement, whatever their number."""
        sql = self._inserts.get(group.columns)
        if sql is None:
            sql = self._inserts[group.columns] = _insert(target, group.columns).encode()
        columns = [target.table.columns[name] for name in group.columns]
        arrays = [_array(_texts(column, values)) for column, values in zip(columns, group.values, strict=True)]
        self._connection.execute(sql, arrays)

    def run(self, statement: Statement, rows: Sequence[Record]) -> None:
        """Run a statement for each row."""
        sql = percent_style(statement).encode()
        made = [{name: _text(value) for name, value in row.items()} for row in rows]
        with self._connection.cursor() as cursor:
            for start in range(0, len(made), _TOGETHER):
                self.begin_step()
                cursor.executemany(sql, made[start : start + _TOGETHER])

    def explain(self, statement: Statement) -> None:
        """Have a statement planned."""
        nulls = dict.fromkeys(statement.parameters)
        self._connection.execute(f"EXPLAIN {percent_style(statement)}".encode(), nulls)

    def reason(self, error: Exception) -> str:
        """What the server said, and the key it speaks of; not the whole row that its detail may show."""
        if not isinstance(error, psycopg.Error) or error.diag.message_primary is None:
            return _line(str(error))
        detail = error.diag.message_detail or ""
        return error.diag.message_primary + (f": {detail.rstrip('.')}" if detail.startswith("Key ") else "")

    def is_of_record(self, error: Exception) -> bool:
        """Whether it is the record's fault."""
        state: str | None = getattr(error, "sqlstate", None)
        if state is None:  # raised before the server saw it, such as for a NUL in a text
            return isinstance(error, psycopg.DataError)
        return state[:2] not in _OF_THE_WORLD

    def is_of_statement(self, error: Exception) -> bool:
        """Whether the server does not understand the statement; a right may be given yet."""
        state: str | None = getattr(error, "sqlstate", None)
        return state is not None and state.startswith("42") and state != _NO_RIGHT

    def abort(self) -> None:
        """End what it is at."""
        self._line.cut()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
        self._line.close()


def _line(text: str) -> str:
    return "; ".join(part.strip() for part in text.splitlines() if part.strip())


def _quoted(name: str) -> str:
    return ".".join(map(quoted, name.split(".", 1)))


def _form(category: str, base: str) -> Form:
    if base in ("json", "jsonb"):
        return Form.JSON
    if base == "bytea":
        return Form.BYTES
    return {"A": Form.ARRAY, "S": Form.TEXT}.get(category, Form.VALUE)


def _insert(target: Target, columns: Sequence[str]) -> str:
    """Write rows that come as one array of texts a column, each text cast to its column's type."""
    names = ", ".join(map(quoted, columns))
    casts = ", ".join(f"{quoted(each)}::{target.table.columns[each].type}" for each in columns)
    # A name may hold a percent sign, which would be a place to the library.
    head = f"INSERT INTO {_quoted(target.table.name)} ({names}) SELECT {casts}".replace("%", "%%")
    arrays = ", ".join(["%s::text[]"] * len(columns))
    tail = f" AS r({names}){_conflict(target, columns)}".replace("%", "%%")
    return f"{head} FROM unnest({arrays}){tail}"


def _conflict(target: Target, columns: Sequence[str]) -> str:
    if target.mode == "insert":
        return ""
    others = [] if target.mode == "ignore" else [quoted(each) for each in columns if each not in target.match]
    action = f"UPDATE SET {', '.join(f'{each} = EXCLUDED.{each}' for each in others)}" if others else "NOTHING"
    return f" ON CONFLICT ({', '.join(map(quoted, target.match))}) DO {action}"


def _array(values: Sequence[str | None]) -> str:
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


def _texts(column: Column, values: Sequence[Any]) -> Sequence[str | None]:
    """The values of a column as the server reads them."""
    kinds = set(map(type, values))
    if column.form is Form.JSON:
        return [None if value is None else json_text(value) for value in values]
    if column.form is Form.BYTES:
        return [_hex(value.encode()) if type(value) is str else _text(value) for value in values]
    if column.form is Form.ARRAY:
        return [_array_of(value) if isinstance(value, list | tuple) else _text(value) for value in values]
    if column.form is Form.TEXT and bytes in kinds:
        return [text_of(value) if type(value) is bytes else _text(value) for value in values]
    if kinds <= _NUMBERS:
        return list(map(repr, values))
    return typed(values, _TEXTS, _text)


def _text(value: Any) -> str | None:
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


def _array_of(values: Sequence[Any]) -> str:
    parts = [_array_of(each) if isinstance(each, list | tuple) else _element(each) for each in values]
    return "{" + ",".join(parts) + "}"


def _element(value: Any) -> str:
    text = _text(value)
    return "NULL" if text is None else f'"{_escaped(text)}"'
