"""Write to PostgreSQL, with psycopg."""

from __future__ import annotations

from collections.abc import Sequence

from router import ProcessorError, Record, RetryableError
from router_processors.write_sql.driver import Access, Driver, Line, Target, needs
from router_processors.write_sql.postgresql_text import array_of, form_of, insert_of, table_name, text_or_null, texts_of
from router_processors.write_sql.rows import Group
from router_processors.write_sql.statement import Statement, percent_style
from router_processors.write_sql.table import Column, Table, missing
from router_processors.write_sql.url import with_password

try:
    import psycopg
    import psycopg.conninfo
except ImportError as error:
    raise needs("psycopg", "postgresql", error) from error

# Classes of SQLSTATE that mean: not now, not with these rights, not with this table. A trigger of the user's own may
# raise any other code, and means the record.
_OF_THE_WORLD = frozenset(
    "08 0A 25 26 28 2D 34 3D 3F 40 42 53 55 57 58 72 F0 HV XX".split()  # noqa: SIM905 - so they can be read
)
_NO_RIGHT = "42501"
_TOGETHER = 50  # statements sent without waiting for the answers in between
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
        parts = {
            "dbname": access.url.database,
            "connect_timeout": max(2, round(access.timeout)),
            **with_password(access.url, access.password),
            **access.url.options,
            "client_encoding": "utf8",
        }
        try:
            self._connection = psycopg.connect(psycopg.conninfo.make_conninfo(**parts), autocommit=True)
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
        regclass = table_name(name)
        columns = {
            column: Column(column, type_, form_of(category, base), not is_required, not is_computed)
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
            sql = self._inserts[group.columns] = insert_of(target, group.columns).encode()
        columns = [target.table.columns[name] for name in group.columns]
        arrays = [array_of(texts_of(column, values)) for column, values in zip(columns, group.values, strict=True)]
        self._connection.execute(sql, arrays)

    def run(self, statement: Statement, rows: Sequence[Record]) -> None:
        """Run a statement for each row."""
        sql = percent_style(statement).encode()
        made = [{name: text_or_null(value) for name, value in row.items()} for row in rows]
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
