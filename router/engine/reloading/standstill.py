"""Brings what a reload touches to a standstill, upstream first, while all else works on; or lets it all go on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

from router.authoring import Why
from router.connections.bounded import Connection
from router.connections.disk import DiskConnection
from router.connections.rows import outside
from router.engine.clock import Clock, Timer, sleep
from router.engine.machine import Machine
from router.engine.redrive import Redrive
from router.engine.reloading.plan import Plan
from router.engine.runner import Runner
from router.engine.source_runner import SourceRunner
from router.errors import ReloadError
from router.flow import ConnectionSpec, Flow

__all__ = ["Standstill"]

TURNS, SHORTEST, LONGEST = 50, 0.001, 0.05


class Standstill:
    """The moment at which no call runs of any processor that a reload stops, or leads elsewhere.

    A source stands at its gate, like one that an operator stopped. A call that is under way ends; what
    waits for a retry goes back to where it was taken, for that may take for ever; and what a call puts
    is let in where there is no room, for nobody may be left who makes some. Nothing is cut off
    before all stands still, so as long as it does not, everything can go on as if nothing had been.

    Args:
        seconds: How long all of it may take.
        give_back: Whether sources may be told to give again what cannot be waited for.
        drop: Whether records in connections that go may be dropped.
    """

    def __init__(
        self,
        flow: Flow,
        plan: Plan,
        machine: Machine,
        redrive: Redrive,
        *,
        clock: Clock,
        seconds: float,
        give_back: bool,
        drop: bool,
    ) -> None:
        self.woken: list[Runner] = []
        """Those who were told that they stop, and hold nothing: to go on they must be begun anew."""
        self.is_late = False
        self._specs = {each.id: each for each in flow.connections}
        self._plan = plan
        self._machine = machine
        self._redrive = redrive
        self._clock = clock
        self._seconds = seconds
        self._give_back = give_back
        self._drop = drop
        self._still: dict[str, Runner | SourceRunner] = {}
        self._opened: list[Connection] = []
        self._timers: list[Timer] = []
        self._is_half_late = False

    async def reach(self) -> None:
        """Wait until all stands still.

        Raises:
            ReloadError: it does not, or cannot without harm; the text says what is in the way.
        """
        self._timers = [
            self._clock.call_later(self._seconds, self._expire),
            self._clock.call_later(self._seconds / 2, self._half_expire),
        ]
        self._redrive.hold(is_held=True)
        await self._until(lambda: not self._redrive.is_putting, lambda: "dead letters are still being put back")
        order = [name for name in self._machine.upstream_first if name in self._plan.held]
        for name in sorted(order, key=lambda each: each in self._machine.runners):
            each = self._machine.of(name)
            if isinstance(each, SourceRunner):
                await self._hold_source(each)
            else:
                await self._hold_runner(each)
        for id_ in self._plan.drained:
            await self._drain(self._specs[id_])

    def let_go(self, but: set[Runner | SourceRunner]) -> None:
        """Let everything go on, but for those that run no more."""
        for timer in self._timers:
            timer.cancel()
        for connection in self._opened:
            connection.let_in(is_open=False)
        for each in self._still.values():
            if each in but:
                continue
            each.pauses.mend()
            if isinstance(each, Runner):
                each.returns.give(self._machine.connections)
            each.switch.let_go()
        self._redrive.hold(is_held=False)

    async def drop_rest(self, tell: Callable[[str, int], None]) -> None:
        """Drop what is left in connections that go, by the word of whoever asked; of what stays on disk, tell."""
        for id_ in self._plan.drained:
            connection = self._machine.connections[id_]
            if connection.records and not (isinstance(connection, DiskConnection) and self._goes(self._specs[id_])):
                await connection.remove(lambda batch: [True] * len(batch))
            elif connection.records:
                tell(id_, connection.records)

    # -- processors -----------------------------------------------------------------------------

    def _hold(self, each: Runner | SourceRunner) -> None:
        self._still[each.spec.name] = each
        each.switch.hold()
        for connection in each.outlet.connections:
            connection.let_in(is_open=True)
            self._opened.append(connection)

    async def _hold_source(self, source: SourceRunner) -> None:
        name = source.spec.name
        self._hold(source)
        await self._until(lambda: not source.is_giving, lambda: f"source {name!r} still puts what it gave")
        if name not in self._plan.leaving:
            return

        def unsettled() -> str:
            return (
                f"source {name!r} cannot be stopped: {len(source.open) - source.in_hand:,} of the batches it gave have "
                "not settled; leave it as it is, or have it give them again with --give-back"
            )

        def has_settled() -> bool:
            return len(source.open) == source.in_hand or (self._give_back and self._is_half_late)

        await self._until(has_settled, unsettled)

    async def _hold_runner(self, runner: Runner) -> None:
        name = runner.spec.name
        for spec in self._into(name):
            await self._drain(spec)
        self._hold(runner)
        runner.pauses.cut()
        await self._until(lambda: not runner.active, lambda: f"processor {name!r} is still at work ({runner.state})")
        runner.return_waiting(self._machine.connections)
        if name in self._plan.leaving and not runner.is_over:
            await self._part(runner)

    async def _part(self, runner: Runner) -> None:
        """Have it close what is open, and give what it would give at a stop; see to what it holds even then."""
        name = runner.spec.name
        runner.wake(Why.STOPPING)
        await self._until(
            lambda: not runner.active and Why.STOPPING not in runner.due,
            lambda: f"processor {name!r} does not close what it has open",
        )
        held = runner.holdings
        if not held.records:
            self.woken.append(runner)
        elif not self._give_back and any(outside(each.batch.acks()) for each in held.batches):
            raise ReloadError(
                f"processor {name!r} cannot be stopped: it holds {held.records:,} records that are not on disk; leave "
                "it as it is until they have gone on, or have their sources give them again with --give-back"
            )

    # -- connections ----------------------------------------------------------------------------

    def _into(self, name: str) -> Iterator[ConnectionSpec]:
        """Connections to a processor that must be empty, and into which nobody puts any more."""
        for id_ in self._plan.drained:
            spec = self._specs[id_]
            if spec.consumer == name and spec.producer in self._still:
                yield spec

    async def _drain(self, spec: ConnectionSpec) -> None:
        connection = self._machine.connections[spec.id]

        def may_go() -> bool:
            if isinstance(connection, DiskConnection) and connection.is_out and not self._goes(spec):
                return False
            return not (connection.records or connection.unacked) or (self._drop and self._is_half_late)

        def full() -> str:
            return (
                f"connection {spec.id!r} would go, and {connection.records + connection.unacked:,} of its records are "
                f"not through {spec.consumer!r}; reload again when it is empty, or drop them with --drop"
            )

        await self._until(may_go, full)

    def _goes(self, spec: ConnectionSpec) -> bool:
        return all(each.name != spec.id for each in self._plan.difference.remade)

    # -- waiting --------------------------------------------------------------------------------

    async def _until(self, is_so: Callable[[], bool], text: Callable[[], str]) -> None:
        """Look again and again: what is waited for is counted in many places, and rarely waited for."""
        wait = SHORTEST
        for _ in range(TURNS):
            if is_so():
                return
            await asyncio.sleep(0)  # noqa: TID251 - a turn for the others
        while not is_so():
            if self.is_late:
                raise ReloadError(f"{text()} (after {self._seconds:g} s)")
            await sleep(self._clock, wait)
            wait = min(LONGEST, 2 * wait)

    def _expire(self) -> None:
        self.is_late = True

    def _half_expire(self) -> None:
        self._is_half_late = True
