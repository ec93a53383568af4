"""A disk connection that can be looked into, and parts of it dropped, however long it is."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from router.ack import Outcome
from router.batch import Batch
from router.connections.base import Choose
from router.connections.disk_queue import CACHED_ROWS, DiskQueue
from router.connections.entry import Entry
from router.connections.pages import page
from router.connections.rows import Found, Place, Row
from router.storage.packing import pack

__all__ = ["DiskConnection"]


class DiskConnection(DiskQueue):
    """A queue in ``flow.db``; see ``DiskQueue``."""

    async def look(self, choose: Choose, offset: int, limit: int) -> list[Batch]:
        """The records that wait and are chosen, in order; what is on disk alone is read for it."""
        if self._uncommitted:
            await self._rows.written()
        seen = [(entry.batch, choose(entry.batch)) for entry in list(self._entries)]
        found = page(seen, offset, limit)
        left, skipped = limit - sum(map(len, found)), max(0, offset - sum(sum(mask) for _, mask in seen))
        async for batch in self._batches_beyond(self._edge):
            if not left:
                break
            mask = choose(batch)
            more = page([(batch, mask)], skipped, left)
            skipped = max(0, skipped - sum(mask))
            left -= sum(map(len, more))
            found += more
        return found

    async def remove(self, choose: Choose) -> int:
        """Drop the records that wait and are chosen, on disk too."""
        if self._uncommitted:
            await self._rows.written()
        while self._is_loading:  # what is being read would be given out all the same
            await self._rows.written()
        before, self._entries = self._entries, deque()
        removed = 0
        for entry in before:
            gone, kept = entry.batch.split(choose(entry.batch))
            removed += len(gone)
            self._part(entry, gone, kept)
        self._is_loading = True  # what is looked at on disk stays there meanwhile
        try:
            async for row, batch in self._rows_beyond(self._edge):
                removed += self._remove_on_disk(row, batch, choose)
        finally:
            self._is_loading = False
        self._wake_putter()
        self._load()
        self.notify()
        return removed

    def _part(self, entry: Entry, gone: Batch, kept: Batch) -> None:
        if not len(gone):
            self._entries.append(entry)
            return
        self._tell_lost(gone, "drop")
        nbytes = entry.nbytes * len(kept) // len(entry.batch)
        if len(kept):
            row = entry.row if entry.acks else self._rewritten(entry.row, kept, nbytes)
            self._entries.append(Entry(kept, entry.acks, nbytes, entry.time, row))
            self._leave(Entry(gone, (), entry.nbytes - nbytes, entry.time))
            return
        self._own(entry)
        self._leave(entry)
        for ack in entry.acks:
            ack.release(Outcome.DROPPED)

    def _remove_on_disk(self, row: Row, batch: Batch, choose: Choose) -> int:
        gone, kept = batch.split(choose(batch))
        if not len(gone):
            return 0
        self._tell_lost(gone, "drop")
        left = Row(row.number, row.rank, row.time, len(kept), row.nbytes * len(kept) // len(batch))
        if len(kept):
            self._rows.update(left, pack(kept))
        else:
            self._beyond -= 1
            self._rows.delete(row, lambda _, _error: None)
        self.records -= row.records - left.records
        self.nbytes -= row.nbytes - left.nbytes
        if self.inside is not None:
            self.inside.add(left.records - row.records)
        return len(gone)

    def _rewritten(self, row: Row, kept: Batch, nbytes: int) -> Row:
        self._cached -= row.nbytes - nbytes
        left = Row(row.number, row.rank, row.time, len(kept), nbytes)
        self._rows.update(left, pack(kept))
        return left

    async def _rows_beyond(self, edge: Place | None) -> AsyncIterator[tuple[Row, Batch]]:
        while self._beyond:
            found: asyncio.Future[Found | None] = asyncio.get_running_loop().create_future()
            self._rows.load_behind(edge, self._cache // 2, CACHED_ROWS // 2, found.set_result)
            rows = await found
            if rows is None or not rows.rows:
                return
            self._lose_beyond(rows)
            edge = max(row.place for row in rows.rows)
            for row, batch in rows.batches:
                if row.number not in self._out:
                    yield row, batch

    async def _batches_beyond(self, edge: Place | None) -> AsyncIterator[Batch]:
        async for _, batch in self._rows_beyond(edge):
            yield batch
