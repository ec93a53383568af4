"""Content kept for replay: files that are only appended to, of which the oldest goes first."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import BinaryIO

from router.errors import StorageError
from router.storage.provenance.framing import Pieces

__all__ = ["Place", "Segments", "read_content"]

Place = tuple[int, int, int]
"""Which file, where in it, how long."""
SHARES = 16  # files that a full ring consists of, about
SMALLEST = 64 << 10
_VECTOR = 1024  # pieces that any system takes in one write


class Segments:
    """The files of one data folder, written by one thread; each process begins a new one.

    Nothing is synced: a power cut may take the newest content, and what is damaged is
    found when it is read.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self._folder = folder
        self._size = max(SMALLEST, limit // SHARES)
        self._sizes: dict[int, int] = {}
        self._number = 0
        self._file: BinaryIO | None = None
        self._is_listed = False

    @property
    def total(self) -> int:
        """The bytes of all files."""
        self._list()
        return sum(self._sizes.values())

    def append(self, contents: Sequence[Pieces]) -> list[Place]:
        """Write some contents, each in pieces, in few calls: each may cost this thread its turn.

        Where the disk is full nothing of them stays, and the oldest file makes room: for
        who needs it more.

        Raises:
            OSError: the disk is full or broken.
        """
        self._list()
        sizes = [sum(map(len, pieces)) for pieces in contents]
        nbytes = sum(sizes)
        if self._file is None or self._sizes[self._number] + nbytes > self._size:
            self._begin()
        assert self._file is not None
        offset = self._sizes[self._number]
        try:
            _write(self._file, [piece for pieces in contents for piece in pieces])
        except OSError:
            self._file.truncate(offset)
            self._remove(min(self._sizes))
            raise
        self._sizes[self._number] = offset + nbytes
        starts = accumulate(sizes, initial=offset)
        return [(self._number, start, size) for start, size in zip(starts, sizes, strict=False)]

    def trim(self, limit: int, keep: float) -> None:
        """Take away the oldest files: those above the limit in bytes, and those older than so many seconds."""
        self._list()
        oldest = time.time() - keep
        for number in sorted(self._sizes):
            if self._file is not None and number == self._number:
                return  # the one that is written now stays
            if sum(self._sizes.values()) <= limit and _changed(_path(self._folder, number)) >= oldest:
                return
            self._remove(number)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _list(self) -> None:
        if not self._is_listed:
            self._sizes = {int(each.stem): each.stat().st_size for each in self._folder.glob("*.content")}
            self._number = max(self._sizes, default=0)
            self._is_listed = True

    def _remove(self, number: int) -> None:
        if self._file is not None and number == self._number:
            self.close()
        _path(self._folder, number).unlink(missing_ok=True)
        del self._sizes[number]

    def _begin(self) -> None:
        self.close()
        self._folder.mkdir(exist_ok=True)
        self._number += 1
        self._file = _path(self._folder, self._number).open("ab", buffering=0)
        self._sizes[self._number] = 0


def read_content(folder: Path, place: Place) -> bytes | None:
    """Content that was kept; None where it is kept no more.

    Raises:
        StorageError: some of it is missing: a power cut took it.
    """
    number, offset, length = place
    try:
        with _path(folder, number).open("rb") as file:
            file.seek(offset)
            data = file.read(length)
    except FileNotFoundError:
        return None
    if len(data) < length:
        raise StorageError(f"kept content is cut short: {len(data):,} of {length:,} bytes are there")
    return data


def _write(file: BinaryIO, pieces: Pieces) -> None:
    for start in range(0, len(pieces), _VECTOR):
        some = pieces[start : start + _VECTOR]
        written = os.writev(file.fileno(), some)
        if written < sum(map(len, some)):  # cut short by a disk that is all but full; the next write then says so
            view = memoryview(b"".join(some))[written:]
            while view:
                view = view[file.write(view) :]


def _path(folder: Path, number: int) -> Path:
    return folder / f"{number:08}.content"


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
