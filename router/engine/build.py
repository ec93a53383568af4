"""Puts a flow together: connections, runners, and who waits for whom."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from router.ack import Outcome
from router.authoring import Processor, Source
from router.batch import Batch
from router.codec import Failures
from router.connections.base import Gauge, Limits, Surroundings
from router.connections.bounded import Connection
from router.connections.disk import DiskConnection
from router.connections.memory import MemoryConnection
from router.connections.rows import Numbers, QueueRows
from router.engine.calls import Caller
from router.engine.clock import Clock
from router.engine.context import FlowContext, answer
from router.engine.desk import Desk
from router.engine.drain import Coordinator, Part
from router.engine.inlet import Inlet
from router.engine.kept import is_exactly_once, is_kept
from router.engine.outlet import Outlet
from router.engine.runner import Runner
from router.engine.source_runner import SourceRunner
from router.engine.tasks import Tasks
from router.engine.workers import WorkerPool
from router.flow import ConnectionSpec, Flow, ProcessorSpec
from router.functions import failed
from router.storage.database import Database
from router.storage.state import FlowState

__all__ = ["Machine", "build"]


@dataclass(frozen=True, slots=True)
class Machine:
    """A flow put together, nothing started."""

    connections: Mapping[str, Connection]
    runners: Mapping[str, Runner]
    sources: Mapping[str, SourceRunner]
    upstream_first: tuple[str, ...]
    """Names of all processors, producers before consumers."""
    order: tuple[str, ...]
    """Names of all processors, as the flow has them."""
    numbers: Numbers
    """The numbers of rows in disk connections."""

    @property
    def durable(self) -> Iterator[DiskConnection]:
        """The connections whose records are on disk."""
        return (each for each in self.connections.values() if isinstance(each, DiskConnection))

    def of(self, name: str) -> Runner | SourceRunner:
        """Who runs a processor."""
        return self.runners.get(name) or self.sources[name]


class _Builder:
    def __init__(
        self,
        flow: Flow,
        processors: Mapping[str, Processor],
        *,
        clock: Clock,
        desk: Desk,
        coordinator: Coordinator,
        tasks: Tasks,
        database: Database,
    ) -> None:
        self.flow = flow
        self.processors = processors
        self.clock = clock
        self.desk = desk
        self.coordinator = coordinator
        self.tasks = tasks
        self.database = database
        self.numbers = Numbers()
        self.memory = Gauge()
        self.back_edges = _back_edges(flow)
        self.connections = self._connections()
        self.made: dict[str, Runner | SourceRunner] = {}

    def _connections(self) -> dict[str, Connection]:
        made: dict[str, Connection] = {}
        cycles = {
            name: gauge
            for members in self.flow.components
            if self.flow.is_cycle(members)
            for gauge in [Gauge()]
            for name in members
        }
        for spec in self.flow.connections:
            connection = self._connection(spec)
            if (inside := cycles.get(spec.consumer)) is not None:
                connection.join_cycle(inside, is_internal=cycles.get(spec.producer) is inside)
            made[spec.id] = connection
        self.cycles = cycles
        return made

    def _connection(self, spec: ConnectionSpec) -> Connection:
        limits = Limits(
            records=spec.queue.max_records,
            nbytes=spec.queue.max_bytes,
            expire=spec.queue.expire,
            when_full=spec.queue.when_full,
        )
        around = Surroundings(now=self.clock.now, on_drop=self.desk.told_dropped, memory=self.memory)
        if not spec.queue.is_durable:
            return MemoryConnection(spec.id, limits, around)
        consumer = self.flow.processors[spec.consumer]
        return DiskConnection(
            spec.id,
            limits,
            around,
            rows=QueueRows(self.database, spec.id, self.numbers, self.clock.now),
            make_ack=self.coordinator.new_ack,
            call_later=self.clock.call_later,
            refuse=partial(self._refuse, spec),
            tell=partial(self.desk.bulletin, spec.id),
            order=spec.queue.order,
            priority=spec.queue.priority,
            whole=is_kept(consumer),
            piece=consumer.run.batch.records,
        )

    def _refuse(self, spec: ConnectionSpec, batch: Batch, failures: Failures) -> None:
        """Send what cannot be kept on disk to the dead letters."""
        self.tasks.start(self._dead_letter(spec, failed(batch, failures, spec.producer)), f"{spec.id} refused")

    async def _dead_letter(self, spec: ConnectionSpec, batch: Batch) -> None:
        acks = batch.acks()
        for ack in acks:
            ack.hold()
        is_safe = await self.desk.dead_letters_of(self.made[spec.producer])(batch, spec.id)
        for ack in acks:
            ack.release(Outcome.DEAD_LETTERED if is_safe else Outcome.REJECTED)

    def runner(self, spec: ProcessorSpec, processor: Processor) -> Runner:
        inputs = [(each, self.connections[each.id]) for each in self.flow.inputs_of(spec.name)]
        outlet = self._outlet(spec)
        runner = Runner(
            spec,
            processor,
            Inlet(inputs, spec.run.batch),
            outlet,
            clock=self.clock,
            tasks=self.tasks,
            watcher=self.coordinator,
        )
        self._watch(outlet, runner)
        if is_kept(spec):
            runner.keep_in(self.database)
        state = FlowState(self.database, spec.name, self.clock.now)
        runner.context = self._context(spec, state, runner.holdings, runner.wake_at)
        runner.commit = lambda scope: scope.commit(state, runner.context.answer)
        runner.caller = Caller(spec, processor, runner.context, self.clock, partial(outlet.checked, may_retry=True))
        runner.caller.splices = not any(self.processors[name].decodes for name in self.flow.downstream_of(spec.name))
        if spec.run.execution == "process":
            runner.caller.workers = WorkerPool(processor, runner.context, self.clock, spec.run.concurrency)
        runner.holdings.inside = self.cycles.get(spec.name)
        for _, connection in inputs:
            connection.notify = runner.notify
            if isinstance(connection, DiskConnection):
                connection.may_return = lambda: not runner.is_over
        self.made[spec.name] = runner
        return runner

    def source(self, spec: ProcessorSpec, source: Source) -> SourceRunner:
        outlet = self._outlet(spec)
        runner = SourceRunner(
            spec,
            source,
            outlet,
            clock=self.clock,
            memory=self.memory,
            max_memory=self.flow.run.memory,
            make_ack=self.coordinator.new_ack,
            watcher=self.coordinator,
        )
        self._watch(outlet, runner)
        runner.context = self._context(
            spec, FlowState(self.database, spec.name, self.clock.now), _HoldsNothing(), _wakes_nothing
        )
        self.made[spec.name] = runner
        return runner

    def _outlet(self, spec: ProcessorSpec) -> Outlet:
        return Outlet(spec, self.connections, projection=self.flow.projection, back_edges=self.back_edges)

    def _watch(self, outlet: Outlet, runner: Runner | SourceRunner) -> None:
        outlet.watch(
            on_wait=runner.on_blocked,
            tell_full=self.desk.tell_full,
            dead_letter=self.desk.dead_letters_of(runner),
        )

    def _context(self, spec: ProcessorSpec, state: FlowState, holder: object, wake_at: object) -> FlowContext:
        name = spec.name

        def answered(batch: object, status: int, headers: Mapping[str, str] | None) -> None:
            surplus = answer(batch, status, headers)  # type: ignore[arg-type]
            if surplus:
                self.desk.bulletin(name, "answers nobody waits for were left out", {"answers": surplus})

        return FlowContext(
            name,
            self.flow.name,
            clock=self.clock,
            state=state,
            is_exactly_once=is_exactly_once(self.flow, spec),
            holder=holder,  # type: ignore[arg-type]
            bulletin=self.desk.bulletin,
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


def build(
    flow: Flow,
    processors: Mapping[str, Processor],
    *,
    clock: Clock,
    desk: Desk,
    coordinator: Coordinator,
    tasks: Tasks,
    database: Database,
) -> Machine:
    """Put a flow together from its processors."""
    builder = _Builder(
        flow, processors, clock=clock, desk=desk, coordinator=coordinator, tasks=tasks, database=database
    )
    runners: dict[str, Runner] = {}
    sources: dict[str, SourceRunner] = {}
    for name, spec in flow.processors.items():
        processor = processors[name]
        if isinstance(processor, Source):
            sources[name] = builder.source(spec, processor)
        else:
            runners[name] = builder.runner(spec, processor)
    _watch_producers(flow, runners, sources)
    coordinator.use(_parts(flow, runners, sources))
    ordered = tuple(name for members in flow.components for name in sorted(members))
    return Machine(builder.connections, runners, sources, ordered, tuple(flow.processors), builder.numbers)


def _parts(flow: Flow, runners: Mapping[str, Runner], sources: Mapping[str, SourceRunner]) -> list[Part]:
    parts = [
        Part(
            [runners[name] for name in sorted(members) if name in runners],
            [sources[name] for name in sorted(members) if name in sources],
            is_cycle=flow.is_cycle(members),
        )
        for members in flow.components
    ]
    edges = {(flow.component_of[each.producer], flow.component_of[each.consumer]) for each in flow.connections}
    for producer, consumer in sorted(edges):
        if producer != consumer:
            parts[producer].downstream.append(parts[consumer])
    return parts


def _watch_producers(flow: Flow, runners: Mapping[str, Runner], sources: Mapping[str, SourceRunner]) -> None:
    """Let each runner know when waiting for a fuller batch is in vain."""
    for name, runner in runners.items():
        names = dict.fromkeys(each.producer for each in flow.inputs_of(name) if each.producer != name)
        producers = [runners.get(each) or sources[each] for each in names]
        runner.is_idle = partial(_are_idle, producers)
        if runner.spec.run.batch.wait:
            for producer in producers:
                producer.patient = (*producer.patient, runner)


def _are_idle(producers: Sequence[Runner | SourceRunner]) -> bool:
    return all(each.is_waiting if isinstance(each, SourceRunner) else not each.can_run for each in producers)


def _back_edges(flow: Flow) -> frozenset[str]:
    """The connections that close a cycle: each round of a record passes one of them."""
    outgoing: dict[str, list[tuple[str, str]]] = {name: [] for name in flow.processors}
    for each in flow.connections:
        outgoing[each.producer].append((each.id, each.consumer))
    back: set[str] = set()
    finished: set[str] = set()
    for root in [name for members in flow.components for name in sorted(members)]:
        if root in finished:
            continue
        path = {root}
        work = [(root, iter(outgoing[root]))]
        while work:
            name, rest = work[-1]
            step = next(rest, None)
            if step is None:
                work.pop()
                path.discard(name)
                finished.add(name)
            elif step[1] in path:
                back.add(step[0])
            elif step[1] not in finished:
                path.add(step[1])
                work.append((step[1], iter(outgoing[step[1]])))
    return frozenset(back)
