"""A flow's database in the hands of another process: short transactions, and readable errors."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar

from router.errors import DataFolderError
from router.storage.file import open_file, unusable
from router.storage.schema import FLOW_DB, FLOW_SCHEMA

__all__ = ["Box"]

_T = TypeVar("_T")


class Box:
    """Reads and changes ``flow.db`` in a data folder, beside the flow that runs or without it.

    A folder without one holds nothing, and none is made.

    Raises:
        DataFolderError: the file is not to be used, or was busy for too long.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FLOW_DB
        self._connection: sqlite3.Connection | None = None
        if self.path.exists():
            try:
                self._connection = open_file(self.path, FLOW_SCHEMA)
            except sqlite3.Error as error:
                raise unusable(self.path, error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def read(self, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All that a query finds; nothing where there is no database."""
        if self._connection is None:
            return []
        try:
            return self._connection.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise self._said(error) from error

    def change(self, work: Callable[[sqlite3.Connection], _T], otherwise: _T) -> _T:
        """Do something in one transaction, all of it or nothing; ``otherwise`` where there is no database."""
        if self._connection is None:
            return otherwise
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            with self._connection:
                return work(self._connection)
        except sqlite3.Error as error:
            raise self._said(error) from error

    def _said(self, error: sqlite3.Error) -> DataFolderError:
        return DataFolderError(f"{str(self.path)!r}: {error}")
