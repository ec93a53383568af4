"""One source at work: asks it for batches, waits where the flow has enough, tells it what became of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal, Protocol

from router.ack import Ack, Outcome, Watermark
from router.authoring import Source
from router.batch import Batch
from router.connections.base import Gauge
from router.engine.calls import closing, is_cancelled
from router.engine.clock import Clock
from router.engine.context import FlowContext
from router.engine.outlet import Outlet, Turns
from router.engine.outputs import Outputs, joined, outputs_of
from router.engine.retry import Backoff, Pauses
from router.engine.switch import Switch
from router.engine.tracing.trail import Trail
from router.errors import ProcessorError, RetryableError
from router.flow import ProcessorSpec
from router.secrecy import hidden

__all__ = ["SourceRunner"]

Hear = Callable[[Ack], None]


class Patient(Protocol):
    """A consumer that may wait for a fuller batch."""

    def notify_patient(self) -> None:
        """Look again: there may be nobody left to fill it."""


class Watcher(Protocol):
    """Who looks at the whole flow when a source waits or ends."""

    def waits(self, change: int) -> None:
        """Hear that a source waits for settlements or for room, or does so no more."""

    def paused(self, change: int) -> None:
        """Hear that a source waits for room in the dead letters, or does so no more."""

    def source_ended(self, runner: SourceRunner) -> None:
        """Hear that a source gives no more."""

    def broke(self, error: ProcessorError) -> None:
        """Hear that a source broke where nobody else can be told."""


class SourceRunner:
    """Runs one source until it ends or the flow stops."""

    context: FlowContext

    def __init__(
        self,
        spec: ProcessorSpec,
        source: Source,
        outlet: Outlet,
        *,
        clock: Clock,
        memory: Gauge,
        max_memory: int,
        make_ack: Callable[[object, Hear, Hear | None], Ack],
        watcher: Watcher,
    ) -> None:
        self.spec = spec
        self.source = source
        self.outlet = outlet
        self.pauses = Pauses(clock)
        self.switch = Switch(self._look_again)
        self.trail: Trail | None = None
        """Who follows records from this source, if anybody does."""
        self.records = 0
        self.rejected = 0
        """How often what was in the flow came back to be given again."""
        self.is_ended = False
        self.is_stopping = False
        self.is_gated = False
        self.blocked = 0
        self.paused = 0
        self.task: asyncio.Task[Any] | None = None
        self.patient: Sequence[Patient] = ()
        """Consumers that may wait for a fuller batch; in vain, when this source waits or has ended."""
        self.open: set[Ack] = set()
        """What it gave that has not settled, and what it has in hand."""
        self.in_hand = 0
        """How much of that waits at the gate, and has not set out."""
        self.is_giving = False
        """True while it puts."""
        self.is_detached = False
        """True if it is no part of the flow any more: what settles from now on is heard by nobody."""
        self.max_memory = max_memory
        self._is_outside = False
        self._safe = 0
        self._marks = Watermark()
        self._clock = clock
        self._memory = memory
        self._make_ack = make_ack
        self._hears_replies = type(source).replied is not Source.replied
        self._watcher = watcher
        self._turns = Turns()
        self._room: asyncio.Future[None] | None = None
        memory.watch(self._look_again)

    async def start(self) -> None:
        """Start the source."""
        await self.source.start(self.context)

    async def stop_processor(self) -> None:
        """Stop the source."""
        await self.source.stop(self.context)

    @property
    def is_waiting(self) -> bool:
        """True if it waits for the flow, and for nothing outside."""
        return self.is_ended or self.is_gated or self.blocked + self.paused > 0

    @property
    def state(self) -> str:
        """One word for an operator."""
        if self.is_ended:
            return "ended"
        if not self.switch.may_work:
            return "stopped"
        if self.pauses.reason is not None:
            return "retrying"
        return "blocked" if self.is_gated or self.blocked else "running"

    def on_blocked(self, change: int) -> None:
        """Count puts that wait for room downstream."""
        self.blocked += change
        self._waits(change)

    def on_paused(self, change: int) -> None:
        """Count puts that wait for room in the dead letters."""
        self.paused += change
        self._watcher.paused(change)

    def _waits(self, change: int) -> None:
        self._watcher.waits(change)
        if change > 0:
            for each in self.patient:
                each.notify_patient()

    # -- producing ------------------------------------------------------------------------------

    async def run(self) -> None:
        """Produce until there is no more, or until stopped; an outage is tried again."""
        backoff, given = Backoff(self._clock.now()), 0
        while not self._must_end():
            try:
                await self._produce()
                break
            except RetryableError as error:
                if self.records > given:  # it has worked since the last outage
                    backoff, given = Backoff(self._clock.now()), self.records
                await self._pause(backoff.next(error), error)
            except asyncio.CancelledError as error:
                if self._must_end():
                    break
                if is_cancelled(error):
                    raise
                raise ProcessorError(f"source {self.spec.name!r} cancelled itself") from error
            except (Exception, SystemExit) as error:
                raise ProcessorError(f"source {self.spec.name!r}: {type(error).__name__}: {error}") from error
        if self.is_detached:
            return
        self.is_ended = True
        for each in self.patient:
            each.notify_patient()
        self._watcher.source_ended(self)

    def stop(self) -> None:
        """Give no more: cut at the yield, after a put that is under way."""
        self.is_stopping = True
        self.pauses.end()
        if self._is_outside and self.task is not None:
            self.task.cancel()
        self._look_again()

    def detach(self) -> None:
        """Give no more, for another takes its place: what has not settled is told as rejected, and not again."""
        self.is_detached = True
        self._memory.unwatch(self._look_again)
        self.stop()

    def give_up(self) -> None:
        """Tell it that what has not settled is to be given again: it will not hear what becomes of it."""
        given, self.open = self.open, set()
        for ack in given:
            Ack(ack.token, partial(self._tell, "settled")).release(Outcome.REJECTED)

    def revive(self) -> None:
        """Be part of the flow again: another source was to take its place, and could not."""
        self.is_detached = self.is_stopping = False
        self.pauses = Pauses(self._clock)
        self._memory.watch(self._look_again)

    def _must_end(self) -> bool:
        return self.is_stopping

    async def _produce(self) -> None:
        items = self.source.produce(self.context)
        async with closing(items):
            while not self.is_stopping:
                self._is_outside = True
                try:
                    item = await anext(items)
                except StopAsyncIteration:
                    return
                finally:
                    self._is_outside = False
                await self._give(item if isinstance(item, list) else [item])

    async def _pause(self, seconds: float, error: RetryableError) -> None:
        reason = hidden(str(error))
        self.context.bulletin("tries again after a failure", error=reason, seconds=round(seconds, 3))
        await self.pauses.wait(seconds, reason)

    async def _give(self, given: Sequence[tuple[Any, object]]) -> None:
        """Put what came together in one go, each part under an ack of its own."""
        parts = [outputs_of(records, self.spec.kind.type_name) for records, _ in given]
        for name in {name for outputs in parts for name, _ in outputs}:
            if (objection := self.outlet.objection(name)) is not None:
                raise objection
        positions = self._positions(parts)
        acks = [self._ack(token, position) for (_, token), position in zip(given, positions, strict=True)]
        try:
            await self._wait_for_room(len(acks))
            if self._may_put():
                for position in filter(None, positions):
                    self.records = position
                    self._marks.sent(None, position)
                self.switch.worked()
                await self._put(parts, acks)
            else:  # the flow stops
                self._turn_back(acks)
                return
        except BaseException as error:
            for ack in acks:
                ack.release(Outcome.REJECTED, error)
            raise
        for ack in acks:
            ack.release()
        await self._turns.share(now=self.outlet.is_deep)

    def _turn_back(self, acks: Sequence[Ack]) -> None:
        """Give back what never set out: a stop that finds it so has cut nothing off."""
        rejected = self.rejected
        for ack in acks:
            ack.release(Outcome.REJECTED)
        self.rejected = rejected

    def _positions(self, parts: Sequence[Outputs]) -> list[int | None]:
        """How many records will have been given with each part; None where it has none."""
        ends: list[int | None] = []
        end = self.records
        for outputs in parts:
            count = sum(len(batch) for _, batch in outputs)
            end += count
            ends.append(end if count else None)
        return ends

    async def _put(self, parts: Sequence[Outputs], acks: Sequence[Ack]) -> None:
        batches: dict[str, list[Batch]] = {}
        for outputs, ack in zip(parts, acks, strict=True):
            for name, batch in outputs:
                batches.setdefault(name, []).append(batch.owned_by((ack,)))
        outputs = [(name, each) for name, several in batches.items() for each in joined(several)]
        self.is_giving = True
        try:
            await self.outlet.put(outputs if self.trail is None else self.trail.given(outputs), None)
        finally:
            self.is_giving = False

    # -- telling the source ---------------------------------------------------------------------

    def _ack(self, token: object, position: int | None) -> Ack:
        replied = self._replied if self._hears_replies else None
        ack = self._make_ack(token, partial(self._settled, position), replied)
        self.open.add(ack)
        return ack

    def _settled(self, position: int | None, ack: Ack) -> None:
        if ack not in self.open:  # it was told already
            return
        self.open.discard(ack)
        safe = self._marks.settled(None, position) if position is not None else None
        if safe is not None:
            self._safe = safe
            self._look_again()
        if ack.outcome is Outcome.REJECTED:
            self.rejected += 1
        self._tell("settled", ack)

    def _replied(self, ack: Ack) -> None:
        if ack in self.open:
            self._tell("replied", ack)

    def _tell(self, what: Literal["settled", "replied"], ack: Ack) -> None:
        try:
            getattr(self.source, what)(ack)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - it is told by whoever works on its records
            text = f"source {self.spec.name!r}: {what}: {type(error).__name__}: {error}"
            self._watcher.broke(ProcessorError(text))

    # -- waiting --------------------------------------------------------------------------------

    def _may_put(self) -> bool:
        return self.switch.may_work and self._has_room()

    def _has_room(self) -> bool:
        return self._memory.level < self.max_memory and self.records - self._safe < self.spec.run.max_uncommitted

    async def _wait_for_room(self, in_hand: int) -> None:
        while not self._may_put() and not self.is_stopping:
            self._room = asyncio.get_running_loop().create_future()
            self.in_hand = in_hand
            self.is_gated = not self._has_room()  # who was stopped waits for nobody in the flow
            waits = int(self.is_gated)
            self._waits(waits)
            try:
                await self._room
            finally:
                self.in_hand = 0
                self.is_gated = False
                self._room = None
                self._waits(-waits)

    def _look_again(self) -> None:
        room = self._room
        if room is not None and not room.done() and (self.is_stopping or self._may_put()):
            room.set_result(None)
