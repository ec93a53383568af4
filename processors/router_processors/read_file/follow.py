"""Follow files as they grow, are cut, are renamed and replaced."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import AsyncGenerator, Callable, Iterator

from router import Context
from router_processors.read_file.batches import Item
from router_processors.read_file.names import FileNames
from router_processors.read_file.reading import Reading


class Follower:
    """Reads what is there, then what comes, of every file the names mean.

    A file is known by what stays when it is renamed. One that is gone from under its names is
    read to its end, and a look later let go, before a new one is begun.
    """

    def __init__(self, names: FileNames, open_: Callable[[str], Reading | None], context: Context, poll: float) -> None:
        self._names = names
        self._open = open_
        self._context = context
        self._poll = poll
        self._files: dict[tuple[int, int], Reading] = {}
        self._leaving: dict[tuple[int, int], tuple[int, float]] = {}
        self._next_look = 0.0
        self._told: set[str] = set()

    def adopt(self, name: str) -> None:
        """Read a file to its end that is not found under the names any more."""
        self._open_one(name)

    async def items(self) -> AsyncGenerator[Item | None, None]:
        """Give records as they come, without end; None where there are none now."""
        try:
            while True:
                has_moved, is_empty = False, True
                for reading in list(self._files.values()):
                    for item in reading.step():
                        is_empty = False
                        yield item
                    has_moved = has_moved or not reading.at_end
                if has_moved and is_empty:
                    await asyncio.sleep(0)  # noqa: TID251 - a turn for the others, where a record is long in coming
                if has_moved and self._context.now() < self._next_look:
                    continue
                known = set(self._files)
                for item in self._look():
                    yield item
                self._next_look = self._context.now() + self._poll
                if not has_moved and known >= set(self._files):
                    yield None
                    await self._context.sleep(self._poll)
        finally:
            for reading in self._files.values():
                reading.close()

    def _look(self) -> Iterator[Item]:
        """See which files were cut, which are gone, which are new."""
        found = self._found()
        for identity, reading in list(self._files.items()):
            if reading.size < reading.offset:
                self._context.bulletin("a file was cut; it is read from its beginning", path=reading.name)
                yield from reading.end()
                reading.restart()
            elif identity in found:
                self._leaving.pop(identity, None)
            elif self._may_leave(identity, reading):
                yield from self._let_go(identity)
        if not self._leaving:
            self._begin(found)

    def _may_leave(self, identity: tuple[int, int], reading: Reading) -> bool:
        """Whether a file that is gone has got nothing more since the last look: who writes it notices late."""
        now = self._context.now()
        offset, since = self._leaving.get(identity, (-1, now))
        if offset != reading.offset:
            self._leaving[identity] = (reading.offset, now)
        return offset == reading.offset and since + self._poll <= now

    def _found(self) -> dict[tuple[int, int], str]:
        found: dict[tuple[int, int], str] = {}
        for name in self._names.find():
            try:
                status = os.stat(self._names.place(name))  # noqa: PTH116 - a name is shown as it was given
            except OSError as error:
                self._tell("a file cannot be read; waiting for it", name, error)
                continue
            if stat.S_ISREG(status.st_mode):
                found.setdefault((status.st_dev, status.st_ino), name)
        return found

    def _begin(self, found: dict[tuple[int, int], str]) -> None:
        for identity, name in found.items():
            if identity in self._files:
                continue
            self._open_one(name)

    def _open_one(self, name: str) -> None:
        try:
            reading = self._open(name)
        except OSError as error:
            self._tell("a file cannot be read; waiting for it", name, error)
        else:
            if reading is not None:
                self._files[reading.identity] = reading
                self._told.discard(name)

    def _let_go(self, identity: tuple[int, int]) -> Iterator[Item]:
        reading = self._files.pop(identity)
        del self._leaving[identity]
        yield from reading.end()
        reading.close()
        self._context.bulletin("a file is gone; it was read to its end", path=reading.name, bytes=reading.offset)

    def _tell(self, text: str, name: str, error: OSError) -> None:
        if name not in self._told:
            self._told.add(name)
            self._context.bulletin(text, path=name, error=error.strerror or str(error))
