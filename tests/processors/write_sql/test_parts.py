"""Rows put together, statements read, errors told apart: without a database, or with one in memory."""

from __future__ import annotations

import sqlite3
from typing import Any, cast

import psycopg
import pymysql
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router import Record
from router_processors.write_sql.mysql import MysqlDriver
from router_processors.write_sql.postgresql import PostgresDriver
from router_processors.write_sql.rows import Mode, grouped
from router_processors.write_sql.sqlite import SqliteDriver
from router_processors.write_sql.statement import Statement, percent_style
from router_processors.write_sql.url import Kind

ROWS = st.lists(
    st.fixed_dictionaries({"id": st.integers(0, 4)}, optional={"a": st.integers(0, 9), "b": st.none() | st.just("x")}),
    max_size=12,
)


def upsert(connection: sqlite3.Connection, mode: Mode, names: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    others = [name for name in names if name != "id"]
    is_changing = mode == "upsert" and others
    action = f"UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in others)}" if is_changing else "NOTHING"
    places = ", ".join("?" * len(names))
    connection.executemany(f"INSERT INTO t ({', '.join(names)}) VALUES ({places}) ON CONFLICT (id) DO {action}", rows)


@given(rows=ROWS, mode=st.sampled_from(["upsert", "ignore"]))
def test_groups_end_as_rows_written_in_turn(rows: list[Record], mode: Mode) -> None:
    with_default = "CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER DEFAULT 7, b TEXT DEFAULT 'y')"
    one, other = sqlite3.connect(":memory:"), sqlite3.connect(":memory:")
    for connection in (one, other):
        connection.execute(with_default)
    for row in rows:
        upsert(one, mode, tuple(row), [tuple(row.values())])
    groups = grouped(rows, mode, ("id",))
    for group in groups:
        upsert(other, mode, group.columns, list(zip(*group.values, strict=True)))
    found = [each.execute("SELECT * FROM t ORDER BY id").fetchall() for each in (one, other)]
    one.close()
    other.close()
    assert found[0] == found[1]
    assert len(groups) <= 4


def test_keys_that_cannot_be_hashed_are_keys_too() -> None:
    rows = [{"id": [1], "a": 1}, {"id": [2], "a": 2}, {"id": [1], "a": 3}]
    assert grouped(rows, "upsert", ("id",))[0].values == [([1], [2]), (3, 2)]


@pytest.mark.parametrize(
    ("kind", "text", "names"),
    [
        ("sqlite", "UPDATE t SET a = :a, b = ':no' WHERE \"c:no\" = :c -- :no\n AND d = :a /* :no */", ["a", "c"]),
        ("sqlite", "SELECT 'it''s :no', :a", ["a"]),
        ("postgresql", "SELECT :a::int, '\\', :b, E'\\' :no', $$ :no $$, $x$ :no $$ $x$, \":no\", a[1:2], :c", ["a", "b", "c"]),
        ("mysql", "SELECT `:no`, '\\' :no', \":no\", @x := :a, :b # :no\n, :c", ["a", "b", "c"]),
    ],
)  # fmt: skip
def test_parameters_are_found_where_they_are_meant(kind: Kind, text: str, names: list[str]) -> None:
    assert list(Statement(text, kind).parameters) == names


def test_a_statement_as_the_libraries_take_it() -> None:
    statement = Statement("SELECT ':a' WHERE b LIKE '%' || :a AND c % 2 = :b", "postgresql")
    assert percent_style(statement) == "SELECT ':a' WHERE b LIKE '%%' || %(a)s AND c %% 2 = %(b)s"
    assert statement.written(lambda name: f"<{name}>") == "SELECT ':a' WHERE b LIKE '%' || <a> AND c % 2 = <b>"


@pytest.mark.parametrize(
    ("text", "verb"), [("  /* a */ -- b\n Update t", "update"), ("", ""), ("(SELECT 1)", ""), ("with x as", "with")]
)
def test_the_verb_of_a_statement(text: str, verb: str) -> None:
    assert Statement(text, "sqlite").verb == verb


@pytest.mark.parametrize(
    ("state", "is_of_record"),
    [
        ("22001", True), ("22P02", True), ("22003", True), ("23502", True), ("23505", True), ("23503", True),
        ("23514", True), ("21000", True), ("44000", True), ("54000", True), ("P0001", True),
        ("08006", False), ("40001", False), ("40P01", False), ("42P01", False), ("42501", False), ("53100", False),
        ("53200", False), ("53300", False), ("55P03", False), ("57014", False), ("57P01", False), ("57P03", False),
        ("58030", False), ("25006", False), ("28P01", False), ("XX000", False), ("XX001", False), ("0A000", False),
    ],
)  # fmt: skip
def test_whose_fault_an_error_of_postgresql_is(state: str, is_of_record: bool) -> None:
    error = psycopg.errors.lookup(state)("text")
    assert PostgresDriver.is_of_record(cast("PostgresDriver", None), error) is is_of_record


@pytest.mark.parametrize(
    ("number", "state", "is_of_record"),
    [
        (1048, "23000", True), (1062, "23000", True), (1452, "23000", True), (4025, "23000", True), (3819, "HY000", True),
        (1264, "22003", True), (1265, "01000", True), (1292, "22007", True), (1366, "22007", True), (1406, "22001", True),
        (1364, "HY000", True), (1644, "45000", True), (1118, "42000", True),
        (1205, "HY000", False), (1213, "40001", False), (1040, "08004", False), (1045, "28000", False),
        (1142, "42000", False), (1146, "42S02", False), (1054, "42S22", False), (1021, "HY000", False),
        (1114, "HY000", False), (1290, "HY000", False), (1053, "08S01", False), (2006, None, False), (2013, None, False),
        (1969, "70100", False), (1153, "08S01", False),
    ],
)  # fmt: skip
def test_whose_fault_an_error_of_mysql_is(number: int, state: str | None, is_of_record: bool) -> None:
    error = pymysql.err.OperationalError(number, "text", sqlstate=state)
    assert MysqlDriver.is_of_record(cast("MysqlDriver", None), error) is is_of_record


@pytest.mark.parametrize(
    ("code", "is_of_record"),
    [
        (sqlite3.SQLITE_CONSTRAINT_UNIQUE, True), (sqlite3.SQLITE_CONSTRAINT_NOTNULL, True),
        (sqlite3.SQLITE_MISMATCH, True), (sqlite3.SQLITE_TOOBIG, True),
        (sqlite3.SQLITE_BUSY, False), (sqlite3.SQLITE_LOCKED, False), (sqlite3.SQLITE_FULL, False),
        (sqlite3.SQLITE_IOERR_FSYNC, False), (sqlite3.SQLITE_READONLY, False), (sqlite3.SQLITE_CANTOPEN, False),
        (sqlite3.SQLITE_CORRUPT, False), (sqlite3.SQLITE_ERROR, False), (sqlite3.SQLITE_INTERRUPT, False),
    ],
)  # fmt: skip
def test_whose_fault_an_error_of_sqlite_is(code: int, is_of_record: bool) -> None:
    error = sqlite3.OperationalError("text")
    error.sqlite_errorcode = code
    assert SqliteDriver.is_of_record(cast("SqliteDriver", None), error) is is_of_record
