"""Write to MySQL and MariaDB, with PyMySQL."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Sequence
from typing import Any

from router import ProcessorError, Record, RecordError
from router_processors.write_sql.driver import Access, Driver, Line, Target, needs
from router_processors.write_sql.rows import Group
from router_processors.write_sql.statement import Statement, percent_style
from router_processors.write_sql.table import Column, Table, TableError, missing
from router_processors.write_sql.url import Url, with_password

try:
    import pymysql
except ImportError as error:
    raise needs("PyMySQL", "mysql", error) from error

from router_processors.write_sql.mysql_text import (
    column_name,
    form_of,
    guard_of,
    literals,
    on_duplicate,
    parts_of,
    place_of,
    plain,
    table_name,
)

# What SQLSTATE says of a record's fault: its values, a constraint, a view's condition, a trigger's SIGNAL. Where it
# says nothing (HY000, 01000) the server's own numbers do: no default, not of the type, truncated, a CHECK, a row too large.
_STATES = frozenset({"22", "23", "44", "45"})
_NUMBERS = frozenset({1118, 1230, 1263, 1265, 1364, 1366, 1369, 1411, 3819})
_NO_RIGHT = frozenset({1044, 1142, 1143, 1227, 1370})
_NULL_IN_REQUIRED = 1048
_GRACE = 5.0  # seconds that a server may be late in saying that its time is over
_TOGETHER = 100
_COLUMNS = """
SELECT c.column_name, c.data_type, c.is_nullable, c.extra,
       c.data_type = 'json' OR EXISTS (SELECT 1 FROM information_schema.check_constraints k
           WHERE k.constraint_schema = c.table_schema AND k.constraint_name = c.column_name
           AND k.check_clause LIKE 'json_valid(%%')
FROM information_schema.columns c
WHERE c.table_schema = coalesce(%s, database()) AND c.table_name = %s ORDER BY c.ordinal_position
"""
_UNIQUE = """
SELECT index_name, column_name, sub_part FROM information_schema.statistics
WHERE table_schema = coalesce(%s, database()) AND table_name = %s AND non_unique = 0
"""
_ENGINE = """
SELECT e.engine FROM information_schema.tables t JOIN information_schema.engines e ON e.engine = t.engine
WHERE t.table_schema = coalesce(%s, database()) AND t.table_name = %s AND e.transactions <> 'YES'
"""


class MysqlDriver(Driver):
    """A connection to a server: strict, in UTC, in utf8mb4."""

    errors = (*Driver.errors, pymysql.Error, OSError)

    def __init__(self, access: Access) -> None:
        super().__init__(access)
        parts = with_password(access.url, access.password)
        if "password" in parts:
            parts["password"] = parts["password"].encode()  # the library would write latin1
        late = access.timeout + _GRACE
        self._connection: Any = pymysql.connect(
            **parts, database=access.url.database, charset="utf8mb4", autocommit=True, defer_connect=True,
            binary_prefix=True, connect_timeout=access.timeout, read_timeout=late, write_timeout=late,
            **_tls(access.url),
        )  # fmt: skip
        line = _connected(access.url, access.timeout)
        self._line = Line(line.fileno())
        try:
            self._connection.connect(line)
            self._most = self._prepare(max(1, round(access.timeout)))
        except BaseException as error:
            self.close()
            if isinstance(error, RuntimeError):  # a way to log in that needs one more package
                raise ProcessorError(f"{access.url}: {error}: pip install 'stream-router[mysql]'") from error
            raise

    def _prepare(self, seconds: int) -> int:
        """Set the session up: what a server would cut or round in silence is an error; it gives up by itself too."""
        mode = "CONCAT(REPLACE(@@sql_mode, 'NO_BACKSLASH_ESCAPES', ''), ',STRICT_ALL_TABLES')"  # as texts are escaped
        self.command(f"SET time_zone = '+00:00', sql_mode = {mode}")
        self.command(f"SET innodb_lock_wait_timeout = {seconds}, lock_wait_timeout = {seconds}")
        ((version, packet),) = self._rows("SELECT version(), @@max_allowed_packet")
        if "mariadb" in version.lower():
            self.command(f"SET max_statement_time = {seconds}")
        return int(packet) - 1024

    def command(self, sql: str) -> None:
        """Run a statement."""
        self._connection.query(sql.encode())

    def describe(self, name: str) -> Table:
        """Look a table up."""
        place = place_of(name)
        columns = {
            column: Column(
                column,
                type_,
                form_of(type_, is_json=is_json),
                is_nullable=nullable == "YES",
                is_writable="GENERATED" not in extra.replace("DEFAULT_GENERATED", ""),
                is_serial="auto_increment" in extra,
            )
            for column, type_, nullable, extra, is_json in self._rows(_COLUMNS, place)
        }
        if not columns:
            names = self._rows("SELECT table_name FROM information_schema.tables WHERE table_schema = database()")
            raise missing(name, [each for (each,) in names], " that this user may use")
        for (engine,) in self._rows(_ENGINE, place):
            raise TableError(
                f"table {name!r} has the engine {engine}, which has no transactions: ALTER TABLE {name} ENGINE = InnoDB"
            )
        indexes: dict[str, set[str]] = {}
        for index, column, prefix in self._rows(_UNIQUE, place):
            # Where a part of a column, or an expression, is unique, no set of columns is; it still can collide.
            indexes.setdefault(index, set()).add((column if prefix is None else None) or "")
        return Table(name, columns, tuple(map(frozenset[str], indexes.values())))

    def check(self, target: Target, columns: Sequence[str]) -> None:
        """See that rows can be told apart."""
        if target.match:
            guard_of(target, columns)

    def insert(self, target: Target, group: Group) -> None:
        """Write the rows of a group, as many with one statement as the server takes."""
        columns = [target.table.columns[name] for name in group.columns]
        values = [literals(column, values) for column, values in zip(columns, group.values, strict=True)]
        rows = [f"({','.join(row)})".encode() for row in zip(*values, strict=True)]
        table, names = table_name(target.table.name), ", ".join(map(column_name, group.columns))
        head = f"INSERT INTO {table} ({names}) VALUES ".encode()  # noqa: S608 - names are quoted, values escaped
        tail = "" if target.mode == "insert" else f" ON DUPLICATE KEY UPDATE {on_duplicate(target, group.columns)}"
        try:
            for part in parts_of(rows, self._most - len(head) - len(tail.encode())):
                self.begin_step()
                self._connection.query(head + part + tail.encode())
        except pymysql.IntegrityError as error:
            if error.args[0] == _NULL_IN_REQUIRED and f"'{guard_of(target, group.columns)}'" in str(error.args[1]):
                raise RecordError(
                    f"table {target.table.name!r}: another row has the same value in a unique index beside 'match'"
                ) from error
            raise

    def run(self, statement: Statement, rows: Sequence[Record]) -> None:
        """Run a statement for each row."""
        sql = percent_style(statement)
        made = [{name: plain(value) for name, value in row.items()} for row in rows]
        with self._connection.cursor() as cursor:
            for start in range(0, len(made), _TOGETHER):
                self.begin_step()
                cursor.executemany(sql, made[start : start + _TOGETHER])

    def explain(self, statement: Statement) -> None:
        """Have a statement planned."""
        self._rows(f"EXPLAIN {percent_style(statement)}", dict.fromkeys(statement.parameters))

    def reason(self, error: Exception) -> str:
        """What the server said."""
        parts = error.args
        return str(parts[1] if isinstance(error, pymysql.Error) and len(parts) > 1 else error)

    def is_of_record(self, error: Exception) -> bool:
        """Whether it is the record's fault."""
        if not isinstance(error, pymysql.Error):
            return False
        state = getattr(error, "sqlstate", None) or ""
        return state[:2] in _STATES or (bool(error.args) and error.args[0] in _NUMBERS)

    def is_of_statement(self, error: Exception) -> bool:
        """Whether the server does not understand the statement; a right may be given yet."""
        state = getattr(error, "sqlstate", None) or ""
        return state.startswith("42") and error.args[0] not in _NO_RIGHT

    def abort(self) -> None:
        """End what it is at."""
        self._line.cut()

    def close(self) -> None:
        """Close the connection."""
        self._connection._force_close()  # a polite end may wait for a server that does not answer
        self._line.close()

    def _rows(self, sql: str, values: Any = ()) -> list[tuple[Any, ...]]:
        with self._connection.cursor() as cursor:
            cursor.execute(sql, values)
            return list(cursor.fetchall())


def _connected(url: Url, seconds: float) -> socket.socket:
    """Open the socket ourselves, so as to have a handle by which to cut it."""
    if "unix_socket" in url.options:
        line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        line.settimeout(seconds)
        line.connect(url.options["unix_socket"])
        return line
    line = socket.create_connection((url.host or "localhost", url.port or 3306), seconds)
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    return line


def _tls(url: Url) -> dict[str, Any]:
    """Say how to encrypt, in libpq's words; without one the library does where the server can, and proves nothing."""
    mode = url.options.get("sslmode", "prefer")
    if mode in ("disable", "prefer"):
        return {"ssl_disabled": mode == "disable"}
    if mode not in ("require", "verify-ca", "verify-full"):
        raise ProcessorError(f"{url}: no sslmode {mode!r}; known are disable, prefer, require, verify-ca, verify-full")
    try:
        context = ssl.create_default_context(cafile=url.options.get("sslrootcert"))
        if "sslcert" in url.options:
            context.load_cert_chain(url.options["sslcert"], url.options.get("sslkey"))
    except OSError as error:
        raise ProcessorError(f"{url}: its certificates cannot be read: {error}") from error
    context.check_hostname = mode == "verify-full"
    context.verify_mode = ssl.CERT_NONE if mode == "require" else ssl.CERT_REQUIRED
    return {"ssl": context}
