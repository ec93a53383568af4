"""A bounded queue of batches on disk: safe at its commit, there again after a crash."""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from math import inf, isnan
from typing import Literal

from router.ack import Ack, Outcome
from router.batch import Batch
from router.codec import Failures
from router.connections.base import Limits, Surroundings, Taken
from router.connections.bounded import Connection
from router.connections.entry import Entry
from router.connections.rows import Found, Place, QueueRows, Row, Waiting, outside
from router.expression import Expression
from router.storage.packing import UnstorableError, pack
from router.storage.unit import Unit, open_unit

__all__ = ["DiskQueue"]

CACHED_ROWS, CACHED_BYTES = 4096, 32 << 20  # what of a long queue is held in memory too, at most
_LOWEST = float("inf")  # the rank of what has no priority
_FIRST, _MOST = 1.0, 300.0  # seconds before what was rejected is given again, doubling


def _place(entry: Entry) -> Place:
    place: Place = entry.row.place
    return place


class DiskQueue(Connection):
    """A queue in ``flow.db``, one row a batch: a sink for who puts, a source for who takes.

    Who put is told when its batch is committed; what is taken has an ack of its own, whose
    end deletes the row. A row that was not settled is there again, in order, when the flow
    runs next. The head of the queue is held in memory too, so that a queue that is kept
    short never reads from disk.

    Args:
        rows: Its rows in the database.
        make_ack: An ack of the engine's own, with its token and who hears of its end.
        call_later: Calls back after some seconds of the flow's time.
        refuse: Takes records that cannot be kept on disk, with the error beside them.
        whole: Never give out part of a row: its deletion commits with what its call gave.
        piece: The most records in one row: what the consumer takes in one call.
    """

    is_durable = True

    def __init__(
        self,
        id: str,
        limits: Limits,
        around: Surroundings,
        *,
        rows: QueueRows,
        make_ack: Callable[[object, Callable[[Ack], None]], Ack],
        call_later: Callable[[float, Callable[[], None]], object],
        refuse: Callable[[Batch, Failures], None],
        tell: Callable[[str, dict[str, object]], None] = lambda _text, _data: None,
        order: Literal["fifo", "newest"] = "fifo",
        priority: Expression | None = None,
        whole: bool = False,
        piece: int = 1000,
    ) -> None:
        super().__init__(id, limits, around)
        self.may_return: Callable[[], bool] = lambda: True
        """False when its consumer has ended: what is rejected then waits for the next run."""
        self._rows = rows
        self._make_ack = make_ack
        self._call_later = call_later
        self._refuse = refuse
        self._tell = tell
        self._is_newest_first = order == "newest"
        self._priority = priority
        self._is_whole = whole
        self._piece = piece
        self._beyond = 0
        """Committed rows that are on disk alone, all of them behind ``_edge``."""
        self._edge: Place | None = None
        self._cached = 0
        self._cache = CACHED_BYTES
        self._uncommitted = 0
        self._units: list[Unit] = []
        """Calls that have put something here."""
        self._out: set[int] = set()
        """Rows that were taken and still stand on disk."""
        self._rejections: dict[int, int] = {}
        self._is_loading = False
        self._is_held_back = False

    @property
    def due(self) -> int:
        """Records that wait to be taken; none once a stop holds them back."""
        return 0 if self._is_held_back else self.records

    def restore(self, waiting: Waiting) -> None:
        """Begin with what an earlier run left."""
        self._beyond = waiting.rows
        self.records += waiting.records
        self.nbytes += waiting.nbytes
        if self.inside is not None:
            self.inside.add(waiting.records)
        self._load()

    @property
    def is_out(self) -> bool:
        """True while records that were taken from here still stand on disk, for they are safe nowhere else."""
        return bool(self._out)

    def serve(self, *, whole: bool, piece: int, cache: int) -> None:
        """Give records to a consumer that takes so many at once, and whole rows only or not.

        Args:
            cache: The most bytes of the head to hold in memory too. That should be more than is put
                while one commit lasts, or a queue that is kept short is read from disk all the same.
        """
        self._is_whole, self._piece, self._cache = whole, piece, min(CACHED_BYTES, cache)

    def hold_back(self) -> None:
        """Give out no more: the flow stops, and what waits is safe; what is under way has room, for none will come."""
        self._is_held_back = True
        self._wake_putter()

    # -- putting --------------------------------------------------------------------------------

    def _append(self, batch: Batch) -> None:
        for piece, rank in self._parts(batch):
            self._store(piece, rank)

    def _parts(self, batch: Batch) -> Iterator[tuple[Batch, float]]:
        """One row each: by priority, and no larger than the consumer takes at once."""
        parts = [(batch, 0.0)] if self._priority is None else _by_rank(batch, self._priority)
        for part, rank in parts:
            for start in range(0, len(part), self._piece):
                yield part.slice(start, start + self._piece), rank

    def _store(self, batch: Batch, rank: float) -> None:
        acks = batch.acks()
        if any(ack.settled for ack in acks):
            raise RuntimeError("records whose origins have settled cannot be put")
        try:
            packed = pack(batch)
        except UnstorableError as error:
            self._store_others(batch, rank, error.failures)
            return
        unit = open_unit()
        if unit is not None:  # rows that this call took are deleted by the same commit
            acks = outside(acks)
            if self not in unit.put:
                self._units = [*self._open_units(), unit]
            unit.put[self] = unit.put.get(self, 0) + len(batch)
        for ack in acks:
            ack.hold()
            ack.is_stored = True
        number = self._rows.next_number()
        row = Row(number, -number if self._is_newest_first else rank, self._now(), len(batch), batch.nbytes)
        self._arrive(row.records, row.nbytes)
        self.records_in += row.records
        self.bytes_in += row.nbytes
        self._uncommitted += row.records
        self._rows.insert(row, packed, partial(self._stored, row, batch, acks))

    def _store_others(self, batch: Batch, rank: float, failures: Failures) -> None:
        bad = [index for index, _ in failures]
        refused = batch.select(bad)
        self._tell_lost(refused, "dead_letters")
        self._refuse(refused, [(number, error) for number, (_, error) in enumerate(failures)])
        good = sorted(set(range(len(batch))) - set(bad))
        if good:
            self._store(batch.select(good), rank)

    def _stored(self, row: Row, batch: Batch, acks: Sequence[Ack], _: object, error: BaseException | None) -> None:
        self._uncommitted -= row.records
        if error is None:
            self._admit(row, batch)
        else:
            self._forget(row)
        for ack in acks:
            ack.release(Outcome.DELIVERED if error is None else Outcome.REJECTED, error)

    def offer(self, batch: Batch) -> bool:
        """Put the batch now if it need not wait; of one larger than the limit, ``drop_oldest`` keeps the end."""
        surplus = len(batch) - self.max_records
        if self._when_full == "drop_oldest" and surplus > 0:
            self._shed(batch.slice(0, surplus))
            batch = batch.slice(surplus, len(batch))
        return super().offer(batch)

    def _put_or_drop(self, batch: Batch) -> None:
        """Where the oldest is to go, it may be on its way to the disk still: it goes as soon as it has arrived.

        A disk that is behind by the whole limit gets no more: then it is the newest that goes.
        """
        may_overshoot = self._uncommitted + len(batch) <= 2 * self.max_records and not self._fits(batch)
        if self._when_full == "drop_oldest" and may_overshoot:
            self._accept(batch)
            self._drop_excess()
        else:
            super()._put_or_drop(batch)

    def _drop_excess(self) -> None:
        if self._when_full != "drop_oldest":
            return
        shed = 0
        while self._entries and (self.records > self.max_records or self.nbytes > self.max_bytes):
            self._tell_lost(self._entries[0].batch, "full")
            shed += self._drop_head()
        self._tell_shed(shed)

    def _fits(self, batch: Batch) -> bool:
        """Where all that waits here waits for calls to end, which may wait for room, it may be more than the limit."""
        if self._is_held_back or super()._fits(batch):
            return True
        self._units = self._open_units()
        return bool(self._units) and self.records == sum(unit.put[self] for unit in self._units)

    def _open_units(self) -> list[Unit]:
        return [unit for unit in self._units if not unit.is_over]

    def _is_half_empty(self) -> bool:
        return self._is_held_back or self.records == self._uncommitted or super()._is_half_empty()

    def _admit(self, row: Row, batch: Batch) -> None:
        """Keep a committed row in memory if it belongs to the head of the queue."""
        if self._beyond and self._edge is not None and row.place > self._edge:
            self._leave_on_disk(row)
        elif self._entries and not self._has_cache_room() and row.place > _place(self._entries[-1]):
            self._edge = _place(self._entries[-1])
            self._leave_on_disk(row)
        else:
            self._enter(row, batch)
            self._drop_excess()
            self.notify()

    def _enter(self, row: Row, batch: Batch) -> None:
        entry = Entry(batch, (), row.nbytes, row.time, row)
        self._cached += row.nbytes
        if not self._entries or row.place > _place(self._entries[-1]):
            self._entries.append(entry)
            return
        insort(self._entries, entry, key=_place)
        while not self._has_cache_room() and len(self._entries) > 1 and not self._entries[-1].acks:
            last = self._entries.pop().row
            self._cached -= last.nbytes
            self._edge = _place(self._entries[-1])
            self._leave_on_disk(last)

    def _leave_on_disk(self, row: Row) -> None:
        self._beyond += 1
        self._memory.add(-row.nbytes)

    def _has_cache_room(self) -> bool:
        return len(self._entries) < CACHED_ROWS and self._cached < self._cache

    # -- taking ---------------------------------------------------------------------------------

    def take(self, records: int, nbytes: int) -> Taken | None:
        """Take what waits in memory; what is on disk alone is read meanwhile."""
        if self._is_held_back:
            return None
        taken = super().take(records, nbytes)
        if self._beyond and 2 * self._cached < self._cache and 2 * len(self._entries) < CACHED_ROWS:
            self._load()
        return taken

    def _head(self, records: int, nbytes: int) -> Entry:
        return self._entries[0] if self._is_whole else super()._head(records, nbytes)

    def _own(self, entry: Entry) -> None:
        if entry.acks:  # the rest of a row that was taken in part
            return
        self._cached -= entry.row.nbytes
        self._out.add(entry.row.number)
        ack = self._make_ack(entry.row, self._settled)
        entry.batch, entry.acks = entry.batch.owned_anew(ack), (ack,)

    def _row_of(self, batch: Batch) -> Row:
        row = batch.acks()[0].token
        assert isinstance(row, Row)
        return row

    def _settled(self, ack: Ack) -> None:
        """Delete a row whose records are safe elsewhere; give again what is not."""
        row = ack.token
        assert isinstance(row, Row)
        if ack.outcome is not Outcome.REJECTED:
            self._rows.delete(row, partial(self._deleted, row))
        elif not self._is_held_back and not self.is_closed and self.may_return():
            self._arrive(row.records, row.nbytes)
            tries = self._rejections[row.number] = self._rejections.get(row.number, 0) + 1
            wait = min(_MOST, _FIRST * 2 ** (tries - 1))
            self._call_later(wait, partial(self._rows.load, row, self._returned))
        else:
            self._out.discard(row.number)

    def _deleted(self, row: Row, _: object, _error: BaseException | None) -> None:
        """Forget it; one that could not be deleted comes again in the next run: given twice, not lost."""
        self._out.discard(row.number)
        self._rejections.pop(row.number, None)

    def _returned(self, found: Found | None) -> None:
        for row, batch in found.batches if found is not None else ():
            self._out.discard(row.number)
            self._admit(row, batch)
        self._set_aside(found)

    # -- reading --------------------------------------------------------------------------------

    def _load(self) -> None:
        if not self._is_loading and self._beyond:
            self._is_loading = True
            rows, done = max(1, CACHED_ROWS // 2), partial(self._loaded, self._edge)
            self._rows.load_behind(self._edge, self._cache // 2, rows, done)

    def _loaded(self, edge: Place | None, found: Found | None) -> None:
        self._is_loading = False
        if found is None:  # the database is closed
            return
        if edge == self._edge:  # else other rows were left on disk meanwhile, which come before these
            self._go_on_with(found)
        self._lose_beyond(found)
        self._drop_excess()
        self.notify()
        if not self._entries and found.rows:
            self._load()

    def _go_on_with(self, found: Found) -> None:
        """Take in the rows behind the edge."""
        fresh = [(row, batch) for row, batch in found.batches if row.number not in self._out]
        if places := [row.place for row in found.rows]:
            self._edge = max(places)
        self._beyond -= len(fresh)
        for row, batch in fresh:
            self._memory.level += row.nbytes
            self._enter(row, batch)

    def _lose_beyond(self, found: Found) -> None:
        """Rows that were on disk alone, and are damaged."""
        for row, _ in found.damaged:
            self._beyond -= 1
            self._memory.level += row.nbytes
        self._set_aside(found)

    def _set_aside(self, found: Found | None) -> None:
        for row, reason in found.damaged if found is not None else ():
            self._out.discard(row.number)
            self._forget(row)
            text = "a damaged batch was set aside in the table quarantine of flow.db"
            self._tell(text, {"records": row.records, "error": reason})
        self._wake_putter()

    def _forget(self, row: Row) -> None:
        """Count records no more that are lost to this queue."""
        self.records -= row.records
        self.nbytes -= row.nbytes
        self._memory.add(-row.nbytes)
        if self.inside is not None:
            self.inside.add(-row.records)

    # -- dropping and ending --------------------------------------------------------------------

    def _drop_head(self) -> int:
        entry = self._entries.popleft()
        self._own(entry)
        count = self._leave(entry)
        for ack in entry.acks:
            ack.release(Outcome.DROPPED)
        return count

    def close(self) -> None:
        """Take no more; what waits stays on disk, and every put that waits for room is refused."""
        self.is_closed = True
        for entry in self._entries:
            for ack in entry.acks:
                ack.release(Outcome.REJECTED)
        self._entries.clear()
        self._wake_putter()


def _by_rank(batch: Batch, priority: Expression) -> list[tuple[Batch, float]]:
    """Part a batch by its priority, the highest first; what has none comes last."""
    ranks = [_LOWEST] * len(batch)
    ready, undecodable = batch.decoded() if priority.whole else batch.projected(priority.fields)
    bad = {index for index, _ in undecodable}
    good = [index for index in range(len(batch)) if index not in bad]
    for index, value in zip(good, priority.over(ready), strict=True):
        if isinstance(value, int | float) and not isinstance(value, bool) and not isnan(rank := -_as_float(value)):
            ranks[index] = rank
    return [(part, rank) for rank, part in sorted(batch.partition(ranks).items())]


def _as_float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:  # JSON has integers of any size
        return inf if value > 0 else -inf
