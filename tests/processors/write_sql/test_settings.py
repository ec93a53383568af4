from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from router import FlowError, FromWorkingDirectory, ProcessorError, build_flow
from router.testing import TestRunner
from router_processors.write_sql import WriteSqlConfig

Problems = Callable[..., list[str]]
TABLE = {"url": "sqlite:///x.db", "table": "posts"}
SQL = {"url": "sqlite:///x.db", "statement": "UPDATE posts SET mood = :mood WHERE id = :id"}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"url": "posts.db"}, "a URL begins with sqlite://, postgresql:// or mysql://"),
        ({"url": "postgres://h/d"}, "no kind of database 'postgres' (did you mean 'postgresql'?)"),
        ({"url": "mariadb://h/d"}, "no kind of database 'mariadb' (did you mean 'mysql'?)"),
        ({"url": "sqlit:///x.db"}, "no kind of database 'sqlit' (did you mean 'sqlite'?)"),
        (
            {"url": "sqlite://x.db"},
            "a SQLite file is written sqlite:///beside/the/flow.db, or sqlite:////from/the/root.db",
        ),
        ({"url": "postgresql://host"}, "names no database; write postgresql://user@host/database"),
        ({"url": 5}, "a URL is a text, such as postgresql://user@host/database"),
        (
            {"url": "mysql://u@h/d?sslmod=require"},
            "no option 'sslmod' (did you mean 'sslmode'?); known are unix_socket, sslmode, sslrootcert, sslcert, sslkey",
        ),
        (
            {"url": "mysql://u:pa/ss@h/d"},
            (
                "cannot be read as scheme://user:password@host:port/database; a password with signs in it stands in "
                "'password', or is percent-encoded"
            ),
        ),
    ],
)
def test_a_url_that_names_no_database_is_refused(problems: Problems, settings: dict[str, Any], said: str) -> None:
    assert problems("write_sql", **(TABLE | settings)) == [f"url: Value error, {said}"]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"url": "sqlite:///x.db"}, "one of 'table' and 'statement' says what to write; got none"),
        (TABLE | SQL, "one of 'table' and 'statement' says what to write; got both"),
        (TABLE | {"password": "x"}, "'password': a SQLite file has none"),
        (TABLE | {"mode": "upsert"}, "'mode: upsert' needs 'match': the columns by which rows are the same"),
        (
            TABLE | {"mode": "insert", "match": ["id"]},
            "'match' says which rows are the same, and 'mode: insert' does not ask; leave one out, or use 'upsert'",
        ),
        (
            TABLE | {"match": ["ids"], "set": {"id": "id"}},
            "'match': 'set' does not fill the column 'ids' (did you mean 'id'?)",
        ),
        (
            SQL | {"match": ["id"], "set": {"id": "id", "mood": "m"}},
            "'match' belongs to 'table'; a statement says itself what becomes of rows that are there",
        ),
        (
            {"url": "sqlite:///x.db", "statement": "/* all */ COMMIT"},
            "'statement': 'commit' is not for a flow to say: a batch is one transaction",
        ),
    ],
)
def test_settings_that_do_not_go_together_are_refused(problems: Problems, settings: dict[str, Any], said: str) -> None:
    assert problems("write_sql", **settings) == [said]


def test_parameters_and_set_are_compared_both_ways(problems: Problems) -> None:
    assert problems("write_sql", **SQL, set={"moood": "m", "id": "id"}) == [
        "'statement': 'set' has no 'mood' for the parameter ':mood' (did you mean 'moood'?)",
        "'set': the statement has no parameter ':moood' (did you mean 'mood'?)",
    ]


def test_a_file_lies_beside_the_flow_or_where_it_was_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def place(url: str) -> str:
        return WriteSqlConfig.model_validate({"url": url}, context={"folder": tmp_path / "flows"}).url.database

    monkeypatch.chdir(tmp_path)
    urls = ["sqlite:///a/x.db", "sqlite:////srv/x.db", FromWorkingDirectory("sqlite:///a/x.db")]
    assert list(map(place, urls)) == [f"{tmp_path}/flows/a/x.db", "/srv/x.db", f"{tmp_path}/a/x.db"]


@pytest.mark.parametrize("url", ["postgresql://u:s3cret@[::1]:5433/d?sslpassword=s3cret", "mysql://u:s3%63ret@h/d"])
def test_a_password_is_kept_and_never_shown(url: str) -> None:
    config = WriteSqlConfig.model_validate({"url": url, "password": None, "table": "t"})
    assert config.url.password == "s3cret"
    assert "s3cret" not in f"{config!r} {config} {config.url} {config.url!r}"


def test_a_password_in_a_url_that_cannot_be_read_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DB", "s3c/ret")
    write = {"type": "write_sql", "url": "mysql://u:${secret:DB}@h/d", "table": "t"}
    with pytest.raises(FlowError) as error:
        build_flow({"flow": "f", "processors": {"g": {"type": "generate", "to": "w"}, "w": write}})
    assert "s3c" not in str(error.value)


@pytest.mark.parametrize(
    ("url", "package", "module"),
    [("postgresql://h/d", "psycopg", "postgresql"), ("mysql://h/d", "PyMySQL", "mysql")],
)
def test_a_missing_package_names_its_extra(
    monkeypatch: pytest.MonkeyPatch, url: str, package: str, module: str
) -> None:
    monkeypatch.setitem(sys.modules, package.lower(), None)
    monkeypatch.delitem(sys.modules, f"router_processors.write_sql.{module}", raising=False)
    with pytest.raises(ProcessorError) as error:
        TestRunner("write_sql", url=url, table="t")
    assert str(error.value).startswith(
        f"processor type 'write_sql' needs the {package!r} package for {module}: pip install 'stream-router[{module}]'"
    )


def test_settings_can_be_checked_without_the_packages(monkeypatch: pytest.MonkeyPatch, problems: Problems) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    assert problems("write_sql", url="postgresql://h/d", table="t") == []


def test_no_table_is_an_empty_text(problems: Problems) -> None:
    assert problems("write_sql", url="sqlite:///x.db", table="") == ["table: String should have at least 1 character"]
