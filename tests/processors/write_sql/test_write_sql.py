from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from router import Batch, Outcome, Record
from router_processors.write_sql.rows import Group, Mode, grouped
from tests.processors.write_sql.databases import Database, Rows, errors, writing, written, written_batch

POSTS = """
CREATE TABLE posts (id INTEGER NOT NULL PRIMARY KEY, author VARCHAR(10) NOT NULL, mood DOUBLE PRECISION DEFAULT 7)
"""


@pytest.fixture
def posts(database: Database) -> Database:
    database.execute(POSTS)
    return database


def stored(database: Database) -> Rows:
    return database.execute("SELECT id, author, mood FROM posts ORDER BY id")


def post(number: int, author: str = "ann", **more: Any) -> dict[str, Any]:
    return {"id": number, "author": author, **more}


async def test_fields_go_to_the_columns_of_their_names(posts: Database) -> None:
    records = [post(1, mood=0.5), {"author": "bob", "id": 2}, post(3, "c"), post(4, mood=None)]
    async with writing(posts) as write:
        assert await written(write, *records) == {"success": records}
    assert stored(posts) == [(1, "ann", 0.5), (2, "bob", 7.0), (3, "c", 7.0), (4, "ann", None)]
    assert write.outcomes == [Outcome.DELIVERED]


async def test_a_batch_given_again_changes_nothing_with_match(posts: Database) -> None:
    records = [post(number, mood=0.0) for number in range(10)]
    async with writing(posts, match=["id"]) as write:
        await written(write, *records)
        assert await written(write, *records) == {"success": records}
    assert stored(posts) == [(number, "ann", 0.0) for number in range(10)]


async def test_upsert_changes_what_a_record_has_and_keeps_the_rest(posts: Database) -> None:
    async with writing(posts, mode="upsert", match=["id"]) as write:
        await written(write, post(1, mood=1.0), post(2, mood=2.0))
        await written(write, post(2, "bob"), post(3, "eve", mood=None), post(1, "dan", mood=9.0))
    assert stored(posts) == [(1, "dan", 9.0), (2, "bob", 2.0), (3, "eve", None)]


async def test_records_of_one_key_in_a_batch_end_as_if_written_in_turn(posts: Database) -> None:
    async with writing(posts, match=["id"]) as write:
        given = [post(1, "a", mood=1.0), post(2, "b"), post(1, "c"), post(1, "d", mood=4.0), post(2, "e"), post(1, "f")]
        assert await written(write, *given) == {"success": given}
    assert stored(posts) == [(1, "f", 4.0), (2, "e", 7.0)]


async def test_ignore_keeps_the_row_that_was_first(posts: Database) -> None:
    async with writing(posts, mode="ignore", match=["id"]) as write:
        await written(write, post(1, "first"), post(1, "second", mood=1.0))
        assert await written(write, post(1, "third"), post(2)) == {"success": [post(1, "third"), post(2)]}
    assert stored(posts) == [(1, "first", 7.0), (2, "ann", 7.0)]


async def test_insert_fails_what_is_there_and_writes_the_others_once(posts: Database) -> None:
    posts.execute("INSERT INTO posts (id, author) VALUES (3, 'old')")
    async with writing(posts) as write:
        routes = await written(write, *(post(number) for number in range(8)), post(5, "again"))
    assert routes["failure"] == [post(3), post(5, "again")]
    assert [(number, author) for number, author, _ in stored(posts)] == [
        (number, "old" if number == 3 else "ann") for number in range(8)
    ]


BAD: dict[str, dict[str, Any]] = {
    "null": {"author": None},
    "missing": {"author": ...},
    "surrogate": {"author": "\ud800"},
    "low surrogate": {"author": "\udc80"},
    "huge": {"id": 10**30},
    "bytes": {"author": b"\xff"},
    "no column": {"moood": 1},
}


@pytest.mark.parametrize("kind", BAD)
async def test_a_record_that_cannot_be_written_fails_alone(posts: Database, kind: str) -> None:
    bad = {name: value for name, value in {**post(5), **BAD[kind]}.items() if value is not ...}
    async with writing(posts) as write:
        routes = await written(write, *(bad if number == 5 else post(number) for number in range(9)))
    assert routes["failure"] == [bad]
    assert [number for number, *_ in stored(posts)] == [0, 1, 2, 3, 4, 6, 7, 8]


async def test_bad_records_all_over_a_batch_are_found(posts: Database) -> None:
    records = [post(number) if number % 3 else {"id": number, "author": None} for number in range(200)]
    async with writing(posts) as write:
        routes = await written(write, *records)
    assert routes["failure"] == records[::3]
    assert [number for number, *_ in stored(posts)] == [number for number in range(200) if number % 3]


async def test_a_batch_of_nothing_but_bad_records_writes_nothing(posts: Database) -> None:
    async with writing(posts) as write:
        routes = await written(write, *({"id": number} for number in range(5)))
        assert routes == {"failure": [{"id": number} for number in range(5)]}
        assert await written(write, post(1)) == {"success": [post(1)]}
    assert stored(posts) == [(1, "ann", 7.0)]


async def test_a_field_without_a_column_is_told_with_the_nearest(posts: Database) -> None:
    async with writing(posts) as write:
        said = await errors(write, post(1, moood=1), post(2), {})
    assert said == ["table 'posts' has no column 'moood' (did you mean 'mood'?)", "the record has no field"]
    assert stored(posts) == [(2, "ann", 7.0)]


async def test_a_column_that_was_added_meanwhile_is_written(posts: Database) -> None:
    async with writing(posts) as write:
        await written(write, post(1))
        posts.execute("ALTER TABLE posts ADD COLUMN likes INTEGER")
        assert await written(write, post(2, likes=5)) == {"success": [post(2, likes=5)]}
    assert posts.execute("SELECT id, likes FROM posts ORDER BY id") == [(1, None), (2, 5)]


async def test_a_record_without_its_key_fails(posts: Database) -> None:
    async with writing(posts, match=["id"]) as write:
        said = await errors(write, post(1), {"author": "x"}, {"id": None, "author": "y"})
    assert said == ["'match': 'id' is missing", "'match': 'id' is null"]
    assert stored(posts) == [(1, "ann", 7.0)]


async def test_set_fills_columns_with_expressions_and_content_stays_as_it_is(posts: Database) -> None:
    expressions = {"id": "n + 1", "author": "upper(user.name)", "mood": "score"}
    async with writing(posts, match=["id"], set=expressions) as write:
        batch = Batch.raw([b'{"n": 0, "user": {"name": "ann"}, "score": 1.50}', b'{"n": 1, "user": {"name": "bob"}}'])
        routes = await written_batch(write, batch)
    assert routes["success"][0].content == batch.content
    assert stored(posts) == [(1, "ANN", 1.5), (2, "BOB", None)]


async def test_a_statement_runs_for_each_record(posts: Database) -> None:
    posts.execute("INSERT INTO posts (id, author) VALUES (1, 'ann'), (2, 'bob'), (3, '100% :id')")
    sql = "UPDATE posts SET mood = :mood -- not :this\nWHERE id = :id AND author <> '100% :id'"
    async with writing(posts, table=None, statement=sql, set={"mood": "score", "id": "id"}) as write:
        records = [{"id": number, "score": number / 2} for number in range(1, 4)]
        assert await written(write, *records) == {"success": records}
    assert stored(posts) == [(1, "ann", 0.5), (2, "bob", 1.0), (3, "100% :id", 7.0)]


async def test_a_record_that_a_statement_cannot_take_fails_alone(posts: Database) -> None:
    sql = "INSERT INTO posts (id, author) VALUES (:id, :author)"
    async with writing(posts, table=None, statement=sql, set={"author": "author", "id": "id"}) as write:
        routes = await written(write, *(post(number) for number in range(4)), post(2, "again"), {"id": 9})
    assert routes["failure"] == [post(2, "again"), {"id": 9}]
    assert [number for number, *_ in stored(posts)] == [0, 1, 2, 3]


async def test_an_error_nobody_expected_leaves_nothing_of_its_call(
    posts: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(rows: Sequence[Record], mode: Mode, match: Sequence[str]) -> Iterator[Group]:
        yield from grouped(rows, mode, match)
        if post(5) in rows:
            raise ZeroDivisionError("a bug, found when rows were written already")

    monkeypatch.setattr("router_processors.write_sql.writer.grouped", failing)
    async with writing(posts) as write:
        routes = await written(write, *map(post, range(9)))
    assert routes["failure"] == [post(5)]
    assert [number for number, *_ in stored(posts)] == [0, 1, 2, 3, 4, 6, 7, 8]


async def test_calls_that_overlap_have_a_connection_each(posts: Database) -> None:
    async with writing(posts, run={"concurrency": 4, "ordered": False, "batch": {"records": 10}}) as write:
        routes = await written(write, *(post(number) for number in range(200)))
    assert sorted(each["id"] for each in routes["success"]) == list(range(200))
    assert [number for number, *_ in stored(posts)] == list(range(200))


async def test_odd_names_of_tables_and_columns(database: Database) -> None:
    mark = "`" if "mysql" in database.url else '"'
    names = [f"{mark}{each}{mark}" for each in ("my posts", "a %s", "sel'ect", "B", "x")]
    database.execute(
        f"CREATE TABLE {names[0]} ({names[1]} INTEGER PRIMARY KEY, {names[2]} INTEGER, {names[3]} INTEGER)"
    )
    async with writing(database, table="my posts", match=["a %s"]) as write:
        for _ in range(2):
            assert "failure" not in await written(write, {"a %s": 1, "sel'ect": 2, "B": 3})
    assert database.execute(f"SELECT * FROM {names[0]}") == [(1, 2, 3)]


@pytest.mark.slow
async def test_a_hundred_thousand_rows(posts: Database) -> None:
    records = [post(number, f"a{number % 1000}", mood=number / 8) for number in range(100_000)]
    async with writing(posts, match=["id"], run={"batch": {"records": 5000}}) as write:
        assert len((await written(write, *records))["success"]) == 100_000
    assert posts.execute("SELECT count(*), min(id), max(id), sum(mood) FROM posts") == [
        (100_000, 0, 99_999, sum(range(100_000)) / 8)
    ]
