"""Totals by the minute: what each processor took and gave, and what connections dropped."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from router.storage.provenance.ring import Count

__all__ = ["Counts", "Total"]

Total = tuple[str, str, str, int]
"""``in``, ``out`` or ``dropped``; who; the relationship; how many records ever."""


class Counts:
    """What has been added to the totals since they were read last: nothing is counted twice, none a second time."""

    def __init__(self) -> None:
        self.totals: Callable[[], Iterable[Total]] = lambda: ()
        self._seen: dict[tuple[str, str, str], int] = {}

    def rows(self, minute: int) -> list[Count]:
        """What was added, as rows of a minute."""
        rows: list[Count] = []
        for kind, name, relationship, total in self.totals():
            key = (kind, name, relationship)
            seen = self._seen.get(key, 0)
            added = total - seen if total >= seen else total  # less: it has begun anew
            if added:
                rows.append((minute, *key, added))
                self._seen[key] = total
        return rows
