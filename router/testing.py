"""Test one processor, or a whole flow, with time moved by hand."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from router.ack import Ack, Outcome, Reply
from router.authoring import Processor, Source, State
from router.batch import Batch, Record
from router.config import Config
from router.engine import Engine
from router.engine.clock import Timer
from router.errors import ConfigError, ProcessorError, nearest
from router.flow import ConnectionSpec, Flow, ProcessorSpec, QueueOptions, RunOptions
from router.loader.drafts import merged
from router.plugins import Registry, load_registry
from router.relationship import Relationship, Unconnected

__all__ = ["TestRunner", "VirtualClock"]

_PATIENCE = 50  # turns of the loop without anything to do: what comes to rest stays so
_LONGEST = 100_000  # turns in all: what never comes to rest is looked at as it is


class _VirtualTimer:
    __slots__ = ("callback",)

    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


class VirtualClock:
    """A clock that stands still until ``advance`` moves it; every wait of a flow goes by it.

    Example:
        >>> async def test(flow):
        ...     clock = VirtualClock()
        ...     async with Engine(flow, clock=clock):
        ...         await clock.advance(60)
    """

    def __init__(self, start: float = 0.0) -> None:
        self._now = start
        self._order = itertools.count()
        self._timers: list[tuple[float, int, _VirtualTimer]] = []

    def now(self) -> float:
        """Seconds since 1970, as far as the flow is concerned."""
        return self._now

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Call back when the clock has been moved that far."""
        timer = _VirtualTimer(callback)
        heapq.heappush(self._timers, (self._now + max(0.0, seconds), next(self._order), timer))
        return timer

    async def advance(self, seconds: float, is_busy: Callable[[], bool] = lambda: False) -> None:
        """Move the clock, making every call that falls due on the way, each when all tasks have come to rest."""
        until = self._now + seconds
        await settle(is_busy)
        while self._timers and self._timers[0][0] <= until:
            due, _, timer = heapq.heappop(self._timers)
            if timer.callback is None:
                continue
            self._now = max(self._now, due)
            timer.callback()
            await settle(is_busy)
        self._now = until
        await settle(is_busy)


async def settle(is_busy: Callable[[], bool]) -> None:
    """Give every task that can go on its turns; one in a thread or a worker process is waited for."""
    ready = getattr(asyncio.get_running_loop(), "_ready", ())  # what a loop has still to do, where it shows that
    idle = 0
    for _ in range(_LONGEST):
        if idle >= _PATIENCE and not is_busy():
            return
        away = idle >= _PATIENCE
        await asyncio.sleep(0.001 if away else 0)  # noqa: TID251 - the loop's own turn; a thread's time is the machine's
        idle = 0 if ready or away else idle + 1


class _Feed(Source):
    """Gives what a test feeds, and remembers how each batch ended."""

    type_name = "feed"
    relationships = (Relationship("success"),)

    def __init__(self, config: Config | None = None) -> None:
        super().__init__(config)
        self.batches: asyncio.Queue[tuple[Batch | dict[str, Batch], asyncio.Future[Ack]] | None] = asyncio.Queue()

    async def produce(self, context: Any) -> AsyncIterator[Any]:
        while (item := await self.batches.get()) is not None:
            yield item

    def settled(self, ack: Ack) -> None:
        assert isinstance(ack.token, asyncio.Future)
        if not ack.token.done():
            ack.token.set_result(ack)


class _Collect(Processor):
    """Keeps what a relationship gave."""

    type_name = "collect"
    reads = "any"
    is_sink = True
    relationships = (Relationship("success", unconnected=Unconnected.DELIVERED), Relationship("failure"))

    def __init__(self, config: Config | None = None) -> None:
        super().__init__(config)
        self.batches: list[Batch] = []

    def process(self, batch: Batch, context: Any) -> Batch:
        self.batches.append(batch)
        return batch

    def take(self) -> list[Batch]:
        taken, self.batches = self.batches, []
        return taken


class TestRunner:
    """Runs one processor as a flow would: decoded input, isolated errors, retries, holds, wakes.

    It starts at the first ``feed``; time stands still but for ``at``. Records fed must not
    come out changed: a processor that writes into a record it shares fails the test.

    Args:
        processor: A type by name, a class (or decorated function), or a ready instance.
        settings: Its settings as a flow would give them; ``run`` holds the engine's, ``to``
            the relationships of a function processor beside ``success`` and ``failure``.

    Example:
        >>> async def test_angry_posts_leave_by_angry():
        ...     route = TestRunner("route", when={"angry": "mood < 0"})
        ...     assert await route.feed({"mood": -1}) == {"angry": [{"mood": -1}]}
        ...     await route.end()
    """

    __test__ = False

    def __init__(self, processor: str | type[Processor] | Processor, /, **settings: Any) -> None:
        self._registry = load_registry() if isinstance(processor, str) else Registry()
        run = settings.pop("run", {})
        self._extra = tuple(Relationship(name) for name in settings.pop("to", ()))
        self._folder = Path(settings.pop("folder", Path.cwd()))
        self._processor = self._make(processor, settings)
        self._run = RunOptions(**merged(type(self._processor).run_for(self._processor.config), run))
        self._clock = VirtualClock()
        self._feed = _Feed()
        self._engine: Engine | None = None
        self._sinks: dict[str, _Collect] = {}
        self.acks: list[Ack] = []
        """How each batch fed has ended, once it has."""

    # -- using ----------------------------------------------------------------------------------

    async def feed(
        self,
        *records: Record | bytes,
        at: float | None = None,
        input: str | None = None,
        **attributes: Any,
    ) -> dict[str, list[Record]]:
        """Give records as one batch (bytes: undecoded JSON) and return what came out, by relationship.

        Args:
            at: Moves the clock to this time first, so that what is due before comes out too.
            input: Which of its named inputs the records come by.

        Raises:
            ProcessorError: the processor broke, and the flow with it.
        """
        await self._start()
        if at is not None:
            await self._clock.advance(at - self._clock.now(), self._is_busy)
        batch = _batch(records, attributes)
        before = _copied(batch)
        await self._give(batch, input)
        _check_unchanged(before, batch)
        return self._collected()

    async def feed_batch(self, batch: Batch) -> dict[str, list[Batch]]:
        """Give a batch made by hand and return batches, with their columns and attributes."""
        await self._start()
        await self._give(batch, None)
        return {name: taken for name, sink in self._sinks.items() if (taken := sink.take())}

    async def advance(self, seconds: float) -> dict[str, list[Record]]:
        """Move the clock and return what came out meanwhile."""
        await self._start()
        await self._clock.advance(seconds, self._is_busy)
        return self._collected()

    async def end(self) -> dict[str, list[Record]]:
        """Say that nothing comes any more; return what the processor gave at its end. Stops it."""
        await self._start()
        assert self._engine is not None
        self._feed.batches.put_nowait(None)
        await settle(self._is_busy)
        collected = self._collected()
        await self._engine.stop(0)  # what waits for time would wait for ever
        self._check_alive()
        return collected

    async def __aenter__(self) -> Self:
        """Start it now."""
        await self._start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._engine is not None:
            await self._engine.stop(0)

    # -- looking --------------------------------------------------------------------------------

    @property
    def processor(self) -> Processor:
        """The instance under test."""
        return self._processor

    @property
    def outcomes(self) -> list[Outcome]:
        """How each batch fed has ended, in the order of their ends."""
        return [ack.outcome for ack in self.acks]

    @property
    def replies(self) -> list[Reply]:
        """The answers to what was fed, batch by batch, each in request order."""
        return [reply for ack in self.acks for _, reply in sorted((ack.replies or {}).items())]

    @property
    def bulletins(self) -> list[tuple[str, Mapping[str, object]]]:
        """What the operator was told: text and data."""
        return [(each.text, each.data) for each in self._engine.bulletins] if self._engine is not None else []

    @property
    def state(self) -> State:
        """What the processor keeps by key."""
        assert self._engine is not None
        return self._engine.context("it").state

    # -- building -------------------------------------------------------------------------------

    def _make(self, processor: str | type[Processor] | Processor, settings: dict[str, Any]) -> Processor:
        if isinstance(processor, Processor):
            return processor
        if isinstance(processor, str):
            found = self._registry.processors.get(processor)
            if found is None:
                raise ConfigError(f"no processor type {processor!r}{nearest(processor, self._registry.processors)}")
            processor = found
        context = {"registry": self._registry, "folder": self._folder}
        return processor(processor.config_class().model_validate(settings, context=context))

    async def _start(self) -> None:
        if self._engine is None:
            self._engine = Engine(self._flow(), replace=self._replacements(), clock=self._clock)
            await self._engine.__aenter__()

    async def _give(self, batch: Batch, input: str | None) -> None:
        names = type(self._processor).inputs_for(self._processor.config)
        if input not in (names or (None,)):
            raise ValueError(f"no input {input!r}; its inputs are {', '.join(names) or 'one without a name'}")
        settled: asyncio.Future[Ack] = asyncio.get_running_loop().create_future()
        settled.add_done_callback(lambda each: self.acks.append(each.result()))
        self._feed.batches.put_nowait((batch if input is None else {input: batch}, settled))
        await settle(self._is_busy)
        self._check_alive()

    def _check_alive(self) -> None:
        if self._engine is not None and self._engine.error is not None:
            raise ProcessorError(self._engine.error)

    def _flow(self) -> Flow:
        kind, config = type(self._processor), self._processor.config
        relationships = (*kind.relationships_for(config), *self._extra)
        wide = QueueOptions.model_validate({"records": 10_000_000, "bytes": 1 << 40})
        routes = {
            each.name: (ConnectionSpec(f"it.{each.name}>{each.name}", "it", each.name, f"out_{each.name}", queue=wide),)
            for each in relationships
        }
        self._sinks = {each.name: _Collect() for each in relationships}
        to_it = {
            name or "success": (ConnectionSpec(f"feed>it.{name}", "feed", name or "success", "it", name, wide),)
            for name in kind.inputs_for(config) or (None,)
        }
        specs = [
            ProcessorSpec("feed", _Feed, Config(), tuple(map(Relationship, to_it)), to_it),
            ProcessorSpec("it", kind, config, relationships, routes, self._run),
            *(ProcessorSpec(f"out_{name}", _Collect, Config(), _Collect.relationships, {}) for name in self._sinks),
        ]
        return Flow("test", {spec.name: spec for spec in specs}, registry=None)

    def _replacements(self) -> dict[str, Processor]:
        return {
            "feed": self._feed,
            "it": self._processor,
            **{f"out_{name}": each for name, each in self._sinks.items()},
        }

    def _is_busy(self) -> bool:
        return self._engine is not None and self._engine.is_busy

    def _collected(self) -> dict[str, list[Record]]:
        taken = {name: sink.take() for name, sink in self._sinks.items()}
        return {name: [row for batch in batches for row in _rows(batch)] for name, batches in taken.items() if batches}


def _batch(records: Iterable[Record | bytes], attributes: Mapping[str, Any]) -> Batch:
    given = list(records)
    if given and all(isinstance(each, bytes) for each in given):
        return Batch.raw([each for each in given if isinstance(each, bytes)], **attributes)
    if not all(isinstance(each, dict) for each in given):
        raise TypeError("feed dicts, or bytes for undecoded JSON, not both")
    return Batch.of([each for each in given if isinstance(each, dict)], **attributes)


def _rows(batch: Batch) -> list[Any]:
    """Records for a test to compare; what cannot be decoded stays bytes."""
    decoded, failures = batch.decoded()
    return list(batch.content) if failures else decoded.rows


def _copied(batch: Batch) -> list[str]:
    return [repr(each) for each in (batch.rows if batch.has_rows else batch.content)]


def _check_unchanged(before: list[str], batch: Batch) -> None:
    after = _copied(batch) if len(before) == len(batch) else before
    for index, (old, new) in enumerate(zip(before, after, strict=False)):
        if old != new and batch.has_rows:
            raise AssertionError(f"record {index} was changed in place, from {old} to {new}; make a new dict instead")
