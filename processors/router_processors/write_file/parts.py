"""All files of one processor that are whole or not there: filled, closed when they are full, published."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress

from router import Batch, Failures, Format, Held
from router_processors.write_file.names import PartNames, hidden
from router_processors.write_file.part import Part
from router_processors.write_file.settings import Limits


class Parts:
    """Keeps the files of all paths in memory until they are closed.

    Only ``begin`` and ``publish`` touch the disk: between them nothing fails, so a batch is never half taken.
    """

    def __init__(
        self,
        format: Format,
        limits: Limits,
        *,
        is_numbered: bool,
        replaces: bool,
        is_synced: bool,
        is_fault: Callable[[OSError], bool],
    ) -> None:
        self._format = format
        self._limits = limits
        self._is_numbered = is_numbered
        self._replaces = replaces
        self._is_synced = is_synced
        self._is_fault = is_fault
        self._names = PartNames()
        self._formats: dict[str, Format] = {}
        self._filling: dict[str, Part] = {}
        self._closed: list[Part] = []
        self._known: set[str] = set()  # paths that this run published, and so goes on from
        self._published: list[Part] = []
        self._lost: list[tuple[Part, OSError]] = []

    # -- filling --------------------------------------------------------------------------------

    def begin(self, path: str, now: float, batch: Batch | None = None) -> None:
        """Make ready to take records; the first ones of a path say what all its files are like.

        Raises:
            OSError: the file that is to go on cannot be read or copied.
            DecodeError: it holds something else.
            ConfigError: the format cannot write with its settings.
        """
        part = self._filling.get(path)
        if part is not None and (part.records or not self._is_numbered):
            return
        goes_on = not self._is_numbered and (not self._replaces or path in self._known) and os.path.lexists(path)
        base = path if goes_on else None
        format_ = self._formats.get(path, self._format)
        if batch is not None and (fitted := format_.fitted(batch)) is not format_:
            format_ = self._formats[path] = fitted
        self._filling[path] = Part(path, format_, base=base, is_synced=self._is_synced, now=now)

    def write(self, path: str, batch: Batch, now: float, hold: Callable[[Batch], Held]) -> Failures:
        """Take the records that the format can say, each held in its file, and give the others; ``begin`` came before."""
        failures: Failures = []
        start = 0
        while start < len(batch):
            self.begin(path, now, batch)
            part = self._filling[path]
            piece = batch.slice(start, start + self._room(part))
            if not part.records:
                part.since = now
            found = part.write(piece)
            if len(found) < len(piece):
                part.held.append(hold(_light(without(piece, found))))
            failures += [(start + index, error) for index, error in found]
            start += len(piece)
            if self._is_full(part):
                self._close(path)
        return failures

    def _room(self, part: Part) -> int:
        most = self._limits.records
        return 1 << 62 if most is None else most - part.records

    def _is_full(self, part: Part) -> bool:
        limits = self._limits
        if not part.records:
            return False
        return part.records == limits.records or (limits.nbytes is not None and part.nbytes >= limits.nbytes)

    # -- closing and publishing -----------------------------------------------------------------

    def close_aged(self, now: float) -> None:
        """Close what is as old as a file may get."""
        for path, part in list(self._filling.items()):
            if part.records and self._limits.after is not None and part.since + self._limits.after <= now:
                self._close(path)

    def close_all(self) -> None:
        """Close every file."""
        for path in list(self._filling):
            self._close(path)

    def _close(self, path: str) -> None:
        self._closed.append(self._filling.pop(path))

    def next_time(self, now: float) -> float | None:
        """When there is something to do: now, where a file could not be published."""
        if self._closed:
            return now
        after = self._limits.after
        times = [part.since for part in self._filling.values() if part.records]
        return None if after is None or not times else min(times) + after

    def publish(self) -> OSError | None:
        """Publish what is closed; give the first error of those that have to wait, and are left for another time."""
        first: OSError | None = None
        stuck: set[str] = set()  # numbers follow the order of the records
        for part in list(self._closed):
            if part.path in stuck:
                continue
            try:
                self._publish(part)
            except OSError as error:
                if not self._is_fault(error):
                    first = first or error
                    stuck.add(part.path)
                    continue
                self._lost.append((part, error))
            else:
                self._published.append(part)
            self._closed.remove(part)
        return first

    def take_published(self) -> tuple[list[Part], list[tuple[Part, OSError]]]:
        """What was published since this was asked last, and what never can be."""
        taken = self._published, self._lost
        self._published, self._lost = [], []
        return taken

    def _publish(self, part: Part) -> None:
        if self._is_numbered and self._replaces and part.path not in self._known:
            self._names.clear(part.path)
            self._known.add(part.path)
        if part.records or (self._replaces and not self._is_numbered and part.path not in self._known):
            part.publish(self._namer(part.path))
            self._known.add(part.path)
        else:
            part.discard()

    def _namer(self, path: str) -> Callable[[Callable[[str], None]], None]:
        if not self._is_numbered:
            return lambda rename: rename(path)
        return lambda rename: self._names.give(path, rename)

    def tidy(self, path: str) -> None:
        """Take away what a killed run left of a file that had no name yet."""
        with suppress(FileNotFoundError):
            os.unlink(hidden(path))  # noqa: PTH108 - paths are texts, as the template made them

    def discard_all(self) -> None:
        """Take away what was not published."""
        for part in (*self._filling.values(), *self._closed):
            part.discard()
        self._filling.clear()
        self._closed.clear()


def without(batch: Batch, failures: Failures) -> Batch:
    """The records of a batch that did not fail."""
    if not failures:
        return batch
    bad = {index for index, _ in failures}
    return batch.select([index for index in range(len(batch)) if index not in bad])


def _light(batch: Batch) -> Batch:
    """The same in its cheapest form: rows take five times what the bytes they came from do."""
    return batch.with_content(batch.content, batch.codec) if batch.has_rows and batch.has_content else batch
