"""The rows of lines between two ranks: no line lies on another, they cross or are joined."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import count

from router_ui.graph.ranks import Net

__all__ = ["Bend", "tracks"]


@dataclass(slots=True, eq=False)
class Bend:
    """The row in a gap where a net runs sideways; one that could not do with one row runs in two, joined at a column."""

    left: int
    right: int
    row: int = 0
    lower: Bend | None = None
    at: int = 0


def tracks(nets: Mapping[object, Net]) -> tuple[dict[object, Bend], int]:
    """The bend of each net that is not just straight down, and how many rows they take."""
    tops = {key: {part.x for part in net.tops} for key, net in nets.items()}
    bottoms = {key: {part.x for part in net.bottoms} for key, net in nets.items()}
    bends = {
        key: Bend(min(tops[key] | bottoms[key]), max(tops[key] | bottoms[key]))
        for key in nets
        if len(tops[key] | bottoms[key]) > 1
    }
    before = _before(bends, tops, bottoms)
    order, split = _sorted(bends, before)
    used = set().union(*tops.values(), *bottoms.values()) if nets else set()
    for key in split:
        _split(bends[key], tops[key], bottoms[key], used)
    rows = _assign([bends[key] for key in split], {}, 0)
    after = {bends[key]: [bends[each] for each in before[key]] for key in order}
    rows = _assign([bends[key] for key in order], after, rows)
    rows = _assign([lower for key in split if (lower := bends[key].lower) is not None], {}, rows)
    return bends, rows


def _before(
    bends: Mapping[object, Bend], tops: Mapping[object, set[int]], bottoms: Mapping[object, set[int]]
) -> dict[object, set[object]]:
    """Which nets have to bend above each: those that come down at a column at which it goes down."""
    comes = {x: key for key in bends for x in tops[key]}
    return {key: {comes[x] for x in bottoms[key] if comes.get(x, key) != key} for key in bends}


def _sorted(bends: Mapping[object, Bend], before: Mapping[object, set[object]]) -> tuple[list[object], list[object]]:
    """Nets in an order in which each is behind those it has to be below; and those that are taken out for it."""
    order: list[object] = []
    split: list[object] = []
    left = {key: set(before[key]) for key in bends}
    while left:
        ready = sorted((key for key, wanted in left.items() if not wanted), key=lambda key: bends[key].left)
        taken = ready or [max(left, key=lambda key: (len(left[key]), bends[key].left))]
        (order if ready else split).extend(taken)
        for key in taken:
            del left[key]
        for wanted in left.values():
            wanted.difference_update(taken)
    return order, split


def _split(bend: Bend, tops: set[int], bottoms: set[int], used: set[int]) -> None:
    """Have a net bend twice, the second time below all others; between, it goes down where nobody else does."""
    middle = (bend.left + bend.right) // 2
    columns = (middle + distance * way for distance in count() for way in (1, -1))
    bend.at = next(x for x in columns if x >= 0 and x not in used)
    used.add(bend.at)
    bend.lower = Bend(min(bottoms | {bend.at}), max(bottoms | {bend.at}))
    bend.left, bend.right = min(tops | {bend.at}), max(tops | {bend.at})


def _assign(bends: Iterable[Bend], above: Mapping[Bend, list[Bend]], first: int) -> int:
    """Give each the first row, from ``first`` on, that is free and below those that have to be above it."""
    taken: dict[int, list[Bend]] = {}
    rows = first
    for bend in bends:
        row = max([first, *(each.row + 1 for each in above.get(bend, ()))])
        while any(bend.left <= each.right and each.left <= bend.right for each in taken.get(row, ())):
            row += 1
        bend.row = row
        taken.setdefault(row, []).append(bend)
        rows = max(rows, row + 1)
    return rows
