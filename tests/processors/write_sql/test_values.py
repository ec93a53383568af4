"""Values of records, as each database stores them."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.processors.write_sql.databases import SqliteFile, errors, writing, written
from tests.services.mariadb import Mariadb
from tests.services.postgres import Postgres

NOON = dt.datetime(2024, 5, 6, 12, 30, 0, 250000, dt.timezone(dt.timedelta(hours=2)))
UTC = dt.datetime(2024, 5, 6, 10, 30, 0, 250000, dt.UTC)
ODD = "a 'b' \"c\" \\d\\n \n\t \u00e9\U0001f600 {x,y} NULL %s :id \r"
NESTED = {"a": [1, None, {"b": ODD}], "c": 1.5}
BIG = 2**62


async def stored(database: Any, table: str, record: dict[str, Any]) -> tuple[Any, ...]:
    """Write one record through the processor, and read its row."""
    database.execute(f"CREATE TABLE posts ({table})")
    async with writing(database) as write:
        routes = await written(write, record)
    assert routes == {"success": [record]}
    (row,) = database.execute(f"SELECT {', '.join(record)} FROM posts")
    return tuple(row)


@pytest.fixture
def file(tmp_path: Path) -> SqliteFile:
    file = SqliteFile(tmp_path / "x.db")
    file.execute("SELECT 1")
    return file


async def test_values_in_sqlite(file: SqliteFile) -> None:
    table = "a INTEGER, b REAL, c TEXT, d BLOB, e JSON, f, g TEXT, h TEXT, i INTEGER, j JSON, k TEXT, l DATE"
    record = {
        "a": BIG, "b": 1.5, "c": ODD, "d": b"\0\xff", "e": NESTED, "f": None, "g": Decimal("1.10"), "h": NOON,
        "i": True, "j": "text", "k": b"bytes", "l": dt.date(2024, 5, 6),
    }  # fmt: skip
    a, b, c, d, e, f, g, h, i, j, k, l_ = await stored(file, table, record)
    assert (a, b, c, d, f, g, i, j, k, l_) == (
        BIG, 1.5, ODD, b"\0\xff", None, "1.10", 1, '"text"', "bytes", "2024-05-06"
    )  # fmt: skip
    assert json.loads(e) == NESTED
    assert dt.datetime.fromisoformat(h) == UTC


async def test_values_in_postgresql(postgres: Postgres) -> None:
    postgres.empty()
    table = """a bigint, b float8, c text, d bytea, e jsonb, f int, g numeric(10, 2), h timestamptz, i boolean, j jsonb,
    k varchar(5), l date, m text[], n int[], o uuid, p bit(3), q char(2), r bytea, s timestamptz, t json, u text[], v text, w int, x timestamp, y smallint"""
    text = "8c1b7a7e-3a3b-4f43-9d3e-111111111111"
    record = {
        "a": BIG, "b": 0.1, "c": ODD, "d": b"\0\xff", "e": NESTED, "f": None, "g": Decimal("1.10"), "h": NOON, "i": True,
        "j": "text", "k": b"bytes", "l": "2024-05-06", "m": [ODD, None, "NULL", ""], "n": [[1, 2], [3, 4]], "o": text,
        "p": "101", "q": "x", "r": "caf\u00e9", "s": "2024-05-06T12:30:00.25+02:00", "t": [NESTED, None], "u": [], "v": 5,
        "w": 2.0, "x": "2024-05-06T12:30:00.25+02:00", "y": Decimal("3.00"),
    }  # fmt: skip
    row = dict(zip(record, await stored(postgres, table, record), strict=True))
    assert {**row, "o": str(row["o"])} == {
        **record, "h": UTC, "k": "bytes", "l": dt.date(2024, 5, 6), "q": "x ", "r": b"caf\xc3\xa9", "s": UTC, "v": "5",
        "x": UTC.replace(tzinfo=None),
    }  # fmt: skip


async def test_values_in_mariadb(mariadb: Mariadb) -> None:
    mariadb.empty()
    table = """a bigint, b double, c text, d blob, e json, f int, g decimal(10, 2), h datetime(6), i boolean, j json,
    k varchar(5), l date, m timestamp(6) null, n bit(3), o datetime, p text"""
    record = {
        "a": BIG, "b": 0.1, "c": ODD, "d": b"\0\xff", "e": NESTED, "f": None, "g": Decimal("1.10"), "h": NOON, "i": True,
        "j": "text", "k": b"bytes", "l": dt.date(2024, 5, 6), "m": "2024-05-06T12:30:00.25+02:00", "n": b"\x05",
        "o": "2024-05-06 10:30:00", "p": 1.25,
    }  # fmt: skip
    row = dict(zip(record, await stored(mariadb, table, record), strict=True))
    moment = UTC.replace(tzinfo=None)
    assert json.loads(row.pop("e")) == NESTED
    assert row == {
        **{name: value for name, value in record.items() if name != "e"},
        "h": moment, "i": 1, "j": '"text"', "k": "bytes", "m": moment, "o": moment.replace(microsecond=0), "p": "1.25",
    }  # fmt: skip


@pytest.mark.parametrize("server", ["postgres", "mariadb"])
async def test_values_of_a_statement(server: str, request: pytest.FixtureRequest) -> None:
    database: Postgres | Mariadb = request.getfixturevalue(server)
    database.empty()
    database.execute("CREATE TABLE posts (id INTEGER PRIMARY KEY, a TEXT, b TEXT, c NUMERIC(10, 2))")
    names = ["id", "a", "b", "c"]
    statement = "INSERT INTO posts VALUES (:id, :a, :b, :c)"
    async with writing(database, table=None, statement=statement, set={each: each for each in names}) as write:
        record = {"id": 1, "a": ODD, "b": NESTED, "c": Decimal("1.10")}
        assert await written(write, record) == {"success": [record]}
    ((a, b, c),) = database.execute("SELECT a, b, c FROM posts")
    assert (a, json.loads(b), c) == (ODD, NESTED, Decimal("1.10"))


async def test_a_value_too_long_for_postgresql_is_not_cut(postgres: Postgres) -> None:
    postgres.empty()
    postgres.execute("CREATE TABLE posts (a varchar(3), b bit(2), c char(2))")
    async with writing(postgres) as write:
        said = await errors(write, {"a": "four"}, {"b": "101"}, {"c": "xyz"}, {"a": "abc", "b": "10", "c": "x"})
    assert said == [
        "value too long for type character varying(3)",
        "bit string length 3 does not match type bit(2)",
        "value too long for type character(2)",
    ]
    assert postgres.execute("SELECT a, b, c FROM posts") == [("abc", "10", "x ")]


async def test_a_text_with_a_nul_cannot_be_in_postgresql(postgres: Postgres) -> None:
    postgres.empty()
    postgres.execute("CREATE TABLE posts (id int, a text, b jsonb)")
    async with writing(postgres) as write:
        given = [{"id": 1, "a": "x\0"}, {"id": 2, "a": None}, {"id": 3, "a": "y"}, {"id": 4, "b": {"z": "\0"}}]
        said = await errors(write, *given, {"id": 5, "a": "\0"})
    assert [each.partition(" (")[0] for each in said] == [
        "a text with a NUL in it cannot be stored",
        "unsupported Unicode escape sequence",
        "a text with a NUL in it cannot be stored",
    ]
    assert postgres.execute("SELECT id FROM posts ORDER BY id") == [(2,), (3,)]


async def test_a_row_larger_than_mariadb_takes_fails_alone(mariadb: Mariadb) -> None:
    mariadb.empty()
    mariadb.execute("CREATE TABLE posts (id int primary key, a longtext)")
    ((_, before),) = mariadb.execute("SHOW GLOBAL VARIABLES LIKE 'max_allowed_packet'")
    mariadb.execute("SET GLOBAL max_allowed_packet = 2097152")
    try:
        async with writing(mariadb) as write:
            given = [{"id": number, "a": "x" * (3_000_000 if number == 7 else 300_000)} for number in range(20)]
            (said,) = await errors(write, *given)
    finally:
        mariadb.execute(f"SET GLOBAL max_allowed_packet = {before}")
    assert said.startswith("the row takes 3,000,0")
    assert mariadb.execute("SELECT count(*), sum(length(a)) FROM posts") == [(19, 19 * 300_000)]


async def test_numbers_that_are_none_are_refused(file: SqliteFile, mariadb: Mariadb) -> None:
    mariadb.empty()
    for database in (file, mariadb):
        database.execute("CREATE TABLE posts (a DOUBLE PRECISION)")
        async with writing(database) as write:
            said = await errors(write, {"a": float("nan")}, {"a": 1.0}, {"a": Decimal("inf")})
        assert said == ["the number nan cannot be stored", "the number Infinity cannot be stored"]
        assert database.execute("SELECT a FROM posts") == [(1.0,)]


TRIGGERS = {
    "sqlite": "CREATE TRIGGER t BEFORE INSERT ON posts WHEN NEW.a = 'bad' BEGIN SELECT RAISE(ABORT, 'no bad'); END",
    "postgresql": """CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF NEW.a = 'bad' THEN RAISE EXCEPTION 'no bad' USING ERRCODE = 'MY001'; END IF; RETURN NEW; END $$;
        CREATE TRIGGER t BEFORE INSERT ON posts FOR EACH ROW EXECUTE FUNCTION f()""",
    "mysql": """CREATE TRIGGER t BEFORE INSERT ON posts FOR EACH ROW IF NEW.a = 'bad' THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no bad'; END IF""",
}


async def test_what_a_trigger_refuses_is_the_records_fault(database: Any) -> None:
    database.execute("CREATE TABLE posts (a VARCHAR(10))")
    database.execute(TRIGGERS[database.url.partition(":")[0]])
    async with writing(database) as write:
        assert await errors(write, {"a": "x"}, {"a": "bad"}, {"a": "y"}) == ["no bad"]
    assert sorted(database.execute("SELECT a FROM posts")) == [("x",), ("y",)]
