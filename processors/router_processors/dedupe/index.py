"""Which keys were seen, and with which batch: 24 bytes a key, found for a whole batch at once."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    import numpy as np

    Words: TypeAlias = np.ndarray[Any, np.dtype[np.uint64]]
    Numbers: TypeAlias = np.ndarray[Any, np.dtype[np.int64]]

WIDTH = 16
"""Bytes of a digest."""


class Block(NamedTuple):
    """Keys that were new in one batch."""

    number: int
    time: float
    keys: int


class _Segment(NamedTuple):
    """Digests in the order of their first halves, with the number of the block each came in."""

    first: Words
    second: Words
    number: Numbers


class Index:
    """Digests by value, in sorted segments that are merged as they grow alike."""

    def __init__(self) -> None:
        import numpy  # noqa: ICN001, PLC0415 - slow to import, and not needed by every flow

        self._np = numpy
        self._segments: list[_Segment] = []
        self._blocks: deque[Block] = deque()
        self._forgotten: set[int] = set()
        self.keys = 0
        """How many keys are in it."""
        self.next_number = 0
        """The number for the next block."""

    @property
    def _oldest(self) -> int:
        return self._blocks[0].number if self._blocks else 0

    def find(self, digests: Sequence[bytes]) -> list[int]:
        """The number of the block that each digest came in; -1: it was not seen."""
        first, second = self._words(b"".join(digests))
        found = self._np.full(len(digests), -1, dtype=self._np.int64)
        for segment in self._segments:
            at = self._np.minimum(self._np.searchsorted(segment.first, first), len(segment.first) - 1)
            is_same = (segment.first[at] == first) & (segment.second[at] == second)
            is_same &= self._are_known(segment.number[at])
            found[is_same] = segment.number[at][is_same]
        numbers: list[int] = found.tolist()
        return numbers

    def add(self, number: int, time: float, digests: bytes) -> None:
        """Remember digests that are new, one behind the other; numbers rise."""
        first, second = self._words(digests)
        self._blocks.append(Block(number, time, len(first)))
        self.next_number = number + 1
        self.keys += len(first)
        self._segments.append(self._sorted(first, second, self._np.full(len(first), number, dtype=self._np.int64)))
        while len(self._segments) > 1 and len(self._segments[-2].first) <= 2 * len(self._segments[-1].first):
            self._segments.append(self._merged(self._segments.pop(), self._segments.pop()))
        self._segments = [segment for segment in self._segments if len(segment.first)]

    def forget(self, numbers: Iterable[int]) -> None:
        """Take out blocks that came to nothing."""
        self._forgotten.update(numbers)

    def drop_before(self, time: float) -> None:
        """Take out the blocks from before a time."""
        while self._blocks and self._blocks[0].time <= time:
            self._drop()

    def drop_beyond(self, keys: int) -> list[int]:
        """Take out the oldest blocks until no more keys are left than this; their numbers."""
        dropped: list[int] = []
        while self.keys > keys and len(self._blocks) > 1:
            dropped.append(self._drop())
        return dropped

    def _drop(self) -> int:
        block = self._blocks.popleft()
        self.keys -= block.keys
        self._forgotten.discard(block.number)
        if not self._blocks:
            self._segments = []
        return block.number

    # -- arrays ---------------------------------------------------------------------------------

    def _words(self, digests: bytes) -> tuple[Words, Words]:
        pairs = self._np.frombuffer(digests, dtype=self._np.uint64).reshape(-1, 2)
        return pairs[:, 0], pairs[:, 1]

    def _are_known(self, numbers: Numbers) -> Any:
        are_known = numbers >= self._oldest
        if self._forgotten:
            are_known &= ~self._np.isin(numbers, list(self._forgotten))
        return are_known

    def _sorted(self, first: Words, second: Words, number: Numbers) -> _Segment:
        order = self._np.argsort(first)
        return _Segment(first[order], second[order], number[order])

    def _merged(self, one: _Segment, other: _Segment) -> _Segment:
        """Make one segment of two, without what is known no more."""
        first, second, number = (self._np.concatenate(pair) for pair in zip(one, other, strict=True))
        are_known = self._are_known(number)
        return self._sorted(first[are_known], second[are_known], number[are_known])
