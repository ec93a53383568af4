"""Puts a flow together: connections and runners, made anew or taken over from before."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial

from router.ack import Outcome
from router.authoring import Processor, Source
from router.batch import Batch
from router.codec import Failures
from router.connections.base import Gauge, Limits, Surroundings
from router.connections.bounded import Connection
from router.connections.disk import DiskConnection
from router.connections.memory import MemoryConnection
from router.connections.rows import QueueRows
from router.engine.calls import Caller
from router.engine.clock import Clock
from router.engine.context import FlowContext, answer
from router.engine.desk import Desk
from router.engine.drain import Coordinator
from router.engine.inlet import Inlet
from router.engine.machine import Machine
from router.engine.outlet import Outlet
from router.engine.runner import Runner
from router.engine.source_runner import SourceRunner
from router.engine.tasks import Tasks
from router.engine.wiring import back_edges, parts_of, watch_producers
from router.engine.workers.pool import WorkerPool
from router.flow import ConnectionSpec, Flow, ProcessorSpec
from router.functions import failed
from router.kept import is_exactly_once, is_kept
from router.storage.database import Database
from router.storage.state import FlowState

__all__ = ["Builder", "Fresh"]

Fresh = dict[str, "Runner | SourceRunner"]


class Builder:
    """Makes the parts of one flow, and joins them: at the start all of them, at a reload those that are new.

    ``machine`` holds what runs. Nothing here waits, so between two awaits a flow is joined
    wholly as it was, or wholly as it is to be.
    """

    def __init__(self, *, clock: Clock, desk: Desk, coordinator: Coordinator, tasks: Tasks, database: Database) -> None:
        self.machine = Machine()
        self.left: dict[str, DiskConnection] = {}
        """Connections on disk that went while the flow ran: some of their records may be under way still."""
        self._clock = clock
        self._desk = desk
        self._coordinator = coordinator
        self._tasks = tasks
        self._database = database
        self._cycles: dict[str, Gauge] = {}

    def build(self, flow: Flow, processors: Mapping[str, Processor]) -> Machine:
        """Put a flow together from its processors."""
        self.join(flow, self.made(flow, processors), self.connections_for(flow, ()))
        return self.machine

    # -- making ---------------------------------------------------------------------------------

    def connections_for(self, flow: Flow, anew: Collection[str]) -> dict[str, Connection]:
        """Every connection of a flow: those there are, but for the ones that are to be made anew."""
        known = self.machine.connections
        return {
            spec.id: known[spec.id] if spec.id in known and spec.id not in anew else self._connection(flow, spec)
            for spec in flow.connections
        }

    def made(self, flow: Flow, processors: Mapping[str, Processor]) -> Fresh:
        """Who runs these processors; they are joined to nothing yet."""
        return {
            name: self._source(flow, flow.processors[name], each)
            if isinstance(each, Source)
            else self._runner(flow, flow.processors[name], each)
            for name, each in processors.items()
        }

    def equip(self, runner: Runner | SourceRunner, processor: Processor, *, splices: bool = False) -> None:
        """Have a runner work with this processor, in place of the one it had."""
        if isinstance(runner, SourceRunner):
            assert isinstance(processor, Source)
            runner.source = processor
            return
        spec, checked = runner.spec, partial(runner.outlet.checked, may_retry=True)
        runner.processor = processor
        runner.caller = Caller(spec, processor, runner.context, self._clock, checked)
        runner.caller.splices = splices
        if spec.run.execution == "process":
            runner.caller.workers = WorkerPool(processor, runner.context, self._clock, spec.run.concurrency)

    # -- joining --------------------------------------------------------------------------------

    def join(self, flow: Flow, fresh: Fresh, connections: dict[str, Connection], resized: Collection[str] = ()) -> None:
        """Make of the machine what the flow says: its connections, those who run already, and these new ones."""
        machine, back = self.machine, back_edges(flow)
        self._connect(connections)
        for name in (*machine.runners, *machine.sources):
            if name not in flow.processors:
                machine.take_out(name)
        for name, each in fresh.items():
            machine.put(name, each)
        machine.sort(list(flow.processors), [name for members in flow.components for name in sorted(members)])
        self._join_cycles(flow)
        for spec in flow.processors.values():
            self._join(flow, spec, back)
        for link in flow.connections:
            if link.id in resized:
                connections[link.id].change(_limits(link))
        for name, runner in machine.runners.items():
            behind = flow.downstream_of(name)
            runner.caller.splices = not any(machine.runners[each].processor.decodes for each in behind)
        watch_producers(flow, machine)
        self._coordinator.use(parts_of(flow, machine))

    def _connect(self, connections: Mapping[str, Connection]) -> None:
        """Have these connections, and no others."""
        known = self.machine.connections
        for id_, connection in known.items():
            if connections.get(id_) is not connection:
                connection.close()
                if isinstance(connection, DiskConnection):
                    self.left[id_] = connection
        self.left = {id_: each for id_, each in self.left.items() if each.is_out}
        known.clear()
        known.update(connections)

    def _join(self, flow: Flow, spec: ProcessorSpec, back: frozenset[str]) -> None:
        each = self.machine.of(spec.name)
        each.spec = spec
        each.outlet.lead(spec, self.machine.connections, projection=flow.projection, back_edges=back)
        each.context.is_exactly_once = is_exactly_once(flow, spec)
        if isinstance(each, SourceRunner):
            each.max_memory = flow.run.memory
            return
        inputs = [(link, self.machine.connections[link.id]) for link in flow.inputs_of(spec.name)]
        each.inlet.take_from(inputs)
        each.keep_in(self._database if is_kept(spec) else None)
        each.holdings.inside = self._cycles.get(spec.name)
        for _, connection in inputs:
            connection.notify = each.notify
            if isinstance(connection, DiskConnection):
                connection.may_return = partial(_may_return, each)
                connection.serve(whole=is_kept(spec), piece=spec.run.batch.records, cache=_cache(flow))

    def _join_cycles(self, flow: Flow) -> None:
        """Let each cycle know what lies within it, counted anew."""
        machine = self.machine
        self._cycles = {
            name: gauge
            for members in flow.components
            if flow.is_cycle(members)
            for gauge in [Gauge()]
            for name in members
        }
        for spec in flow.connections:
            connection = machine.connections[spec.id]
            connection.leave_cycle()
            if (inside := self._cycles.get(spec.consumer)) is not None:
                inside.level += connection.records + connection.unacked
                connection.join_cycle(inside, is_internal=self._cycles.get(spec.producer) is inside)
        for name, inside in self._cycles.items():
            inside.level += machine.runners[name].holdings.records

    # -- one connection -------------------------------------------------------------------------

    def _connection(self, flow: Flow, spec: ConnectionSpec) -> Connection:
        around = Surroundings(now=self._clock.now, on_drop=self._desk.told_dropped, memory=self.machine.memory)
        if not spec.queue.is_durable:
            return MemoryConnection(spec.id, _limits(spec), around)
        return DiskConnection(
            spec.id,
            _limits(spec),
            around,
            rows=QueueRows(self._database, spec.id, self.machine.numbers, self._clock.now),
            make_ack=self._coordinator.new_ack,
            call_later=self._clock.call_later,
            refuse=partial(self._refuse, spec),
            tell=partial(self._desk.bulletin, spec.id),
            order=spec.queue.order,
            priority=spec.queue.priority,
        )

    def _refuse(self, spec: ConnectionSpec, batch: Batch, failures: Failures) -> None:
        """Send what cannot be kept on disk to the dead letters."""
        producer = self.machine.of(spec.producer)
        refused = failed(batch, failures, spec.producer)
        self._tasks.start(self._dead_letter(spec, producer, refused), f"{spec.id} refused")

    async def _dead_letter(self, spec: ConnectionSpec, producer: Runner | SourceRunner, batch: Batch) -> None:
        acks = batch.acks()
        for ack in acks:
            ack.hold()
        is_safe = await self._desk.dead_letters_of(producer)(batch, spec.id)
        for ack in acks:
            ack.release(Outcome.DEAD_LETTERED if is_safe else Outcome.REJECTED)

    # -- one processor --------------------------------------------------------------------------

    def _runner(self, flow: Flow, spec: ProcessorSpec, processor: Processor) -> Runner:
        outlet = Outlet(spec)
        runner = Runner(
            spec,
            processor,
            Inlet(spec.run.batch),
            outlet,
            clock=self._clock,
            tasks=self._tasks,
            watcher=self._coordinator,
        )
        self._watch(outlet, runner)
        state = FlowState(self._database, spec.name, self._clock.now)
        runner.context = self._context(flow, spec, state, runner.holdings, runner.wake_at)
        runner.commit = lambda scope: scope.commit(state, runner.context.answer)
        self.equip(runner, processor)
        return runner

    def _source(self, flow: Flow, spec: ProcessorSpec, source: Source) -> SourceRunner:
        outlet = Outlet(spec)
        runner = SourceRunner(
            spec,
            source,
            outlet,
            clock=self._clock,
            memory=self.machine.memory,
            max_memory=flow.run.memory,
            make_ack=self._coordinator.new_ack,
            watcher=self._coordinator,
        )
        self._watch(outlet, runner)
        state = FlowState(self._database, spec.name, self._clock.now)
        runner.context = self._context(flow, spec, state, _HoldsNothing(), _wakes_nothing)
        return runner

    def _watch(self, outlet: Outlet, runner: Runner | SourceRunner) -> None:
        outlet.watch(
            on_wait=runner.on_blocked,
            tell_full=self._desk.tell_full,
            dead_letter=self._desk.dead_letters_of(runner),
        )

    def _context(
        self, flow: Flow, spec: ProcessorSpec, state: FlowState, holder: object, wake_at: object
    ) -> FlowContext:
        name = spec.name

        def answered(batch: object, status: int, headers: Mapping[str, str] | None) -> None:
            surplus = answer(batch, status, headers)  # type: ignore[arg-type]
            if surplus:
                self._desk.bulletin(name, "answers nobody waits for were left out", {"answers": surplus})

        return FlowContext(
            name,
            flow.name,
            clock=self._clock,
            state=state,
            is_exactly_once=is_exactly_once(flow, spec),
            holder=holder,  # type: ignore[arg-type]
            bulletin=self._desk.bulletin,
            answer=answered,
            wake_at=wake_at,  # type: ignore[arg-type]
        )


class _HoldsNothing:
    """A source holds nothing: its own acks say what it waits for."""

    def held(self, held: object) -> None:
        raise TypeError("a source cannot hold records")

    def let_go(self, held: object) -> None:
        """Never called."""


def _wakes_nothing(time: float | None) -> None:
    raise TypeError(f"a source is not woken (at {time}); use context.sleep in produce")


def _may_return(runner: Runner) -> bool:
    return not runner.is_over


def _cache(flow: Flow) -> int:
    """What each queue on disk may hold in memory too: all of them, full, leave most of it to what is under way."""
    return flow.run.memory // (4 * sum(each.queue.is_durable for each in flow.connections))


def _limits(spec: ConnectionSpec) -> Limits:
    return Limits(
        records=spec.queue.max_records,
        nbytes=spec.queue.max_bytes,
        expire=spec.queue.expire,
        when_full=spec.queue.when_full,
    )
