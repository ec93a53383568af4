"""Write to SQLite: one file, one writer at a time."""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

from router import Record, RecordError
from router_processors.write_sql.driver import Access, Driver, Target
from router_processors.write_sql.rows import Group
from router_processors.write_sql.statement import Statement
from router_processors.write_sql.table import Column, Form, Table, TableError, missing
from router_processors.write_sql.values import all_finite, finite, in_utc, json_text, quoted, text_of

_PATIENCE = 5.0  # seconds a locked file is waited for; beyond it the engine waits, and says so
_DATATYPE = 3091  # SQLITE_CONSTRAINT_DATATYPE, which the library does not name
_AS_IT_IS: frozenset[type] = frozenset({str, int, float, bytes, bool, type(None)})
_OF_TYPES = {sqlite3.SQLITE_MISMATCH, _DATATYPE}
_RECORDS = {sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_RANGE}


class SqliteDriver(Driver):
    """A connection to a file. Foreign keys hold, whatever the file's other users do."""

    BEGIN = "BEGIN IMMEDIATE"
    errors = (*Driver.errors, sqlite3.Error)

    def __init__(self, access: Access) -> None:
        super().__init__(access)
        path = Path(access.url.database)
        if not path.exists():
            raise TableError(f"no file {str(path)!r}; a database is made by who makes its tables")
        self._connection = sqlite3.connect(
            path, timeout=min(_PATIENCE, access.timeout), isolation_level=None, check_same_thread=False
        )
        try:
            self.command("PRAGMA foreign_keys = ON")
            self.command("PRAGMA schema_version")
        except sqlite3.Error as error:
            self._connection.close()
            if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_NOTADB:
                raise TableError(f"the file {str(path)!r} is no SQLite database") from error
            raise

    def command(self, sql: str) -> None:
        """Run a statement."""
        self._connection.execute(sql)

    def describe(self, name: str) -> Table:
        """Look a table up."""
        found = self._connection.execute("SELECT name, type, hidden, pk FROM pragma_table_xinfo(?)", [name]).fetchall()
        if not found:
            names = self._connection.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")
            raise missing(name, [each for (each,) in names])
        columns = {
            column: Column(column, type_, _form(type_), is_writable=not hidden) for column, type_, hidden, _ in found
        }
        indexes: dict[str, set[str]] = {}
        for index, column in self._connection.execute(
            'SELECT i.name, c.name FROM pragma_index_list(?) i, pragma_index_info(i.name) c WHERE i."unique" '
            "AND NOT i.partial",
            [name],
        ):
            indexes.setdefault(index, set()).add(column)
        key = frozenset(column for column, *_, place in found if place)  # a rowid has no index of its own
        return Table(name, columns, (*map(frozenset[str], indexes.values()), *([key] if key else [])))

    def check(self, target: Target, columns: Sequence[str]) -> None:
        """See that SQLite finds the unique index: it does not where a rowid is one of its columns."""
        if not target.match:
            return
        try:
            self._connection.execute(f"EXPLAIN {_insert(target, target.match)}", [None] * len(target.match)).close()
        except sqlite3.OperationalError as error:
            raise TableError(f"table {target.table.name!r}: {error}") from error

    def insert(self, target: Target, group: Group) -> None:
        """Write the rows of a group."""
        columns = [target.table.columns[name] for name in group.columns]
        values = [_converted(column, each) for column, each in zip(columns, group.values, strict=True)]
        rows = list(zip(*values, strict=True))
        try:
            self._connection.executemany(_insert(target, group.columns), rows)
        except sqlite3.IntegrityError as error:
            if len(rows) > 1 or error.sqlite_errorcode not in _OF_TYPES:
                raise
            misfits = [
                (column, value) for column, value in zip(columns, rows[0], strict=True) if _is_misfit(column, value)
            ]
            raise RecordError(_said(error, misfits, dict(zip(group.columns, rows[0], strict=True)))) from error

    def run(self, statement: Statement, rows: Sequence[Record]) -> None:
        """Run a statement for each row."""
        made = [{name: _value(value) for name, value in row.items()} for row in rows]
        try:
            self._connection.executemany(statement.text, made)
        except sqlite3.IntegrityError as error:
            if len(made) > 1 or error.sqlite_errorcode not in _OF_TYPES:
                raise
            raise RecordError(_said(error, [], made[0])) from error

    def explain(self, statement: Statement) -> None:
        """Have a statement planned."""
        self._connection.execute(f"EXPLAIN {statement.text}", dict.fromkeys(statement.parameters)).fetchall()

    def reason(self, error: Exception) -> str:
        """What SQLite said."""
        return str(error)

    def is_of_record(self, error: Exception) -> bool:
        """Whether it is the record's fault."""
        code: int | None = getattr(error, "sqlite_errorcode", None)
        if code is None:  # raised before SQLite saw it: a value the library cannot bind
            return isinstance(error, sqlite3.InterfaceError | sqlite3.ProgrammingError | sqlite3.DataError)
        return code & 0xFF in _RECORDS

    def is_of_statement(self, error: Exception) -> bool:
        """Whether SQLite does not understand the statement."""
        code: int | None = getattr(error, "sqlite_errorcode", None)
        return code == sqlite3.SQLITE_ERROR or isinstance(error, sqlite3.ProgrammingError)

    def abort(self) -> None:
        """End what it is at."""
        with suppress(sqlite3.Error):
            self._connection.interrupt()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


def _is_misfit(column: Column, value: Any) -> bool:
    """Whether a value is of another type than its column, even after what SQLite makes of it."""
    made: type | None = {"INT": int, "INTEGER": int, "REAL": float}.get(column.type.upper())
    if value is None:
        return False
    if made is None:
        return isinstance(value, bytes) != (column.type.upper() == "BLOB") and column.type.upper() in ("TEXT", "BLOB")
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return not isinstance(value, int)
    return isinstance(value, bytes) or (made is int and not number.is_integer())


def _said(error: sqlite3.Error, misfits: Sequence[tuple[Column, Any]], row: Record) -> str:
    """What SQLite said of a value, and of which: it names the column of a strict table alone, and never the value."""
    said = [f"column {column.name!r} is {column.type}, got {value!r:.80}" for column, value in misfits]
    return f"{error}: " + ("; ".join(said) or ", ".join(f"{name!r} is {value!r:.40}" for name, value in row.items()))


def _form(type_: str) -> Form:
    upper = type_.upper()
    if "JSON" in upper:
        return Form.JSON
    return Form.TEXT if any(each in upper for each in ("CHAR", "CLOB", "TEXT")) else Form.VALUE


def _insert(target: Target, columns: Sequence[str]) -> str:
    names, places = ", ".join(map(quoted, columns)), ", ".join("?" * len(columns))
    sql = f"INSERT INTO {quoted(target.table.name)} ({names}) VALUES ({places})"  # noqa: S608 - names are quoted
    if target.mode == "insert":
        return sql
    others = [] if target.mode == "ignore" else [quoted(each) for each in columns if each not in target.match]
    action = f"UPDATE SET {', '.join(f'{each} = excluded.{each}' for each in others)}" if others else "NOTHING"
    return f"{sql} ON CONFLICT ({', '.join(map(quoted, target.match))}) DO {action}"


def _converted(column: Column, values: Sequence[Any]) -> Sequence[Any]:
    if column.form is Form.JSON:
        return [None if value is None else json_text(value) for value in values]
    kinds = set(map(type, values))
    if column.form is Form.TEXT and bytes in kinds:
        return [text_of(value) if type(value) is bytes else _value(value) for value in values]
    if kinds <= _AS_IT_IS:
        return all_finite(values) if float in kinds else values
    return list(map(_value, values))


def _value(value: Any) -> Any:
    """What SQLite can hold of a value."""
    if isinstance(value, float):
        return finite(value)  # SQLite would make a null of what is no number
    if isinstance(value, Decimal):
        return str(finite(value))
    if isinstance(value, dt.datetime):
        return in_utc(value).isoformat(" ")
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, dict | list | tuple):
        return json_text(value)
    if type(value) not in _AS_IT_IS:
        raise RecordError(f"a {type(value).__name__} cannot be stored")
    return value
