"""Stops a flow so that what is under way arrives, as far as there is time for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from router.authoring import Why
from router.engine.clock import Clock, Timer
from router.engine.desk import Desk
from router.engine.drain import Coordinator
from router.engine.machine import Machine
from router.engine.redrive import Redrive
from router.storage.database import Database

__all__ = ["Drainage"]

GRACE = 1.0  # seconds that writes to the data folder get after a cut


class Drainage:
    """The end of one flow: sources first, then what is under way, then what is held."""

    def __init__(
        self,
        machine: Machine,
        *,
        clock: Clock,
        desk: Desk,
        coordinator: Coordinator,
        database: Database,
        redrive: Redrive,
    ) -> None:
        self._machine = machine
        self._clock = clock
        self._desk = desk
        self._coordinator = coordinator
        self._database = database
        self._redrive = redrive
        self._is_cut = False
        self._cut_off: Callable[[], object] = lambda: None

    async def drain(self, seconds: float, end_tasks: Callable[[], Awaitable[None]]) -> bool:
        """Stop sources, let records under way arrive, close; True if nothing was given back but what was held."""
        runners, sources = self._machine.runners.values(), self._machine.sources.values()
        rejected = sum(source.rejected for source in sources)
        timer = self._begin(seconds)
        is_full = await self._until_drained()
        for name in self._machine.upstream_first:
            if is_full and name in self._machine.runners:
                self._machine.runners[name].wake(Why.STOPPING)
                is_full = await self._until_drained()
        if timer is not None:
            timer.cancel()
        await end_tasks()
        for runner in runners:
            runner.reject_waiting()
        for connection in self._machine.connections.values():
            connection.close()
        await self._give_up_writes()
        is_full = is_full and rejected == sum(source.rejected for source in sources)
        for runner in runners:
            runner.holdings.reject()
        return is_full

    def cut_after(self, seconds: float) -> Timer | None:
        """Wait no longer than this for records under way."""
        if seconds > 0:
            return self._clock.call_later(seconds, self._cut)
        self._cut()
        return None

    def _begin(self, seconds: float) -> Timer | None:
        self._coordinator.is_stopping = self._desk.is_stopping = True
        timer = self.cut_after(seconds)
        self._redrive.stop()
        for source in self._machine.sources.values():
            source.stop()
        for durable in self._machine.durable:
            durable.hold_back()
        self._database.stop_waiting()
        for runner in self._machine.runners.values():
            runner.pauses.end()
        return timer

    def _cut(self) -> None:
        self._is_cut = True
        self._cut_off()
        self._coordinator.drained.set()

    async def _until_drained(self) -> bool:
        self._coordinator.drained.clear()
        self._coordinator.look_drained()
        if not self._is_cut:
            await self._coordinator.drained.wait()
        await self._until_kept()
        return self._coordinator.is_drained and not self._is_cut

    async def _until_kept(self) -> None:
        """Wait until all that was put into disk connections is committed, or for no longer than the drain."""
        if self._is_cut or not self._database.is_busy:
            return
        kept = self._database.submit(lambda _: None)
        self._cut_off = kept.cancel
        await asyncio.wait([kept])

    async def _give_up_writes(self) -> None:
        """Let sources hear in time what became of records that a failing disk did not take."""
        if self._is_cut and self._database.is_busy:
            await asyncio.wait([self._database.submit(lambda _: None)], timeout=GRACE)
