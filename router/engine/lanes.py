"""Which calls of a processor may overlap, and in what order their outputs leave."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from router.codec import Failures
from router.connections.base import Taken
from router.engine.clock import resolve
from router.errors import ConfigError, RecordError
from router.expression import Expression
from router.flow import RunOptions

__all__ = ["Job", "Lanes"]


class Job:
    """One call to be made, and its place in the order."""

    __slots__ = ("_before", "_done", "is_aside", "lane", "refused", "taken")

    def __init__(self, taken: Taken, before: asyncio.Future[None] | None = None, lane: int | None = None) -> None:
        self.taken = taken
        self.lane = lane
        self.refused: Failures = []
        """What has no key, or cannot be decoded to find one: to ``failure``, without a call."""
        self.is_aside = False
        """It waits for a retry and has made room for another call."""
        self._before = before
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def done(self) -> asyncio.Future[None]:
        """Done when the outputs of this call are put."""
        return self._done

    @property
    def is_next(self) -> bool:
        """True if the calls before this one have put their outputs."""
        return self._before is None or self._before.done()

    async def come(self) -> None:
        """Wait until they have."""
        if self._before is not None:
            await asyncio.shield(self._before)

    def end(self) -> None:
        """Let the next one put."""
        resolve(self._done, None)


class Lanes:
    """Hands out jobs so that the order a flow asked for holds.

    ``ordered: true``: calls overlap, outputs leave in the order taken. ``false``: as they
    finish, and a retry makes room for another call, coming back when there is room again.
    A key: hashed to as many lanes as there may be calls, one call a lane at a time; what
    waits in a lane still counts against its connection.
    """

    def __init__(self, run: RunOptions) -> None:
        self.concurrency = run.concurrency
        """How many calls may overlap."""
        self._key = run.ordered if isinstance(run.ordered, Expression) else None
        self._is_ordered = run.ordered is True
        self._ready: deque[Job] = deque()
        self._lanes: list[deque[Job]] = [deque() for _ in range(run.concurrency if self._key is not None else 0)]
        self._busy: set[int] = set()
        self._begun: dict[Job, None] = {}
        self._calling = 0
        self._returning: deque[tuple[Job, asyncio.Future[None]]] = deque()
        self._last: asyncio.Future[None] | None = None
        self.records = 0
        """Records taken that wait for their call."""
        self.are_needed = run.concurrency > 1 or self._key is not None
        """False where one call follows another, whatever its records: nothing need be handed out."""

    @property
    def has_room(self) -> bool:
        """True if one more call may begin."""
        return self._calling < self.concurrency

    def widen(self, concurrency: int) -> None:
        """Let so many calls overlap from now on.

        Raises:
            ConfigError: keys are hashed to lanes, whose number is fixed while the flow runs.
        """
        if self._key is not None:
            raise ConfigError("with a key in 'ordered' the number of lanes is fixed while the flow runs")
        self.concurrency = concurrency
        self.are_needed = True  # also for one alone: others may still be under way

    # -- calls ----------------------------------------------------------------------------------

    def admit(self, taken: Taken) -> None:
        """Queue a batch for its call, or by key for the calls of its lanes."""
        self.records += len(taken.batch)
        if self._key is not None:
            self._split(taken, self._key)
            return
        job = Job(taken, self._last if self._is_ordered else None)
        self._last = job.done
        self._ready.append(job)

    def next(self) -> Job | None:
        """Begin the next job that may."""
        job = self._ready.popleft() if self._ready else self._next_of_a_lane()
        if job is not None:
            self.records -= len(job.taken.batch)
            self._begun[job] = None
            self._calling += 1
        return job

    def _next_of_a_lane(self) -> Job | None:
        for number, lane in enumerate(self._lanes):
            if lane and number not in self._busy:
                self._busy.add(number)
                job = lane.popleft()
                job.taken.take_up()
                return job
        return None

    def end(self, job: Job) -> None:
        """A job is done: let its lane go on, and who comes behind it put."""
        job.end()
        if job.lane is not None:
            self._busy.discard(job.lane)
        del self._begun[job]
        if not job.is_aside:
            self._leave()

    def drain(self) -> list[Taken]:
        """Everything that has not been called: it waits, or its task was cancelled before it ran."""
        waiting = [job.taken for lane in (self._begun, self._ready, *self._lanes) for job in lane]
        for lane in (self._ready, *self._lanes):
            lane.clear()
        self._begun.clear()
        self.records = 0
        return waiting

    def take_back(self) -> list[Taken]:
        """Everything that waits to be called; those that come after it wait for it no more."""
        waiting = [job for lane in (self._ready, *self._lanes) for job in lane]
        for job in waiting:
            job.end()
        for lane in (self._ready, *self._lanes):
            lane.clear()
        self.records = 0
        return [job.taken for job in waiting]

    # -- retries --------------------------------------------------------------------------------

    def step_aside(self, job: Job) -> None:
        """Make room for another call while this one waits for a retry, if order allows it."""
        if not self._is_ordered and self._key is None:
            job.is_aside = True
            job.taken.set_aside()
            self._leave()

    async def come_back(self, job: Job) -> None:
        """Take a place among the calls again, before any new one."""
        if not job.is_aside:
            return
        if self._returning or not self.has_room:
            place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._returning.append((job, place))
            await place
        else:
            self._enter_again(job)

    def _leave(self) -> None:
        self._calling -= 1
        while self._returning and self.has_room:
            job, place = self._returning.popleft()
            if not place.done():
                self._enter_again(job)
                place.set_result(None)

    def _enter_again(self, job: Job) -> None:
        self._calling += 1
        job.is_aside = False
        job.taken.take_up()

    # -- keys -----------------------------------------------------------------------------------

    def _split(self, taken: Taken, key: Expression) -> None:
        whole = taken.batch
        batch, undecodable = whole.decoded() if key.whole else whole.projected(key.fields)
        refused: Failures = list(undecodable)
        bad = {index for index, _ in undecodable}
        positions = [index for index in range(len(whole)) if index not in bad]
        lanes: dict[int, list[int]] = {}
        for position, value in zip(positions, key.over(batch), strict=True):
            if value is None:
                refused.append((position, RecordError(f"the key {key.source!r} is None")))
            else:
                lanes.setdefault(_hash(value) % self.concurrency, []).append(position)
        if refused:
            refused.sort(key=lambda failure: failure[0])
            job = Job(taken.part(whole.select([index for index, _ in refused])))
            job.refused = [(number, error) for number, (_, error) in enumerate(refused)]
            self._ready.append(job)
        for number, chosen in lanes.items():
            part = taken.part(whole.select(chosen))
            part.set_aside()
            self._lanes[number].append(Job(part, lane=number))
        for ack in taken.acks:
            ack.release()  # each part holds its own


def _hash(value: Any) -> int:
    try:
        return hash(value)
    except TypeError:
        return hash(repr(value))
