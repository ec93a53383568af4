"""How far each file has been read, kept over restarts: what is safe, and what to give again."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from router import Ack, Context, Outcome, Watermark
from router_processors.read_file.batches import Position
from router_processors.read_file.names import FileNames
from router_processors.read_file.reading import Reading

Identity: TypeAlias = tuple[int, int]

_PREFIX = "file/"
_MARKED = 1024  # bytes at the beginning of a file by which it is known again
_DAY = 86400.0
_KEPT = 30 * _DAY  # how long a file is remembered that is not there any more
_PATIENCE = (1.0, 300.0)  # seconds before what was rejected is given again: the first time, and at most


class Saved(NamedTuple):
    """What is remembered of a file."""

    position: Position
    end: int | None
    """How long it was when it was read to its end."""
    version: tuple[int, int]
    """Its size and time when it was opened."""
    mark: tuple[int, str]
    """How many bytes of its beginning were looked at, and their hash."""
    of: str
    """The setting by which it was found."""

    def packed(self) -> list[Any]:
        """Write it as plain values."""
        return [list(self.position), self.end, list(self.version), list(self.mark), self.of]

    @classmethod
    def read(cls, value: list[Any]) -> Saved:
        """Read what ``packed`` wrote."""
        position, end, (size, time), (length, found), of = value
        return cls(Position(*position), end, (size, time), (length, found), of)


class Token:
    """What was given together of one file."""

    __slots__ = ("attempts", "before", "count", "number", "position", "track")

    def __init__(
        self, track: FileTrack, number: int, before: Position, position: Position, count: tuple[int, int]
    ) -> None:
        self.track = track
        self.number = number
        self.before = before
        self.position = position
        self.count = count
        """How many records, and how many misread."""
        self.attempts = 0


class FileTrack:
    """Follows one reading of a file: what was given, and up to where all of it is safe."""

    def __init__(self, checkpoints: Checkpoints, reading: Reading) -> None:
        self._checkpoints = checkpoints
        self._reading = reading
        self._marks = Watermark()
        self._sent: deque[tuple[int, Position, int | None]] = deque()
        self._count = 0
        self.identity = reading.identity
        self.name = reading.name
        self.version = reading.version
        self.mark = mark_of(reading)

    def sent(self, before: Position, position: Position, count: tuple[int, int]) -> Token:
        """Note what was given; make the token."""
        if self.mark[0] < _MARKED:
            self.mark = mark_of(self._reading)
        return Token(self, self._note(position, None), before, position, count)

    def finished(self, position: Position, end: int) -> None:
        """Note that the file has been given up to its end."""
        if self.mark[0] < _MARKED:
            self.mark = mark_of(self._reading)
        self.settled(self._note(position, end))

    def anew(self) -> FileTrack:
        """Begin again at the beginning of the file."""
        return self._checkpoints.track(self._reading)

    def settled(self, number: int) -> None:
        """Remember that it is safe; save the position up to which all is."""
        safe = self._marks.settled(None, number)
        if safe is None:
            return
        found = self._sent.popleft()
        while found[0] < safe:
            found = self._sent.popleft()
        _, position, end = found
        self._checkpoints.save(self, Saved(position, end, self.version, self.mark, self._checkpoints.of))

    def _note(self, position: Position, end: int | None) -> int:
        self._count += 1
        self._marks.sent(None, self._count)
        self._sent.append((self._count, position, end))
        return self._count


class Checkpoints:
    """The positions of all files that a processor reads, in its state."""

    def __init__(self, names: FileNames, *, mode: str, is_streaming: bool) -> None:
        self.of = names.text
        self._names = names
        self._is_followed = mode == "follow"
        self._is_whole = mode == "watch" or not is_streaming
        """A file that has changed is read whole again, not from where it was left."""
        self._context: Context
        self._saved: dict[Identity, Saved] = {}
        self._current: dict[Identity, FileTrack] = {}
        self._again: list[tuple[float, Token]] = []
        self._last: dict[str, Any] = {}
        self._refresh_at = 0.0

    async def load(self, context: Context) -> None:
        """Learn what was saved."""
        self._context = context
        found = await context.state.scan(_PREFIX)
        self._saved = {_identity(key): Saved.read(value) for key, value in found.items()}
        self._refresh_at = context.now()

    # -- where to begin -------------------------------------------------------------------------

    def begin(self, reading: Reading) -> bool:
        """Let a file go on where it was left; False: there is nothing new in it."""
        if not reading.is_regular:
            return True
        saved = self._saved.get(reading.identity)
        start = Position(reading.name, 0) if saved is None else self._start(saved, reading)
        if start is None:
            return False
        reading.go_on(start, self.track(reading))
        return True

    def track(self, reading: Reading) -> FileTrack:
        """Follow a reading; what settles of an earlier one of the same file is not saved any more."""
        track = self._current[reading.identity] = FileTrack(self, reading)
        return track

    def _start(self, saved: Saved, reading: Reading) -> Position | None:
        anew = Position(reading.name, 0)
        at, size = saved.position, reading.size
        if self._is_whole:
            if saved.version == reading.version:
                return None if saved.end is not None else at
            return anew
        if size < max(at.offset, saved.end or 0):
            self._context.bulletin("a file was cut; it is read from its beginning", path=reading.name)
            return anew
        if mark_of(reading, saved.mark[0]) != saved.mark:
            text = "a file is not the one that was read before; it is read from its beginning"
            self._context.bulletin(text, path=reading.name)
            return anew
        if saved.end is None:
            return at
        if size == saved.end and not self._is_followed:
            return None
        return _behind(at, reading.look(1, saved.end))

    def moved(self) -> Iterator[str]:
        """Names of files that were being read and are not found any more, but under another name beside it."""
        found = {identity for name in self._names.find() if (identity := _identity_of(self._names.place(name)))}
        for identity, saved in list(self._saved.items()):
            if saved.of != self.of or identity in found:
                continue
            name = self._beside(identity, saved.position.path)
            if name is not None:
                yield name
            elif saved.end is None:
                text = "a file is gone that was being read; what it got after the last run is not read"
                self._context.bulletin(text, path=saved.position.path, offset=saved.position.offset)
                self._saved[identity] = saved._replace(end=saved.position.offset)
                self._put({identity: self._saved[identity]})

    def _beside(self, identity: Identity, name: str) -> str | None:
        folder = Path(self._names.place(name)).parent
        try:
            with os.scandir(folder) as entries:
                there = next((each.name for each in entries if each.inode() == identity[1]), None)
        except OSError:
            return None
        if there is None:
            return None
        beside = os.path.join(os.path.dirname(name), there)  # noqa: PTH118, PTH120 - a name is shown as it was given
        return beside if _identity_of(self._names.place(beside)) == identity else None

    # -- what became of it ----------------------------------------------------------------------

    def settled(self, ack: Ack) -> bool:
        """Save what is safe; keep in mind what is to be given again. False: it was not given by a track."""
        token = ack.token
        if not isinstance(token, Token):
            return False
        if ack.outcome is Outcome.REJECTED:
            first, most = _PATIENCE
            wait = min(most, first * 2 ** min(token.attempts, 30))
            token.attempts += 1
            self._again.append((self._context.now() + wait, token))
        else:
            token.track.settled(token.number)
        return True

    def save(self, track: FileTrack, saved: Saved) -> None:
        """Put a position into the state: all before it is safe."""
        if self._current.get(track.identity) is track:
            self._saved[track.identity] = saved
            self._put({track.identity: saved})

    def _put(self, saved: dict[Identity, Saved]) -> None:
        self._last = {_key(identity): each.packed() for identity, each in saved.items()}
        self._context.state.put_soon(self._last, expire=_KEPT)

    def refresh(self) -> None:
        """Once a day, remember for longer the files that are still there."""
        now = self._context.now()
        if now < self._refresh_at:
            return
        self._refresh_at = now + _DAY
        names = [self._names.place(name) for name in self._names.find()]
        there = {*self._current, *filter(None, map(_identity_of, names))}
        if kept := {identity: self._saved[identity] for identity in there if identity in self._saved}:
            self._put(kept)

    async def stop(self) -> None:
        """See that what was saved is on disk."""
        if self._last:
            await self._context.state.put_many(self._last, expire=_KEPT)

    # -- what was rejected ----------------------------------------------------------------------

    @property
    def next_again(self) -> float | None:
        """When something that was rejected is to be given again."""
        return min((time for time, _ in self._again), default=None)

    @property
    def rejected(self) -> int:
        """How many batches were rejected and not given again yet."""
        return len(self._again)

    def due_again(self) -> list[Token]:
        """Take what is to be given again now."""
        now = self._context.now()
        due = [token for time, token in self._again if time <= now]
        if due:
            self._again = [each for each in self._again if each[0] > now]
        return due

    def place_again(self, token: Token) -> str | None:
        """The name under which the file of a token is found now; None: it is gone, or was cut."""
        track = token.track
        if self._current.get(track.identity) is not track:
            return None
        if _identity_of(self._names.place(track.name)) == track.identity:
            return track.name
        return self._beside(track.identity, track.name)


def mark_of(reading: Reading, size: int = _MARKED) -> tuple[int, str]:
    """By what the beginning of a file is known again."""
    head = reading.look(size)
    return len(head), blake2b(head, digest_size=16).hexdigest()


def _behind(at: Position, first: bytes) -> Position:
    """Where to go on in a file that has grown since its end was read."""
    is_whole = not at.tail or first in (b"\n", b"\r")
    return at._replace(records=at.records if is_whole else at.records - at.tail, misread=0, tail=0)


def _identity_of(place: str) -> Identity | None:
    try:
        found = os.stat(place)  # noqa: PTH116 - a name is shown as it was given
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _key(identity: Identity) -> str:
    return f"{_PREFIX}{identity[0]}:{identity[1]}"


def _identity(key: str) -> Identity:
    device, _, inode = key.removeprefix(_PREFIX).partition(":")
    return int(device), int(inode)
