"""One processor at work: takes batches, calls it, sends what it gives, and lets the origins go."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence

from router.ack import Ack, Outcome
from router.authoring import Processor, Why
from router.batch import Batch
from router.connections.base import Taken
from router.connections.bounded import Connection
from router.engine.calls import Caller
from router.engine.circuit import Circuit
from router.engine.clock import Alarm, Clock
from router.engine.context import FlowContext, Scope
from router.engine.holdings import Holdings
from router.engine.inlet import Inlet
from router.engine.lanes import Job, Lanes
from router.engine.ledger import Ledger
from router.engine.meter import Meter
from router.engine.outlet import Outlet, Turns
from router.engine.outputs import Outputs, all_failed, merged
from router.engine.patience import Patience
from router.engine.retry import Backoff, Pauses, next_attempt, outage_of
from router.engine.returns import Returns
from router.engine.switch import Switch
from router.engine.tasks import Tasks
from router.engine.tracing.trail import Trail
from router.engine.waking import call_wake
from router.engine.watcher import Watcher
from router.errors import ProcessorError, RetryableError
from router.flow import ProcessorSpec
from router.functions import failed
from router.relationship import FAILURE, RETRY, UNAVAILABLE
from router.secrecy import hidden
from router.storage.database import Database
from router.storage.unit import open_unit, unit_of

__all__ = ["Runner"]


class Runner:
    """Runs one processor: calls follow each other in ``run``, or are tasks whose order ``Lanes`` keeps; wakes never overlap."""

    def __init__(
        self,
        spec: ProcessorSpec,
        processor: Processor,
        inlet: Inlet,
        outlet: Outlet,
        *,
        clock: Clock,
        tasks: Tasks,
        watcher: Watcher,
    ) -> None:
        self.spec = spec
        self.processor = processor
        self.inlet = inlet
        self.outlet = outlet
        self.context: FlowContext
        self.caller: Caller
        self.commit: Callable[[Scope], None]
        self.database: Database | None = None
        self._work = self._work_alone
        self.holdings = Holdings(spec.run.hold, self.notify)
        self.trail: Trail | None = None
        self.pauses = Pauses(clock)
        self.switch = Switch(self.notify)
        self.meter = Meter()
        self.circuit = Circuit(spec.run.circuit, clock, self.pauses, self)
        self.records_in = self.active = self.blocked = self.paused = 0
        self.parked = 0
        """Calls that wait for other calls of this processor."""
        self.due: set[Why] = set()
        self.patience = Patience(spec.run.batch, inlet, clock, self.notify)
        self.returns = Returns()
        self.task: asyncio.Task[None] | None = None
        self.patient: Sequence[Runner] = ()
        """Consumers that may wait for a fuller batch; in vain, when this one has nothing to do."""
        self.lanes = Lanes(spec.run)
        self._clock = clock
        self._tasks = tasks
        self._watcher = watcher
        self._turns = Turns()
        self._waiter: asyncio.Future[None] | None = None
        self._is_notified = False
        self.is_over = False
        self._wake_alarm = Alarm(clock, lambda: self.wake(Why.TIME))

    # -- what others see ------------------------------------------------------------------------

    @property
    def waiting_records(self) -> int:
        """Records that wait to be called."""
        return self.inlet.records + self.lanes.records

    @property
    def wakes(self) -> bool:
        """True if it asked to be woken at a time."""
        return self._wake_alarm.is_set

    @property
    def can_run(self) -> bool:
        """True if it has, or could take up, anything that does not wait for somebody else's room."""
        if self.active:
            return self.active > self.blocked + self.paused + self.parked
        return self.has_work

    @property
    def has_work(self) -> bool:
        """True if it works, or could without anything that is not there yet."""
        if self.active or not self.switch.may_work:
            return self.active > 0 or Why.STOPPING in self.due
        return bool(self.due) or (self.waiting_records > 0 and not self.holdings.is_full)

    @property
    def state(self) -> str:
        """One word for an operator."""
        if not self.switch.may_work and not self.active:
            return "stopped"
        if self.paused:
            return "paused"
        if self.pauses.reason is not None:
            return "resting" if self.circuit.is_resting else "retrying"
        if self.blocked:
            return "blocked"
        return "running" if self.active else "waiting"

    def keep_in(self, database: Database | None) -> None:
        """Let what one call writes commit in one transaction, where all that it gives is kept there."""
        self.database, self._work = database, self._work_alone if database is None else self._work_in_unit

    async def start(self) -> None:
        """Start the processor."""
        await self.caller.start()

    async def stop_processor(self) -> None:
        """Stop the processor."""
        await self.caller.stop()

    def notify(self) -> None:
        """Look again at what there is to do."""
        self._is_notified = True
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def notify_patient(self) -> None:
        """Look again if it waits for a fuller batch: there may be nobody left to fill it."""
        if self.patience.is_waiting:
            self.notify()

    def wake(self, why: Why) -> None:
        """Wake the processor when its calls are done."""
        self.due.add(why)
        self.notify()

    def on_blocked(self, change: int) -> None:
        """Count calls that wait for room downstream."""
        self.blocked += change
        self._watcher.waits(change)
        if change > 0:
            for each in self.patient:  # what they wait for cannot come while this one waits for them
                each.notify_patient()

    def on_paused(self, change: int) -> None:
        """Count calls that wait for room in the dead letters."""
        self.paused += change
        self._watcher.paused(change)

    # -- the loop -------------------------------------------------------------------------------

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            if self.due and (self.switch.may_work or Why.STOPPING in self.due):
                if not self.active:
                    await self._wake(self._next_due())
                    continue
            elif self.switch.may_work and self.lanes.has_room and self._may_take() and await self._begin():
                self.switch.worked()
                await self._turns.share(now=self.outlet.is_deep)
                continue
            if not self.active:
                if not self.waiting_records:
                    for each in self.patient:
                        each.notify_patient()
                self._watcher.quiet(self)
            await self._wait()

    async def _begin(self) -> bool:
        """Begin one more call, or finish it where calls do not overlap; False: there is nothing to take."""
        job = self.lanes.next() if self.lanes.are_needed else None
        if job is not None:
            self.active += 1
            self._tasks.start(self._work_beside(job), f"{self.spec.name} call")
            return True
        taken = self.inlet.take()
        if taken is None:
            return False
        self.patience.forget()
        self.records_in += len(taken.batch)
        if self.lanes.are_needed:
            self.lanes.admit(taken)
            return True
        self.active += 1
        try:
            await self._work(taken, None)
        finally:
            self.active -= 1
        return True

    async def _work_beside(self, job: Job) -> None:
        try:
            await self._work(job.taken, job)
        finally:
            self.lanes.end(job)
            self.active -= 1
            self.notify()

    async def _wait(self) -> None:
        if not self._is_notified:
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
            self._waiter = None
        self._is_notified = False

    def _next_due(self) -> Why:
        why = next(each for each in (Why.STOPPING, Why.FULL, Why.TIME, Why.INPUT_ENDED) if each in self.due)
        self.due.discard(why)
        return why

    # -- taking ---------------------------------------------------------------------------------

    def _may_take(self) -> bool:
        if not self.holdings.is_full:
            return self.patience.is_over
        if self.holdings.may_ask:
            self.wake(Why.FULL)
        return False

    # -- one batch ------------------------------------------------------------------------------

    async def _work_in_unit(self, taken: Taken, job: Job | None) -> None:
        with unit_of(self.database):
            await self._work_alone(taken, job)

    async def _work_alone(self, taken: Taken, job: Job | None) -> None:
        ledger = Ledger(self.trail.begin(taken.batch) if self.trail is not None else None)
        try:
            rejected = await self._process(taken, ledger, job)
        except BaseException as error:
            taken.reject(error)
            raise
        unit = open_unit() if rejected is not None else None
        if unit is not None:
            unit.abandon()  # all of it comes again
        if rejected is not None and self.pauses.is_cut:
            left = (taken.batch, None) if unit is not None else (rejected, ledger.outcomes(taken.batch, taken.acks))
            self.returns.add(taken, *left)
            return
        if unit is not None:
            taken.reject()
            return
        outcomes = ledger.outcomes(taken.batch, taken.acks)
        if rejected is not None:
            outcomes = {**(outcomes or {}), **dict.fromkeys(rejected.acks(), Outcome.REJECTED)}
        taken.release(outcomes)

    async def _process(self, taken: Taken, ledger: Ledger, job: Job | None) -> Batch | None:
        """Call until nothing is left to retry; what a stop cut off is returned, to be rejected."""
        acks = tuple(dict.fromkeys(taken.acks))
        batch, since = taken.batch, self._clock.now()
        backoff: Backoff | None = None
        watched = self.circuit.watched()

        async def emit(outputs: Outputs) -> None:
            watched.saw(outputs)
            if job is not None and not job.is_next:
                await self._parked(job.come())
            owned = [(name, each.owned_by(acks)) for name, each in outputs]
            await self._put(ledger.passes(owned), taken.connection)

        if job is not None and job.refused:
            await emit([(FAILURE.name, failed(batch, job.refused, self.spec.name))])
            return None
        goes_on = True
        while goes_on and (not self.circuit.is_open or await watched.ready()):
            again, error = await self._attempt(batch, acks, ledger, emit)
            watched.ended(is_retried=again is not None)
            if again is None:
                return None
            error = error or outage_of(again, self.spec.name)
            backoff = backoff or Backoff(since)
            if backoff.is_exhausted(self._clock.now(), self.spec.run.retry):
                cause = error or RetryableError("still to be retried after the last attempt")
                await emit([(UNAVAILABLE.name, all_failed(again, cause, self.spec.name)[1])])
                return None
            wait = watched.left_of(backoff.next(error))
            batch = next_attempt(again, backoff.attempts, self.spec.name)
            goes_on = await self._pause(wait, error, job)
        ledger.saw(batch)
        return batch

    async def _attempt(
        self, batch: Batch, acks: tuple[Ack, ...], ledger: Ledger, emit: Callable[[Outputs], Awaitable[None]]
    ) -> tuple[Batch | None, BaseException | None]:
        """One call: its outputs put, what it did beside them done; what is to be retried, and why."""
        scope = Scope(acks)
        began = time.perf_counter()
        outputs, error = await self.caller.call(batch, scope, emit)
        self.meter.saw(time.perf_counter() - began, len(batch))
        again = None
        if len(outputs) > 1 or (outputs and outputs[0][0] == RETRY.name):
            outputs, again = merged(outputs, self.spec.name)
        if outputs or again is None:
            await emit(outputs)
        if scope.is_empty:
            scope.is_over = True
        else:
            ledger.did(scope)
            self.commit(scope)
        return None if again is None else again.owned_by(acks), error

    async def _put(self, outputs: Outputs, connection: str | None) -> None:
        try:
            await self.outlet.put(outputs, connection)
        except RuntimeError as error:
            raise ProcessorError(f"processor {self.spec.name!r}: {error}") from error

    async def _pause(self, seconds: float, error: BaseException | None, job: Job | None = None) -> bool:
        """Wait before a retry; False if the flow stops meanwhile. Unordered calls make room for others."""
        reason = hidden(str(error)) if error is not None else "asked to be retried"
        text = "tries again after a failure that is not the records' fault"
        if not self.pauses.is_over and reason != self.pauses.reason:  # calls that meet the same tell it once
            self.context.bulletin(text, error=reason, seconds=round(seconds, 3))
        if job is not None:
            self.lanes.step_aside(job)
            self.notify()
        goes_on = await self.pauses.wait(seconds, reason)
        if goes_on and job is not None:
            await self._parked(self.lanes.come_back(job))
        return goes_on

    async def _parked(self, wait: Awaitable[None]) -> None:
        self.parked += 1
        self._watcher.quiet(self)
        try:
            await wait
        finally:
            self.parked -= 1

    def reject_waiting(self) -> None:
        """Give back what was taken and has not been called."""
        for taken in self.lanes.drain():
            taken.reject()

    def return_waiting(self, connections: Mapping[str, Connection]) -> None:
        """Put back what was taken and not called, or waited for a retry: the flow is changed."""
        for taken in self.lanes.take_back():
            self.returns.add(taken, taken.batch)
        self.returns.give(connections)

    # -- waking ---------------------------------------------------------------------------------

    async def _wake(self, why: Why) -> None:
        self.active += 1
        level = self.holdings.level
        ack = self._watcher.new_ack()
        try:
            with unit_of(self.database):
                outputs, scope = await call_wake(self, why, ack, self._clock.now(), self._pause)
                await self._put([(name, each.owned_by((ack,))) for name, each in outputs], None)
                if scope is not None:
                    self.commit(scope)
                elif self.pauses.is_cut and why is not Why.STOPPING:
                    self.due.add(why)
        finally:
            ack.release()
            self.active -= 1
        if why is Why.FULL and not self.holdings.asked(level) and not self.wakes:
            held = self.holdings.records
            self.context.bulletin("was asked to let go of something it holds, and did not", records=held)

    def wake_at(self, time: float | None) -> None:
        """Ask for ``wake(TIME)``; the newest wish counts."""
        self._wake_alarm.set(None if time is None or self.is_over else time - self._clock.now())

    def end(self) -> None:
        """Nothing comes any more and nothing is held: there is no time to wake it at."""
        self.wake_at(None)
        self.is_over = True

    def close(self) -> None:
        """Take back timers and threads."""
        self.end()
        self.patience.forget()
        self.caller.close()
