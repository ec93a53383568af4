"""One processor at work: takes batches, calls it, sends what it gives, and lets the origins go."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from router.ack import Ack, Outcome
from router.authoring import Processor, Why
from router.batch import Batch
from router.connections.base import Gauge, Taken
from router.engine.calls import Caller, outputs_of
from router.engine.clock import Clock, Timer, resolve
from router.engine.context import FlowContext, HeldBatch, Scope, current_scope
from router.engine.inlet import Inlet
from router.engine.lanes import Job, Lanes
from router.engine.outlet import Ledger, Outlet, Outputs, give_way
from router.engine.retry import Backoff
from router.engine.tasks import Tasks
from router.errors import RetryableError
from router.flow import ProcessorSpec
from router.functions import failed
from router.relationship import FAILURE, RETRY, UNAVAILABLE

__all__ = ["Runner"]


class Watcher(Protocol):
    """Who looks at the whole flow when one processor has nothing to do."""

    is_stopping: bool

    def quiet(self, runner: Runner) -> None:
        """Hear that a runner has nothing to take and nothing running."""

    def woken(self, runner: Runner, why: Why) -> None:
        """Hear that a runner has done a wake."""

    def new_ack(self) -> Ack:
        """An origin of the engine's own."""


class Runner:
    """Runs one processor.

    ``run`` is its only task when calls do not overlap; with ``run.concurrency`` above 1
    each call is a task and ``Lanes`` keeps the order the flow asked for. A wake never
    overlaps a call.
    """

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
        self.commit: Callable[[Scope], Awaitable[None]]
        self.inside: Gauge | None = None
        self.records_in = 0
        self.active = 0
        self.blocked = 0
        self.paused = 0
        self.retrying: str | None = None
        self.due: set[Why] = set()
        self.is_idle: Callable[[], bool] = lambda: False
        self._lanes = Lanes(spec.run)
        self._clock = clock
        self._tasks = tasks
        self._watcher = watcher
        self._held: dict[HeldBatch, None] = {}
        self._held_records = 0
        self._held_bytes = 0
        self._told_full = False
        self._waiter: asyncio.Future[None] | None = None
        self._notified = False
        self._pauses: set[asyncio.Future[bool]] = set()
        self._wake_timer: Timer | None = None
        self._batch_timer: Timer | None = None
        self._wait_until: float | None = None

    async def start(self) -> None:
        """Start the processor."""
        await self.caller.start()

    async def stop_processor(self) -> None:
        """Stop the processor."""
        await self.caller.stop()

    # -- what others see ------------------------------------------------------------------------

    @property
    def waiting_records(self) -> int:
        """Records that wait to be called."""
        return self.inlet.records + self._lanes.records

    @property
    def held_records(self) -> int:
        """Records held beyond calls."""
        return self._held_records

    @property
    def held_since(self) -> float | None:
        """When the oldest of them was held."""
        return next(iter(self._held)).time if self._held else None

    @property
    def is_hold_full(self) -> bool:
        """True if it may get no more before it lets go of something."""
        hold = self.spec.run.hold
        return self._held_records >= hold.records or self._held_bytes >= hold.nbytes

    @property
    def wakes(self) -> bool:
        """True if it asked to be woken at a time."""
        return self._wake_timer is not None

    @property
    def can_run(self) -> bool:
        """True if it has, or could take up, anything that does not wait for somebody else's room."""
        if self.due or self.active > self.blocked + self.paused:
            return True
        return not self.active and self.waiting_records > 0 and not self.is_hold_full

    @property
    def state(self) -> str:
        """One word for an operator."""
        if self.paused:
            return "paused"
        if self.retrying is not None:
            return "retrying"
        if self.blocked:
            return "blocked"
        return "running" if self.active else "waiting"

    def notify(self) -> None:
        """Look again at what there is to do."""
        self._notified = True
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def wake(self, why: Why) -> None:
        """Wake the processor when its calls are done."""
        self.due.add(why)
        self.notify()

    def on_blocked(self, change: int) -> None:
        """Count calls that wait for room downstream."""
        self.blocked += change
        if change > 0:
            self._watcher.quiet(self)

    def on_paused(self, change: int) -> None:
        """Count calls that wait for room in the dead letters."""
        self.paused += change
        if change > 0:
            self._watcher.quiet(self)

    # -- the loop -------------------------------------------------------------------------------

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            if self.due:
                if not self.active:
                    await self._wake(self._next_due())
                    continue
            elif self._lanes.has_room(self.active) and self._may_take() and await self._begin():
                if self.outlet.is_deep:
                    await give_way()
                continue
            if not self.active:
                self._watcher.quiet(self)
            await self._wait()

    async def _begin(self) -> bool:
        """Begin one more call, or finish it where calls do not overlap; False: there is nothing to take."""
        job = self._lanes.next()
        if job is not None:
            self.active += 1
            self._tasks.start(self._work_beside(job), f"{self.spec.name} call")
            return True
        taken = self.inlet.take()
        if taken is None:
            return False
        self._wait_until = None
        self.records_in += len(taken.batch)
        if self.spec.run.concurrency > 1:
            self._lanes.admit(taken)
        else:
            await self._work(taken)
        return True

    async def _work_beside(self, job: Job) -> None:
        self.active -= 1  # `_work` counts for itself
        try:
            await self._work(job.taken, job)
        finally:
            self._lanes.end(job)
            self.notify()

    async def _wait(self) -> None:
        if not self._notified:
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
            self._waiter = None
        self._notified = False

    def _next_due(self) -> Why:
        why = next(each for each in (Why.STOPPING, Why.FULL, Why.TIME, Why.INPUT_ENDED) if each in self.due)
        self.due.discard(why)
        return why

    def _may_take(self) -> bool:
        if self.is_hold_full:
            if not self._told_full:
                self._told_full = True
                self.wake(Why.FULL)
            return False
        wait = self.spec.run.batch.wait.total_seconds()
        if not wait or self.inlet.is_full_batch or not self.inlet.records or self.is_idle():
            return True
        now = self._clock.now()
        if self._wait_until is None:
            self._wait_until = now + wait
            self._batch_timer = self._clock.call_later(wait, self._batch_due)
        return now >= self._wait_until

    def _batch_due(self) -> None:
        self._wait_until = self._clock.now()
        self.notify()

    # -- one batch ------------------------------------------------------------------------------

    async def _work(self, taken: Taken, job: Job | None = None) -> None:
        self.active += 1
        ledger = Ledger()
        try:
            rejected = await self._process(taken, ledger, job)
        except BaseException as error:
            taken.reject(error)
            raise
        finally:
            self.active -= 1
        outcomes = ledger.outcomes(taken.batch, taken.acks)
        if rejected is not None:
            outcomes |= dict.fromkeys(rejected.acks(), Outcome.REJECTED)
        taken.release(outcomes)

    async def _process(self, taken: Taken, ledger: Ledger, job: Job | None) -> Batch | None:
        """Call until nothing is left to retry; what a stop cut off is returned, to be rejected."""
        acks = tuple(taken.acks)
        batch = taken.batch
        backoff: Backoff | None = None

        async def emit(outputs: Outputs) -> None:
            if job is not None:
                await job.come()
            owned = [(name, each.owned_by(acks)) for name, each in outputs]
            for _, each in owned:
                ledger.saw(each)
            await self.outlet.put(owned, taken.connection)

        if job is not None and job.refused:
            await emit([(FAILURE.name, failed(batch, job.refused, self.spec.name))])
            return None
        while True:
            scope = Scope(acks)
            outputs, error = await self.caller.call(batch, scope, emit)
            again = [each for name, each in outputs if name == RETRY.name]
            await emit([each for each in outputs if each[0] != RETRY.name] if again else outputs)
            for held in scope.holds:
                ledger.saw(held.batch)
            await self.commit(scope)
            if not again:
                return None
            batch = Batch.concat(again)
            backoff = backoff or Backoff(self._clock.now())
            if self._is_exhausted(backoff):
                await emit([(UNAVAILABLE.name, self._unavailable(batch, error))])
                return None
            batch = batch.with_columns(attempts=[backoff.attempts] * len(batch))
            if not await self._pause(backoff.next(error), error, aside=taken):
                ledger.saw(batch)
                return batch

    def _is_exhausted(self, backoff: Backoff) -> bool:
        retry = self.spec.run.retry
        if retry is None:
            return False
        within = retry.within.total_seconds() if retry.within is not None else None
        return backoff.is_exhausted(self._clock.now(), retry.attempts, within)

    def _unavailable(self, batch: Batch, error: BaseException | None) -> Batch:
        cause = error or RetryableError("still to be retried after the last attempt")
        return failed(batch, [(index, cause) for index in range(len(batch))], self.spec.name)

    async def _pause(self, seconds: float, error: BaseException | None, aside: Taken | None = None) -> bool:
        """Wait before a retry; False if the flow stops meanwhile. Unordered calls make room for others."""
        if self._watcher.is_stopping:
            return False
        self.retrying = str(error) if error is not None else "asked to be retried"
        self.context.bulletin(
            "tries again after a failure that is not the records' fault", error=self.retrying, seconds=round(seconds, 3)
        )
        pause: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        timer = self._clock.call_later(seconds, lambda: resolve(pause, True))
        self._pauses.add(pause)
        steps_aside = aside is not None and self._lanes.steps_aside
        if steps_aside and aside is not None:
            aside.set_aside(len(aside.batch))
            self._lanes.aside += 1
            self.notify()
        try:
            return await pause
        finally:
            timer.cancel()
            self._pauses.discard(pause)
            self.retrying = None if not self._pauses else self.retrying
            if steps_aside and aside is not None:
                aside.set_aside(-len(aside.batch))
                self._lanes.aside -= 1

    def end_pauses(self) -> None:
        """The flow stops: what waits for a retry is given back."""
        for pause in self._pauses:
            if not pause.done():
                pause.set_result(False)

    def reject_waiting(self) -> None:
        """Give back what was taken and has not been called."""
        for taken in self._lanes.drain():
            taken.reject()

    # -- waking and holding ---------------------------------------------------------------------

    async def _wake(self, why: Why) -> None:
        self.active += 1
        ack = self._watcher.new_ack()
        try:
            outputs, scope = await self._call_wake(why, ack)
            await self.outlet.put([(name, each.owned_by((ack,))) for name, each in outputs], None)
            await self.commit(scope)
        finally:
            ack.release()
            self.active -= 1
        self._watcher.woken(self, why)

    async def _call_wake(self, why: Why, ack: Ack) -> tuple[Outputs, Scope]:
        backoff: Backoff | None = None
        while True:
            scope = Scope((ack,))
            mark = scope.mark()
            token = current_scope.set(scope)
            try:
                result = self.processor.wake(self.context, why)
                outputs = outputs_of(await result, self.spec.kind.type_name)
                self.outlet.check(outputs)
            except RetryableError as error:
                scope.undo(mark)
                backoff = backoff or Backoff(self._clock.now())
                if not await self._pause(backoff.next(error), error):
                    return [], scope
            except (Exception, SystemExit) as error:  # noqa: BLE001 - an author's wake may raise anything
                scope.undo(mark)
                return self._give_up_held(error, scope), scope
            else:
                return outputs, scope
            finally:
                current_scope.reset(token)

    def _give_up_held(self, error: BaseException, scope: Scope) -> Outputs:
        """All that is held leaves by ``failure``."""
        held = list(self._held)
        scope.releases = [(each, Outcome.DELIVERED) for each in held]
        name = self.spec.name
        return [(FAILURE.name, failed(each.batch, [(i, error) for i in range(len(each.batch))], name)) for each in held]

    def held(self, held: HeldBatch) -> None:
        """Count records that are held from now on."""
        self._held[held] = None
        self._charge(len(held.batch), held.batch.nbytes)

    def let_go(self, held: HeldBatch) -> None:
        """Count them no more."""
        if held in self._held:
            del self._held[held]
            self._charge(-len(held.batch), -held.batch.nbytes)
            if not self.is_hold_full:
                self._told_full = False
            self.notify()

    def _charge(self, records: int, nbytes: int) -> None:
        self._held_records += records
        self._held_bytes += nbytes
        if self.inside is not None:
            self.inside.add(records)

    def reject_held(self) -> None:
        """Give back everything that is held."""
        for held in list(self._held):
            held.settle(Outcome.REJECTED)

    def wake_at(self, time: float | None) -> None:
        """Ask for ``wake(TIME)``; the newest wish counts."""
        if self._wake_timer is not None:
            self._wake_timer.cancel()
            self._wake_timer = None
        if time is not None:
            self._wake_timer = self._clock.call_later(max(0.0, time - self._clock.now()), self._wake_due)

    def _wake_due(self) -> None:
        self._wake_timer = None
        self.wake(Why.TIME)

    def close(self) -> None:
        """Take back timers and threads."""
        self.wake_at(None)
        if self._batch_timer is not None:
            self._batch_timer.cancel()
        self.caller.close()
