"""Where the engine tells what one processor does to those who follow records; a processor nobody follows has no trail."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from router.batch import Batch
from router.engine.outputs import Outputs
from router.engine.tracing.provenance import Provenance
from router.engine.tracing.scribe import Scribe
from router.engine.tracing.trace import Course, Trace, Unspent, ids_of
from router.flow import ProcessorSpec
from router.lineage import LINEAGE
from router.storage.provenance.events import EventType

__all__ = ["ProvenanceTrail", "Trail"]


class Trail(Protocol):
    """Hears what one processor does with batches."""

    def lead(self, spec: ProcessorSpec) -> None:
        """Relationships lead elsewhere from now on."""

    def given(self, outputs: Outputs) -> Outputs:
        """A source gives batches; they are put as they are returned."""

    def begin(self, batch: Batch) -> Course | None:
        """A call begins; None if nobody follows what it is given."""

    def woke(self, outputs: Outputs, holds: Iterable[Any], releases: Sequence[Any]) -> Outputs:
        """A wake gives batches; they are put as they are returned."""

    def cloned(self, relationship: str, number: int, batch: Batch) -> Batch:
        """A copy goes to one more target of a relationship, as it is returned."""

    def let_go(self, held: Any) -> None:
        """Records are held no more."""


class ProvenanceTrail:
    """Follows records through one processor, and writes down what happens to them."""

    def __init__(self, provenance: Provenance, spec: ProcessorSpec, *, is_sink: bool) -> None:
        self._provenance = provenance
        self._scribe = Scribe(provenance, spec, is_sink=is_sink)
        self._unspent = Unspent()

    def lead(self, spec: ProcessorSpec) -> None:
        """Tell of where relationships lead from now on."""
        self._scribe.lead(spec)

    def given(self, outputs: Outputs) -> Outputs:
        """A source gives batches: those that are chosen are followed from here."""
        return [(name, self._created(name, batch)) for name, batch in outputs]

    def begin(self, batch: Batch) -> Trace | None:
        """A call begins; None if it is given no record that is followed, and none is held that it may give."""
        is_followed = LINEAGE in batch.columns or self._unspent.is_used
        return Trace(self._scribe, self._unspent, [batch]) if is_followed else None

    def woke(self, outputs: Outputs, holds: Iterable[Any], releases: Sequence[Any]) -> Outputs:
        """A wake gives what was held, or what was made of it, or something new."""
        is_new = not releases and not any(batch.acks() for _, batch in outputs)  # no origin of theirs waits for an end
        trace = Trace(self._scribe, self._unspent, [each.batch for each in releases if LINEAGE in each.batch.columns])
        made = self.given(outputs) if is_new else trace.put(outputs)
        for each in holds:
            trace.hold(each)
        return made

    def cloned(self, relationship: str, number: int, batch: Batch) -> Batch:
        """A copy goes to one more target of a relationship, and is another record from here on."""
        ids = batch.columns.get(LINEAGE)
        parents = ids_of(batch)
        if ids is None or not parents:
            return batch
        fresh = self._provenance.new_ids(len(parents))
        following = iter(fresh)
        made = batch.with_columns(**{LINEAGE: [None if each is None else next(following) for each in ids]})
        places = [place for place, each in enumerate(ids) if each is not None]
        part = made if len(places) == len(made) else made.select(places)
        shares = [1] * len(parents)
        self._scribe.became(EventType.CLONE, relationship, part, parents, shares=shares, number=number)
        return made

    def let_go(self, held: Any) -> None:
        """Records are held no more: those that have not gone on end here."""
        ended = self._unspent.let_go(held)
        if ended:
            self._scribe.let_go(ended, held.batch.attributes)

    def _created(self, relationship: str, batch: Batch) -> Batch:
        if not len(batch) or LINEAGE in batch.columns or not self._provenance.is_chosen():
            return batch
        ids = self._provenance.new_ids(len(batch))
        self._scribe.created(relationship, batch, ids)
        return batch.with_columns(**{LINEAGE: ids})
