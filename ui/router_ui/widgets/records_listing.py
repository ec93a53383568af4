"""The records of one connection, as they were when they were listed; and those that come, while it is tapped."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence

from router.control.client import ControlError, FlowClient
from router.control.messages import ConnectionView, RecordView
from router_ui.widgets.records_files import as_line
from router_ui.widgets.records_paged import Paged, Piece
from router_ui.widgets.records_rows import RecordColumns

__all__ = ["SHOWN", "WHOLE", "Listing", "Tapped"]

SHOWN = 256 << 10  # bytes of a record that are shown; who wants more saves it
WHOLE = 16 << 20
_PAGE, _LARGEST_PAGE = 100, 1000
_TAPPED = 1000


class Listing:
    """Records that wait in a connection; what is not looked at is not fetched.

    Args:
        where: An expression that is true of them; None: all.
        view: The connection at this moment.
    """

    def __init__(self, client: FlowClient, view: ConnectionView, where: str | None, columns: RecordColumns) -> None:
        self.connection, self.where, self.columns = view.id, where, columns
        self.paged: Paged[RecordView] = Paged(self._fetch, _PAGE)
        self._client = client
        self._moved = (view.records_in, view.records_out, view.dropped)

    def is_old(self, view: ConnectionView) -> bool:
        """Whether records have come or gone since then."""
        return self._moved != (view.records_in, view.records_out, view.dropped)

    async def count(self) -> int:
        """How many records are meant, now."""
        if self.where is None:
            return (await self._client.records(self.connection, limit=1, cut=1)).waiting
        offset = 0
        while True:
            found = await self._client.records(
                self.connection, where=self.where, offset=offset, limit=_LARGEST_PAGE, cut=1
            )
            offset += len(found.records)
            if found.following is None:
                return offset

    async def whole(self, index: int, cut: int) -> RecordView:
        """A record of the list with its content.

        Raises:
            ControlError: it is not there any more, or cannot be asked for.
        """
        listed = self.paged[index]
        if listed is not None and not listed.is_cut:
            return listed
        found = await self._client.records(self.connection, where=self.where, offset=index, limit=1, cut=cut)
        if not found.records or (listed is not None and found.records[0].id != listed.id):
            raise ControlError(f"the record was taken from {self.connection!r} since it was listed", 404)
        return found.records[0]

    async def lines(self, indexes: Sequence[int] | None = None) -> AsyncIterator[bytes]:
        """Records as lines of JSON, whole: those at these places, or all that are meant."""
        if indexes is not None:
            for index in sorted(indexes):
                yield as_line(await self.whole(index, WHOLE))
            return
        offset: int | None = 0
        while offset is not None:
            found = await self._client.records(
                self.connection, where=self.where, offset=offset, limit=_LARGEST_PAGE, cut=WHOLE
            )
            yield b"".join(map(as_line, found.records))
            offset = found.following

    async def _fetch(self, offset: int, limit: int) -> Piece[RecordView]:
        found = await self._client.records(self.connection, where=self.where, offset=offset, limit=limit)
        self.columns.learn(found.records)
        end = offset + len(found.records)
        if found.following is None:
            return Piece(found.records, end, is_exact=True)
        if self.where is None:
            return Piece(found.records, max(end, found.waiting), is_exact=True)
        return Piece(found.records, end, is_exact=False)


class Tapped:
    """Records as they come into a connection, the newest of them: a slow terminal loses the oldest, and says how many."""

    def __init__(self, client: FlowClient, connection: str, where: str | None) -> None:
        self.connection, self.where = connection, where
        self.records: deque[RecordView] = deque(maxlen=_TAPPED)
        self.columns = RecordColumns()
        self.came = 0
        """How many came to be shown."""
        self.shown = 0
        """How many of them had come as they were shown last."""
        self.lost = 0
        """How many the flow left out, for they were too many."""
        self._client = client

    async def run(self) -> None:
        """Take what comes, until cancelled; a flow that ends may come back.

        Raises:
            ControlError: it may not be tapped so.
        """
        while True:
            async for each in self._client.tap(self.connection, where=self.where):
                if isinstance(each, RecordView):
                    self.columns.learn([each])
                    self.records.append(each)
                    self.came += 1
                else:
                    self.lost += each.records
            await asyncio.sleep(1.0)  # noqa: TID251 - a client belongs to no flow
