"""One file that is whole or not there: kept in memory until it is closed, then written, synced, named."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, cast

from router import Batch, Failures, Format, Held, RecordWriter
from router_processors.write_file.disk import open_below, sync_folder, write_all
from router_processors.write_file.names import hidden

_FLAGS = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


class Part:
    """Takes records, and puts them under a name all at once.

    Until ``publish`` its bytes are in memory, beside the records that are held: so a write that fails
    is made again from its first byte, in a new hidden file, which is what a disk that lost a page
    asks for. ``base`` is the file it goes on from, as a copy.
    """

    def __init__(self, path: str, format: Format, *, base: str | None, is_synced: bool, now: float) -> None:
        self.path = path
        self.since = now
        self.held: list[Held] = []
        """What waits for it to be published."""
        self.records = 0
        self._format = format
        self._base = base
        self._is_synced = is_synced
        self._hidden = hidden(path)
        self._name: str | None = None
        self._pieces: list[bytes] = []
        self._nbytes = 0
        self._is_ended = False
        self._has_copy = False
        self._writer = self._begin()

    @property
    def nbytes(self) -> int:
        """How long the file is going to be, about."""
        return self._nbytes + self._writer.pending

    def write(self, batch: Batch) -> Failures:
        """Take the records that the format can say; give the others."""
        try:
            data, failures = self._writer.write(batch)
        except Exception as error:  # noqa: BLE001 - a format of somebody else's may raise anything
            if len(batch) == 1:
                return [(0, error)]
            return [
                (index, each) for index in range(len(batch)) for _, each in self.write(batch.slice(index, index + 1))
            ]
        self._keep(data)
        self.records += len(batch) - len(failures)
        return failures

    def publish(self, name: Callable[[Callable[[str], None]], None]) -> None:
        """Write it all, and let ``name`` rename the file; made again after an OSError, it begins anew.

        Raises:
            OSError: the disk, or who else uses its names, is in the way.
        """
        if not self._is_ended:
            self._keep(self._writer.end())
            self._is_ended = True
        if self._name is None:
            self._write_out(name)
        if self._is_synced and self._name is not None:
            sync_folder(self._name)

    def discard(self) -> None:
        """Take away what was not published."""
        if self._name is None and self._has_copy:
            self._remove()

    # -- the hidden file ------------------------------------------------------------------------

    def _begin(self) -> RecordWriter:
        """Make a writer; where there is a file to go on from, that looks at a copy."""
        if self._base is None:
            return self._format.writer()
        fd = self._copy()
        try:
            return self._writer_behind(fd)
        except BaseException:
            self._remove()
            raise
        finally:
            os.close(fd)

    def _copy(self) -> int:
        """Make the hidden file, with what the published one holds, in place of one that a killed run left."""
        with suppress(FileNotFoundError):
            os.unlink(self._hidden)  # noqa: PTH108
        try:
            fd = open_below(self._hidden, _FLAGS, is_synced=self._is_synced)
        except FileExistsError as error:
            raise _busy(self._hidden) from error
        try:
            if self._base is not None:
                with Path(self._base).open("rb") as base, open(fd, "wb", closefd=False) as copy:
                    shutil.copyfileobj(base, copy, 1 << 20)
                self._has_copy = True
        except BaseException:
            os.close(fd)
            self._remove()
            raise
        return fd

    def _writer_behind(self, fd: int) -> RecordWriter:
        """Let the format cut off what was torn, and see what is there."""
        with open(fd, "r+b", buffering=0, closefd=False) as existing:
            self._nbytes = existing.seek(0, os.SEEK_END)
            return self._format.writer(cast("BinaryIO", existing)) if self._nbytes else self._format.writer()

    def _write_out(self, name: Callable[[Callable[[str], None]], None]) -> None:
        fd = self._opened()
        try:
            os.lseek(fd, 0, os.SEEK_END)
            write_all(fd, self._pieces)
            if self._is_synced:
                os.fsync(fd)
            name(lambda target: self._rename(fd, target))
        except BaseException:
            if _is_same(fd, self._hidden):
                self._remove()
            raise
        finally:
            os.close(fd)

    def _opened(self) -> int:
        """The hidden file, before the first byte of this part."""
        if self._has_copy:
            self._has_copy = False  # whatever happens to it now, it is no mere copy any more
            with suppress(FileNotFoundError):
                return os.open(self._hidden, os.O_RDWR | os.O_CLOEXEC)
        fd = self._copy()
        self._has_copy = False
        if self._base is not None:
            self._writer_behind(fd)
        return fd

    def _rename(self, fd: int, target: str) -> None:
        """Give the name, if the hidden file is still the one that was written."""
        if not _is_same(fd, self._hidden):
            raise _busy(self._hidden)
        os.replace(self._hidden, target)  # noqa: PTH105
        self._name = target

    def _remove(self) -> None:
        self._has_copy = False
        with suppress(OSError):
            os.unlink(self._hidden)  # noqa: PTH108

    def _keep(self, data: bytes) -> None:
        if data:
            self._pieces.append(data)
            self._nbytes += len(data)


def _is_same(fd: int, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(fd), os.stat(path))  # noqa: PTH116
    except FileNotFoundError:
        return False


def _busy(path: str) -> OSError:
    return OSError(errno.EBUSY, "somebody else writes it too", path)
