"""Ranks: which row of the graph each part is in, so that records flow downwards but round cycles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from router_ui.graph.model import Edge, Part

__all__ = ["Net", "Ranked", "ranked"]


@dataclass(slots=True)
class Net:
    """Parts that one line joins in the gap above a rank: those over the gap, and those under it."""

    tops: list[Part] = field(default_factory=list)
    bottoms: list[Part] = field(default_factory=list)
    ways: list[tuple[Part, Part, str]] = field(default_factory=list)
    """From part to part, in the direction of the records, with the connection."""


@dataclass(slots=True)
class Ranked:
    """Parts by rank, boxes in even ones and labels in odd ones; links of neighbours; nets by gap."""

    ranks: list[list[Part]]
    links: list[tuple[Part, Part]] = field(default_factory=list)
    nets: list[dict[object, Net]] = field(default_factory=list)
    chains: list[list[Part]] = field(default_factory=list)
    """The parts of each line that leads up, from its top."""


def ranked(boxes: Mapping[str, int], edges: Sequence[Edge]) -> Ranked:
    """Give each processor a rank by the longest way to it, and each connection parts in the ranks between."""
    back = _back(boxes, edges)
    layer = _layers(boxes, [each for each in edges if each.id not in back])
    depth = 2 * max(layer.values(), default=0) + 1
    found = Ranked([[] for _ in range(depth)], nets=[{} for _ in range(depth + 1)])
    of = {name: Part(2 * layer[name], width, box=name) for name, width in boxes.items()}
    for name in _visited(boxes, edges):
        found.ranks[of[name].rank].append(of[name])
    for edge in edges:
        add = _add_back if edge.id in back else _add_forward
        add(found, of[edge.producer], of[edge.consumer], edge)
    return found


def _add_forward(found: Ranked, producer: Part, consumer: Part, edge: Edge) -> None:
    chain = [
        Part(rank, edge.width if rank == producer.rank + 1 else 1, edge=edge, is_label=rank == producer.rank + 1)
        for rank in range(producer.rank + 1, consumer.rank)
    ]
    for part in chain:
        found.ranks[part.rank].append(part)
    whole = [producer, *chain, consumer]
    for upper, lower in pairwise(whole):
        found.links.append((upper, lower))
        net = _net(found, upper, lower, lower.rank, edge)
        _join(net.tops, upper)
        _join(net.bottoms, lower)
        net.ways.append((upper, lower, edge.id))


def _add_back(found: Ranked, producer: Part, consumer: Part, edge: Edge) -> None:
    """A line that leads up passes beside both of its boxes: out below the one, into the other from above."""
    label = max(consumer.rank, producer.rank - 1)
    chain = [
        Part(rank, edge.width if rank == label else 1, edge=edge, is_label=rank == label, is_back=True)
        for rank in range(consumer.rank, producer.rank + 1)
    ]
    for part in chain:
        found.ranks[part.rank].append(part)
    found.chains.append(chain)
    below = found.nets[producer.rank + 1].setdefault(("out", producer.box), Net())
    _join(below.tops, producer)
    _join(below.tops, chain[-1])
    below.ways.append((producer, chain[-1], edge.id))
    for upper, lower in pairwise(chain):
        found.nets[lower.rank][edge.id] = Net([upper], [lower], [(lower, upper, edge.id)])
    above = found.nets[consumer.rank].setdefault(("in", consumer.box), Net())
    _join(above.bottoms, consumer)
    _join(above.bottoms, chain[0])
    above.ways.append((chain[0], consumer, edge.id))


def _net(found: Ranked, upper: Part, lower: Part, gap: int, edge: Edge) -> Net:
    """Lines out of one box are one net, and so are those into one."""
    key: object = edge.id
    if upper.box is not None:
        key = ("out", upper.box)
    elif lower.box is not None:
        key = ("in", lower.box)
    return found.nets[gap].setdefault(key, Net())


def _join(parts: list[Part], part: Part) -> None:
    if part not in parts:
        parts.append(part)


def _back(boxes: Mapping[str, int], edges: Sequence[Edge]) -> set[str]:
    """The connections that close a cycle, seen from the sources."""
    ways: dict[str, list[Edge]] = {name: [] for name in boxes}
    for edge in edges:
        ways[edge.producer].append(edge)
    back: set[str] = set()
    done: set[str] = set()
    for start in _starts(boxes, edges):
        under_way: dict[str, int] = {start: 0}  # in the order of the walk, each with how many of its ways are done
        if start in done:
            continue
        while under_way:
            name = next(reversed(under_way))
            number = under_way[name]
            if number == len(ways[name]):
                done.add(name)
                del under_way[name]
                continue
            under_way[name] += 1
            edge = ways[name][number]
            if edge.consumer in under_way:
                back.add(edge.id)
            elif edge.consumer not in done:
                under_way[edge.consumer] = 0
    return back


def _starts(boxes: Mapping[str, int], edges: Sequence[Edge]) -> list[str]:
    fed = {edge.consumer for edge in edges}
    return [name for name in boxes if name not in fed] + [name for name in boxes if name in fed]


def _visited(boxes: Mapping[str, int], edges: Sequence[Edge]) -> list[str]:
    """Names in the order of a walk along the connections: what belongs together begins together."""
    ways: dict[str, list[str]] = {name: [] for name in boxes}
    for edge in edges:
        ways[edge.producer].append(edge.consumer)
    seen: dict[str, None] = {}
    for start in _starts(boxes, edges):
        waiting = [start]
        while waiting:
            name = waiting.pop()
            if name not in seen:
                seen[name] = None
                waiting.extend(reversed(ways[name]))
    return list(seen)


def _layers(boxes: Mapping[str, int], edges: Sequence[Edge]) -> dict[str, int]:
    """The longest way to each from above; a source is moved down to just above what it feeds."""
    above: dict[str, int] = dict.fromkeys(boxes, 0)
    after: dict[str, list[str]] = {name: [] for name in boxes}
    for edge in edges:
        above[edge.consumer] += 1
        after[edge.producer].append(edge.consumer)
    sources = [name for name, count in above.items() if not count]
    layer = dict.fromkeys(boxes, 0)
    ready = list(sources)
    while ready:
        name = ready.pop()
        for below in after[name]:
            layer[below] = max(layer[below], layer[name] + 1)
            above[below] -= 1
            if not above[below]:
                ready.append(below)
    for name in sources:
        if after[name]:
            layer[name] = min(layer[below] for below in after[name]) - 1
    return layer
