"""All files of one processor that are written in place: a bounded number of them open, numbered when they are full."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from router import Batch, Failures
from router_processors.write_file.names import PartNames
from router_processors.write_file.output import Output
from router_processors.write_file.settings import Limits


class Outputs:
    """Writes batches to files by path.

    What one call writes is taken back as a whole by ``undo``, so that a batch that is given
    again is written once. A file that was closed to make room is opened again at its end.
    """

    def __init__(self, make: Callable[[str], Output], limits: Limits, *, replaces: bool, rolls: bool) -> None:
        self._make = make
        self._limits = limits
        self._replaces = replaces
        self._rolls = rolls
        self._names = PartNames()
        self._files: dict[str, Output] = {}  # open ones, and those that still lack their end
        self._open: OrderedDict[str, None] = OrderedDict()
        self._begun: set[str] = set()
        self._since: dict[str, float] = {}
        self._records: dict[str, int] = {}
        self._touched: list[tuple[Output, int, int]] = []

    # -- writing --------------------------------------------------------------------------------

    def begin_call(self) -> None:
        """From here on, ``undo`` takes back."""
        self._touched.clear()

    def write(self, path: str, batch: Batch, now: float) -> Failures:
        """Write a batch to the end of a file; give the records that the format cannot say.

        Raises:
            OSError: the file takes nothing.
            DecodeError: the file holds something else.
        """
        output = self.opened(path, now)
        if self._has_too_many(path, len(batch)):
            self.roll(path)
            output = self.opened(path, now)
        self._touch(output)
        data, failures = output.encode(batch)
        most, size = self._limits.nbytes, output.size
        if most is not None and size and size + len(data) > most:
            output.abandon()
            self.roll(path)
            output = self.opened(path, now)
            self._touched.pop()
            self._touch(output)
            data, failures = output.encode(batch)
        if data:
            output.append(data)
        if self._limits.records is not None:
            self._records[path] = self._records.get(path, 0) + len(batch) - len(failures)
        return failures

    def undo(self) -> list[str]:
        """Take back what was written since ``begin_call``; give the files where that did not succeed."""
        left = []
        for output, size, records in reversed(self._touched):
            output.abandon()
            self._open.pop(output.path, None)
            self._files[output.path] = output
            if records:
                self._records[output.path] = records
            else:
                self._records.pop(output.path, None)
            if not output.take_back(size):
                left.append(output.path)
        self._touched.clear()
        return left

    def opened(self, path: str, now: float) -> Output:
        """The file, open."""
        output = self._files.get(path)
        if output is None or not output.is_open:
            while len(self._open) >= self._limits.most_open:
                self._close_oldest()
            output = output or self._make(path)
            self._open_file(output)
            self._files[path] = output
            if self._limits.after is not None:
                self._since.setdefault(path, now)
        self._open[path] = None
        self._open.move_to_end(path)
        return output

    def _open_file(self, output: Output) -> None:
        is_fresh = self._replaces and output.path not in self._begun
        if is_fresh and self._rolls:
            self._names.clear(output.path)
        output.open(fresh=is_fresh)
        if self._replaces:
            self._begun.add(output.path)

    def _touch(self, output: Output) -> None:
        self._touched.append((output, output.size, self._records.get(output.path, 0)))

    def _has_too_many(self, path: str, coming: int) -> bool:
        most, records = self._limits.records, self._records.get(path, 0)
        return most is not None and records > 0 and records + coming > most

    def _close_oldest(self) -> None:
        path = next(iter(self._open))
        self._files[path].close()
        del self._open[path]
        del self._files[path]

    # -- closing --------------------------------------------------------------------------------

    def roll(self, path: str) -> None:
        """Close a file and give it a number, so that its path is free for the next: ``posts.000001.jsonl``."""
        output = self._files.get(path) or self._make(path)
        output.close()
        self._names.give(path, output.rename)
        self._forget(path)

    def roll_aged(self, now: float) -> None:
        """Number what is as old as a file may get."""
        for path, since in list(self._since.items()):
            if since + (self._limits.after or 0.0) > now:
                continue
            if path in self._open and not self._files[path].size:
                self._since[path] = now  # nothing in it yet
            else:
                self.roll(path)

    def next_time(self) -> float | None:
        """When the next file will be as old as it may get."""
        return min(self._since.values()) + (self._limits.after or 0.0) if self._since else None

    def close_all(self) -> None:
        """Close all files."""
        for path in list(self._files):
            self._files[path].close()
            self._forget(path)

    def abandon_all(self) -> None:
        """Close all files as they stand."""
        for output in self._files.values():
            output.abandon()
        self._files.clear()
        self._open.clear()

    def _forget(self, path: str) -> None:
        self._files.pop(path, None)
        self._open.pop(path, None)
        self._since.pop(path, None)
        self._records.pop(path, None)
