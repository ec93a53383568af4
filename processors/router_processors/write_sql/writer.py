"""Write batches through one connection: one transaction each, bad records found and left out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeAlias

from router import Failures, ProcessorError, Record, RecordError, RetryableError
from router_processors.write_sql.driver import Access, Connect, Driver, Target
from router_processors.write_sql.rows import Mode, grouped, unfit
from router_processors.write_sql.statement import Statement
from router_processors.write_sql.table import TableError

_Rows: TypeAlias = Sequence[Record]
_NOT_EXPLAINED = frozenset({"call", "do", "select", "notify", "execute", "values", "set"})


@dataclass(frozen=True, slots=True)
class Plan:
    """What a flow asks for: rows of a table, or a statement."""

    table: str = ""
    mode: Mode = "insert"
    match: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    """Those every row has; none where each record's fields say it."""
    statement: Statement | None = None


class Writer:
    """Writes through a connection of its own, opened when it is needed and dropped after a fault of the world.

    All but ``abort`` and ``since`` belongs to one thread.
    """

    def __init__(self, connect: Connect, access: Access, plan: Plan) -> None:
        self._connect = connect
        self._access = access
        self._plan = plan
        self._driver: Driver | None = None
        self._target: Target | None = None
        self._is_ended = False
        self._begun = time.monotonic()

    @property
    def where(self) -> str:
        """The database, for a person."""
        return str(self._access.url)

    @property
    def since(self) -> float:
        """When the statement it is at began."""
        driver = self._driver  # read once: the thread may drop it now
        return max(self._begun, driver.since) if driver is not None else self._begun

    def prove(self) -> None:
        """See that the database is there, and is as the flow says.

        Raises:
            ProcessorError: it is not, and who wrote the flow can see why.
            RetryableError: it cannot be reached.
        """
        try:
            driver = self._ready()
            if self._plan.statement is not None and self._plan.statement.verb not in _NOT_EXPLAINED:
                self._explain(driver, self._plan.statement)
        except TableError as error:
            raise ProcessorError(f"{self._access.url}: {error}") from error

    def write(self, rows: _Rows) -> Failures:
        """Write rows in one transaction; returned, it is committed. The rows that cannot be written, with why.

        Raises:
            RetryableError: nothing is written, or it cannot be known: the connection was lost at the commit.
            RecordError: the database found one only at the commit, and nothing is written.
        """
        try:
            driver = self._ready()
            failures = self._unfit(driver, rows)
            bad = {index for index, _ in failures}
            places = [index for index in range(len(rows)) if index not in bad]
            found = self._transaction(driver, [rows[index] for index in places]) if places else []
        except RecordError:
            raise
        except TableError as error:
            self.drop()
            raise RetryableError(f"{self._access.url}: {error}") from error
        except BaseException:
            self.drop()  # whatever it was, no transaction stays open for the next batch to commit
            raise
        return sorted([*failures, *((places[index], error) for index, error in found)], key=lambda each: each[0])

    def abort(self) -> None:
        """End what the thread is at, from another one, for good."""
        self._is_ended = True
        driver = self._driver
        if driver is not None:
            driver.abort()

    def drop(self) -> None:
        """Close the connection; the next call opens another."""
        driver, self._driver = self._driver, None
        if driver is not None:
            with suppress(*driver.errors):
                driver.close()

    # -- the connection -------------------------------------------------------------------------

    def _ready(self) -> Driver:
        self._begun = time.monotonic()
        if self._driver is not None:
            return self._driver
        try:
            driver = self._connect(self._access)
        except self._connect.errors as error:
            raise RetryableError(f"{self._access.url}: {' '.join(str(error).split())}") from error
        self._driver = driver
        if self._is_ended:  # it was given up while it connected
            self.drop()
            raise RetryableError(f"{self._access.url}: given up")
        try:
            self._describe(driver)
        except BaseException:
            self.drop()
            raise
        return driver

    def _describe(self, driver: Driver) -> None:
        plan = self._plan
        if plan.statement is not None:
            return
        try:
            table = driver.describe(plan.table)
        except driver.errors as error:
            raise RetryableError(f"{self._access.url}: {driver.reason(error)}") from error
        table.check(plan.columns, plan.match)
        self._target = Target(table, plan.mode, plan.match)
        driver.check(self._target, plan.columns)

    def _explain(self, driver: Driver, statement: Statement) -> None:
        try:
            driver.explain(statement)
        except driver.errors as error:
            if driver.is_of_statement(error):
                raise TableError(f"'statement': {driver.reason(error)}") from error
            if not driver.is_of_record(error):  # which nulls may seem to be
                raise RetryableError(f"{self._access.url}: {driver.reason(error)}") from error

    # -- one batch ------------------------------------------------------------------------------

    def _unfit(self, driver: Driver, rows: _Rows) -> Failures:
        if self._target is None:
            return []
        failures = unfit(rows, self._target.table, self._plan.match)
        if failures:
            self._describe(driver)  # a column may have been added since
            failures = unfit(rows, self._target.table, self._plan.match)
        return failures

    def _transaction(self, driver: Driver, rows: _Rows) -> Failures:
        self._command(driver, driver.BEGIN)
        failures: Failures = []
        error = self._attempt(driver, rows)
        if error is not None:
            self._command(driver, "ROLLBACK")
            self._describe(driver)  # a column may be of another type by now
            self._command(driver, driver.BEGIN)
            failures = self._by_halves(driver, rows)
        self._commit(driver)
        return failures

    def _by_halves(self, driver: Driver, rows: _Rows) -> Failures:
        """Find the records that cannot be written; the others are."""
        failures: Failures = []
        todo = _halves(0, len(rows)) if len(rows) > 1 else [(0, 1)]
        while todo:
            start, stop = todo.pop()
            self._command(driver, "SAVEPOINT part")
            error = self._attempt(driver, rows[start:stop])
            if error is None:
                self._command(driver, "RELEASE SAVEPOINT part")
                continue
            self._command(driver, "ROLLBACK TO SAVEPOINT part")
            if stop - start == 1:
                failures.append((start, error))
            else:
                todo += _halves(start, stop)
        return failures

    def _attempt(self, driver: Driver, rows: _Rows) -> RecordError | None:
        """Write rows: what is wrong with one of them."""
        driver.begin_step()
        try:
            if self._plan.statement is not None:
                driver.run(self._plan.statement, rows)
            elif self._target is not None:
                for group in grouped(rows, self._plan.mode, self._plan.match):
                    driver.begin_step()
                    driver.insert(self._target, group)
        except RecordError as error:
            return error
        except driver.errors as error:
            return self._told(driver, error)
        return None

    def _commit(self, driver: Driver) -> None:
        driver.begin_step()
        try:
            driver.commit()
        except driver.errors as error:
            said = driver.fault(error)
            if isinstance(said, RetryableError):
                text = f"{said}; the connection was at the commit, so the batch may be written already"
                raise RetryableError(text) from error
            self._command(driver, "ROLLBACK")  # a constraint that is checked last: the engine tries halves
            raise said from error

    def _command(self, driver: Driver, sql: str) -> None:
        driver.begin_step()
        try:
            driver.command(sql)
        except driver.errors as error:
            raise RetryableError(f"{self._access.url}: {driver.reason(error)}") from error

    def _told(self, driver: Driver, error: Exception) -> RecordError:
        """Say what is wrong with a record; a fault of the world is raised."""
        said = driver.fault(error)
        if isinstance(said, RetryableError):
            raise said from error
        return said


def _halves(start: int, stop: int) -> list[tuple[int, int]]:
    """The later half lies below: the first is to be taken first."""
    middle = (start + stop) // 2
    return [(middle, stop), (start, middle)]
