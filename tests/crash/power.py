"""What a disk holds when the power goes: recorded system calls, played back up to a moment.

Sure are the writes of a file before its last sync that had ended, and the names in a folder before its
last sync; of what came later each write may be there, in part or not at all, and each name.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest

SECTOR = 512
CALLS = "openat,write,pwrite64,ftruncate,unlink,fsync,fdatasync"
_LINE = re.compile(rb"(\d+\.\d+) (\w+)\((.*)\) += +(-?\d+).*<(\d+\.\d+)>$")
_TEXT = re.compile(rb'"((?:\\x[0-9a-f]{2})*)"')
_FD = re.compile(rb"^\d+<((?:\\x[0-9a-f]{2})*)>")


def recorded(folder: Path) -> list[str]:
    """Begin a command whose writes are recorded, one file for each thread."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    folder.mkdir()
    options = ["-ff", "-qq", "-ttt", "-T", "-y", "-xx", "-s", str(1 << 22)]
    return ["strace", *options, "-o", str(folder / "calls"), "-e", f"trace={CALLS}"]


@dataclass(frozen=True, slots=True)
class Call:
    """One system call on a file."""

    start: float
    end: float
    name: str
    path: str
    data: bytes = b""
    at: int = 0


def calls_in(folder: Path, below: Path) -> list[Call]:
    """The calls on files below a folder, in the order in which they began."""
    found = [call for path in folder.iterdir() for line in path.read_bytes().splitlines() for call in _read(line)]
    return sorted((call for call in found if call.path.startswith(str(below))), key=lambda call: call.start)


def _read(line: bytes) -> Iterator[Call]:
    if (matched := _LINE.match(line)) is None or int(matched[4]) < 0:
        return
    start, name, arguments = float(matched[1]), matched[2].decode(), matched[3]
    texts = [_plain(text) for text in _TEXT.findall(arguments)]
    if name in ("openat", "unlink"):
        if name == "unlink" or b"O_CREAT" in arguments:
            yield Call(start, start + float(matched[5]), name, os.fsdecode(texts[0]))
        return
    if (file := _FD.match(arguments)) is None:
        return
    last = arguments.rpartition(b", ")[2]
    at = int(last) if name in ("pwrite64", "ftruncate") else 0
    data = texts[0][: int(matched[4])] if name in ("write", "pwrite64") else b""
    yield Call(start, start + float(matched[5]), name, os.fsdecode(_plain(file[1])), data, at)


def _plain(escaped: bytes) -> bytes:
    return bytes.fromhex(escaped.replace(b"\\x", b"").decode())


@dataclass(slots=True)
class Inode:
    """What was done to one file, whatever its name is now."""

    changes: list[Call] = field(default_factory=list)
    synced: int = 0
    """How many of the changes are sure."""

    def content(self, dice: Random) -> bytes:
        """What may be in it after a power cut."""
        data = bytearray()
        for number, call in enumerate(self.changes):
            size = len(call.data)
            if number >= self.synced:
                if dice.random() < 0.5:
                    continue
                size = min(size, SECTOR * dice.randint(0, 1 + size // SECTOR))
            if call.name == "ftruncate":
                data = data[: call.at].ljust(call.at, b"\0")
            elif size:
                data = data.ljust(call.at, b"\0")
                data[call.at : call.at + size] = call.data[:size]
        return bytes(data)


class Disk:
    """The files of one folder, as calls change them."""

    def __init__(self, folder: Path) -> None:
        self.folder = str(folder)
        self.inodes: dict[str, Inode] = {}
        self.names: list[tuple[str, Inode | None]] = []
        """Every change of a name; None: it was taken away."""
        self.sure = 0
        """How many of these are on disk."""

    def see(self, call: Call, moment: float) -> None:
        """Take in a call that had begun by then."""
        inode = self.inodes.get(call.path)
        if call.name in ("fsync", "fdatasync"):
            self.sync(call.path, is_over=call.end < moment)
        elif call.name == "unlink":
            self.inodes.pop(call.path, None)
            self.names.append((call.path, None))
        elif inode is None and call.name == "openat":
            self.inodes[call.path] = Inode()
            self.names.append((call.path, self.inodes[call.path]))
        elif inode is not None and call.name != "openat":
            inode.changes.append(call)

    def sync(self, path: str, *, is_over: bool) -> None:
        if is_over and path == self.folder:
            self.sure = len(self.names)
        elif is_over and path in self.inodes:
            self.inodes[path].synced = len(self.inodes[path].changes)

    def left(self, dice: Random) -> dict[str, bytes]:
        """The files there may be after a power cut: by name, what is in them."""
        found: dict[str, Inode | None] = {}
        for number, (name, inode) in enumerate(self.names):
            if number < self.sure or dice.random() < 0.5:
                found[name] = inode
        return {Path(name).name: inode.content(dice) for name, inode in found.items() if inode is not None}


def left_at(calls: Sequence[Call], moment: float, folder: Path, dice: Random) -> dict[str, bytes]:
    """The files of a folder after a power cut at a moment."""
    disk = Disk(folder)
    for call in calls:
        if call.start < moment:
            disk.see(call, moment)
    return disk.left(dice)
