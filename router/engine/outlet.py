"""Where a processor's outputs go: connections, the dead letters, or an end by the flow's own words."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from router.ack import Outcome
from router.batch import Batch
from router.codec import Projection
from router.connections.bounded import Connection
from router.engine.clock import Timer
from router.engine.outputs import Outputs, all_failed
from router.engine.tracing.trail import Trail
from router.errors import ProcessorError
from router.flow import Ending, ProcessorSpec
from router.functions import error_of
from router.relationship import FAILURE, RETRY, UNAVAILABLE, Unconnected

__all__ = ["Outlet", "Turns"]

DeadLetter = Callable[[Batch, str | None], Awaitable[bool]]
TURN = 0.01
_ENDS = (Ending, Unconnected)


class Turns:
    """Gives the other tasks of the loop their turn: when told to, or after a while without one."""

    __slots__ = ("_time", "_until")

    def __init__(self) -> None:
        self._time = asyncio.get_running_loop().time
        self._until = self._time() + TURN

    async def share(self, *, now: bool) -> None:
        """Give up the turn ``now``, or if it has been long."""
        if now or self._time() >= self._until:
            await asyncio.sleep(0)  # noqa: TID251 - zero seconds need no clock
            self._until = self._time() + TURN


class Outlet:
    """Sends what one processor gives to where the flow says.

    A fan-out offers a batch to every connection first and then waits for those that are
    full, for all at once, so one full branch does not starve its siblings.
    """

    def __init__(self, spec: ProcessorSpec) -> None:
        self.counts: dict[str, int] = {each.name: 0 for each in spec.relationships}
        self.errors = 0
        self.trail: Trail | None = None
        self.connections: list[Connection] = []
        """All that it puts into."""
        self._spec = spec
        self._targets: dict[str, list[Connection | Ending | Unconnected]] = {}
        self._projection: Projection | None = None
        self._back_edges: frozenset[str] = frozenset()

    def lead(
        self,
        spec: ProcessorSpec,
        connections: Mapping[str, Connection],
        *,
        projection: Projection | None,
        back_edges: frozenset[str],
    ) -> None:
        """Send what is put from now on to where this says."""
        self._spec = spec
        self._projection = projection
        self._back_edges = back_edges
        self._targets = {
            relationship: [connections[target.id] if not isinstance(target, Ending) else target for target in targets]
            for relationship, targets in spec.routes.items()
        }
        self.connections = list(
            dict.fromkeys(
                each for targets in self._targets.values() for each in targets if isinstance(each, Connection)
            )
        )
        self._known = {FAILURE.name, *self._targets} | {
            each.name for each in spec.relationships if each.unconnected is not Unconnected.ERROR
        }

    def watch(
        self,
        *,
        on_wait: Callable[[int], None],
        tell_full: Callable[[str, Connection], Timer],
        dead_letter: DeadLetter,
    ) -> None:
        """Say who counts puts that wait, who tells of those that wait long, and who writes dead letters."""
        self._on_wait = on_wait
        self._tell_full = tell_full
        self._dead_letter = dead_letter

    @property
    def is_deep(self) -> bool:
        """True if a connection downstream has enough queued that this processor should give up its turn."""
        return any([connection.is_deep for connection in self.connections])  # noqa: C419 - once a batch: cheaper

    def checked(self, outputs: Outputs, *, may_retry: bool = False) -> Outputs:
        """Send to ``failure`` what is put into a relationship that the processor does not have, or leads nowhere."""
        unknown = {name for name, _ in outputs} - self._known
        if may_retry:
            unknown.discard(RETRY.name)
        if not unknown:
            return outputs
        errors = {name: self.objection(name) for name in unknown}
        return [
            each if (error := errors.get(each[0])) is None else all_failed(each[1], error, self._spec.name)
            for each in outputs
        ]

    def objection(self, relationship: str) -> ProcessorError | None:
        """Why nothing can be put into a relationship; None where it can."""
        if relationship in self._known:
            return None
        kind = self._spec.kind.type_name
        if relationship not in self.counts:
            return ProcessorError(f"{kind} has no relationship {relationship!r}")
        return ProcessorError(f"{kind}: the relationship {relationship!r} goes nowhere")

    # -- putting --------------------------------------------------------------------------------

    async def put(self, outputs: Outputs, connection: str | None) -> None:
        """Put outputs; returns when each is in its connections, or its end is known and safe."""
        waiting: dict[Connection, list[Batch]] = {}
        ends: list[tuple[Ending | Unconnected, Batch]] = []
        for relationship, given in outputs:
            batch = self._prepared(relationship, given)
            self.counts[relationship] = self.counts.get(relationship, 0) + len(batch)
            for number, target in enumerate(self._route(relationship)):
                sent = batch
                if number and self.trail is not None:
                    sent = self.trail.cloned(relationship, number, batch)
                if isinstance(target, _ENDS):
                    ends.append((target, sent))
                    continue
                if target.id in self._back_edges:
                    sent = _round(sent)
                if target in waiting:  # behind what waits already, so that nothing overtakes
                    waiting[target].append(sent)
                elif not target.offer(sent):
                    waiting[target] = [sent]
        if waiting:
            await self._wait(waiting)
        for end, batch in ends:
            await self._end(end, batch, connection)

    async def _wait(self, waiting: Mapping[Connection, list[Batch]]) -> None:
        self._on_wait(1)
        timers = [self._tell_full(self._spec.name, target) for target in waiting]
        try:
            if len(waiting) == 1:
                for target, batches in waiting.items():
                    await _put_all(target, batches)
                return
            puts = [_put_all(target, batches) for target, batches in waiting.items()]
            for result in await asyncio.gather(*puts, return_exceptions=True):
                if isinstance(result, BaseException):
                    raise result
        finally:
            for timer in timers:
                timer.cancel()
            self._on_wait(-1)

    def _prepared(self, relationship: str, batch: Batch) -> Batch:
        columns = batch.columns
        is_failure = relationship in (FAILURE.name, UNAVAILABLE.name)
        if "input" in columns:
            batch = batch.with_columns(input=None)
        if "attempts" in columns and not is_failure:
            batch = batch.with_columns(attempts=None)
        if is_failure:
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

    def _route(self, relationship: str) -> list[Connection | Ending | Unconnected]:
        targets = self._targets.get(relationship)
        if targets is None and relationship == UNAVAILABLE.name:
            targets = self._targets.get(FAILURE.name)
        if targets is None:
            targets = [self._spec.unconnected(relationship)]
        return targets

    async def _end(self, end: Ending | Unconnected, batch: Batch, connection: str | None) -> None:
        if end is Unconnected.DELIVERED:
            return
        if end in (Ending.DEAD_LETTERS, Unconnected.DEAD_LETTERS, Unconnected.ERROR):
            is_safe = await self._dead_letter(batch, connection)
            outcome = Outcome.DEAD_LETTERED if is_safe else Outcome.REJECTED
        else:
            outcome = Outcome.REJECTED if end is Ending.REJECT else Outcome.DROPPED
        for ack in batch.acks():
            ack.hold()
            ack.release(outcome)


async def _put_all(target: Connection, batches: list[Batch]) -> None:
    for batch in batches:
        await target.put(batch)


def _round(batch: Batch) -> Batch:
    """Count one more round of a cycle for each record."""
    rounds = batch.columns.get("rounds") or [0] * len(batch)
    return batch.with_columns(rounds=[(each or 0) + 1 for each in rounds])
