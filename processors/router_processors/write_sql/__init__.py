"""Write records to tables of SQL databases."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Literal, TypeVar

from router import (
    FAILURE,
    SUCCESS,
    Batch,
    Config,
    Context,
    Expression,
    Failures,
    Field,
    Processor,
    Record,
    Relationship,
    Routes,
    Unconnected,
    failed,
    nearest,
)
from router_processors.write_sql.driver import Access, Connect
from router_processors.write_sql.rows import Mode
from router_processors.write_sql.session import Session
from router_processors.write_sql.statement import Statement
from router_processors.write_sql.url import DatabaseUrl, Kind
from router_processors.write_sql.writer import Plan, Writer

WRITTEN = Relationship(SUCCESS.name, "Records that are committed.", Unconnected.DELIVERED)

_Value = TypeVar("_Value")
_NOT_OURS = frozenset({"begin", "start", "commit", "rollback", "savepoint", "release", "end", "abort"})


class WriteSqlConfig(Config):
    """Settings of ``write_sql``."""

    url: DatabaseUrl = Field(
        description="The database: `sqlite:///beside/the/flow.db`, `postgresql://user@host:port/database?sslmode=require`, "
        "`mysql://user@host/database` (MariaDB too).",
        examples=["postgresql://app@db.example/shop"],
    )
    password: str | None = Field(
        None, description="The password, where the URL has none; it is never shown.", examples=["${secret:DB_PASSWORD}"]
    )
    table: str | None = Field(None, min_length=1, description="The table, such as `posts` or `schema.posts`.")
    mode: Mode | None = Field(
        None,
        description="What becomes of a record whose row is there already: `insert`, it fails; `upsert`, the row is "
        "changed; `ignore`, nothing. Left out: `upsert` with `match`, `insert` without.",
    )
    match: list[str] = Field(
        default_factory=list, description="The columns by which rows are the same: those of a unique index."
    )
    statement: str | None = Field(
        None,
        description="SQL to run for each record, in place of `table`; `:name` is a parameter.",
        examples=["UPDATE posts SET mood = :mood WHERE id = :id"],
    )
    set: dict[str, Expression] = Field(
        default_factory=dict,
        description="Column, or parameter of the statement: expression. Left out: each field of a record goes to the "
        "column of its name.",
        examples=[{"id": "id", "mood": "score", "author": "user.name"}],
    )
    timeout: timedelta = Field(
        timedelta(seconds=30), gt=timedelta(0), description="How long the database may take over one statement."
    )


class WriteSql(Processor):
    """Write records to a table of SQLite, PostgreSQL, MySQL or MariaDB, or run a statement for each.

    A batch is one transaction, many rows a statement, and delivered when it is committed; larger
    batches (`run: {batch: {records: 5000}}`) are faster. What may come twice:

    | | a crash, or a connection lost at the commit | a power cut |
    |---|---|---|
    | `match` | the same rows are written again, which changes nothing | the same, where the database syncs its commits |
    | `insert` | the records that had not settled come again as new rows | the same |
    | `statement` | it runs again for those records; say it so that this does no harm | the same |

    A table or column that is not there ends the flow at its start, and so does `match` without a
    unique index. Later such a thing is waited for, like a server that is down, a lock, a full disk, a
    right that is missing. A constraint or a type that a record violates sends it to `failure`, and
    so does a field without a column; the others of its batch are committed, once.

    A field that is absent is not written: a new row has the column's default, an old one keeps
    its value. A `set` writes all its columns. Records of one key in a batch are written as one row.
    Objects and lists are written as JSON, but for arrays of PostgreSQL; everything into a column of JSON
    is; bytes are read as UTF-8 where the column is of text; moments are written in UTC.

    PostgreSQL needs `pip install 'stream-router[postgresql]'`, MySQL and MariaDB `'stream-router[mysql]'`.
    `?sslmode=verify-full&sslrootcert=FILE` proves a server, in both. A SQLite file and all tables are made by others.

    Example:
        store:
          type: write_sql
          url: postgresql://app@db.example/shop
          password: ${secret:DB_PASSWORD}
          table: posts
          match: [id]
          set: {id: id, mood: score, author: user.name}
    """

    type_name = "write_sql"
    config: WriteSqlConfig
    relationships = (WRITTEN, FAILURE)
    is_sink = True
    reads: Literal["rows", "content", "any"] = "rows"

    def __init__(self, config: WriteSqlConfig) -> None:
        super().__init__(config)
        if (config.set or config.statement is not None) and not any(each.whole for each in config.set.values()):
            self.reads = "any"
        self._connect = _driver(config.url.kind)
        self._idle: list[Session] = []

    @classmethod
    def check(cls, config: WriteSqlConfig) -> Iterable[str]:
        """Refuse what does not go together."""
        if config.password is not None and config.url.kind == "sqlite":
            yield "'password': a SQLite file has none"
        if (config.table is None) == (config.statement is None):
            yield "one of 'table' and 'statement' says what to write; got " + (
                "none" if config.table is None else "both"
            )
        elif config.statement is not None:
            yield from _check_statement(config, Statement(config.statement, config.url.kind))
        else:
            yield from _check_table(config)

    def fields(self) -> frozenset[str]:
        """What the values are made of."""
        return frozenset[str]().union(*(each.fields for each in self.config.set.values()))

    async def start(self, context: Context) -> None:
        """Connect, and see that the table and its columns are there."""
        await self._run(context, Writer.prove)

    async def stop(self, context: Context) -> None:
        """Close the connections."""
        for each in self._idle:
            each.end()
        self._idle.clear()

    async def process(self, batch: Batch, context: Context) -> Batch | Routes:
        """Write a batch in one transaction."""
        rows = self._rows(batch)
        failures: Failures = await self._run(context, lambda writer: writer.write(rows))
        if not failures:
            return batch
        bad = {index for index, _ in failures}
        good = [index for index in range(len(batch)) if index not in bad]
        routes = {FAILURE.name: failed(batch, failures, context.name)}
        return {**routes, WRITTEN.name: batch.select(good)} if good else routes

    def _rows(self, batch: Batch) -> list[Record]:
        if not self.config.set:
            return batch.rows if self.config.statement is None else [{}] * len(batch)
        names = list(self.config.set)
        columns = [each.over(batch) for each in self.config.set.values()]
        return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]

    async def _run(self, context: Context, call: Callable[[Writer], _Value]) -> _Value:
        """Run a call on a connection nobody uses: as many are open as calls overlap."""
        session = self._idle.pop() if self._idle else self._opened(context.name)
        try:
            return await session.run(call)
        finally:
            if session.is_open:
                self._idle.append(session)

    def _opened(self, name: str) -> Session:
        config, seconds = self.config, self.config.timeout.total_seconds()
        plan = Plan(config.table or "", _mode(config), tuple(config.match), tuple(config.set), _statement(config))
        return Session(Writer(self._connect, Access(config.url, config.password, seconds), plan), name, seconds)


def _mode(config: WriteSqlConfig) -> Mode:
    return config.mode or ("upsert" if config.match else "insert")


def _statement(config: WriteSqlConfig) -> Statement | None:
    return None if config.statement is None else Statement(config.statement, config.url.kind)


def _driver(kind: Kind) -> Connect:
    """Import what talks to a database; a package that is missing is said to be."""
    if kind == "sqlite":
        from router_processors.write_sql.sqlite import SqliteDriver  # noqa: PLC0415 - each only where it is used

        return SqliteDriver
    if kind == "postgresql":
        from router_processors.write_sql.postgresql import PostgresDriver  # noqa: PLC0415 - same

        return PostgresDriver
    from router_processors.write_sql.mysql import MysqlDriver  # noqa: PLC0415 - same

    return MysqlDriver


def _check_table(config: WriteSqlConfig) -> Iterable[str]:
    mode = _mode(config)
    if mode == "insert" and config.match:
        yield "'match' says which rows are the same, and 'mode: insert' does not ask; leave one out, or use 'upsert'"
    if mode != "insert" and not config.match:
        yield f"'mode: {mode}' needs 'match': the columns by which rows are the same"
    for each in config.match:
        if config.set and each not in config.set:
            yield f"'match': 'set' does not fill the column {each!r}{nearest(each, config.set)}"


def _check_statement(config: WriteSqlConfig, statement: Statement) -> Iterable[str]:
    given = [name for name in ("mode", "match") if getattr(config, name)]
    if given:
        yield f"{given[0]!r} belongs to 'table'; a statement says itself what becomes of rows that are there"
    if statement.verb in _NOT_OURS:
        yield f"'statement': {statement.verb!r} is not for a flow to say: a batch is one transaction"
    parameters = statement.parameters
    for each in parameters:
        if each not in config.set:
            yield f"'statement': 'set' has no {each!r} for the parameter ':{each}'{nearest(each, config.set)}"
    for each in config.set:
        if each not in parameters:
            yield f"'set': the statement has no parameter ':{each}'{nearest(each, parameters)}"
