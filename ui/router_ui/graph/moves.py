"""From one part of the graph to the next: along the lines, or sideways."""

from __future__ import annotations

from collections.abc import Sequence

from router_ui.graph.model import Edge, Layout, Rect

__all__ = ["Moves"]


class Moves:
    """Knows what is next to what.

    Down goes along with the records: from a processor to a connection it gives to, from there to what takes
    from it. Up goes against them. Left and right stay in the rank.
    """

    def __init__(self, layout: Layout, edges: Sequence[Edge]) -> None:
        self._layout = layout
        self._edges = {edge.id: edge for edge in edges}
        self._ranks = {name: rank for rank in layout.ranks for name in rank}

    def down(self, name: str) -> str | None:
        """What the records of it come to next."""
        if name in self._edges:
            return self._edges[name].consumer
        return self._nearest(name, [each.id for each in self._edges.values() if each.producer == name])

    def up(self, name: str) -> str | None:
        """What its records come from."""
        if name in self._edges:
            return self._edges[name].producer
        return self._nearest(name, [each.id for each in self._edges.values() if each.consumer == name])

    def aside(self, name: str, step: int) -> str | None:
        """The neighbour in the same rank, to the right or with -1 to the left."""
        rank = sorted(self._ranks[name], key=lambda each: self._rect(each).x)
        place = rank.index(name) + step
        return rank[place] if 0 <= place < len(rank) else None

    def _nearest(self, name: str, others: Sequence[str]) -> str | None:
        here = self._rect(name).centre
        return min(others, key=lambda each: abs(self._rect(each).centre - here), default=None)

    def _rect(self, name: str) -> Rect:
        return self._layout.labels[name] if name in self._layout.labels else self._layout.boxes[name]
