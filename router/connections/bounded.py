"""What every connection does: hold to its limits, make producers wait, hand out batches of a size."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

from router.ack import Outcome
from router.batch import Batch
from router.connections.base import Choose, ConnectionStats, Gauge, Limits, Surroundings, Taken
from router.connections.entry import Entry, Turn, cut
from router.errors import ConnectionClosedError

__all__ = ["Connection"]

WORKING_DEPTH = 2


class Connection(ABC):
    """A queue with hard limits in records and bytes.

    ``put`` waits until the whole batch fits and is woken when the queue is half empty,
    in the order of the puts; only a batch larger than a limit is sliced, and a single
    record above it passes alone, into an empty queue. Within a cycle puts never wait; what
    enters the cycle waits while all of it holds this connection's limit. Lives on one
    event loop.
    """

    is_durable: ClassVar[bool] = False
    """True if what is put is safe by its commit, and comes back after a crash."""

    def __init__(self, id: str, limits: Limits, around: Surroundings) -> None:
        self.id = id
        self.max_records, self.max_bytes = limits.records, limits.nbytes
        self.records = self.nbytes = 0
        self.aside = self.aside_bytes = 0
        self.unacked = self.dropped = 0
        self.records_in = self.records_out = 0
        self.bytes_in = self.bytes_out = 0
        self.is_closed = False
        self.admits_all = False
        """True while the flow is changed: calls that are to end put what they have, whatever room there is."""
        self.inside: Gauge | None = None
        self.is_internal = False
        self.notify: Callable[[], None] = lambda: None
        """Tells the consumer that there is something to take."""
        self.taps: tuple[Callable[[Batch], None], ...] = ()
        """Who sees each batch that is put; must be cheap, and keep nothing waiting."""
        self.lost: Callable[[str, Batch, str], None] | None = None
        """Hears what ended here, and how: ``expired``, ``full``, ``drop``, ``dead_letters``."""
        self._expire: float | None = None
        self._takes = 0
        self._now = around.now
        self._on_drop = around.on_drop
        self._memory = around.memory
        self._entries: deque[Entry] = deque()
        """What can be taken now, in order."""
        self._putters: deque[Turn] = deque()
        self.change(limits)

    def __len__(self) -> int:
        """How many batches wait."""
        return len(self._entries)

    @property
    def due(self) -> int:
        """Records that wait to be taken."""
        return self.records

    @property
    def is_deep(self) -> bool:
        """True if enough is queued that the producer should give up its turn."""
        return len(self._entries) >= WORKING_DEPTH

    def join_cycle(self, inside: Gauge, *, is_internal: bool) -> None:
        """Belong to a cycle: lie within it, where puts never wait, or lead into it."""
        self.inside = inside
        self.is_internal = is_internal
        if not is_internal:
            inside.watch(self._wake_putter)

    def leave_cycle(self) -> None:
        """Belong to none."""
        if self.inside is not None:
            self.inside.unwatch(self._wake_putter)
        self.inside, self.is_internal = None, False

    # -- putting --------------------------------------------------------------------------------

    def offer(self, batch: Batch) -> bool:
        """Put the batch now if it need not wait; else change nothing and say False.

        A connection that drops when it is full never makes anybody wait.

        Raises:
            ConnectionClosedError: the flow has ended.
            RuntimeError: an origin of the batch has settled.
        """
        self._check_open()
        if self._when_full != "block":
            for piece in self._pieces(batch):
                self._put_or_drop(piece)
            return True
        if self._putters or not self._fits(batch):
            return False
        self._accept(batch)
        return True

    async def put(self, batch: Batch) -> None:
        """Put the batch, waiting for room behind who waits already; cancelled, what was not yet put is not put.

        Raises:
            ConnectionClosedError: the flow has ended.
        """
        if self.offer(batch):
            return
        turn = Turn()
        self._putters.append(turn)
        try:
            todo = [batch]
            while todo:
                piece = todo.pop()
                if self._is_too_large(piece):  # also one that grew while it waited: a sibling decoded it
                    todo += reversed(list(self._pieces(piece)))
                elif self._putters[0] is turn and self._fits(piece):
                    self._accept(piece)
                else:
                    todo.append(piece)
                    await turn.wait()
                    self._check_open()
        finally:
            self._putters.remove(turn)
            self._wake_putter()

    def _check_open(self) -> None:
        if self.is_closed:
            raise ConnectionClosedError(f"connection {self.id!r} is closed")

    def _is_too_large(self, batch: Batch) -> bool:
        """True if it could never be put in one piece."""
        return (
            not self.is_internal and len(batch) > 1 and (len(batch) > self.max_records or batch.nbytes > self.max_bytes)
        )

    def _pieces(self, batch: Batch) -> Iterator[Batch]:
        if self._is_too_large(batch):
            for piece in cut(batch, self.max_records, self.max_bytes):
                yield from self._pieces(piece)
        else:
            yield batch

    def _fits(self, batch: Batch) -> bool:
        if self.is_internal or self.admits_all:
            return True
        count = len(batch)
        if (
            self.inside is not None
            and self.inside.level + count > self.max_records
            and (self.inside.level or count > 1)
        ):
            return False
        if count == 1 and not self.records and not self.aside:
            return True
        records, nbytes = self.records + self.aside + count, self.nbytes + self.aside_bytes + batch.nbytes
        return records <= self.max_records and nbytes <= self.max_bytes

    def _put_or_drop(self, batch: Batch) -> None:
        if not self._fits(batch) and self._expire is not None:
            self._drop_expired(self._expire)
        shed = 0
        while self._when_full == "drop_oldest" and self._entries and not self._fits(batch):
            self._tell_lost(self._entries[0].batch, "full")
            shed += self._drop_head()
        if self._fits(batch):
            self._accept(batch)
            self._tell_shed(shed)
        else:
            self._shed(batch, shed)

    def _shed(self, batch: Batch, before: int = 0) -> None:
        """Drop records that were not put, after others of the same put."""
        self._tell_lost(batch, "full")
        for ack in batch.acks():
            ack.hold()
            ack.release(Outcome.DROPPED)
        self._tell_shed(before + len(batch))

    def _tell_shed(self, records: int) -> None:
        if records:
            self.dropped += records
            self._on_drop(self.id, records, "full")

    def _accept(self, batch: Batch) -> None:
        self._append(batch)
        for tap in self.taps:
            tap(batch)

    @abstractmethod
    def _append(self, batch: Batch) -> None:
        """Take a batch in, whatever room there is."""

    def _arrive(self, records: int, nbytes: int) -> None:
        """Count records that wait from now on, and are in memory."""
        self.records += records
        self.nbytes += nbytes
        self._memory.level += nbytes  # nobody waits for it to rise
        if self.inside is not None:
            self.inside.add(records)

    def _leave(self, entry: Entry) -> int:
        """Count records that wait no more, and go no further."""
        count = len(entry.batch)
        self.records -= count
        self.nbytes -= entry.nbytes
        self._memory.add(-entry.nbytes)
        if self.inside is not None:
            self.inside.add(-count)
        return count

    def _wake_putter(self) -> None:
        if self._putters and (self.is_closed or self._is_half_empty()):
            self._putters[0].wake()

    def _is_half_empty(self) -> bool:
        if self.admits_all or self.is_internal:
            return True
        if self.inside is not None and 2 * self.inside.level > self.max_records:
            return False
        records, nbytes = self.records + self.aside, self.nbytes + self.aside_bytes
        return 2 * records <= self.max_records and 2 * nbytes <= self.max_bytes

    # -- taking ---------------------------------------------------------------------------------

    def take(self, records: int, nbytes: int) -> Taken | None:
        """Take what waits, up to both limits, merging neighbours that hold the same form; None: nothing waits."""
        if self._expire is not None:
            self._drop_expired(self._expire)
        if not self._entries:
            return None
        first = self._head(records, nbytes)
        entries = [self._entries.popleft()]
        if not self._entries:
            return self._taken(entries)
        count, size = len(first.batch), first.nbytes
        has_content, has_rows = first.batch.has_content, first.batch.has_rows
        while self._entries:
            following = self._entries[0]
            count += len(following.batch)
            size += following.nbytes
            has_content = has_content and following.batch.has_content and following.batch.codec is first.batch.codec
            has_rows = has_rows and following.batch.has_rows
            if count > records or size > nbytes or not (has_content or has_rows):
                break
            entries.append(self._entries.popleft())
        return self._taken(entries)

    def _head(self, records: int, nbytes: int) -> Entry:
        """The first entry, split until one call may be given it: in halves, so that no record is moved often."""
        first = self._entries[0]
        while (count := len(first.batch)) > records:
            first = self._split_head(max(records, count // 2 // records * records))
        while first.nbytes > nbytes and (count := len(first.batch)) > 1:
            first = self._split_head(min(count // 2, max(1, count * nbytes // first.nbytes, count // 4)))
        return first

    @abstractmethod
    def _own(self, entry: Entry) -> None:
        """Prepare an entry that is about to leave, or to be split: from now on it has acks."""

    def _taken(self, entries: list[Entry]) -> Taken:
        for entry in entries:
            self._own(entry)
        if len(entries) == 1:
            batch, nbytes, acks = entries[0].batch, entries[0].nbytes, list(entries[0].acks)
        else:
            batch = Batch.concat([entry.batch for entry in entries])
            nbytes, acks = sum(entry.nbytes for entry in entries), [ack for entry in entries for ack in entry.acks]
        count = len(batch)
        self.records -= count
        self.nbytes -= nbytes
        self.records_out += count
        self.bytes_out += nbytes
        self.unacked += count
        self._memory.add(-nbytes)
        if self._putters:
            self._wake_putter()
        self._takes += 1
        taken = Taken(batch, acks, self.id, self._done, self.set_aside)
        taken.number, taken.time = self._takes, entries[0].time
        return taken

    def put_back(self, batch: Batch, time: float) -> None:
        """Take back, as its head, what was taken and will be taken again; its acks are held already."""
        self._entries.appendleft(Entry(batch, batch.acks(), batch.nbytes, time, self._row_of(batch)))
        self._arrive(len(batch), batch.nbytes)
        self.records_out -= len(batch)
        self.bytes_out -= batch.nbytes
        self.notify()

    def _row_of(self, batch: Batch) -> Any:
        """What stands for records on disk that were taken from here."""
        return None

    def _done(self, records: int) -> None:
        self.unacked -= records
        if self.inside is not None:
            self.inside.add(-records)

    def _split_head(self, records: int) -> Entry:
        whole = self._entries.popleft()
        self._own(whole)
        parts = [whole.batch.slice(0, records), whole.batch.slice(records, len(whole.batch))]
        for ack in set(parts[0].acks()) & set(parts[1].acks()):
            ack.hold()
        nbytes = whole.nbytes * records // len(whole.batch)
        self._entries.appendleft(Entry(parts[1], parts[1].acks(), whole.nbytes - nbytes, whole.time, whole.row))
        self._entries.appendleft(Entry(parts[0], parts[0].acks(), nbytes, whole.time, whole.row))
        return self._entries[0]

    def set_aside(self, records: int, nbytes: int) -> None:
        """Count what a retry or a lane has set aside, or negative has taken up again, against the limits."""
        self.aside += records
        self.aside_bytes += nbytes
        self._memory.add(nbytes)
        if records < 0:
            self._wake_putter()

    # -- looking into it --------------------------------------------------------------------------

    @abstractmethod
    async def look(self, choose: Choose, offset: int, limit: int) -> list[Batch]:
        """The records that wait and are chosen, in order, from the one at ``offset``, ``limit`` at most."""

    @abstractmethod
    async def remove(self, choose: Choose) -> int:
        """Drop the records that wait and are chosen, by an operator's word: how many that were."""

    def change(self, limits: Limits) -> None:
        """Change the limits, what is done at them, and how long records may wait."""
        self._expire = limits.expire.total_seconds() if limits.expire is not None else None
        self._when_full = limits.when_full
        self.resize(limits.records, limits.nbytes)

    def let_in(self, *, is_open: bool) -> None:
        """Let everybody in who waits for room, and who comes, until this is taken back."""
        self.admits_all = is_open
        self._wake_putter()

    def resize(self, records: int | None = None, nbytes: int | None = None) -> None:
        """Change the limits; what waits beyond the new ones stays."""
        self.max_records = records if records is not None else self.max_records
        self.max_bytes = nbytes if nbytes is not None else self.max_bytes
        self._wake_putter()

    # -- dropping and ending --------------------------------------------------------------------

    def _drop_expired(self, seconds: float) -> None:
        oldest, expired = self._now() - seconds, 0
        while self._entries and self._entries[0].time <= oldest:
            self._tell_lost(self._entries[0].batch, "expired")
            expired += self._drop_head()
        if expired:
            self.dropped += expired
            self._on_drop(self.id, expired, "expired")
            self._wake_putter()

    def _tell_lost(self, batch: Batch, why: str) -> None:
        if self.lost is not None:
            self.lost(self.id, batch, why)

    @abstractmethod
    def _drop_head(self) -> int:
        """Let go of the first entry by the flow's own words: how many records it had."""

    @abstractmethod
    def close(self) -> None:
        """Take no more; every put that waits for room is refused."""

    def stats(self) -> ConnectionStats:
        """How it looks now."""
        return ConnectionStats(
            records=self.records,
            nbytes=self.nbytes,
            max_records=self.max_records,
            max_bytes=self.max_bytes,
            full=min(
                1.0,
                max((self.records + self.aside) / self.max_records, (self.nbytes + self.aside_bytes) / self.max_bytes),
            ),
            oldest=max(0.0, self._now() - self._entries[0].time) if self._entries else 0.0,
            unacked=self.unacked,
            waiting=len(self._putters),
            records_in=self.records_in,
            records_out=self.records_out,
            bytes_in=self.bytes_in,
            bytes_out=self.bytes_out,
            dropped=self.dropped,
        )
