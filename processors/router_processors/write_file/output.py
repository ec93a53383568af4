"""One file that is written: opened where it was left, never left with half a batch."""

from __future__ import annotations

import os
import shutil
import stat
from contextlib import suppress
from typing import BinaryIO, Literal, TypeAlias, cast

from router import Batch, Failures, Format, RecordWriter

Sync: TypeAlias = Literal["never", "close", "always"]

_REGULAR = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NONBLOCK
_OTHER = os.O_WRONLY | os.O_CLOEXEC | os.O_NONBLOCK


class Output:
    """Writes batches to the end of one file.

    ``part`` is where it is written: the file itself, or with ``is_atomic`` a hidden one beside it
    until ``publish``. A call that raises OSError may be made again. Paths are texts, exactly as
    the template made them.
    """

    def __init__(self, path: str, format: Format, *, is_atomic: bool, sync: Sync) -> None:
        self.path = path
        self.part = _part_of(path) if is_atomic else path
        self.is_atomic = is_atomic
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
        if self.is_atomic and not self._is_begun:
            self._begin_part(fresh=fresh)
        is_new = not os.path.exists(self.part)  # noqa: PTH110
        self._is_regular = is_new or _is_regular(self.part)
        flags = _REGULAR if self._is_regular else _OTHER
        self._fd = _open(self.part, flags | (os.O_TRUNC if fresh else 0))
        try:
            os.set_blocking(self._fd, True)
            self._writer = self._make_writer()
            if is_new and self._sync != "never":
                _sync_folder(self.part)
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
            found = os.stat(self.part).st_size  # noqa: PTH116
            if found == self.end > size and self._is_regular:
                os.truncate(self.part, size)
                found = size
        except OSError:
            return False
        return found == size

    def close(self) -> None:
        """Close the file, with what its format puts at the end."""
        if self._fd is None and self._lacks_end:
            self.open(fresh=False)
        if self._fd is None or self._writer is None:
            return
        if last := self._writer.end():
            self.append(last)
        if self._sync != "never" and self._is_regular:
            os.fsync(self._fd)
        self._lacks_end = False
        self._close()

    def publish(self, path: str | None = None) -> None:
        """Close the file and give it its name, or another one."""
        self.close()
        target = path or self.path
        if self.part != target and os.path.lexists(self.part):
            os.replace(self.part, target)  # noqa: PTH105
            if self._sync != "never":
                _sync_folder(target)

    def abandon(self) -> None:
        """Close the file as it stands, for its writer knows of what was not written."""
        if self._fd is not None:
            self._lacks_end = True
            self._close()

    def discard(self) -> None:
        """Close the file, and take away what was not published."""
        self._close()
        if self.is_atomic:
            with suppress(FileNotFoundError):
                os.unlink(self.part)  # noqa: PTH108

    def _make_writer(self) -> RecordWriter:
        assert self._fd is not None
        if not self.size:
            return self._format.writer()
        with open(self._fd, "r+b", buffering=0, closefd=False) as existing:
            return self._format.writer(cast("BinaryIO", existing))

    def _begin_part(self, *, fresh: bool) -> None:
        """Take away the part of a run that did not publish it, and go on behind what is published."""
        with suppress(FileNotFoundError):
            os.unlink(self.part)  # noqa: PTH108
        if fresh or not os.path.lexists(self.path):
            return
        try:
            shutil.copyfile(self.path, self.part)
        except OSError:
            with suppress(FileNotFoundError):
                os.unlink(self.part)  # noqa: PTH108
            raise

    def _close(self) -> None:
        fd, self._fd, self._writer = self._fd, None, None
        if fd is not None:
            os.close(fd)


def _part_of(path: str) -> str:
    folder, name = os.path.split(path)
    return os.path.join(folder, f".{name}.part")  # noqa: PTH118


def _is_regular(path: str) -> bool:
    mode = os.stat(path).st_mode  # noqa: PTH116
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode)  # a folder has an error of its own


def _open(path: str, flags: int) -> int:
    try:
        return os.open(path, flags, 0o666)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)  # noqa: PTH103, PTH120
        return os.open(path, flags, 0o666)


def _sync_folder(path: str) -> None:
    fd = os.open(os.path.dirname(path) or ".", os.O_RDONLY | os.O_DIRECTORY)  # noqa: PTH120
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
