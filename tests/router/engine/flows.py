"""Small flows written in a line: ``wired({"read": ..., "keep": ...}, "read>keep")``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from router.ack import Ack, Outcome
from router.authoring import Context, Held, Processor, Source, Why
from router.batch import Batch, Record
from router.config import Config
from router.engine import Engine, Report
from router.flow import ConnectionSpec, Ending, Flow, FlowRun, ProcessorSpec, QueueOptions, RunOptions
from router.relationship import FAILURE, SUCCESS, Relationship, Unconnected
from tests.router.engine.clock import JumpingClock, at_rest, until

__all__ = ["Do", "Feed", "Gate", "Keep", "Stand", "StandSource", "at_rest", "flow_of", "numbers", "run_to_end", "wired"]

DELIVERED = Relationship("success", unconnected=Unconnected.DELIVERED)
ENDINGS = {each.value: each for each in Ending}


def numbers(batch: Batch | Iterable[Record]) -> list[int]:
    rows = batch.rows if isinstance(batch, Batch) else batch
    return [row["n"] for row in rows]


class Feed(Source):
    """Gives batches of numbered records, and remembers what became of each: ``Feed([1, 2], [3])``."""

    type_name = "feed"

    def __init__(self, *batches: Iterable[int] | Batch, then: float | None = None) -> None:
        super().__init__()
        self.batches = [each if isinstance(each, Batch) else Batch.of([{"n": n} for n in each]) for each in batches]
        self.then = then
        self.given = 0
        self.told: list[tuple[object, Outcome]] = []

    async def produce(self, context: Context) -> AsyncIterator[Any]:
        for number, batch in enumerate(self.batches):
            self.given += 1
            yield batch, number
        if self.then is not None:
            await context.sleep(self.then)

    def settled(self, ack: Ack) -> None:
        self.told.append((ack.token, ack.outcome))

    @property
    def outcomes(self) -> list[Outcome]:
        return [outcome for _, outcome in sorted(self.told, key=lambda each: str(each[0]))]


class Keep(Processor):
    """A sink that keeps what reaches it."""

    type_name = "keep"
    is_sink = True
    relationships = (DELIVERED, FAILURE)
    reads = "any"

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[Batch] = []

    def process(self, batch: Batch, context: Context) -> Batch:
        self.batches.append(batch)
        return batch

    @property
    def numbers(self) -> list[int]:
        return [n for batch in self.batches for n in numbers(batch)]

    @property
    def errors(self) -> list[tuple[str, str]]:
        return [(each["type"], each["message"]) for batch in self.batches for each in batch.meta("error")]


class Gate(Keep):
    """A sink that takes nothing until it is opened."""

    def __init__(self) -> None:
        super().__init__()
        self.is_open = asyncio.Event()

    async def process(self, batch: Batch, context: Context) -> Batch:  # type: ignore[override]
        await self.is_open.wait()
        return super().process(batch, context)


class Do(Processor):
    """A processor made of a function or two; ``held`` is for them to use."""

    type_name = "do"

    def __init__(
        self,
        work: Callable[[Batch, Context], Any],
        wake: Callable[[Context, Why], Any] = lambda _context, _why: None,
        *,
        reads: Any = "rows",
        to: tuple[str, ...] = (),
    ) -> None:
        super().__init__()
        self.reads = reads
        self.to = to
        self.work = work
        self.on_wake = wake
        self.held: list[Held] = []
        self.woken: list[Why] = []

    def process(self, batch: Batch, context: Context) -> Any:
        return self.work(batch, context)

    async def wake(self, context: Context, why: Why) -> Any:
        self.woken.append(why)
        result = self.on_wake(context, why)
        return await result if asyncio.iscoroutine(result) else result


class Stand(Processor):
    """What a flow names where the engine is given an instance to use."""

    type_name = "stand"


class StandSource(Source):
    """The same for a source."""

    type_name = "stand_source"


def wired(
    steps: Mapping[str, Processor],
    *edges: str,
    run: Mapping[str, Mapping[str, Any]] | None = None,
    queue: Mapping[str, Mapping[str, Any]] | None = None,
    flow: Mapping[str, Any] | None = None,
    clock: JumpingClock | None = None,
    data: Path | None = None,
) -> Engine:
    """An engine for these processors, joined by edges ``producer[.relationship]>consumer[.input]``."""
    made = flow_of(steps, *edges, run=run, queue=queue, flow=flow)
    return Engine(made, replace=steps, data=data, clock=clock or JumpingClock())


def flow_of(
    steps: Mapping[str, Processor],
    *edges: str,
    run: Mapping[str, Mapping[str, Any]] | None = None,
    queue: Mapping[str, Mapping[str, Any]] | None = None,
    flow: Mapping[str, Any] | None = None,
    name: str = "test",
) -> Flow:
    """The flow of it."""
    routes: dict[str, dict[str, list[ConnectionSpec | Ending]]] = {}
    for edge in edges:
        start, _, target = edge.partition(">")
        producer, _, relationship = start.partition(".")
        consumer, _, named = target.partition(".")
        id_ = f"{producer}.{relationship or 'success'}>{target}"
        options = QueueOptions(**(queue or {}).get(edge, {}))
        spec = ConnectionSpec(id_, producer, relationship or "success", consumer, named or None, options)
        routes.setdefault(producer, {}).setdefault(spec.relationship, []).append(ENDINGS.get(target) or spec)
    specs = {
        name: _spec(name, each, routes.get(name, {}), RunOptions(**(run or {}).get(name, {})))
        for name, each in steps.items()
    }
    return Flow(name, specs, run=FlowRun(**(flow or {})))


def _spec(name: str, each: Processor, routes: Mapping[str, list[Any]], run: RunOptions) -> ProcessorSpec:
    kind = StandSource if isinstance(each, Source) else Stand
    own = each.relationships if not isinstance(each, Do) else (SUCCESS, FAILURE, *map(Relationship, each.to))
    return ProcessorSpec(name, kind, Config(), own, {key: tuple(targets) for key, targets in routes.items()}, run)


async def run_to_end(engine: Engine, *, limit: float = 1e6) -> Report:
    """Start, run until done with time that costs nothing, stop."""
    clock = engine._clock
    assert isinstance(clock, JumpingClock)
    async with engine:
        return await until(engine, clock, engine.run(), limit=limit)
