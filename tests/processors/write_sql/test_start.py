"""What is wrong with a table or a statement is told at the start, with the nearest word."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from router import ProcessorError
from router.testing import TestRunner
from tests.processors.write_sql.databases import Database, SqliteFile, errors, writing, written
from tests.services.mariadb import Mariadb

POSTS = "CREATE TABLE posts (id INTEGER NOT NULL PRIMARY KEY, author VARCHAR(10) NOT NULL, mood INTEGER)"


@pytest.fixture
def posts(database: Database) -> Database:
    database.execute(POSTS)
    return database


async def refusal(write: TestRunner) -> str:
    with pytest.raises(ProcessorError) as error:
        await write.feed({"id": 1})
    await write.__aexit__(None, None, None)
    return str(error.value)


async def test_a_table_that_is_not_there(posts: Database) -> None:
    said = await refusal(writing(posts, table="post"))
    assert "no table 'post'" in said
    assert said.endswith("(did you mean 'posts'?)")


async def test_columns_that_are_not_there_all_at_once(posts: Database) -> None:
    said = await refusal(writing(posts, set={"id": "id", "moood": "m", "x": "x"}, match=["id"]))
    assert said.endswith(
        ": table 'posts' has no column 'moood' (did you mean 'mood'?); table 'posts' has no column 'x'"
    )


async def test_match_without_a_unique_index(posts: Database) -> None:
    said = await refusal(writing(posts, match=["author", "mood"]))
    assert said.endswith(
        ": table 'posts' has no unique index on 'match' (author, mood); make one: "
        "CREATE UNIQUE INDEX posts_match ON posts (author, mood)"
    )


async def test_match_by_a_unique_index_of_several_columns(posts: Database) -> None:
    posts.execute("CREATE UNIQUE INDEX posts_match ON posts (author, mood)")
    async with writing(posts, match=["mood", "author"]) as write:
        for number in (1, 2):
            await written(write, {"id": number, "author": "ann", "mood": 5})
    assert posts.execute("SELECT * FROM posts") == [(2, "ann", 5)]


async def test_an_index_of_a_part_of_the_rows_is_none(posts: Database) -> None:
    if isinstance(posts, Mariadb):
        posts.execute("CREATE UNIQUE INDEX part ON posts (author(3))")
    else:
        posts.execute("CREATE UNIQUE INDEX part ON posts (author) WHERE mood > 1")
    assert "no unique index on 'match' (author)" in await refusal(writing(posts, match=["author"]))


@pytest.mark.parametrize(
    ("statement", "part"),
    [("UPDAT posts SET mood = 1", "syntax"), ("UPDATE posts SET moood = :m WHERE id = 1", "moood")],
)
async def test_a_statement_that_cannot_be_run(posts: Database, statement: str, part: str) -> None:
    settings: dict[str, Any] = {"set": {"m": "m"}} if ":m" in statement else {}
    said = await refusal(writing(posts, table=None, statement=statement, **settings))
    assert "'statement': " in said
    assert part in said.lower()


async def test_a_sqlite_index_with_the_rowid_in_it(tmp_path: Path) -> None:
    posts = SqliteFile(tmp_path / "x.db")
    posts.execute(POSTS)
    posts.execute("CREATE UNIQUE INDEX posts_match ON posts (author, id)")
    assert "ON CONFLICT clause does not match" in await refusal(writing(posts, match=["author", "id"]))


async def test_a_computed_column_is_not_written(database: Database) -> None:
    database.execute("CREATE TABLE posts (id INTEGER PRIMARY KEY, twice INTEGER GENERATED ALWAYS AS (id * 2) STORED)")
    async with writing(database) as write:
        said = await errors(write, {"id": 1}, {"id": 2, "twice": 4})
    assert said == ["table 'posts' computes its column 'twice' itself"]
    assert database.execute("SELECT * FROM posts") == [(1, 2)]


async def test_a_sqlite_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    said = await refusal(TestRunner("write_sql", url="sqlite:///no.db", table="posts", folder=tmp_path))
    assert f"no file '{tmp_path}/no.db'" in said
    assert not (tmp_path / "no.db").exists()


async def test_a_mysql_table_without_transactions(mariadb: Mariadb) -> None:
    mariadb.empty()
    mariadb.execute(f"{POSTS} ENGINE=MyISAM")
    said = await refusal(writing(mariadb))
    assert said.endswith(
        "table 'posts' has the engine MyISAM, which has no transactions: ALTER TABLE posts ENGINE = InnoDB"
    )


async def test_a_mysql_upsert_never_changes_the_row_of_another_key(mariadb: Mariadb) -> None:
    mariadb.empty()
    mariadb.execute("CREATE TABLE users (id INTEGER PRIMARY KEY, mail VARCHAR(20) UNIQUE, n INTEGER)")
    mariadb.execute("INSERT INTO users VALUES (1, 'a', 0), (2, 'b', 0)")
    async with writing(mariadb, table="users", match=["id"]) as write:
        said = await errors(
            write, {"id": 1, "mail": "c", "n": 1}, {"id": 3, "mail": "b", "n": 2}, {"id": 4, "mail": "d"}
        )
    assert said == ["table 'users': another row has the same value in a unique index beside 'match'"]
    assert mariadb.execute("SELECT * FROM users ORDER BY id") == [(1, "c", 1), (2, "b", 0), (4, "d", None)]


async def test_a_mysql_key_beside_a_numbered_column(mariadb: Mariadb) -> None:
    mariadb.empty()
    mariadb.execute("CREATE TABLE users (id INTEGER PRIMARY KEY AUTO_INCREMENT, mail VARCHAR(20) UNIQUE, n INTEGER)")
    async with writing(mariadb, table="users", match=["mail"]) as write:
        for number in (1, 2):
            assert "failure" not in await written(write, {"mail": "a", "n": number}, {"mail": "b", "n": number})
    assert mariadb.execute("SELECT mail, n FROM users ORDER BY mail") == [("a", 2), ("b", 2)]


async def test_a_mysql_key_that_may_be_null_beside_another(mariadb: Mariadb) -> None:
    mariadb.empty()
    mariadb.execute("CREATE TABLE users (id INTEGER PRIMARY KEY, mail VARCHAR(20) UNIQUE)")
    assert (await refusal(writing(mariadb, table="users", match=["mail"]))).endswith("declare 'mail' so")
