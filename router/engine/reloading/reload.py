"""Makes a running flow another one: what is the same works on, what is different is exchanged at one moment."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from router.authoring import Processor
from router.connections.bounded import Connection
from router.connections.disk import DiskConnection
from router.connections.rows import Waiting, read_waiting
from router.difference import Difference
from router.engine.build import Builder, Fresh
from router.engine.clock import Clock
from router.engine.desk import Desk
from router.engine.drain import Coordinator
from router.engine.redrive import Redrive
from router.engine.reloading.plan import Plan
from router.engine.reloading.standstill import Standstill
from router.engine.restore import tell_left
from router.engine.runner import Runner
from router.engine.source_runner import SourceRunner
from router.engine.starting import Starter, made
from router.engine.tasks import Tasks
from router.errors import ProcessorError, ReloadError
from router.flow import Flow
from router.secrecy import Mask
from router.storage.database import Database

__all__ = ["Reload", "Surroundings", "Wishes"]


@dataclass(frozen=True, slots=True)
class Wishes:
    """What whoever asks for a reload allows."""

    give_back: bool = False
    drop: bool = False


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The parts of an engine that a reload works with."""

    builder: Builder
    starter: Starter
    coordinator: Coordinator
    redrive: Redrive
    desk: Desk
    clock: Clock
    database: Database
    tasks: Tasks
    hide: Mask
    fail: Callable[[str], None]


class Reload:
    """One change of a running flow, from its plan to the moment at which all is as the new flow says.

    Args:
        adopt: Called at that moment, between two awaits: the new flow is the flow from now on.
        given: Instances to use for some of the processors that begin anew.
        instances: Those that are used until now, in place of the flow's own.
    """

    def __init__(
        self,
        old: Flow,
        new: Flow,
        plan: Plan,
        around: Surroundings,
        *,
        adopt: Callable[[Flow], None],
        given: Mapping[str, Processor],
        instances: Mapping[str, Processor],
        wishes: Wishes,
    ) -> None:
        self._old = old
        self._new = new
        self._plan = plan
        self._around = around
        self._machine = around.builder.machine
        self._adopt = adopt
        self._given = given
        self._instances = instances
        self._drops = wishes.drop
        self._gone: set[Runner | SourceRunner] = set()
        """Those of the old flow that were stopped."""
        self._standstill = Standstill(
            old,
            plan,
            self._machine,
            around.redrive,
            clock=around.clock,
            seconds=old.run.drain.total_seconds(),
            give_back=wishes.give_back,
            drop=wishes.drop,
        )

    async def run(self) -> Difference:
        """Do it.

        Raises:
            ReloadError: it could not be done, and the flow goes on as it was.
        """
        around = self._around
        fresh = around.builder.made(self._new, self._made())
        is_done = False
        around.coordinator.begin_change()
        try:
            await self._standstill.reach()
            if self._drops:
                await self._standstill.drop_rest(lambda id_, records: tell_left(around.desk, id_, records))
            await self._exchange(fresh)
            is_done = True
        except (ReloadError, ProcessorError) as error:
            await self._go_on(fresh)
            raise ReloadError(f"the flow goes on as it was: {error}") from error
        except asyncio.CancelledError:  # the flow stops: what was started for nothing is stopped, what was not stays so
            for each in fresh.values():
                await around.starter.stop(each)
            raise
        finally:
            if not is_done:
                _discard(fresh)
            for each in self._gone:
                if isinstance(each, SourceRunner):
                    each.is_ended = True
            self._standstill.let_go(self._gone)
            around.coordinator.end_change()
        return self._plan.difference

    def _made(self) -> dict[str, Processor]:
        names = {name: self._given.get(name) for name in self._new.processors if name in self._plan.anew}
        try:
            return made(self._new, names, self._around.hide)
        except ProcessorError as error:
            raise ReloadError(f"the flow goes on as it was: {error}") from error

    # -- the exchange ---------------------------------------------------------------------------

    async def _exchange(self, fresh: Fresh) -> None:
        """Stop what leaves, start what comes in its place, and join it all: sources last."""
        connections = self._around.builder.connections_for(
            self._new, {each.name for each in self._plan.difference.remade}
        )
        waiting = await self._waiting(connections)
        for name in self._machine.upstream_first:
            if name in self._plan.leaving and name in self._machine.runners:
                await self._stop(self._machine.runners[name])
        await self._start(fresh, is_source=False)
        for name in self._plan.leaving:
            if name in self._machine.sources:
                await self._end_source(self._machine.sources[name])
        await self._start(fresh, is_source=True)
        self._join(fresh, connections, waiting)

    async def _stop(self, each: Runner | SourceRunner) -> None:
        self._gone.add(each)
        await self._around.starter.stop(each)

    async def _end_source(self, source: SourceRunner) -> None:
        self._gone.add(source)
        source.detach()
        if source.task is not None:
            await asyncio.wait([source.task])
        source.give_up()
        await self._around.starter.stop(source)

    async def _start(self, fresh: Fresh, *, is_source: bool) -> None:
        order = [name for members in self._new.components for name in sorted(members) if name in fresh]
        for name in reversed(order):
            if isinstance(fresh[name], SourceRunner) is is_source:
                await self._around.starter.start(fresh[name], lambda: self._standstill.is_late)

    async def _waiting(self, connections: Mapping[str, Connection]) -> Mapping[str, Waiting]:
        """What earlier runs left for connections on disk that are new in this one."""
        known, left = self._machine.connections, self._around.builder.left
        durable = [id_ for id_, each in connections.items() if isinstance(each, DiskConnection)]
        new = [id_ for id_ in durable if known.get(id_) is not connections[id_]]
        for id_ in new:
            if id_ in left and left[id_].is_out:
                raise ReloadError(f"connection {id_!r} was here before, and records of it are still under way")
        if not new or not self._around.database.is_made:
            return {}
        waiting, highest = await self._around.database.submit(read_waiting)
        self._machine.numbers.begin_above(highest)
        return waiting

    def _join(self, fresh: Fresh, connections: dict[str, Connection], waiting: Mapping[str, Waiting]) -> None:
        """The moment: nothing waits in here."""
        around, known = self._around, dict(self._machine.connections)
        old = {name: self._machine.of(name) for name in self._plan.leaving}
        for name, each in fresh.items():
            if name in old:
                _carry_over(old[name], each)
        around.builder.join(self._new, fresh, connections, {each.name for each in self._plan.difference.resized})
        for id_, connection in connections.items():
            if isinstance(connection, DiskConnection) and known.get(id_) is not connection and id_ in waiting:
                connection.restore(waiting[id_])
        for each in old.values():
            if isinstance(each, Runner):
                each.holdings.reject()
                each.close()
                if each.task is not None:
                    each.task.cancel()
        self._adopt(self._new)
        for name, each in fresh.items():
            each.task = around.tasks.start(each.run(), name)

    # -- where it cannot be done ----------------------------------------------------------------

    async def _go_on(self, fresh: Fresh) -> None:
        """Begin again what was stopped, or told that it stops: with new instances, for one is stopped but once."""
        for each in fresh.values():
            await self._around.starter.stop(each)
        for each in self._standstill.woken:
            await self._stop(each)
        order = self._machine.upstream_first
        for each in sorted(self._gone, key=lambda one: order.index(one.spec.name), reverse=True):
            await self._begin_again(each)
            self._gone.discard(each)

    async def _begin_again(self, each: Runner | SourceRunner) -> None:
        around, name = self._around, each.spec.name
        try:
            if isinstance(each, Runner):
                each.caller.close()
            instance = made(self._old, {name: self._instances.get(name)}, around.hide)[name]
            splices = each.caller.splices if isinstance(each, Runner) else False
            around.builder.equip(each, instance, splices=splices)
            await around.starter.start(each)
        except ProcessorError as error:
            around.fail(f"after a reload that could not be done: {error}")
            return
        if isinstance(each, SourceRunner):
            each.revive()
            each.task = around.tasks.start(each.run(), name)


def _discard(fresh: Fresh) -> None:
    for each in fresh.values():
        if isinstance(each, SourceRunner):
            each.detach()
        else:
            each.close()


def _carry_over(old: Runner | SourceRunner, new: Runner | SourceRunner) -> None:
    """Let the counts of a processor go on, where it is replaced by another of its name."""
    for relationship, count in old.outlet.counts.items():
        new.outlet.counts[relationship] = new.outlet.counts.get(relationship, 0) + count
    new.outlet.errors = old.outlet.errors
    if isinstance(old, Runner) and isinstance(new, Runner):
        new.records_in = old.records_in
        new.meter = old.meter
