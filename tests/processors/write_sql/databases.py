"""Databases as tests see them, and waiting for what a thread does."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from pathlib import Path
from typing import Any, Protocol

from router import Batch
from router.testing import TestRunner

Rows = list[tuple[Any, ...]]


class Database(Protocol):
    """Where tests write, and look."""

    @property
    def url(self) -> str:
        """As a flow would name it."""

    def execute(self, sql: str) -> Rows:
        """Run SQL; the rows it gives."""


class SqliteFile:
    """A file of SQLite."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.url = f"sqlite:///{path}"

    def connected(self) -> sqlite3.Connection:
        """Somebody else who uses it."""
        return sqlite3.connect(self.path, isolation_level=None)

    def execute(self, sql: str) -> Rows:
        """Run SQL; the rows it gives."""
        connection = self.connected()
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()


def writing(database: Database, **settings: Any) -> TestRunner:
    """The processor under test."""
    return TestRunner("write_sql", **{"url": database.url, "table": "posts", **settings})


async def written(write: TestRunner, *records: Any) -> dict[str, list[Any]]:
    """Feed a batch of rows and wait until it has settled."""
    batches = await written_batch(write, Batch.of(records))
    return {name: [row for batch in each for row in batch.rows] for name, each in batches.items()}


async def written_batch(write: TestRunner, batch: Batch) -> dict[str, list[Batch]]:
    """The same with batches, which have their columns."""
    count = len(write.outcomes) + 1
    routes = await write.feed_batch(batch)
    await settled(write, count)
    for name, sink in write._sinks.items():
        routes[name] = routes.get(name, []) + sink.take()
    return {name: each for name, each in routes.items() if each}


async def settled(write: TestRunner, count: int, seconds: float = 0.0) -> None:
    """Wait until that many batches have settled; ``seconds`` is how far the clock may go for retries."""
    while len(write.outcomes) < count:
        await asyncio.sleep(0.002)  # what is waited for happens in a thread, by the machine's time
        step = min(seconds, 1.0)
        seconds -= step
        await write._clock.advance(step)


async def errors(write: TestRunner, *records: Any) -> list[str]:
    """Feed a batch: what is said of those that fail."""
    batches = await written_batch(write, Batch.of(records))
    return [error["message"] for batch in batches.get("failure", ()) for error in batch.columns["error"]]


async def told(write: TestRunner, part: str) -> str:
    """Wait until the operator is told something, and return it."""
    while True:
        found = [text for text in (f"{text} {dict(data)}" for text, data in write.bulletins) if part in text]
        if found:
            return found[-1]
        await asyncio.sleep(0.002)
        await write._clock.advance(0)


async def not_started(write: TestRunner) -> str:
    """Start it, with a batch that waits, until the operator is told why it cannot; stop it then."""
    fed = asyncio.create_task(write.feed({"id": 1}))
    said = await told(write, "cannot start yet")
    fed.cancel()
    await asyncio.gather(fed, return_exceptions=True)
    assert write._engine is not None
    await write._engine.stop(0)
    return said


async def ended_threads() -> None:
    """Wait until no connection's thread is left."""
    while any(each.name == "router-it" for each in threading.enumerate()):  # noqa: ASYNC110 - threads tell nobody
        await asyncio.sleep(0.002)
