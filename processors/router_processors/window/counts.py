"""Windows of so many records."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Sequence

from router_processors.window.cells import Bin, Closed, Share, View, Windows, by_key
from router_processors.window.compute import Aggregate

_ALL = object()


class Counts(Windows):
    """Counts each key for itself, or all together; then a bin has a cell for each key that came."""

    def __init__(self, aggregates: Sequence[Aggregate], count: int, within: int | None, *, per_key: bool) -> None:
        super().__init__(aggregates)
        self._count = count
        self._within = within
        self._per_key = per_key
        self._open: dict[Hashable, Bin] = {}
        self._full: list[tuple[int, Bin]] = []
        self._serial = itertools.count()

    def place(self, view: View) -> tuple[list[Share], list[int]]:
        """Fill one bin behind the other."""
        shares: list[Share] = []
        if self._per_key:
            for key, indices in by_key(view.keys).items():
                shares += self._fill(view, key, indices)
        else:
            shares += self._fill(view, _ALL, range(len(view)))
        return shares, []

    def _fill(self, view: View, lane: Hashable, indices: Sequence[int]) -> list[Share]:
        shares: list[Share] = []
        at = 0
        while at < len(indices):
            bin_ = self._open.get(lane) or self._begin(lane, view.times[indices[at]])
            taken = indices[at : at + self._count - bin_.count]
            at += len(taken)
            bin_.count += len(taken)
            bin_.last = view.times[taken[-1]]
            groups = {view.keys[taken[0]]: taken} if lane is not _ALL else by_key(view.keys, taken)
            for key, found in groups.items():
                shares.append(Share(bin_, self.cell(bin_, key, view.labels[found[0]]), found))
            if bin_.count >= self._count:
                del self._open[lane]
                self._full.append((taken[-1], bin_))
        return shares

    def _begin(self, lane: Hashable, time: int) -> Bin:
        number = (next(self._serial), lane)
        bin_ = self.bins[number] = self._open[lane] = Bin(number, time, time)
        return bin_

    def due(self, mark: int) -> list[Closed]:
        """Close what is full, in the order it became so, and what has waited long enough."""
        full = [bin_ for _, bin_ in sorted(self._full, key=lambda each: each[0])]
        self._full = []
        closed = self.close(full)
        return closed + self.close(self._waited(mark)) if self._within is not None else closed

    def _waited(self, mark: int) -> list[Bin]:
        """The bins whose first record came so long ago: the oldest stand first."""
        within = self._within or 0
        return list(itertools.takewhile(lambda bin_: bin_.start + within <= mark, self.bins.values()))

    def close(self, bins: Sequence[Bin]) -> list[Closed]:
        """Close these bins."""
        for bin_ in bins:
            lane = bin_.number[1] if isinstance(bin_.number, tuple) else _ALL
            if self._open.get(lane) is bin_:
                del self._open[lane]
            self.drop(bin_)
        return [Closed(bin_.start, bin_.last, [(bin_, cell)]) for bin_ in bins for cell in bin_.cells.values()]

    def next_due(self) -> int | None:
        """When the first bin has waited long enough."""
        if self._within is None or not self.bins:
            return None
        return next(iter(self.bins.values())).start + self._within

    def end(self) -> int | None:
        """Time alone does not fill them."""
        return None

    def reopen(self, start: int, last: int, count: int, key: Hashable) -> Bin:
        """Find or make the bin that counts this key; of one with many cells the newest knows the count."""
        lane = key if self._per_key else _ALL
        bin_ = self._open.get(lane) or self._begin(lane, start)
        bin_.start, bin_.last, bin_.count = min(bin_.start, start), max(bin_.last, last), max(bin_.count, count)
        return bin_
