"""Records as rows of a table: those of one key become one, those with the same columns are written together."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Literal, TypeAlias

from router import Failures, Record, RecordError
from router_processors.write_sql.table import Table

Mode: TypeAlias = Literal["insert", "upsert", "ignore"]


@dataclass(frozen=True, slots=True)
class Group:
    """Rows that fill the same columns: ``values`` holds the values of each column."""

    columns: tuple[str, ...]
    values: list[tuple[Any, ...]]


def unfit(rows: Sequence[Record], table: Table, match: Sequence[str]) -> Failures:
    """Find the records that are no rows of a table: a field without column, a key that is null, nothing at all."""
    said = {names: _problem(names, table, match) for names in set(map(tuple, rows))}
    if not any(said.values()) and not any(None in map(itemgetter(each), rows) for each in match):
        return []
    failures: Failures = []
    for index, row in enumerate(rows):
        problem = said[tuple(row)] or next((f"'match': {each!r} is null" for each in match if row[each] is None), None)
        if problem is not None:
            failures.append((index, RecordError(problem)))
    return failures


def _problem(names: tuple[str, ...], table: Table, match: Sequence[str]) -> str | None:
    if not names:
        return "the record has no field"
    lacking = next((f"'match': {each!r} is missing" for each in match if each not in names), None)
    return next((problem for each in names if (problem := table.problem(each))), lacking)


def grouped(rows: Sequence[Record], mode: Mode, match: Sequence[str]) -> list[Group]:
    """Put rows into groups, the outcome being that of writing them one after the other.

    A field that is absent is not written: a new row has the column's default, an old one keeps its value. So rows
    of one key may lie in different groups; they are made one beforehand, which also spares the database the work.
    """
    if mode != "insert":
        rows = _merged(rows, match, is_first_kept=mode == "ignore")
    groups: dict[frozenset[str], list[Record]] = {}
    sets = {names: frozenset(names) for names in set(map(tuple, rows))}
    for row in rows:
        groups.setdefault(sets[tuple(row)], []).append(row)
    return [_group(tuple(each[0]), each) for each in groups.values()]


def _group(columns: tuple[str, ...], rows: list[Record]) -> Group:
    return Group(columns, [tuple(map(itemgetter(name), rows)) for name in columns])


def _merged(rows: Sequence[Record], match: Sequence[str], *, is_first_kept: bool) -> Sequence[Record]:
    keys: list[Hashable] = list(map(itemgetter(*match), rows))
    try:
        if len(set(keys)) == len(rows):
            return rows
    except TypeError:  # a list or an object, written as JSON
        keys = list(map(repr, keys))
    by_key: dict[Hashable, Record] = {}
    for key, row in zip(keys, rows, strict=True):
        before = by_key.get(key)
        if before is None:
            by_key[key] = row
        elif not is_first_kept:
            by_key[key] = {**before, **row}
    return list(by_key.values())
