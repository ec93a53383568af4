"""Which calls of a processor may overlap, and in what order their outputs leave."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from router.codec import Failures
from router.connections.base import Taken
from router.errors import RecordError
from router.expression import Expression
from router.flow import RunOptions

__all__ = ["Job", "Lanes"]


class Job:
    """One call to be made, and its place in the order."""

    __slots__ = ("_before", "_done", "lane", "refused", "taken")

    def __init__(self, taken: Taken, before: asyncio.Future[None] | None = None, lane: int | None = None) -> None:
        self.taken = taken
        self.lane = lane
        self.refused: Failures = []
        """What has no key, or cannot be decoded to find one: to ``failure``, without a call."""
        self._before = before
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def done(self) -> asyncio.Future[None]:
        """Done when the outputs of this call are put."""
        return self._done

    async def come(self) -> None:
        """Wait until the calls before this one have put their outputs."""
        if self._before is not None:
            await asyncio.shield(self._before)

    def end(self) -> None:
        """Let the next one put."""
        self._done.set_result(None)


class Lanes:
    """Hands out jobs so that the order a flow asked for holds.

    ``ordered: true``: calls overlap, outputs leave in the order taken. ``false``: as they
    finish, and a retry makes room for another call. A key: hashed to as many lanes as
    there may be calls, one call a lane at a time; what waits in a lane still counts
    against its connection.
    """

    def __init__(self, run: RunOptions) -> None:
        self._concurrency = run.concurrency
        self._key = run.ordered if isinstance(run.ordered, Expression) else None
        self._is_ordered = run.ordered is True
        self._ready: deque[Job] = deque()
        self._lanes: list[deque[Job]] = [deque() for _ in range(run.concurrency if self._key is not None else 0)]
        self._busy: set[int] = set()
        self._last: asyncio.Future[None] | None = None
        self.aside = 0
        """Calls that wait for a retry and have made room."""

    @property
    def steps_aside(self) -> bool:
        """True if a call that waits for a retry makes room for others."""
        return self._concurrency > 1 and not self._is_ordered and self._key is None

    @property
    def records(self) -> int:
        """Records taken that wait for their lane."""
        return sum(len(job.taken.batch) for lane in (self._ready, *self._lanes) for job in lane)

    def has_room(self, active: int) -> bool:
        """True if one more call may begin."""
        return active - self.aside < self._concurrency

    def admit(self, taken: Taken) -> None:
        """Queue a batch for its call, or by key for the calls of its lanes."""
        if self._key is not None:
            self._split(taken, self._key)
            return
        job = Job(taken, self._last if self._is_ordered else None)
        self._last = job.done
        self._ready.append(job)

    def next(self) -> Job | None:
        """The next job that may begin."""
        if self._ready:
            return self._ready.popleft()
        for number, lane in enumerate(self._lanes):
            if lane and number not in self._busy:
                self._busy.add(number)
                job = lane.popleft()
                job.taken.set_aside(-len(job.taken.batch))
                return job
        return None

    def end(self, job: Job) -> None:
        """Let the lane of a job go on."""
        job.end()
        if job.lane is not None:
            self._busy.discard(job.lane)

    def drain(self) -> list[Taken]:
        """Everything that has not begun."""
        waiting = [job.taken for lane in (self._ready, *self._lanes) for job in lane]
        for lane in (self._ready, *self._lanes):
            lane.clear()
        return waiting

    def _split(self, taken: Taken, key: Expression) -> None:
        batch, undecodable = taken.batch.projected(key.fields)
        refused: Failures = list(undecodable)
        bad = {index for index, _ in undecodable}
        positions = [index for index in range(len(taken.batch)) if index not in bad]
        lanes: dict[int, list[int]] = {}
        for position, value in zip(positions, key.over(batch), strict=True):
            if value is None:
                refused.append((position, RecordError(f"the key {key.source!r} is None")))
            else:
                lanes.setdefault(_hash(value) % self._concurrency, []).append(position)
        if refused:
            refused.sort(key=lambda failure: failure[0])
            job = Job(taken.part(taken.batch.select([index for index, _ in refused])))
            job.refused = [(number, error) for number, (_, error) in enumerate(refused)]
            self._ready.append(job)
        for number, chosen in lanes.items():
            part = taken.part(taken.batch.select(chosen))
            part.set_aside(len(chosen))
            self._lanes[number].append(Job(part, lane=number))
        for ack in taken.acks:
            ack.release()  # each part holds its own


def _hash(value: Any) -> int:
    try:
        return hash(value)
    except TypeError:
        return hash(repr(value))
