"""What every database offers: one connection, used by one thread, with its errors told apart."""

from __future__ import annotations

import os
import socket
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import ClassVar, TypeAlias

from router import ProcessorError, Record, RecordError, RetryableError
from router_processors.write_sql.rows import Group, Mode
from router_processors.write_sql.statement import Statement
from router_processors.write_sql.table import Table
from router_processors.write_sql.url import Url


@dataclass(frozen=True, slots=True)
class Target:
    """Where rows go, and what becomes of one that is there already."""

    table: Table
    mode: Mode
    match: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Access:
    """How a database is reached: ``timeout`` is how many seconds it may take over one statement."""

    url: Url
    password: str | None = field(repr=False)
    timeout: float


class Driver(ABC):
    """One connection. All but ``abort`` is called by the thread that made it, and may block."""

    BEGIN: ClassVar[str] = "BEGIN"
    errors: tuple[type[Exception], ...] = (UnicodeError, OverflowError)
    """What its library raises, beside what values may raise on the way."""

    def __init__(self, access: Access) -> None:
        self.url = access.url
        self.timeout = access.timeout
        self.since = time.monotonic()
        """When the statement it is at began."""

    @abstractmethod
    def command(self, sql: str) -> None:
        """Run a statement that has neither parameters nor rows."""

    @abstractmethod
    def describe(self, name: str) -> Table:
        """Look a table up.

        Raises:
            TableError: there is none.
        """

    @abstractmethod
    def insert(self, target: Target, group: Group) -> None:
        """Write the rows of a group."""

    @abstractmethod
    def run(self, statement: Statement, rows: Sequence[Record]) -> None:
        """Run a statement once for each row of parameters."""

    @abstractmethod
    def explain(self, statement: Statement) -> None:
        """Have a statement planned, not run, with nulls for its parameters."""

    @abstractmethod
    def reason(self, error: Exception) -> str:
        """What the database said, in a line and without values of other records."""

    @abstractmethod
    def is_of_record(self, error: Exception) -> bool:
        """Whether an error of its library is the record's fault; all others are the world's."""

    @abstractmethod
    def is_of_statement(self, error: Exception) -> bool:
        """Whether a statement cannot be understood, or names what is not there."""

    @abstractmethod
    def abort(self) -> None:
        """End what the thread is at, from another thread; the connection is of no use afterwards."""

    @abstractmethod
    def close(self) -> None:
        """Close the connection; what was not committed is undone by the database."""

    def check(self, target: Target, columns: Sequence[str]) -> None:  # noqa: B027 - most can do all that is asked
        """See that the database can do what is asked of it, as far as columns are known beforehand.

        Raises:
            TableError: it cannot.
        """

    def begin_step(self) -> None:
        """Note that a statement begins, for who watches how long it takes."""
        self.since = time.monotonic()

    def commit(self) -> None:
        """Make what was written since BEGIN last."""
        self.command("COMMIT")

    def fault(self, error: Exception) -> RecordError | RetryableError:
        """Say whose fault an error is."""
        if isinstance(error, RecordError | RetryableError):
            return error
        if isinstance(error, UnicodeError | OverflowError):
            return RecordError(f"a value that {self.url.kind} cannot hold: {error}")
        if self.is_of_record(error):
            return RecordError(self.reason(error))
        return RetryableError(f"{self.url}: {self.reason(error)}")


Connect: TypeAlias = type[Driver]


class Line:
    """A second handle of a connection's socket, by which another thread can cut it."""

    def __init__(self, number: int) -> None:
        self._socket = socket.socket(fileno=os.dup(number))

    def cut(self) -> None:
        """End the connection: whoever reads from it reads its end."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Let go of the handle."""
        self._socket.close()


def needs(package: str, extra: str, error: ImportError) -> ProcessorError:
    """Say which extra brings a package that cannot be imported."""
    return ProcessorError(
        f"processor type 'write_sql' needs the {package!r} package for {extra}: "
        f"pip install 'stream-router[{extra}]' ({error})"
    )
