"""A long list that is fetched piece by piece, as it is looked at."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

__all__ = ["Paged", "Piece"]

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Piece(Generic[_T]):
    """Some items that follow each other, and how many there are at least, from the beginning of the list."""

    items: list[_T]
    count: int
    is_exact: bool


class Paged(Generic[_T]):
    """Items of a list that another process has, those near where one looks.

    Args:
        fetch: Asks for at most so many items from a place on.
        size: How many are asked for at once, and how far ahead of what is seen.
        most: How many are kept; those furthest from what is seen are forgotten first.
    """

    def __init__(self, fetch: Callable[[int, int], Awaitable[Piece[_T]]], size: int = 100, most: int = 3000) -> None:
        self._fetch, self._size, self._most = fetch, size, most
        self._items: dict[int, _T] = {}
        self._count = 0
        self._view = (0, 0)
        self._is_fetching = False
        self.is_exact = False
        """Whether the count is that of all; else there are more."""
        self.was_asked = False
        """Whether anything came yet."""

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> _T | None:
        """An item; None: it was not fetched yet."""
        return self._items.get(index)

    def known(self) -> list[_T]:
        """The items that are here, in order."""
        return [self._items[index] for index in sorted(self._items)]

    def wants(self, first: int, last: int) -> bool:
        """Whether something near there is missing, and nobody fetches it yet."""
        self._view = (first, last)
        return not self._is_fetching and self._missing() is not None

    async def look(self, first: int, last: int, show: Callable[[], None]) -> None:
        """Fetch what is missing from here to there and a little around; each time something came, ``show`` it.

        While it fetches, a further look only says where to go on.

        Raises:
            ControlError: the flow refuses.
            UnreachableError: it does not answer.
        """
        self._view = (first, last)
        if self._is_fetching:
            return
        self._is_fetching = True
        try:
            while (start := self._missing()) is not None:
                self._take(start, await self._fetch(start, self._size))
                show()
        finally:
            self._is_fetching = False

    def _missing(self) -> int | None:
        """Where to fetch next: what is seen first, then what lies around it."""
        if not self.was_asked:
            return 0
        first, last = self._view
        ahead = range(first, last + self._size // 2 + 1)
        behind = range(max(0, first - self._size // 2), first)
        end = self._count if self.is_exact else self._count + 1
        for index in ahead:
            if index < end and index not in self._items:
                return index
        missing = [index for index in behind if index < end and index not in self._items]
        return max(0, missing[-1] - self._size + 1) if missing else None

    def _take(self, start: int, piece: Piece[_T]) -> None:
        self.was_asked = True
        self._items.update(enumerate(piece.items, start))
        if not piece.items and start < piece.count:
            piece = Piece([], start, is_exact=True)  # it became shorter meanwhile
        if piece.is_exact:
            self._items = {index: item for index, item in self._items.items() if index < piece.count}
        self._count = piece.count if piece.is_exact else max(self._count, piece.count)
        self.is_exact = piece.is_exact
        if len(self._items) > self._most:
            self._forget()

    def _forget(self) -> None:
        first, last = self._view
        middle, least = (first + last) // 2, last - first + 3 * self._size  # or what is wanted would be forgotten
        nearest = sorted(self._items, key=lambda index: abs(index - middle))
        self._items = {index: self._items[index] for index in nearest[: max(self._most // 2, least)]}
