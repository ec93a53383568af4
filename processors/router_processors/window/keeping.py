"""How what is open outlives a crash: in the flow's state, or by its records, which are given again."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Sequence
from typing import Any

from router import Batch, Context, ProcessorError
from router_processors.window.cells import Bin, Cell, Closed, Share, Wait, Windows
from router_processors.window.reading import key_of

MARK = "mark"
_CELL = "cell/"
_FORMAT = "012d"


class Keeper(ABC):
    """What the windows of one processor are kept by."""

    def __init__(self, windows: Windows, shape: str) -> None:
        self.windows = windows
        self.shape = shape

    @abstractmethod
    async def start(self, context: Context) -> int | None:
        """Open again what was open; give up to when time had come."""

    @abstractmethod
    def attach(self, batch: Batch, shares: Sequence[Share], context: Context) -> None:
        """Take note of records that went into cells."""

    @abstractmethod
    def give(self, closed: Sequence[Closed], rows: Sequence[dict[str, Any]]) -> Batch:
        """Make a batch of the rows of windows that were closed."""

    @abstractmethod
    async def flush(self, mark: int, context: Context) -> None:
        """Do what is due at the end of a call."""

    @abstractmethod
    async def end(self, context: Context) -> None:
        """Forget what a next run has no use for: all input has ended."""


class Stored(Keeper):
    """Cells live in the flow's state: what is taken settles at once, and commits with what it was added to."""

    def __init__(self, windows: Windows, shape: str) -> None:
        super().__init__(windows, shape)
        self._changed: dict[Cell, Bin] = {}
        self._mark: int | None = None

    async def start(self, context: Context) -> int | None:
        """Open the cells again."""
        found = await context.state.scan()
        shape, mark = found.pop(MARK, (self.shape, None))
        if shape != self.shape and found:
            text = "windows of other settings are open, and what they hold would be lost"
            advice = "set it back until they are closed, or give the processor another name to begin anew"
            raise ProcessorError(f"{text}: {shape}; now {self.shape}; {advice}")
        for name in sorted(found):
            label, start, last, count, states = found[name]
            key = key_of(label)
            cell = Cell(int(name.removeprefix(_CELL)), key, label, states)
            self.windows.restore(self.windows.reopen(start, last, count, key), cell)
        self._mark = mark if shape == self.shape else None
        return self._mark

    def attach(self, batch: Batch, shares: Sequence[Share], context: Context) -> None:
        """Note which cells have changed."""
        for share in shares:
            self._changed[share.cell] = share.bin

    def give(self, closed: Sequence[Closed], rows: Sequence[dict[str, Any]]) -> Batch:
        """Give the rows: they are made of what is in the state."""
        return Batch.of(rows)

    async def flush(self, mark: int, context: Context) -> None:
        """Write what has changed, with the outputs of the call."""
        gone = [cell for bin_ in self.windows.taken() for cell in bin_.cells.values()]
        for cell in gone:
            self._changed.pop(cell, None)
        changes: dict[str, Any] = {
            _name(cell): [cell.label, bin_.start, bin_.last, bin_.count, list(cell.states)]
            for cell, bin_ in self._changed.items()
        }
        if mark != self._mark and (changes or gone):
            changes[MARK] = [self.shape, mark]
            self._mark = mark
        self._changed = {}
        if changes:
            await context.state.put_many(changes)
        if gone:
            await context.state.delete([_name(cell) for cell in gone])

    async def end(self, context: Context) -> None:
        """The next run begins anew."""
        if self._mark is not None:
            await context.state.delete([MARK])


class Holding(Keeper):
    """Records are held until what they went into was given; the rows carry their origins on."""

    async def start(self, context: Context) -> int | None:
        """Begin anew: what was open is given again by its source."""
        return None

    def attach(self, batch: Batch, shares: Sequence[Share], context: Context) -> None:
        """Hold one record for each cell, in the place of all that went into it."""
        grouped = batch.group([share.indices for share in shares], [{"key": share.cell.label} for share in shares])
        bins = list(dict.fromkeys(share.bin for share in shares))
        if len(bins) == 1:
            self._wait(bins[0], grouped, [share.cell.key for share in shares], context)
            return
        keys: dict[Bin, list[Hashable]] = {bin_: [] for bin_ in bins}
        for share in shares:
            keys[share.bin].append(share.cell.key)
        for bin_, part in grouped.partition([share.bin for share in shares]).items():
            self._wait(bin_, part, keys[bin_], context)

    def _wait(self, bin_: Bin, batch: Batch, keys: Sequence[Hashable], context: Context) -> None:
        bin_.waits.append(Wait(keys, context.hold(batch)))

    def give(self, closed: Sequence[Closed], rows: Sequence[dict[str, Any]]) -> Batch:
        """Put the rows in the place of the records they are made of."""
        pieces: list[Batch] = []
        places: dict[tuple[Bin, Hashable], list[int]] = {}
        at = 0
        for bin_ in dict.fromkeys(bin_ for each in closed for bin_, _ in each.members):
            for wait in bin_.waits:
                pieces.append(wait.held.batch)
                for key in wait.keys:
                    places.setdefault((bin_, key), []).append(at)
                    at += 1
        groups = [[i for bin_, cell in each.members for i in places[bin_, cell.key]] for each in closed]
        return Batch.concat(pieces).group(groups, rows)

    async def flush(self, mark: int, context: Context) -> None:
        """Let go of what was given: it takes effect when the outputs are put."""
        for bin_ in self.windows.taken():
            for wait in bin_.waits:
                wait.held.release()

    async def end(self, context: Context) -> None:
        """Nothing is kept."""


def _name(cell: Cell) -> str:
    return f"{_CELL}{cell.number:{_FORMAT}}"
