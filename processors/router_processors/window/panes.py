"""Windows of a length of time, one behind the other or overlapping."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from typing import Any

from router_processors.window.cells import Bin, Closed, Share, View, Windows, by_key
from router_processors.window.compute import Aggregate


class Panes(Windows):
    """A record goes into one pane, as long as the step from window to window; a window is made of panes.

    Where windows do not overlap each is one pane. A bin's number is its place in time.
    """

    def __init__(self, aggregates: Sequence[Aggregate], size: int, every: int) -> None:
        super().__init__(aggregates)
        self._size = size
        self._every = every

    def parts(self, view: View) -> Iterator[View]:
        """Cut before a record that is too late for some of its windows: they must not count it."""
        every = self._every
        if every < self._size:
            places = zip(view.times, view.marks, strict=True)
            cuts = [index for index, (time, mark) in enumerate(places) if (time // every + 1) * every <= mark]
            if cuts:
                for start, stop in zip([0, *cuts], [*cuts, len(view)], strict=True):
                    if start < stop:
                        yield view.select(range(start, stop))
                return
        yield view

    def place(self, view: View) -> tuple[list[Share], list[int]]:
        """Put records into their panes."""
        every = self._every
        numbers = [time // every for time in view.times]
        lowest = min(numbers)
        if lowest * every + self._size <= view.marks[-1]:
            return self._place_some(view, numbers)
        if lowest == max(numbers):
            return [self._share(view, lowest, indices) for indices in by_key(view.keys).values()], []
        groups = by_key(list(zip(numbers, view.keys, strict=True)))
        return [self._share(view, numbers[indices[0]], indices) for indices in groups.values()], []

    def _place_some(self, view: View, numbers: Sequence[int]) -> tuple[list[Share], list[int]]:
        ends = [number * self._every + self._size for number in numbers]
        late = [index for index, end in enumerate(ends) if end <= view.marks[index]]
        pairs: list[Hashable] = list(zip(numbers, view.keys, strict=True))
        wrong = set(late)
        groups = by_key(pairs, [index for index in range(len(view)) if index not in wrong])
        return [self._share(view, numbers[indices[0]], indices) for indices in groups.values()], late

    def _share(self, view: View, number: int, indices: Sequence[int]) -> Share:
        first = indices[0]
        bin_ = self._bin(number)
        return Share(bin_, self.cell(bin_, view.keys[first], view.labels[first]), indices)

    def _bin(self, number: int) -> Bin:
        bin_ = self.bins.get(number)
        if bin_ is None:
            bin_ = self.bins[number] = Bin(number, number * self._every, number * self._every)
        return bin_

    def due(self, mark: int) -> list[Closed]:
        """Close the windows that end up to here, and the panes that no other window needs."""
        soonest = self.next_due()
        closed: list[Closed] = []
        if soonest is not None and soonest <= mark:
            closed = self._windows(mark, list(self.bins.values()))
            self._let_go([bin_ for bin_ in self.bins.values() if bin_.start + self._size <= mark])
        self.given = mark
        return closed

    def close(self, bins: Sequence[Bin]) -> list[Closed]:
        """Close every window that these panes are in, and drop the panes alone."""
        closed = self._windows(max(bin_.start for bin_ in bins) + self._size, bins)
        self._let_go(bins)
        return closed

    def next_due(self) -> int | None:
        """The end of the first window that was not given yet."""
        if not self.bins:
            return None
        soonest = min(bin_.start for bin_ in self.bins.values()) + self._every
        return soonest if self._last_end is None else max(soonest, self._last_end + self._every)

    def end(self) -> int | None:
        """When the last window ends."""
        return max((bin_.start for bin_ in self.bins.values()), default=0) + self._size

    def reopen(self, start: int, last: int, count: int, key: Hashable) -> Bin:
        """Find or make the pane that begins there."""
        return self._bin(start // self._every)

    @property
    def _last_end(self) -> int | None:
        return None if self.given is None else self.given // self._every * self._every

    def _windows(self, mark: int, bins: Sequence[Bin]) -> list[Closed]:
        every, last = self._every, self._last_end
        ends: set[int] = set()
        for bin_ in bins:
            first = bin_.start + every if last is None else max(bin_.start, last) + every
            ends.update(range(first, min(bin_.start + self._size, mark) + 1, every))
        return [closed for end in sorted(ends) for closed in self._window(end)]

    def _window(self, end: int) -> Iterator[Closed]:
        start = end - self._size
        members: dict[Hashable, list[tuple[Bin, Any]]] = {}
        for number in range(start // self._every, end // self._every):
            bin_ = self.bins.get(number)
            if bin_ is not None:
                for key, cell in bin_.cells.items():
                    members.setdefault(key, []).append((bin_, cell))
        for each in members.values():
            yield Closed(start, end, each)

    def _let_go(self, bins: Sequence[Bin]) -> None:
        for bin_ in bins:
            self.drop(bin_)
