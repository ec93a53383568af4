"""A plugin for flows that are killed: a source that keeps books, steps that fail, count and leave marks."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from random import Random
from typing import Any, ClassVar

from router import (
    FAILURE,
    Ack,
    Batch,
    Config,
    Context,
    Failures,
    Outcome,
    Processor,
    Relationship,
    RetryableError,
    Source,
    Unconnected,
    failed,
)

DELIVERED = Relationship("success", "Written.", unconnected=Unconnected.DELIVERED)


def append(fd: int, *words: object) -> None:
    """Write a line at once: what is written outlives a kill."""
    os.write(fd, (" ".join(map(str, words)) + "\n").encode())


def opened(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)


class NumberedConfig(Config):
    books: Path
    batch: int = 20
    most: int | None = None
    pause: float = 0.0
    fsync: bool = False


class Numbered(Source):
    """Gives numbers, `most` of them or until the file `enough` is there; keeps books of what it gave and heard.

    Like a reader of a log it goes on behind the contiguous prefix that was settled. Each record says in
    which life of the process it was given.
    """

    type_name = "numbered"
    config: NumberedConfig

    async def start(self, context: Context) -> None:
        books = self.config.books
        books.mkdir(parents=True, exist_ok=True)
        self._begin = 0
        self._settled = opened(books / "settled")
        self._given = opened(books / "given")
        ends = dict(settled_in(books))
        while self._begin in ends:
            self._begin = ends[self._begin]
        lives = (books / "lives").read_text().count("\n") if (books / "lives").exists() else 0
        fd = opened(books / "lives")
        append(fd, lives, self._begin)
        os.close(fd)
        self._life = lives
        given = [line.split() for line in (books / "given").read_text().split("\n")[:-1]]
        self._before = max((int(last) for _, last, _ in given), default=0)

    async def produce(self, context: Context) -> AsyncIterator[Any]:
        first, size = self._begin, self.config.batch
        while not self._has_enough(first):
            last = first + size
            append(self._given, first, last, self._life)
            rows = [
                {"n": n, "key": n % 7, "life": self._life, "of": self.config.books.name} for n in range(first, last)
            ]
            yield Batch.of(rows), (first, last)
            first = last
            if self.config.pause:
                await context.sleep(self.config.pause)

    def _has_enough(self, first: int) -> bool:
        """What was given and not settled comes again, whoever has enough."""
        if self.config.most is not None:
            return first >= self.config.most
        return first >= self._before and (self.config.books / "enough").exists()

    def settled(self, ack: Ack) -> None:
        append(self._settled, *ack.token, ack.outcome.name)  # type: ignore[misc]
        if self.config.fsync:
            os.fsync(self._settled)


def settled_in(books: Path) -> Iterator[tuple[int, int]]:
    """What was settled, and is not to be given again."""
    for line in (books / "settled").read_text().splitlines():
        first, last, outcome = line.split()
        if outcome != Outcome.REJECTED.name:
            yield int(first), int(last)


class SeedConfig(Config):
    seed: int = 0
    every: int = 5


class Mark(Processor):
    """Gives each record a mark that no other call gives: a record that has two was worked on twice, for good."""

    type_name = "mark"

    def process(self, batch: Batch, context: Context) -> Batch:
        return batch.with_fields(mark=[os.urandom(8).hex() for _ in range(len(batch))])


class Storm(Processor):
    """Fails as the world fails, more often than not, before anything or after."""

    type_name = "storm"
    config: SeedConfig

    async def start(self, context: Context) -> None:
        self._dice = Random(f"{self.config.seed} {os.getpid()}")

    async def process(self, batch: Batch, context: Context) -> Batch:
        if self._dice.random() < 0.6:
            raise RetryableError("a storm", after=self._dice.choice([0.0, 0.001, 0.01]))
        return batch.with_fields(mark=[os.urandom(8).hex() for _ in range(len(batch))])


class Count(Processor):
    """Counts the records of each key in its state, and says the count with each."""

    type_name = "count"

    async def process(self, batch: Batch, context: Context) -> Batch:
        assert context.is_exactly_once
        counts = await context.state.get_many([str(key) for key in range(7)])
        said = []
        for key in batch.values("key"):
            counts[str(key)] = counts.get(str(key), 0) + 1
            said.append(counts[str(key)])
        await context.state.put_many(counts)
        return batch.with_fields(count=said)


class Picky(Processor):
    """A sink that keeps numbers in a file, refuses every so many, and is out of order now and then."""

    type_name = "picky"
    is_sink = True
    relationships: ClassVar[tuple[Relationship, ...]] = (DELIVERED, FAILURE)

    class PickyConfig(SeedConfig):
        path: Path
        outage: float = 0.0

    config: PickyConfig

    async def start(self, context: Context) -> None:
        self._dice = Random(f"{self.config.seed} {os.getpid()}")
        self._file = opened(self.config.path)

    async def process(self, batch: Batch, context: Context) -> Any:
        if self._dice.random() < self.config.outage:
            raise RetryableError("out of order", after=0.001)
        numbers = batch.values("n")
        every = self.config.every
        bad = [index for index, n in enumerate(numbers) if every and n % every == 0]
        good = [index for index, n in enumerate(numbers) if not every or n % every]
        text = "".join(f'{{"n":{numbers[index]}}}\n' for index in good)
        os.write(self._file, text.encode())
        routes = {"success": batch.select(good)} if good else {}
        if bad:
            errors: Failures = [(index, ValueError(f"{numbers[index]} is refused")) for index in bad]
            routes["failure"] = failed(batch, errors, context.name)
        return routes


class Ledger(Processor):
    """A sink with transactions of its own and no key: what is delivered twice stands there twice."""

    type_name = "ledger"
    is_sink = True
    relationships: ClassVar[tuple[Relationship, ...]] = (DELIVERED, FAILURE)

    class LedgerConfig(Config):
        path: Path

    config: LedgerConfig

    async def start(self, context: Context) -> None:
        self._database = sqlite3.connect(self.config.path, isolation_level=None, check_same_thread=False)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("CREATE TABLE IF NOT EXISTS kept (n INTEGER, life INTEGER, mark TEXT, count INTEGER)")

    async def stop(self, context: Context) -> None:
        self._database.close()

    def process(self, batch: Batch, context: Context) -> Batch:
        rows = [(row["n"], row["life"], row.get("mark"), row.get("count")) for row in batch.rows]
        self._database.execute("BEGIN")
        self._database.executemany("INSERT INTO kept VALUES (?, ?, ?, ?)", rows)
        self._database.execute("COMMIT")
        return batch


class Hang(Processor):
    """A sink that takes nothing until the file `go` is there."""

    type_name = "hang"
    is_sink = True
    relationships: ClassVar[tuple[Relationship, ...]] = (DELIVERED, FAILURE)

    class HangConfig(Config):
        go: Path
        path: Path

    config: HangConfig

    async def process(self, batch: Batch, context: Context) -> Batch:
        if not self.config.go.exists():
            context.bulletin("takes nothing yet")
        while not self.config.go.exists():
            await context.sleep(0.02)
        file = opened(self.config.path)
        os.write(file, b"".join(line + b"\n" for line in batch.content))
        os.close(file)
        return batch
