"""Dead letters: the list, its rows, and all about one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence

from router.control.client import FlowClient
from router.control.messages import DeadLettersView, DeadLetterView
from router_ui.figures import plural
from router_ui.widgets.record_json import Line
from router_ui.widgets.record_lines import error_lines, excerpt, record_lines
from router_ui.widgets.records_paged import Paged, Piece
from router_ui.widgets.records_table import Column, Row
from router_ui.widgets.records_text import clean, when

__all__ = ["LETTERS", "Letters", "letter_lines", "letter_row"]

LETTERS = (
    Column("id", 9, is_right=True),
    Column("time", 14),
    Column("processor", 20),
    Column("error", 40),
    Column("tries", 5, is_right=True),
    Column("again", 10),
    Column("record", 40),
)
_CUT = 512  # of each record, in the list
_LARGEST_PAGE = 1000
_IDS = 200


class Letters:
    """The dead letters of a flow, oldest first; what is not looked at is not fetched.

    Args:
        where: An expression that is true of them; None: all.
    """

    def __init__(self, client: FlowClient, where: str | None) -> None:
        self.where = where
        self.kept: int | None = None
        """How many there were in all as they were listed; None: that is not known yet."""
        self.paged: Paged[DeadLetterView] = Paged(self._fetch)
        self._client = client
        self._ids: list[int] = []  # of the letters from the first on: one page begins after the one before

    async def count(self) -> int:
        """How many are meant, now."""
        if self.where is None:
            return (await self._client.dead_letters(limit=1, cut=1)).kept
        count, after = 0, 0
        while True:
            found = await self._client.dead_letters(where=self.where, after=after, limit=_LARGEST_PAGE, cut=1)
            count += len(found.letters)
            if found.following is None:
                return count
            after = found.following

    async def retry(self, ids: Sequence[int] | None, to: str | None) -> int:
        """Have these tried again, or all that are meant; how many they were."""
        if ids is None:
            return await self._client.retry(where=self.where, to=to)
        return sum([await self._client.retry(part, to=to) for part in _parts(ids)])

    async def delete(self, ids: Sequence[int] | None) -> int:
        """Delete these, or all that are meant; how many they were."""
        if ids is None:
            return await self._client.delete_dead_letters(where=self.where)
        return sum([await self._client.delete_dead_letters(part) for part in _parts(ids)])

    async def lines(self, ids: Sequence[int] | None) -> AsyncIterator[bytes]:
        """These as lines of JSON, or all that are meant."""
        for part in [None] if ids is None else _parts(ids):
            async for piece in self._client.export_dead_letters(part, where=self.where if part is None else None):
                yield piece

    async def _fetch(self, start: int, limit: int) -> Piece[DeadLetterView]:
        while len(self._ids) < start:
            known, wanted = len(self._ids), start - len(self._ids)
            if not (await self._after(known, min(_LARGEST_PAGE, wanted), 1)).letters:
                return Piece([], len(self._ids), is_exact=True)
        found = await self._after(start, limit, _CUT)
        self.kept = found.kept
        end = start + len(found.letters)
        if found.following is not None and self.where is None:
            return Piece(found.letters, max(end, found.kept), is_exact=True)
        return Piece(found.letters, end, is_exact=found.following is None)

    async def _after(self, start: int, limit: int, cut: int) -> DeadLettersView:
        after = self._ids[start - 1] if start else 0
        found = await self._client.dead_letters(where=self.where, after=after, limit=limit, cut=cut)
        self._ids[start : start + len(found.letters)] = [each.id for each in found.letters]
        return found


def _parts(ids: Sequence[int]) -> Iterator[list[int]]:
    for start in range(0, len(ids), _IDS):
        yield list(ids[start : start + _IDS])


def letter_row(each: DeadLetterView) -> Row:
    """A letter as a row."""
    again = f"→ {each.retry_to}" if each.retry_to is not None else ""
    record = "damaged" if each.record is None else excerpt(each.record)
    error = f"{each.error.get('type', '')}: {each.error.get('message', '')}"
    cells = [str(each.id), when(each.time), each.processor, error, f"{each.attempts:,}", again, record]
    return Row(each.id, cells, ["dim", "", "", "bad", "", "warn", "dim"])


def letter_lines(each: DeadLetterView) -> Iterator[Line]:
    """All about one: why, where, when, what."""
    yield from error_lines(each.error)
    yield [("", "")]
    yield [("failed in ", "dim"), (clean(each.processor), "key"), (f", {when(each.time)}", "")]
    if each.connection is not None:
        yield [("taken from ", "dim"), (clean(each.connection), "key")]
    first = f", first {when(each.first_time)}" if each.first_time != each.time else ""
    yield [("tried ", "dim"), (f"{plural(each.attempts, 'time')}{first}", "")]
    if each.retry_to is not None:
        yield [("about to be put into ", "dim"), (clean(each.retry_to), "warn")]
    if each.head_of is not None:
        size = f"of {each.head_of:,} bytes" if each.head_of else "of what was lost"
        yield [(f"only the first bytes were kept, {size}: it is not tried again", "warn")]
    yield [("", "")]
    if each.record is None:
        yield [("what was stored of it is damaged", "bad")]
    else:
        yield from record_lines(each.record, has_error=False)
