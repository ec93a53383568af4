"""Faults of the world: nothing is lost, and with ``match`` nothing is doubled."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest

from router import Outcome
from tests.processors.write_sql.databases import (
    Database,
    Rows,
    SqliteFile,
    ended_threads,
    not_started,
    settled,
    told,
    writing,
    written,
)
from tests.processors.write_sql.proxy import CuttingProxy
from tests.services.mariadb import Mariadb
from tests.services.postgres import Postgres

POSTS = "CREATE TABLE posts (id INTEGER NOT NULL PRIMARY KEY, author VARCHAR(10) NOT NULL)"
WHOLE = 400  # seconds of the flow's clock: more than the longest wait between two tries


@pytest.fixture
def posts(database: Database) -> Database:
    database.execute(POSTS)
    return database


@pytest.fixture(params=["postgres", "mariadb"])
def server(request: pytest.FixtureRequest) -> Iterator[Postgres | Mariadb]:
    """A server that a test may treat badly."""
    found: Postgres | Mariadb = request.getfixturevalue(request.param)
    found.empty()
    found.execute(POSTS)
    yield found
    found.resume()
    found.start()


def post(number: int) -> dict[str, Any]:
    return {"id": number, "author": "ann"}


def ids(database: Database) -> list[int]:
    return [number for (number,) in database.execute("SELECT id FROM posts ORDER BY id")]


async def test_a_server_killed_in_the_middle_loses_and_doubles_nothing(server: Postgres | Mariadb) -> None:
    async with writing(server, match=["id"], run={"batch": {"records": 50}}) as write:
        await written(write, post(-1))
        await write.feed(*map(post, range(5000)))
        while len(ids(server)) < 200:
            await write.advance(0)
        await asyncio.to_thread(server.kill)
        await told(write, server.url.partition("://")[0])
        await asyncio.to_thread(server.start)
        await settled(write, 2, WHOLE)
    assert write.outcomes == [Outcome.DELIVERED] * 2
    assert ids(server) == list(range(-1, 5000))


async def test_a_server_that_hangs_is_given_up_and_tried_again(server: Postgres | Mariadb) -> None:
    async with writing(server, match=["id"], timeout="200ms") as write:
        await written(write, post(1))
        server.pause()
        await write.feed(post(2), post(3))
        assert f":{server.port}/test: no answer within 0.2 s" in await told(write, "no answer")
        server.resume()
        await settled(write, 2, WHOLE)
    assert ids(server) == [1, 2, 3]
    await ended_threads()


async def test_a_stop_does_not_wait_for_a_server_that_hangs(server: Postgres | Mariadb) -> None:
    async with writing(server, match=["id"]) as write:
        await written(write, post(1))
        server.pause()
        await write.feed(post(2))
    await asyncio.sleep(0)  # the outcome is told in the next turn
    assert write.outcomes == [Outcome.DELIVERED, Outcome.REJECTED]
    await ended_threads()
    server.resume()
    assert ids(server) == [1]


async def test_a_server_that_is_not_there_yet_is_waited_for(server: Postgres | Mariadb) -> None:
    server.stop()
    write = writing(server, match=["id"])
    fed = asyncio.create_task(write.feed(post(1)))
    said = await told(write, "cannot start yet")
    assert f":{server.port}/test" in said
    assert "refused" in said
    assert "secret" not in said
    await asyncio.to_thread(server.start)
    while not fed.done():
        await asyncio.sleep(0.002)
        await write._clock.advance(1)
    await settled(write, 1)
    await write.end()
    assert ids(server) == [1]


async def test_an_answer_lost_at_the_commit_is_told_and_the_batch_comes_again(server: Postgres | Mariadb) -> None:
    async with CuttingProxy(server.port, b"COMMIT") as proxy:
        url = server.url.replace(str(server.port), str(proxy.port)) + "?sslmode=disable"
        async with writing(server, url=url, match=["id"]) as write:
            await write.feed(post(1), post(2))
            assert "so the batch may be written already" in await told(write, "commit")
            await settled(write, 1, WHOLE)
    assert proxy.cut == 1
    assert ids(server) == [1, 2]


async def test_a_lock_of_somebody_else_is_waited_for(posts: Database) -> None:
    posts.execute("INSERT INTO posts VALUES (1, 'old')")
    async with writing(posts, match=["id"], timeout="1s") as write:
        with locked(posts):
            await write.feed(post(1), post(2))
            said = await told(write, "")
            assert any(
                part in said for part in ("is locked", "statement timeout", "Lock wait timeout", "statement_time")
            ), said
        await settled(write, 1, WHOLE)
    assert posts.execute("SELECT * FROM posts ORDER BY id") == [(1, "ann"), (2, "ann")]


def locked(database: Database) -> AbstractContextManager[None]:
    """Somebody else changes the first post, and takes time to commit."""
    if isinstance(database, SqliteFile):
        return transaction(database.connected(), "BEGIN IMMEDIATE")
    assert isinstance(database, Postgres | Mariadb)
    return transaction(database.connected(), "UPDATE posts SET author = 'else' WHERE id = 1")


@contextmanager
def transaction(connection: Any, sql: str) -> Iterator[None]:
    try:
        connection.cursor().execute(sql)
        yield
        connection.rollback()
    finally:
        connection.close()


async def test_a_table_dropped_meanwhile_is_waited_for(posts: Database) -> None:
    async with writing(posts, match=["id"]) as write:
        await written(write, post(1))
        posts.execute("DROP TABLE posts")
        await write.feed(post(2))
        said = await told(write, "posts")
        assert "password" not in said
        posts.execute(POSTS)
        await settled(write, 2, WHOLE)
    assert ids(posts) == [2]


async def test_a_column_made_wider_meanwhile_takes_wider_values(server: Postgres | Mariadb) -> None:
    server.execute("CREATE TABLE counts (id INTEGER)")
    async with writing(server, table="counts") as write:
        assert "failure" in await written(write, {"id": 2**40})
        how = "ALTER COLUMN id TYPE" if isinstance(server, Postgres) else "MODIFY id"
        server.execute(f"ALTER TABLE counts {how} bigint")
        assert await written(write, {"id": 2**40}) == {"success": [{"id": 2**40}]}


async def test_a_right_that_is_missing_is_waited_for(server: Postgres | Mariadb) -> None:
    someone = "reader" if isinstance(server, Postgres) else "reader@'127.0.0.1'"
    server.execute(f"DROP USER IF EXISTS {someone}")
    how = "PASSWORD 'word'" if isinstance(server, Postgres) else "IDENTIFIED BY 'word'"
    server.execute(f"CREATE USER {someone} {how}")
    server.execute(f"GRANT SELECT ON posts TO {someone}")
    url = server.url.replace("test:secret", "reader")
    async with writing(server, url=url, password="word") as write:
        await write.feed(post(1))
        assert "denied" in await told(write, "posts")
        server.execute(f"GRANT INSERT ON posts TO {someone}")
        await settled(write, 1, WHOLE)
    assert ids(server) == [1]
    if isinstance(server, Postgres):
        server.execute("DROP OWNED BY reader")


async def test_a_wrong_password_is_waited_for_and_not_shown(server: Postgres | Mariadb) -> None:
    write = writing(server, url=server.url.replace("secret", "wr0ng"))
    said = await not_started(write)
    assert "test@127.0.0.1" in said
    assert "wr0ng" not in said
    assert "wr0ng" not in repr(write.processor.config)


@pytest.mark.parametrize("database", ["sqlite", "postgresql"], indirect=True)  # MySQL checks nothing so late
@pytest.mark.parametrize("mode", ["insert", "upsert"])
async def test_a_constraint_checked_at_the_commit_fails_its_record_alone(database: Database, mode: str) -> None:
    database.execute(POSTS)
    reference = "REFERENCES posts (id) DEFERRABLE INITIALLY DEFERRED"
    database.execute(f"CREATE TABLE answers (id INTEGER PRIMARY KEY, post INTEGER {reference})")
    database.execute("INSERT INTO posts VALUES (1, 'ann')")
    match = {"match": ["id"]} if mode == "upsert" else {}
    async with writing(database, table="answers", **match) as write:
        routes = await written(write, *({"id": number, "post": 2 if number == 5 else 1} for number in range(9)))
    assert routes["failure"] == [{"id": 5, "post": 2}]
    found: Rows = database.execute("SELECT id FROM answers ORDER BY id")
    assert found == [(number,) for number in range(9) if number != 5]


async def test_the_flow_goes_on_while_the_database_works(postgres: Postgres) -> None:
    async with writing(postgres, table=None, statement="SELECT pg_sleep(0.3)") as write:
        await write.feed({"n": 1})
        turns = 0
        while not write.outcomes:
            await asyncio.sleep(0.001)
            turns += 1
    assert turns > 20


async def test_a_stop_leaves_no_thread(posts: Database) -> None:
    async with writing(posts) as write:
        await written(write, post(1))
        assert any(each.name == "router-it" for each in threading.enumerate())
    await ended_threads()
