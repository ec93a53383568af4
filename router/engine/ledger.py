"""What became of the records of one taken batch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from router.ack import Ack, Outcome
from router.batch import Batch
from router.engine.context import Scope
from router.engine.outputs import Outputs
from router.engine.tracing.trace import Course

__all__ = ["Ledger"]


class Ledger:
    """What went on of one taken batch, or is held: an origin that lost a record on the way was dropped."""

    __slots__ = ("_is_merged", "_out", "_seen", "_trace")

    def __init__(self, trace: Course | None = None) -> None:
        self._trace = trace
        self._out = 0
        self._is_merged = False
        self._seen: list[Batch] = []

    def passes(self, outputs: Outputs) -> Outputs:
        """Note outputs that are about to be put, and give those that are followed their names."""
        for _, each in outputs:
            self.saw(each)
        return outputs if self._trace is None else self._trace.put(outputs)

    def did(self, scope: Scope) -> None:
        """Note what a call holds from now on, and what it lets go of."""
        for held in scope.holds:
            self.saw(held.batch)
            if self._trace is not None and not held.is_over:
                self._trace.hold(held)
        if self._trace is not None:
            for held, _ in scope.releases:
                self._trace.release(held)

    def saw(self, batch: Batch) -> None:
        """Note an output, or records that are held."""
        self._out += len(batch)
        self._is_merged |= batch.is_merged
        self._seen.append(batch)

    def outcomes(self, batch: Batch, acks: Iterable[Ack]) -> dict[Ack, Outcome] | None:
        """DROPPED for every ack of the taken batch that lost a record on the way; None where it is plain that none did.

        A record that became several can hide the loss of another of its origin: both were wanted so.
        """
        seen = self._seen
        if self._trace is not None:
            self._trace.end(seen)
        if len(seen) == 1 and (seen[0] is batch or seen[0].origin_runs() is batch.origin_runs()):
            return None
        if self._is_merged or self._out >= len(batch):
            gone = {ack for each in seen for ack in each.acks()}
            return {ack: Outcome.DROPPED for ack in acks if ack not in gone}
        given, left = _per_ack([batch]), _per_ack(seen)
        return {ack: Outcome.DROPPED for ack in acks if left[ack] < given[ack]}


def _per_ack(batches: Iterable[Batch]) -> Counter[Ack]:
    counts: Counter[Ack] = Counter()
    for batch in batches:
        for origins, count in batch.origin_runs():
            for ack in {origin.ack for origin in origins}:
                if ack is not None:
                    counts[ack] += count
    return counts
