"""Windows that last as long as records keep coming."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Hashable, Sequence
from typing import Any

from router_processors.window.cells import Bin, Closed, Share, View, Windows, by_key
from router_processors.window.compute import Aggregate


class Sessions(Windows):
    """Each key has sessions of its own; a record within the gap of two of them makes them one."""

    def __init__(self, aggregates: Sequence[Aggregate], gap: int) -> None:
        super().__init__(aggregates)
        self._gap = gap
        self._open: dict[Hashable, list[Bin]] = {}
        self._serial = itertools.count()
        self._deadlines: list[tuple[int, int, Bin]] = []
        self._order = itertools.count()

    def place(self, view: View) -> tuple[list[Share], list[int]]:
        """Put records into their sessions, in the order they came."""
        late: list[int] = []
        shares: list[Share] = []
        for key, indices in by_key(view.keys).items():
            placed: dict[Bin, list[int]] = {}
            for index in indices:
                bin_ = self._session(key, view.labels[index], view.times[index], view.marks[index], placed)
                if bin_ is None:
                    late.append(index)
                else:
                    placed.setdefault(bin_, []).append(index)
            shares += [Share(bin_, bin_.cells[key], sorted(found)) for bin_, found in placed.items()]
        return shares, sorted(late)

    def _session(self, key: Hashable, label: Any, time: int, mark: int, placed: dict[Bin, list[int]]) -> Bin | None:
        """Find or make the session a record belongs to; None: it came too late for any."""
        gap = self._gap
        mine = [
            bin_
            for bin_ in self._open.get(key, ())
            if bin_.start - gap < time < bin_.last + gap and bin_.last + gap > mark
        ]
        if not mine:
            if time + gap <= mark:
                return None
            bin_ = self.reopen(time, time, 0, key)
            self.cell(bin_, key, label)
            return bin_
        first, *others = mine
        for other in others:
            self._join(key, first, other)
            placed.setdefault(first, []).extend(placed.pop(other, ()))
        first.start, first.last = min(first.start, time), max(first.last, time)
        return first

    def _join(self, key: Hashable, one: Bin, other: Bin) -> None:
        """Make one session of two."""
        cells = sorted((one, other), key=lambda bin_: bin_.start)
        one.cells[key].states = self.merged([bin_.cells[key] for bin_ in cells])
        one.start, one.last = min(one.start, other.start), max(one.last, other.last)
        one.waits += other.waits
        other.waits = []
        self._forget(other)

    def due(self, mark: int) -> list[Closed]:
        """Close the sessions that had no record for so long, the earliest end first."""
        over: list[Bin] = []
        while (soonest := self.next_due()) is not None and soonest <= mark:
            over.append(heapq.heappop(self._deadlines)[2])
        return self.close(over)

    def close(self, bins: Sequence[Bin]) -> list[Closed]:
        """Close these sessions."""
        for bin_ in bins:
            self._forget(bin_)
        return [Closed(bin_.start, bin_.last, [(bin_, cell)]) for bin_ in bins for cell in bin_.cells.values()]

    def end(self) -> int | None:
        """When all are over, if nothing comes any more."""
        return max((bin_.last for bin_ in self.bins.values()), default=0) + self._gap

    def next_due(self) -> int | None:
        """When the first session is over, if nothing comes for it."""
        while self._deadlines:
            deadline, _, bin_ = self._deadlines[0]
            if self.bins.get(bin_.number) is not bin_:
                heapq.heappop(self._deadlines)
            elif bin_.last + self._gap > deadline:  # records have come for it meanwhile
                heapq.heapreplace(self._deadlines, (bin_.last + self._gap, next(self._order), bin_))
            else:
                return deadline
        return None

    def reopen(self, start: int, last: int, count: int, key: Hashable) -> Bin:
        """Begin a session."""
        number = next(self._serial)
        bin_ = self.bins[number] = Bin(number, start, last)
        self._open.setdefault(key, []).append(bin_)
        heapq.heappush(self._deadlines, (last + self._gap, next(self._order), bin_))
        return bin_

    def _forget(self, bin_: Bin) -> None:
        for key in bin_.cells:
            mine = self._open[key]
            mine.remove(bin_)
            if not mine:
                del self._open[key]
        self.drop(bin_)
