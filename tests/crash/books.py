"""What a source gave and heard, and what lies in the sinks: the accounts of a flow that was killed."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

Giving = tuple[int, int]
"""A number, and the life in which it was given."""


class Books:
    """The books that the source `numbered` keeps."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def enough(self) -> None:
        """Let it end."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "enough").touch()

    def settled(self) -> set[int]:
        """Every number whose end it has heard of."""
        found: set[int] = set()
        for first, last, outcome in self._lines("settled"):
            if outcome != "REJECTED":
                found.update(range(int(first), int(last)))
        return found

    def numbers(self) -> set[int]:
        """Every number it gave."""
        return {n for n, _ in self.given()}

    def given(self) -> set[Giving]:
        """Every number it gave, in each life."""
        lines = ((int(first), int(last), int(life)) for first, last, life in self._lines("given"))
        return {(n, life) for first, last, life in lines for n in range(first, last)}

    def _lines(self, name: str) -> list[list[str]]:
        path = self.folder / name
        lines = path.read_text().split("\n")[:-1] if path.exists() else []
        return [line.split() for line in lines]


@dataclass(slots=True)
class Found:
    """What lies in a sink, in its order."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    torn: int = 0

    @property
    def numbers(self) -> list[int]:
        return [row["n"] for row in self.rows]

    @property
    def givings(self) -> list[Giving]:
        return [(row["n"], row["life"]) for row in self.rows]


def read_lines(path: Path) -> Found:
    """Read JSON lines; what a kill has torn is counted."""
    found = Found()
    decode = msgspec.json.Decoder(dict[str, Any]).decode
    for line in path.read_bytes().split(b"\n"):
        try:
            if line:
                found.rows.append(decode(line))
        except msgspec.DecodeError:
            found.torn += 1
    return found


def read_table(path: Path, query: str) -> Found:
    """Read a table of SQLite."""
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        return Found([dict(row) for row in connection.execute(query)])


def missing(settled: Iterable[int], *sinks: Iterable[int]) -> list[int]:
    """What a source was told is safe, and is in none of these."""
    return sorted(set(settled).difference(*sinks))[:10]


def doubled(found: Iterable[Giving]) -> int:
    """How often a record is there again that was given once."""
    return sum(count - 1 for count in Counter(found).values())


def out_of_order(rows: Iterable[dict[str, Any]]) -> list[tuple[Giving, Giving]]:
    """Neighbours that changed places: among the first arrivals of what each life gave."""
    newest: dict[int, int] = {}
    seen: set[Giving] = set()
    found = []
    for row in rows:
        n, life = giving = (row["n"], row["life"])
        if giving not in seen and n < newest.get(life, -1):
            found.append(((newest[life], life), giving))
        seen.add(giving)
        newest[life] = max(n, newest.get(life, -1))
    return found[:10]


def marks(rows: Sequence[dict[str, Any]], name: str = "mark") -> dict[Giving, set[Any]]:
    """The marks of every record that has more than one."""
    found: dict[Giving, set[Any]] = {}
    for row in rows:
        found.setdefault((row["n"], row["life"]), set()).add(row[name])
    return {giving: several for giving, several in found.items() if len(several) > 1}
