"""The names of parts: numbered behind those that are there, so that none is ever written over."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from contextlib import suppress

_NUMBERED = re.compile(r"(.+)\.([0-9]{6,})(\.[^.]*)?", re.DOTALL)


def hidden(path: str) -> str:
    """Where a file is written before it gets its name; what lies there belongs to nobody once its writer is gone."""
    folder, name = os.path.split(path)
    return os.path.join(folder, f".{name}.part")  # noqa: PTH118 - paths are texts, as the template made them


class PartNames:
    """Numbers the parts of each path: ``posts.000001.parquet``, in an order that sorts.

    The first number is the one behind the highest that is there, a folder is looked through once.
    """

    def __init__(self) -> None:
        self._last: dict[str, int] = {}
        self._folders: dict[str, dict[str, list[int]]] = {}

    def give(self, path: str, rename: Callable[[str], None]) -> None:
        """Give the next number of a path with ``rename``; it is used up when that has succeeded.

        Raises:
            OSError: the folder cannot be looked through, or ``rename`` raises it.
        """
        number = self._last_of(path) + 1
        while os.path.lexists(name := _numbered(path, number)):
            number += 1
        rename(name)
        self._last[path] = number

    def clear(self, path: str) -> None:
        """Take the parts of a path away that an earlier run left.

        Raises:
            OSError: one cannot be taken away.
        """
        for number in self._found(path):
            with suppress(FileNotFoundError):
                os.unlink(_numbered(path, number))  # noqa: PTH108
        self._last[path] = 0

    def _last_of(self, path: str) -> int:
        if path not in self._last:
            self._last[path] = max(self._found(path), default=0)
        return self._last[path]

    def _found(self, path: str) -> list[int]:
        folder, name = os.path.split(path)
        if folder not in self._folders:
            self._folders[folder] = _look_through(folder or ".")
        return self._folders[folder].get(name, [])


def _numbered(path: str, number: int) -> str:
    root, end = os.path.splitext(path)  # noqa: PTH122
    return f"{root}.{number:06}{end}"


def _look_through(folder: str) -> dict[str, list[int]]:
    """The numbers in a folder by the name they were given to."""
    found: dict[str, list[int]] = {}
    try:
        names = os.listdir(folder)  # noqa: PTH208
    except (FileNotFoundError, NotADirectoryError):
        return found
    for name in names:
        if parts := _NUMBERED.fullmatch(name):
            found.setdefault(parts[1] + (parts[3] or ""), []).append(int(parts[2]))
    return found
