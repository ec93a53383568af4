"""Which record is which: the column that provenance follows, where records become fewer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from router.origins import Owners, grouped, grouped_indexes

__all__ = ["LINEAGE", "derived_columns", "grouped_columns"]

LINEAGE = "lineage"
"""The column of lineage ids: an int, None of a record that nobody follows, and until the call
is over a tuple of the records that one came of."""


def grouped_columns(
    columns: Mapping[str, list[Any]],
    merged: Sequence[Owners],
    owners: Sequence[Owners],
    groups: Sequence[Sequence[int]],
) -> dict[str, list[Any]]:
    """The columns of grouped records: what all of a group share, and of what each is made."""
    made = {name: grouped(values, groups) for name, values in columns.items() if name not in ("index", LINEAGE)}
    if (indexes := columns.get("index")) is not None:
        made["index"] = grouped_indexes(merged, owners, indexes, groups)
    if (ids := columns.get(LINEAGE)) is not None:
        made[LINEAGE] = [_made_of([ids[i] for i in group]) for group in groups]
    return made


def derived_columns(columns: Mapping[str, list[Any]], count: int) -> dict[str, list[Any]] | None:
    """The columns of records that all come of the same: none but of what they are made."""
    ids = columns.get(LINEAGE)
    return None if ids is None else {LINEAGE: [_made_of(ids)] * count}


def _made_of(ids: Sequence[Any]) -> Any:
    """One id where one record stands alone, else all of them."""
    if len(ids) == 1:
        return ids[0]
    found: dict[int, None] = {}
    for each in ids:
        if type(each) is tuple:
            found |= dict.fromkeys(each)
        elif each is not None:
            found[each] = None
    return tuple(found) or None
