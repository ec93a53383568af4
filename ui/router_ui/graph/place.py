"""The columns of all parts: near what they are joined to, in straight lines where that goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import floor
from statistics import median_low

from router_ui.graph.model import Part
from router_ui.graph.ranks import Ranked

__all__ = ["place"]

_SWEEPS = 8


def place(found: Ranked, beside: int) -> int:
    """Give each part its column, in place; how many columns all take."""
    ranks = [[part for part in rank if not part.is_back] for rank in found.ranks]
    both: dict[Part, list[Part]] = {}
    up: dict[Part, list[Part]] = {}
    down: dict[Part, list[Part]] = {}
    for upper, lower in found.links:
        both.setdefault(upper, []).append(lower)
        both.setdefault(lower, []).append(upper)
        down.setdefault(upper, []).append(lower)
        up.setdefault(lower, []).append(upper)
    for rank in ranks:
        _pack(rank, [float(part.x) for part in rank], beside)
    for sweep in range(_SWEEPS):
        is_down = sweep % 2 == 0
        for rank in ranks if is_down else reversed(ranks):
            links = both if sweep >= _SWEEPS - 2 else up if is_down else down
            _pack(rank, [_wish(part, links) for part in rank], beside)
    for links, order in ((up, ranks), (down, ranks[::-1]), (up, ranks), (down, ranks[::-1])):
        for rank in order:
            _straighten(rank, links, beside)
    first = min((part.left for rank in ranks for part in rank), default=0)
    for rank in ranks:
        for part in rank:
            part.x -= first
    _place_rising(found, beside)
    return max((part.left + part.width for rank in found.ranks for part in rank), default=0)


def _apart(left: Part, right: Part, beside: int) -> int:
    """How far their centres are from each other at least."""
    return left.width - left.width // 2 + beside + right.width // 2


def _wish(part: Part, links: Mapping[Part, Sequence[Part]]) -> float:
    ends = links.get(part)
    return sum(each.x for each in ends) / len(ends) if ends else float(part.x)


def _pack(rank: Sequence[Part], wishes: Sequence[float], beside: int) -> None:
    """Put the parts of a rank as near to their wishes as their order allows: pool adjacent violators."""
    offset = 0
    offsets: list[int] = []
    blocks: list[tuple[float, int]] = []  # the mean of each and how many parts it holds
    for number, wish in enumerate(wishes):
        offset += _apart(rank[number - 1], rank[number], beside) if number else 0
        offsets.append(offset)
        mean, count = wish - offset, 1
        while blocks and blocks[-1][0] >= mean:
            before, many = blocks.pop()
            mean, count = (before * many + mean * count) / (many + count), many + count
        blocks.append((mean, count))
    means = [mean for mean, count in blocks for _ in range(count)]
    for part, mean, shift in zip(rank, means, offsets, strict=True):
        part.x = floor(mean + 0.5) + shift


def _straighten(rank: Sequence[Part], links: Mapping[Part, Sequence[Part]], beside: int) -> None:
    """Move each part right under, or over, the middle one of those it is joined to, as far as there is room."""
    places = list(range(len(rank)))
    for number in (*places, *reversed(places)):  # what has moved one way may have made room for its neighbour
        part = rank[number]
        ends = links.get(part)
        if not ends:
            continue
        target = median_low(each.x for each in ends)
        if number:
            target = max(target, rank[number - 1].x + _apart(rank[number - 1], part, beside))
        if number + 1 < len(rank):
            target = min(target, rank[number + 1].x - _apart(part, rank[number + 1], beside))
        part.x = target


def _place_rising(found: Ranked, beside: int) -> None:
    """Lines that lead up are straight, to the right of everything beside them."""
    ends = [max((part.left + part.width for part in rank if not part.is_back), default=0) for rank in found.ranks]
    for chain in found.chains:
        widest = max(part.width for part in chain)
        left = max(ends[part.rank] for part in chain) + beside
        for part in chain:
            part.x = left + widest // 2
            ends[part.rank] = left + widest
