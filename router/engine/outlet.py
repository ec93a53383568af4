"""Where a processor's outputs go: connections, the dead letters, or an end by the flow's own words."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping

from router.ack import Ack, Outcome
from router.batch import Batch
from router.codec import Projection
from router.connections.memory import MemoryConnection
from router.errors import ProcessorError
from router.flow import Ending, ProcessorSpec
from router.functions import error_of
from router.relationship import FAILURE, UNAVAILABLE, Unconnected

__all__ = ["Ledger", "Outlet", "Outputs"]

Outputs = list[tuple[str, Batch]]
DeadLetter = Callable[[Batch, str | None], Awaitable[bool]]


class Ledger:
    """What became of the records of one taken batch: an origin none of whose records went on was dropped."""

    __slots__ = ("_is_merged", "_out", "_runs", "_seen")

    def __init__(self) -> None:
        self._seen: set[Ack] = set()
        self._out = 0
        self._is_merged = False
        self._runs: list[Batch] = []

    def saw(self, batch: Batch) -> None:
        """Note an output, or records that are held."""
        self._seen.update(batch.acks())
        self._out += len(batch)
        self._is_merged |= batch.is_merged
        self._runs.append(batch)

    def outcomes(self, batch: Batch, acks: Iterable[Ack]) -> dict[Ack, Outcome]:
        """DROPPED for every ack of the taken batch that lost a record on the way."""
        lost = {ack: Outcome.DROPPED for ack in acks if ack not in self._seen}
        if not self._is_merged and self._out < len(batch):
            given, left = _per_ack([batch]), _per_ack(self._runs)
            lost |= {ack: Outcome.DROPPED for ack, count in given.items() if left[ack] < count}
        return lost


def _per_ack(batches: Iterable[Batch]) -> Counter[Ack]:
    counts: Counter[Ack] = Counter()
    for batch in batches:
        for origins, count in batch.origin_runs():
            for ack in {origin.ack for origin in origins}:
                if ack is not None:
                    counts[ack] += count
    return counts


class Outlet:
    """Sends what one processor gives to where the flow says.

    A fan-out offers a batch to every connection first and then waits for those that
    are full, so one full branch does not starve its siblings.
    """

    def __init__(
        self,
        spec: ProcessorSpec,
        connections: Mapping[str, MemoryConnection],
        *,
        projection: Projection | None,
        back_edges: frozenset[str],
    ) -> None:
        self.counts: dict[str, int] = {each.name: 0 for each in spec.relationships}
        self.errors = 0
        self._spec = spec
        self._projection = projection
        self._back_edges = back_edges
        self._targets: dict[str, list[MemoryConnection | Ending | Unconnected]] = {
            relationship: [connections[target.id] if not isinstance(target, Ending) else target for target in targets]
            for relationship, targets in spec.routes.items()
        }
        self._downstream = list({id(each): each for each in connections.values() if each.id in self._own()}.values())

    def watch(self, *, on_wait: Callable[[int], None], dead_letter: DeadLetter) -> None:
        """Say who counts puts that wait, and who writes dead letters."""
        self._on_wait = on_wait
        self._dead_letter = dead_letter

    def _own(self) -> set[str]:
        return {
            target.id for targets in self._spec.routes.values() for target in targets if not isinstance(target, Ending)
        }

    @property
    def is_deep(self) -> bool:
        """True if a connection downstream has enough queued that this processor should give up its turn."""
        return any(connection.is_deep for connection in self._downstream)

    def check(self, outputs: Outputs) -> None:
        """Refuse a relationship that the processor does not have.

        Raises:
            ProcessorError: naming it.
        """
        for relationship, _ in outputs:
            if relationship not in self.counts and relationship not in self._targets:
                raise ProcessorError(f"{self._spec.kind.type_name} has no relationship {relationship!r}")

    async def put(self, outputs: Outputs, connection: str | None) -> None:
        """Put outputs; returns when each is in its connections, or its end is known and safe."""
        waiting: list[tuple[MemoryConnection, Batch]] = []
        ends: list[tuple[Ending | Unconnected, Batch]] = []
        for relationship, given in outputs:
            batch = self._prepared(relationship, given)
            self.counts[relationship] = self.counts.get(relationship, 0) + len(batch)
            for target in self._route(relationship):
                if isinstance(target, MemoryConnection):
                    sent = _round(batch) if target.id in self._back_edges else batch
                    if not target.offer(sent):
                        waiting.append((target, sent))
                else:
                    ends.append((target, batch))
        for end, batch in ends:
            await self._end(end, batch, connection)
        if waiting:
            await self._wait(waiting)

    async def _wait(self, waiting: list[tuple[MemoryConnection, Batch]]) -> None:
        self._on_wait(1)
        try:
            for target, batch in waiting:
                await target.put(batch)
        finally:
            self._on_wait(-1)

    def _prepared(self, relationship: str, batch: Batch) -> Batch:
        if "input" in batch.columns:
            batch = batch.with_columns(input=None)
        if relationship == FAILURE.name:
            self.errors += len(batch)
            batch = self._with_errors(batch)
        batch.project_with(self._projection)
        return batch

    def _with_errors(self, batch: Batch) -> Batch:
        errors = batch.columns.get("error")
        if errors is not None and None not in errors:
            return batch
        default = error_of(ProcessorError("put into failure without an error"), self._spec.name)
        return batch.with_columns(error=[each or default for each in errors or [None] * len(batch)])

    def _route(self, relationship: str) -> list[MemoryConnection | Ending | Unconnected]:
        targets = self._targets.get(relationship)
        if targets is None and relationship == UNAVAILABLE.name:
            targets = self._targets.get(FAILURE.name)
        if targets is None:
            targets = [self._spec.unconnected(relationship)]
        return targets

    async def _end(self, end: Ending | Unconnected, batch: Batch, connection: str | None) -> None:
        if end is Unconnected.DELIVERED:
            return
        if end in (Ending.DEAD_LETTERS, Unconnected.DEAD_LETTERS):
            is_safe = await self._dead_letter(batch, connection)
            outcome = Outcome.DEAD_LETTERED if is_safe else Outcome.REJECTED
        else:
            outcome = Outcome.REJECTED if end is Ending.REJECT else Outcome.DROPPED
        for ack in batch.acks():
            ack.hold()
            ack.release(outcome)


def _round(batch: Batch) -> Batch:
    """Count one more round of a cycle for each record."""
    rounds = batch.columns.get("rounds") or [0] * len(batch)
    return batch.with_columns(rounds=[(each or 0) + 1 for each in rounds])


async def give_way() -> None:
    """Let the other tasks of the loop have their turn."""
    await asyncio.sleep(0)  # noqa: TID251 - zero seconds need no clock
