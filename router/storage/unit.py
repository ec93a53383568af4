"""A unit of work: what one call writes, in one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from router.errors import StorageError
from router.storage.database import Database, Work

__all__ = ["Unit", "open_unit", "unit_of", "write"]

Done = Callable[[Any, BaseException | None], None]
_current: ContextVar[Unit | None] = ContextVar("router_unit", default=None)


class Unit:
    """Writes of one call, in order, that commit together when the call is over."""

    __slots__ = ("_asked", "_database", "is_over", "put")

    def __init__(self, database: Database) -> None:
        self.is_over = False
        self.put: dict[object, int] = {}
        """Records put so far, by connection."""
        self._database = database
        self._asked: list[tuple[Work[Any], Done]] = []

    def write(self, work: Work[Any], done: Done) -> None:
        """Add a write; ``done`` hears when all of them are committed, or failed."""
        self._asked.append((work, done))

    def commit(self) -> None:
        """Hand all of it to the writer."""
        self.is_over = True
        asked, self._asked = self._asked, []
        if not asked:
            return

        def together(connection: sqlite3.Connection) -> list[Any]:
            return [work(connection) for work, _ in asked]

        def done(results: list[Any] | None, error: BaseException | None) -> None:
            for number, (_, each) in enumerate(asked):
                each(results[number] if results is not None else None, error)

        self._database.write(together, done)

    def abandon(self) -> None:
        """Write nothing of it: the call was cut off."""
        self.is_over = True
        asked, self._asked = self._asked, []
        for _, done in asked:
            done(None, StorageError("the call was cut off"))


@contextmanager
def unit_of(database: Database | None) -> Iterator[None]:
    """Collect what is written inside, and commit it together on leaving; None: each write for itself."""
    if database is None:
        yield
        return
    unit = Unit(database)
    token = _current.set(unit)
    try:
        yield
    except BaseException:
        unit.abandon()
        raise
    else:
        unit.commit()
    finally:
        _current.reset(token)


def open_unit() -> Unit | None:
    """The unit of the call that runs now; None outside of one."""
    unit = _current.get()
    return None if unit is None or unit.is_over else unit


def write(database: Database, work: Work[Any], done: Done) -> None:
    """Write with the call that runs now, or where there is none, at once."""
    unit = open_unit()
    if unit is None:
        database.write(work, done)
    else:
        unit.write(work, done)
