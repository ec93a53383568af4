"""Put what was found in a file into batches, each with the position up to which the file has then been given."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeAlias

from router import RAW, Batch, Format, Misread, Part, Routes, failed
from router_processors.read_file.decompress import Compression


class Position(NamedTuple):
    """How far a file has been given: all that lies before a byte, and so many records behind it.

    The byte is where a record begins. In what has no such places, like compressed data, it is 0.
    """

    path: str
    offset: int
    records: int = 0
    misread: int = 0
    tail: int = 0
    """How many of the records stood at the end of the file without an end of their own: more may come of them."""


class Track(Protocol):
    """Who is told what was given, and makes the tokens."""

    def sent(self, before: Position, position: Position, count: tuple[int, int]) -> object:
        """Note that so many records and misread were given, from one position to the other; make the token."""

    def finished(self, position: Position, end: int) -> None:
        """Note that the file has been given up to its end."""

    def anew(self) -> Track:
        """Begin again at the beginning of the file."""


class _Untracked:
    """Keeps nothing: a token is the position alone."""

    def sent(self, before: Position, position: Position, count: tuple[int, int]) -> object:
        return position

    def finished(self, position: Position, end: int) -> None:
        pass

    def anew(self) -> Track:
        return self


UNTRACKED: Track = _Untracked()

Item: TypeAlias = "tuple[Batch | Routes, object]"


class Meter:
    """How many bytes have been read of all files."""

    __slots__ = ("nbytes",)

    def __init__(self) -> None:
        self.nbytes = 0


@dataclass(frozen=True, slots=True)
class Manner:
    """How files are read: what the settings say, and who reads."""

    format: Format
    compression: Compression
    records: int
    """The most records of a batch."""
    reader: str
    """The processor's name, for the errors of records."""
    meter: Meter


class Batches:
    """Makes batches of the parts of one file, from a position on: what lies before it is left out."""

    def __init__(self, manner: Manner, start: Position, track: Track) -> None:
        self.track = track
        self.records = 0
        """How many were given."""
        self.misread = 0
        """How many were none."""
        self.position = start._replace(records=0, misread=0, tail=0)
        self._manner = manner
        self._skip = [start.records, start.misread]

    def items(self, part: Part, safe: int | None, *, is_tail: bool = False) -> Iterator[Item]:
        """Give batches of a part.

        Args:
            safe: The byte up to which all is complete with it; None: there is no such place.
            is_tail: Its records are what the end of the file has cut short.
        """
        part = self._unskipped(part, is_tail=is_tail)
        given: list[tuple[Batch | Routes, int, int]] = [(batch, len(batch), 0) for batch in self._good(part)]
        if part.misread:
            given.append(({"failure": self._failures(part.misread)}, 0, len(part.misread)))
        self.records += len(part.content) + len(part.rows)
        for number, (each, records, misread) in enumerate(given):
            before = self.position
            self._advance(records, misread, is_tail=is_tail)
            if number == len(given) - 1:
                self._complete(safe)
            yield each, self.track.sent(before, self.position, (records, misread))
        if not given:
            self._complete(safe)

    def _good(self, part: Part) -> Iterator[Batch]:
        codec, path = self._manner.format.codec, self.position.path
        records = part.rows if codec is None else part.content
        slices = list(self._slices(len(records)))
        for each in slices:
            if codec is None:
                yield Batch.of(part.rows[each], path=path)
                continue
            batch = Batch.raw(part.content[each], codec, path=path)
            if len(slices) == 1:
                batch.whole = part.whole
            yield batch

    def _slices(self, count: int) -> Iterator[slice]:
        """Batches of about the same size, none of them too large."""
        if count:
            size = -(-count // -(-count // self._manner.records))
            for start in range(0, count, size):
                yield slice(start, start + size)

    def _failures(self, misread: Sequence[Misread]) -> Batch:
        self.misread += len(misread)
        lost = Batch.raw([each.content for each in misread], RAW, path=self.position.path)
        return failed(lost, [(index, each.error) for index, each in enumerate(misread)], self._manner.reader)

    # -- positions ------------------------------------------------------------------------------

    def _advance(self, records: int, misread: int, *, is_tail: bool) -> None:
        at = self.position
        tail = at.tail + records if is_tail else at.tail
        self.position = Position(at.path, at.offset, at.records + records, at.misread + misread, tail)

    def _complete(self, safe: int | None) -> None:
        if safe is not None and safe > self.position.offset:
            self.position = Position(self.position.path, safe)

    def _unskipped(self, part: Part, *, is_tail: bool) -> Part:
        """Leave out what was given before; it counts for the position all the same."""
        good, bad = self._skip
        if not good and not bad:
            return part
        count = len(part.content) + len(part.rows)
        good, bad = min(good, count), min(bad, len(part.misread))
        self._skip = [self._skip[0] - good, self._skip[1] - bad]
        self._advance(good, bad, is_tail=is_tail)
        return Part(part.content[good:], part.rows[good:], part.misread[bad:])
