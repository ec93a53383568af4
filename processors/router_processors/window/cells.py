"""What is open: bins that close together, their cells by key, and the records that wait for them."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from router import Batch, Held
from router_processors.window.compute import Aggregate


class Cell:
    """What the records of one key in one bin have come to so far."""

    __slots__ = ("key", "label", "number", "states")

    def __init__(self, number: int, key: Hashable, label: Any, states: Sequence[Any]) -> None:
        self.number = number
        self.key = key
        self.label = label
        """The key as the flow's expression gave it."""
        self.states = list(states)

    def put(self, number: int, state: Any) -> None:
        """Replace the state of one aggregate."""
        self.states[number] = state


class Wait(NamedTuple):
    """Records that wait for a bin, made one for each of its cells, by key."""

    keys: Sequence[Hashable]
    held: Held


class Bin:
    """Cells that close together: a stretch of time, a session of a key, so many records. Times are microseconds."""

    __slots__ = ("cells", "count", "is_full", "last", "number", "start", "waits")

    def __init__(self, number: Hashable, start: int, last: int) -> None:
        self.number = number
        self.start = start
        self.last = last
        self.count = 0
        self.is_full = False
        self.cells: dict[Hashable, Cell] = {}
        self.waits: list[Wait] = []


class Share(NamedTuple):
    """The records of a batch, by index, that go into one cell."""

    bin: Bin
    cell: Cell
    indices: Sequence[int]


class Closed(NamedTuple):
    """One row to give: its bounds, and the cells it is made of, the oldest first."""

    start: int
    end: int
    members: Sequence[tuple[Bin, Cell]]


@dataclass(frozen=True, slots=True)
class View:
    """A batch as a window sees it: columns, one value a record."""

    batch: Batch
    keys: Sequence[Hashable]
    labels: Sequence[Any]
    times: Sequence[int]
    marks: Sequence[int]
    """Up to when time had come, with each record."""
    columns: Sequence[Sequence[Any]]
    """The values of each aggregate; it has none if the aggregate counts records."""

    def __len__(self) -> int:
        return len(self.keys)

    def select(self, indices: Sequence[int]) -> View:
        """Take some of the records."""
        return View(
            self.batch.select(indices),
            [self.keys[i] for i in indices],
            [self.labels[i] for i in indices],
            [self.times[i] for i in indices],
            [self.marks[i] for i in indices],
            [column and [column[i] for i in indices] for column in self.columns],
        )


def by_key(keys: Sequence[Hashable], indices: Iterable[int] | None = None) -> dict[Hashable, list[int]]:
    """The indices of each key, in order."""
    groups: defaultdict[Hashable, list[int]] = defaultdict(list)
    if indices is None or isinstance(indices, range):
        start, stop = (0, len(keys)) if indices is None else (indices.start, indices.stop)
        for index, key in enumerate(keys if stop - start == len(keys) else keys[start:stop], start):
            groups[key].append(index)
    else:
        for index in indices:
            groups[keys[index]].append(index)
    return groups


class Windows(ABC):
    """Puts records into bins, and says which bins are due. ``mark`` is up to when time has come."""

    def __init__(self, aggregates: Sequence[Aggregate]) -> None:
        self.aggregates = aggregates
        self.bins: dict[Hashable, Bin] = {}
        """What is open, the oldest first."""
        self.cells = 0
        self.given: int | None = None
        """The mark up to which windows were closed."""
        self.gone: list[Bin] = []
        self._numbers = itertools.count()

    # -- what each kind says --------------------------------------------------------------------

    @abstractmethod
    def place(self, view: View) -> tuple[list[Share], list[int]]:
        """Open bins and cells for the records; give what goes where, and the indices of those that came too late."""

    @abstractmethod
    def due(self, mark: int) -> list[Closed]:
        """Close what is due."""

    @abstractmethod
    def close(self, bins: Sequence[Bin]) -> list[Closed]:
        """Close these bins now."""

    @abstractmethod
    def end(self) -> int | None:
        """The mark at which all that is open is due; None where time does not bring that about."""

    @abstractmethod
    def next_due(self) -> int | None:
        """When something is due next, if time alone brings that about."""

    @abstractmethod
    def reopen(self, start: int, last: int, count: int, key: Hashable) -> Bin:
        """Find or make the bin of a cell that was stored."""

    def parts(self, view: View) -> Iterator[View]:
        """Cut a batch where what is due must be closed before more is placed."""
        yield view

    # -- cells ----------------------------------------------------------------------------------

    def cell(self, bin_: Bin, key: Hashable, label: Any) -> Cell:
        """Find or make the cell of a key."""
        cell = bin_.cells.get(key)
        if cell is None:
            cell = bin_.cells[key] = Cell(next(self._numbers), key, label, (None,) * len(self.aggregates))
            self.cells += 1
        return cell

    def restore(self, bin_: Bin, cell: Cell) -> None:
        """Put back a cell that was stored; they come in the order of their numbers."""
        bin_.cells[cell.key] = cell
        self.cells += 1
        self._numbers = itertools.count(cell.number + 1)

    def rest(self) -> list[Closed]:
        """Close all."""
        end = self.end()
        return self.close(list(self.bins.values())) if end is None else self.due(end)

    def taken(self) -> list[Bin]:
        """The bins that were closed since this was asked last."""
        gone, self.gone = self.gone, []
        return gone

    def merged(self, cells: Sequence[Cell]) -> list[Any]:
        """The states of several cells of one key as one."""
        states = cells[0].states
        for cell in cells[1:]:
            states = [
                mine if other is None else other if mine is None else each.kind.merge(mine, other)
                for each, mine, other in zip(self.aggregates, states, cell.states, strict=True)
            ]
        return states

    def drop(self, bin_: Bin) -> None:
        """Take a bin out."""
        del self.bins[bin_.number]
        self.cells -= len(bin_.cells)
        self.gone.append(bin_)
