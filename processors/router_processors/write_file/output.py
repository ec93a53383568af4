"""One file that is written in place: opened where it was left, never left with half a batch."""

from __future__ import annotations

import os
import stat
from typing import BinaryIO, cast

from router import Batch, Failures, Format, RecordWriter
from router_processors.write_file.disk import open_below, sync_folder
from router_processors.write_file.settings import Sync

_REGULAR = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NONBLOCK
_OTHER = os.O_WRONLY | os.O_CLOEXEC | os.O_NONBLOCK


class Output:
    """Writes batches to the end of one file.

    A call that raises OSError may be made again. Paths are texts, exactly as the template made them.
    """

    def __init__(self, path: str, format: Format, *, sync: Sync) -> None:
        self.path = path
        self.end = 0
        """Where the last write ended, whole or not."""
        self._format = format
        self._sync = sync
        self._fd: int | None = None
        self._writer: RecordWriter | None = None
        self._is_begun = False
        self._is_regular = True
        self._lacks_end = False

    @property
    def is_open(self) -> bool:
        """Whether it takes up one of the open files."""
        return self._fd is not None

    @property
    def size(self) -> int:
        """How long it is now; always nothing for what is no regular file."""
        return os.fstat(self._fd).st_size if self._fd is not None and self._is_regular else 0

    def open(self, *, fresh: bool) -> None:
        """Open it, with the folders it lies in: at its end, or the first time emptied.

        Raises:
            DecodeError: what is there is not of the format.
            ConfigError: the format cannot write with its settings.
        """
        fresh = fresh and not self._is_begun
        is_new = not os.path.exists(self.path)  # noqa: PTH110
        self._is_regular = is_new or _is_regular(self.path)
        flags = _REGULAR if self._is_regular else _OTHER
        self._fd = open_below(self.path, flags | (os.O_TRUNC if fresh else 0), is_synced=self._sync != "never")
        try:
            os.set_blocking(self._fd, True)
            self._writer = self._make_writer()
            if is_new and self._sync != "never":
                sync_folder(self.path)
        except BaseException:
            self._close()
            raise
        self._is_begun = True

    def encode(self, batch: Batch) -> tuple[bytes, Failures]:
        """Say a batch as the bytes that come next; they must be appended, or the file abandoned."""
        assert self._writer is not None
        return self._writer.write(batch)

    def append(self, data: bytes) -> None:
        """Write all of the data, or take back what was written."""
        assert self._fd is not None
        before, rest = self.size, memoryview(data)
        try:
            while rest:
                rest = rest[os.write(self._fd, rest) :]
            self.end = before + len(data)
            if self._sync == "always" and self._is_regular:
                os.fsync(self._fd)
        except OSError:
            self.end = before + len(data) - len(rest)
            self.take_back(before)
            raise

    def take_back(self, size: int) -> bool:
        """Cut it back to a size, unless somebody else has written behind; say whether it is that long now."""
        try:
            found = os.stat(self.path).st_size  # noqa: PTH116
            if found == self.end > size and self._is_regular:
                os.truncate(self.path, size)
                found = size
        except OSError:
            return False
        return found == size

    def close(self) -> None:
        """Close the file, with what its format puts at the end; an end that is not safe is taken back."""
        if self._fd is None and self._lacks_end:
            self.open(fresh=False)
        if self._fd is None or self._writer is None:
            return
        before = self.size
        try:
            if last := self._writer.end():
                self.append(last)
            if self._sync != "never" and self._is_regular:
                os.fsync(self._fd)
        except OSError:
            self.take_back(before)
            self.abandon()
            raise
        self._lacks_end = False
        self._close()

    def rename(self, name: str) -> None:
        """Give a closed file another name, so that its own is free for the next."""
        if os.path.lexists(self.path):
            os.replace(self.path, name)  # noqa: PTH105
            if self._sync != "never":
                sync_folder(name)

    def abandon(self) -> None:
        """Close the file as it stands, for its writer knows of what was not written."""
        if self._fd is not None:
            self._lacks_end = True
            self._close()

    def _make_writer(self) -> RecordWriter:
        assert self._fd is not None
        if not self.size:
            return self._format.writer()
        with open(self._fd, "r+b", buffering=0, closefd=False) as existing:
            return self._format.writer(cast("BinaryIO", existing))

    def _close(self) -> None:
        fd, self._fd, self._writer = self._fd, None, None
        if fd is not None:
            os.close(fd)


def _is_regular(path: str) -> bool:
    mode = os.stat(path).st_mode  # noqa: PTH116
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode)  # a folder has an error of its own
