"""Letters that somebody asked to have tried again, found cheaply again and again while the flow runs."""

from __future__ import annotations

import sqlite3
from pathlib import Path

__all__ = ["Marks"]


class Marks:
    """Looks for marked letters over a connection of its own, which never waits for who writes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._seen: int | None = None
        self.has_news = False
        """True if something was written between the last two looks."""

    def read(self) -> list[tuple[int, str]]:
        """The marked letters, oldest first, and where each is to be put; none if nothing was written since the last look."""
        self.has_news = False
        try:
            return self._read()
        except sqlite3.Error:  # busy, or in trouble, of which the writer tells
            self.close()
            return []

    def close(self) -> None:
        """Let go of the file."""
        if self._connection is not None:
            self._connection.close()
        self._connection = self._seen = None

    def _read(self) -> list[tuple[int, str]]:
        if self._connection is None:
            if not self._path.exists():
                return []
            self._connection = sqlite3.connect(f"{self._path.absolute().as_uri()}?mode=ro", uri=True, timeout=0)
        (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        if version == self._seen:
            return []
        query = "SELECT id, retry_to FROM dead_letters WHERE retry_to IS NOT NULL ORDER BY id"
        found = self._connection.execute(query).fetchall()
        self._seen, self.has_news = version, True
        return found
