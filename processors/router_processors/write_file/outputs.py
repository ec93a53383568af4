"""All files of one processor: a bounded number of them open, rotated, published."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from router import Batch, Failures
from router_processors.write_file.output import Output


@dataclass(frozen=True, slots=True)
class Limits:
    """What bounds the files."""

    most_open: int
    max_size: int | None
    max_age: float | None


class Outputs:
    """Writes batches to files by path.

    What one call writes is taken back as a whole by ``undo``, so that a batch that is given
    again is written once. A file that was closed to make room is opened again at its end.
    """

    def __init__(self, make: Callable[[str], Output], limits: Limits, *, replace: bool) -> None:
        self._make = make
        self._limits = limits
        self._replace = replace
        self._files: dict[str, Output] = {}  # open ones, and closed ones that are to be published
        self._open: OrderedDict[str, None] = OrderedDict()
        self._begun: set[str] = set()
        self._since: dict[str, float] = {}
        self._numbers: dict[str, int] = {}
        self._touched: list[tuple[Output, int]] = []
        self.published: list[str] = []
        """The paths published since somebody last took note."""

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
        size = output.size
        self._touched.append((output, size))
        data, failures = output.encode(batch)
        most = self._limits.max_size
        if most is not None and size and size + len(data) > most:
            output.abandon()
            self.rotate(path)
            output = self.opened(path, now)
            self._touched[-1] = (output, output.size)
            data, failures = output.encode(batch)
        if data:
            output.append(data)
        return failures

    def undo(self) -> list[str]:
        """Take back what was written since ``begin_call``; give the files where that did not succeed."""
        left = []
        for output, size in reversed(self._touched):
            output.abandon()
            self._open.pop(output.path, None)
            self._files[output.path] = output
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
            output.open(fresh=self._replace and path not in self._begun)
            self._files[path] = output
            if self._replace:
                self._begun.add(path)
            if self._limits.max_age is not None:
                self._since.setdefault(path, now)
        self._open[path] = None
        self._open.move_to_end(path)
        return output

    def _close_oldest(self) -> None:
        path = next(iter(self._open))
        self._files[path].close()
        del self._open[path]
        if not self._files[path].is_atomic:
            del self._files[path]

    # -- rotating and publishing ----------------------------------------------------------------

    def rotate(self, path: str) -> None:
        """Give a file a number, so that its path is free for the next: ``posts.1.jsonl``."""
        output = self._files.get(path) or self._make(path)
        root, end = os.path.splitext(path)  # noqa: PTH122 - paths are texts, as the template made them
        number = self._numbers.get(path, 0) + 1
        while os.path.lexists(f"{root}.{number}{end}"):
            number += 1
        output.publish(f"{root}.{number}{end}")
        self._numbers[path] = number
        self._forget(path)

    def rotate_aged(self, now: float) -> None:
        """Rotate what is as old as a file may get."""
        for path, since in list(self._since.items()):
            if since + (self._limits.max_age or 0.0) > now:
                continue
            if path in self._open and not self._files[path].size:
                self._since[path] = now  # nothing in it yet
            else:
                self.rotate(path)

    def next_age(self) -> float | None:
        """When the next file will be as old as it may get."""
        return min(self._since.values()) + (self._limits.max_age or 0.0) if self._since else None

    def publish_all(self) -> None:
        """Close all files and give them their names."""
        for path in list(self._files):
            self._files[path].publish()
            self._forget(path)

    def discard_all(self) -> None:
        """Close all files; what was not published is taken away."""
        for output in self._files.values():
            output.discard()
        self._files.clear()
        self._open.clear()

    def _forget(self, path: str) -> None:
        self._files.pop(path, None)
        self._open.pop(path, None)
        self._since.pop(path, None)
        self.published.append(path)
