"""Which part of a rank stands left of which, so that few lines cross: sweeps by barycentre."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Mapping, Sequence
from itertools import pairwise

from router_ui.graph.model import Part
from router_ui.graph.ranks import Ranked

__all__ = ["crossings", "put_in_order"]

_SWEEPS = 12
_MANY = 2_000  # parts; above, a few sweeps have to do


def put_in_order(found: Ranked) -> None:
    """Order each rank, in place; lines that lead up go to the right, around everything."""
    up, down = _neighbours(found.links)
    best = [list(rank) for rank in found.ranks]
    fewest = crossings(best, down)
    sweeps = _SWEEPS if sum(map(len, best)) < _MANY else 4
    ranks = [list(rank) for rank in best]
    for sweep in range(sweeps):
        if not fewest:
            break
        is_down = sweep % 2 == 0
        order = range(1, len(ranks)) if is_down else range(len(ranks) - 2, -1, -1)
        for number in order:
            neighbour = ranks[number - 1 if is_down else number + 1]
            ranks[number] = _sorted(ranks[number], neighbour, up if is_down else down)
        count = crossings(ranks, down)
        if count < fewest:
            best, fewest = [list(rank) for rank in ranks], count
    for number, rank in enumerate(best):
        found.ranks[number] = [part for part in rank if not part.is_back] + [part for part in rank if part.is_back]


def crossings(ranks: Sequence[Sequence[Part]], down: Mapping[Part, Sequence[Part]]) -> int:
    """How often lines between neighbouring ranks cross."""
    count = 0
    for upper, lower in pairwise(ranks):
        place = {part: number for number, part in enumerate(lower)}
        seen: list[int] = []
        for part in upper:
            ends = sorted(place[each] for each in down.get(part, ()))
            count += sum(len(seen) - bisect_left(seen, end + 1) for end in ends)
            for end in ends:
                insort(seen, end)
    return count


def _sorted(rank: Sequence[Part], neighbour: Sequence[Part], links: Mapping[Part, Sequence[Part]]) -> list[Part]:
    place = {part: float(number) for number, part in enumerate(neighbour)}
    keys = {}
    scale = len(neighbour) / max(1, len(rank))
    for number, part in enumerate(rank):
        ends = [place[each] for each in links.get(part, ())]
        keys[part] = sum(ends) / len(ends) if ends else number * scale
    return sorted(rank, key=lambda part: keys[part])


def _neighbours(links: Sequence[tuple[Part, Part]]) -> tuple[dict[Part, list[Part]], dict[Part, list[Part]]]:
    up: dict[Part, list[Part]] = {}
    down: dict[Part, list[Part]] = {}
    for upper, lower in links:
        down.setdefault(upper, []).append(lower)
        up.setdefault(lower, []).append(upper)
    return up, down
