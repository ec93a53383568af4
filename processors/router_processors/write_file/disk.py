"""What files and folders need of the operating system: made, opened, written whole, synced."""

from __future__ import annotations

import os
from collections.abc import Iterable


def open_below(path: str, flags: int, *, is_synced: bool = False) -> int:
    """Open a file, with the folders it lies in where they are missing.

    Raises:
        OSError: it cannot be opened.
    """
    try:
        return os.open(path, flags, 0o666)
    except FileNotFoundError:
        make_folders(os.path.dirname(path) or ".", is_synced=is_synced)  # noqa: PTH120 - paths are texts, as the template made them
        return os.open(path, flags, 0o666)


def make_folders(folder: str, *, is_synced: bool) -> None:
    """Make a folder and those above it that are missing; ``is_synced``: each stays after a power cut."""
    missing = []
    while folder and not os.path.isdir(folder):  # noqa: PTH112
        missing.append(folder)
        folder = os.path.dirname(folder)  # noqa: PTH120
    for each in reversed(missing):
        os.makedirs(each, exist_ok=True)  # noqa: PTH103
        if is_synced:
            sync_folder(each)


def write_all(fd: int, pieces: Iterable[bytes]) -> None:
    """Write every byte."""
    for piece in pieces:
        rest = memoryview(piece)
        while rest:
            rest = rest[os.write(fd, rest) :]


def sync_folder(path: str) -> None:
    """Wait until the disk knows of a name that was given or taken in the folder of ``path``."""
    fd = os.open(os.path.dirname(path) or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)  # noqa: PTH120
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
