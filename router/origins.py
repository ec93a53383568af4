"""Whose records are: origins, and the run-length list of them that every batch carries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, groupby
from typing import Any, TypeAlias, final

from router.ack import Ack

__all__ = [
    "Origin",
    "Owners",
    "Runs",
    "acks_of",
    "attribute_of",
    "chosen",
    "common_attributes",
    "distinct",
    "grouped",
    "grouped_indexes",
    "grouped_owners",
    "joined",
    "owned_anew",
    "owned_by",
    "owners_of",
    "run_length",
    "unowned",
    "with_attributes",
]


@final
class Origin:
    """Where records came from: what is true of all of them, and whom the engine tells their end."""

    __slots__ = ("ack", "attributes")

    def __init__(self, attributes: Mapping[str, Any], ack: Ack | None = None) -> None:
        self.attributes = attributes
        self.ack = ack


Owners: TypeAlias = tuple[Origin, ...]
"""The origins of one record: several, where records became fewer."""
Runs: TypeAlias = tuple[tuple[Owners, int], ...]
"""The origins of a batch, run-length: ``((origins, records), ...)``."""


def unowned(count: int, attributes: Mapping[str, Any]) -> Runs:
    """The runs of records that no source gave."""
    return (((Origin(attributes),) if attributes else (), count),)


def run_length(owners: Iterable[Owners]) -> Runs:
    """Runs of what lists the owners of each record."""
    return tuple((origins, sum(1 for _ in run)) for origins, run in groupby(owners)) or (((), 0),)


def owners_of(runs: Runs) -> list[Owners]:
    """The owners of each record."""
    return list(chain.from_iterable([origins] * count for origins, count in runs))


def chosen(runs: Runs, indices: Sequence[int], owners: Sequence[Owners] | None = None) -> Runs:
    """The runs of the records at ``indices``; ``owners`` spares the unrolling where it is done already."""
    if len(runs) == 1:
        return ((runs[0][0], len(indices)),)
    known = owners if owners is not None else owners_of(runs)
    return run_length([known[i] for i in indices])


def joined(each: Iterable[Runs]) -> Runs:
    """The runs of batches in order; neighbours that share their origins become one run."""
    made: list[tuple[Owners, int]] = []
    for run in chain.from_iterable(each):
        if made and made[-1][0] == run[0]:
            made[-1] = (run[0], made[-1][1] + run[1])
        elif run[1]:
            made.append(run)
    return tuple(made) or (((), 0),)


def distinct(runs: Runs) -> Owners:
    """Every origin, once each, in the order of the records."""
    if len(runs) == 1:
        return runs[0][0]
    return tuple(dict.fromkeys(chain.from_iterable(origins for origins, _ in runs)))


def acks_of(runs: Runs) -> tuple[Ack, ...]:
    """Every ack the records wait for, once each."""
    if len(runs) == 1 and len(runs[0][0]) == 1:
        ack = runs[0][0][0].ack
        return () if ack is None else (ack,)
    found = (origin.ack for origins, _ in runs for origin in origins)
    return tuple(dict.fromkeys(ack for ack in found if ack is not None))


def owned_by(runs: Runs, acks: Iterable[Ack]) -> Runs:
    """Give records without an ack the acks they are to keep waiting; the attributes stay."""
    if len(runs) == 1 and len(runs[0][0]) == 1:
        (origin,), count = runs[0]
        if origin.ack is not None:
            return runs
        return ((tuple([Origin(origin.attributes, ack) for ack in dict.fromkeys(acks)]), count),)
    if all(origins and all(origin.ack is not None for origin in origins) for origins, _ in runs):
        return runs
    waiting = tuple(dict.fromkeys(acks))
    return tuple((_owned(origins, waiting), count) for origins, count in runs)


def _owned(origins: Owners, acks: tuple[Ack, ...]) -> Owners:
    if any(origin.ack is not None for origin in origins):
        return origins
    attributes = origins[0].attributes if origins else {}
    return tuple(Origin(attributes, ack) for ack in acks)


def owned_anew(runs: Runs, ack: Ack) -> Runs:
    """Give all records to one new ack; what is true of every origin of a record stays."""
    return tuple(((Origin(common_attributes(((origins, count),)), ack),), count) for origins, count in runs)


def common_attributes(runs: Runs) -> Mapping[str, Any]:
    """What is true of every origin."""
    origins = distinct(runs)
    if not origins:
        return {}
    first, *rest = (origin.attributes for origin in origins)
    if not rest:
        return first
    return {name: value for name, value in first.items() if all(name in each and each[name] == value for each in rest)}


def attribute_of(runs: Runs, name: str) -> list[Any]:
    """One attribute of each record's origin; None where its origins do not agree on it."""
    values: list[Any] = []
    for origins, count in runs:
        found = [origin.attributes.get(name) for origin in origins]
        values += [found[0] if found and all(value == found[0] for value in found) else None] * count
    return values


def with_attributes(runs: Runs, attributes: Mapping[str, Any]) -> Runs:
    """Add attributes to every origin, or replace them."""
    renewed = {origin: Origin({**origin.attributes, **attributes}, origin.ack) for origin in distinct(runs)}
    fresh = (Origin(attributes),)
    return tuple((tuple(renewed[each] for each in origins) or fresh, count) for origins, count in runs)


def grouped_owners(runs: Runs, groups: Sequence[Sequence[int]]) -> tuple[list[Owners], list[Owners]]:
    """The owners of each record, and of each group all that its records have."""
    owners = owners_of(runs)
    if len(runs) == 1:
        return owners, [runs[0][0] if group else () for group in groups]
    return owners, [tuple(dict.fromkeys(chain.from_iterable(owners[i] for i in group))) for group in groups]


def grouped(values: Sequence[Any], groups: Sequence[Sequence[int]]) -> list[Any]:
    """One value a group: the one all its records share, or None."""
    return [
        values[group[0]] if group and all(values[i] == values[group[0]] for i in group) else None for group in groups
    ]


def grouped_indexes(
    merged: Sequence[Owners], owners: Sequence[Owners], index: Sequence[Any], groups: Sequence[Sequence[int]]
) -> list[Any]:
    """For each origin of each grouped record, the indexes of the records of it that went in."""
    made: list[Any] = []
    for origins, group in zip(merged, groups, strict=True):
        found: dict[Origin, list[int]] = {origin: [] for origin in origins}
        for i in group:
            for position, origin in enumerate(owners[i]):
                found[origin] += _indexes(index[i], position)
        made.append(tuple(tuple(dict.fromkeys(found[origin])) for origin in origins))
    return made


def _indexes(index: Any, position: int) -> Sequence[int]:
    if isinstance(index, tuple):
        return index[position] if position < len(index) else ()
    return (0,) if index is None else (index,)  # a record that says no index is the only one of its request
