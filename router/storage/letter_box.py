"""The dead letters in a data folder, for whoever looks after them: beside the flow that runs, or without it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from router.batch import Batch
from router.expression import Expression
from router.storage.box import Box
from router.storage.letter import COLUMNS, DeadLetter, read_letter

__all__ = ["LetterBox", "Wanted", "letters_in", "only_heads", "readable", "whole_and_heads"]

_PAGE = 100  # letters read at once: nobody is kept from writing for long


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which letters are meant; what is not said is no condition."""

    ids: Sequence[int] = ()
    processor: str | None = None
    connection: str | None = None
    since: float | None = None
    """Set aside last at this time or later, in seconds since 1970."""
    where: Expression | None = None
    """Must be true of the record; ``meta.error``, ``meta.processor``, ``meta.connection`` and ``meta.attempts`` are known."""

    def conditions(self) -> tuple[str, list[Any]]:
        """What the table itself can tell."""
        said: list[tuple[str, Any]] = [
            ("processor = ?", self.processor),
            ("connection = ?", self.connection),
            ("last_time >= ?", self.since),
        ]
        known = [(text, value) for text, value in said if value is not None]
        if self.ids:
            known += [(f"id IN ({', '.join('?' * len(self.ids))})", None)]
        values = [value for text, value in known if value is not None]
        return "".join(f" AND {text}" for text, _ in known), [*values, *self.ids]

    def fits(self, letter: DeadLetter) -> bool:
        """Whether the record is meant, too."""
        if self.where is None:
            return True
        return letter.batch is not None and self.where.over(_beside(letter)) == [True]


class LetterBox(Box):
    """Reads, marks and deletes dead letters."""

    def find(self, wanted: Wanted = Wanted(), limit: int | None = None, *, after: int = 0) -> Iterator[DeadLetter]:
        """Letters behind an id, oldest first; those that come while it is asked are found, too."""
        conditions, values = wanted.conditions()
        query = f"SELECT {COLUMNS} FROM dead_letters WHERE id > ?{conditions} ORDER BY id LIMIT {_PAGE}"  # noqa: S608 - constants
        last, found = after, 0
        while rows := self.read(query, [last, *values]):
            for row in rows:
                letter = read_letter(row)
                if wanted.fits(letter):
                    if limit is not None and found >= limit:
                        return
                    found += 1
                    yield letter
            last = rows[-1][0]

    def count(self) -> int:
        """How many there are."""
        found = self.read("SELECT count(*) FROM dead_letters")
        return int(found[0][0]) if found else 0

    def places(self) -> tuple[list[str], list[str]]:
        """The processors that letters failed in, and the connections they were taken from, by name."""
        processors = self.read("SELECT DISTINCT processor FROM dead_letters ORDER BY 1")
        query = "SELECT DISTINCT connection FROM dead_letters WHERE connection IS NOT NULL ORDER BY 1"
        return [name for (name,) in processors], [id_ for (id_,) in self.read(query)]

    def mark(self, ids: Iterable[int], to: str | None = None) -> int:
        """Have letters tried again: put where they were taken from, or ``to``; how many there were."""
        query = "UPDATE dead_letters SET retry_to = coalesce(?, connection, processor) WHERE id = ?"
        rows = [(to, id_) for id_ in ids]
        return self.change(lambda database: database.executemany(query, rows).rowcount, 0)

    def delete(self, ids: Iterable[int]) -> int:
        """Delete letters for good; how many there were."""
        rows = [(id_,) for id_ in ids]
        return self.change(
            lambda database: database.executemany("DELETE FROM dead_letters WHERE id = ?", rows).rowcount, 0
        )


def letters_in(folder: Path) -> Iterator[DeadLetter]:
    """All the letters in a data folder, oldest first."""
    with closing(LetterBox(folder)) as box:
        yield from box.find()


def whole_and_heads(letters: Iterable[DeadLetter], *, with_heads: bool = False) -> tuple[list[int], list[DeadLetter]]:
    """The ids of those to be tried again, and those that are not: of their records only the first bytes were kept.

    Args:
        with_heads: Try those again, too: what is put is no record that anybody gave.
    """
    ids, heads = [], []
    for letter in letters:
        if letter.head_of is None or with_heads:
            ids.append(letter.id)
        else:
            heads.append(letter)
    return ids, heads


def only_heads(heads: Sequence[DeadLetter]) -> str:
    """Why they are not tried again."""
    if len(heads) > 1:
        return f"of {len(heads):,} dead letters only the first bytes were kept; they are not tried again"
    return f"dead letter {heads[0].id} is only {heads[0].said_of_head}; it is not tried again"


def _beside(letter: DeadLetter) -> Batch:
    """The record with what a letter says of it; one that cannot be decoded has no fields."""
    assert letter.batch is not None
    return readable(letter.batch).with_columns(
        error=[dict(letter.error)],
        processor=[letter.processor],
        connection=[letter.connection],
        attempts=[letter.attempts],
    )


def readable(one: Batch) -> Batch:
    """A record whose fields can be asked for: one that cannot be decoded has none."""
    good, failures = one.decoded()
    return one.with_rows([{}]) if failures else good
