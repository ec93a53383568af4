"""Writes events of one processor: in which relationship, to which target, with what beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

from router.batch import Batch
from router.engine.tracing.provenance import Provenance
from router.flow import Ending, ProcessorSpec
from router.lineage import LINEAGE
from router.origins import common_attributes
from router.relationship import FAILURE, SUCCESS, UNAVAILABLE, Unconnected
from router.secrecy import hidden
from router.storage.provenance.events import ENDS, OF_ALL, Event, EventType, Ids

__all__ = ["Scribe"]

LONGEST = 500  # letters of an error that an event keeps
_UNCONNECTED = {
    Unconnected.DELIVERED: "delivered",
    Unconnected.DROPPED: Ending.DROP.value,
    Unconnected.DEAD_LETTERS: Ending.DEAD_LETTERS.value,
    Unconnected.ERROR: Ending.DEAD_LETTERS.value,
}
_GOES_ON = frozenset({EventType.ROUTE, EventType.CONTENT_MODIFIED, EventType.ATTRIBUTES_MODIFIED})
_ENGINES = frozenset({LINEAGE, "attempts", "error", "input", "rounds"})


class Scribe:
    """Makes events. The batches it is given have their records' ids in the column ``lineage``, and no other record."""

    def __init__(self, provenance: Provenance, spec: ProcessorSpec, *, is_sink: bool) -> None:
        self.provenance = provenance
        self._spec = spec
        self._is_sink = is_sink
        self._known: dict[str, tuple[str, ...]] = {}

    def lead(self, spec: ProcessorSpec) -> None:
        """Tell of where relationships lead from now on."""
        self._spec = spec
        self._known = {}

    def created(self, relationship: str, batch: Batch, ids: Ids) -> None:
        """Records came from outside, or of nothing that is known; they have no ids yet."""
        attributes = batch.attributes
        kind = EventType.RECEIVE if attributes else EventType.CREATE
        content = batch if self.provenance.keeps_sources else None
        target, steps = self.targets(relationship)[0], b"\x01" * (len(ids) - 1)
        self._write(kind, relationship, target, ids, attributes, content=content, steps=steps)

    def passed(
        self, relationship: str, batch: Batch, sources: Sequence[Batch], seconds: float, steps: bytes | None = None
    ) -> None:
        """Records went on as themselves."""
        ids = batch.columns[LINEAGE]
        is_sent = self._is_sink and relationship == SUCCESS.name
        kind = EventType.SEND if is_sent else _change(ids[0], batch, sources)
        target = self.targets(relationship)[0]
        if target == Ending.DROP.value and kind in _GOES_ON:
            kind = EventType.DROP
        errors = _errors(batch) if relationship in (FAILURE.name, UNAVAILABLE.name) else ()
        more: dict[str, Any] = {"seconds": seconds, "errors": errors, "steps": steps}
        self._write(kind, relationship, target, ids, batch.attributes, batch=batch, **more)

    def became(
        self,
        kind: EventType,
        relationship: str,
        batch: Batch,
        parents: Ids,
        *,
        shares: Sequence[int] = OF_ALL,
        seconds: float = 0.0,
        number: int = 0,
    ) -> None:
        """Records came of others; ``number`` says to which target of the relationship they go."""
        ids, target = batch.columns[LINEAGE], self.targets(relationship)[number]
        more: dict[str, Any] = {"parents": parents, "shares": shares, "seconds": seconds}
        self._write(kind, relationship, target, ids, batch.attributes, batch=batch, **more)

    def ended(self, ids: Ids, attributes: Mapping[str, Any], seconds: float = 0.0, *, is_sent: bool = False) -> None:
        """Records did not go on; a sink that had held them has written them, if ``is_sent``."""
        kind, target = (EventType.SEND, "delivered") if is_sent else (EventType.DROP, Ending.DROP.value)
        self._write(kind, None, target, ids, attributes, seconds=seconds)

    def let_go(self, ids: Ids, attributes: Mapping[str, Any]) -> None:
        """Records that were held end with that."""
        self.ended(ids, attributes, is_sent=self._is_sink)

    def targets(self, relationship: str) -> tuple[str, ...]:
        """Where a relationship leads, by name: connections, or how records end."""
        found = self._known.get(relationship)
        if found is None:
            found = self._known[relationship] = _targets(self._spec, relationship)
        return found

    def _write(
        self,
        kind: EventType,
        relationship: str | None,
        target: str,
        ids: Ids,
        attributes: Mapping[str, Any],
        *,
        batch: Batch | None = None,
        content: Batch | None = None,
        **more: Any,
    ) -> None:
        if self.provenance.keeps_connections and target not in ENDS and batch is not None:
            content = batch
        now, name = self.provenance.now(), self._spec.name
        event = Event(
            now, kind, name, relationship, target=target, ids=ids, attributes=attributes, content=content, **more
        )
        self.provenance.record(event)


def _targets(spec: ProcessorSpec, relationship: str) -> tuple[str, ...]:
    routes = spec.routes.get(relationship)
    if routes is None and relationship == UNAVAILABLE.name:
        routes = spec.routes.get(FAILURE.name)
    if routes is None:
        return (_UNCONNECTED[spec.unconnected(relationship)],)
    return tuple(each.value if isinstance(each, Ending) else each.id for each in routes)


def _change(first: int, batch: Batch, sources: Sequence[Batch]) -> EventType:
    """What became of records that went on, as the first of them shows: a processor treats all of a batch alike."""
    if any([batch is each for each in sources]):  # noqa: C419 - one or two
        return EventType.ROUTE
    taken = next((each for each in sources if first in each.columns.get(LINEAGE, ())), None)
    if taken is None:
        return EventType.ROUTE
    came = taken.columns[LINEAGE].index(first)
    is_same = (batch.has_content and taken.has_content and batch.content[0] is taken.content[came]) or (
        batch.has_rows and taken.has_rows and batch.rows[0] is taken.rows[came]
    )
    if not is_same:
        return EventType.CONTENT_MODIFIED
    return EventType.ROUTE if _beside(batch, 0) == _beside(taken, came) else EventType.ATTRIBUTES_MODIFIED


def _beside(batch: Batch, place: int) -> tuple[dict[str, Any], Mapping[str, Any]]:
    """A record's columns, and the attributes of where it came from."""
    columns = {name: values[place] for name, values in batch.columns.items() if name not in _ENGINES}
    ends = accumulate(count for _, count in batch.origin_runs())
    owners = next(owners for (owners, _), end in zip(batch.origin_runs(), ends, strict=True) if place < end)
    attributes = owners[0].attributes if len(owners) == 1 else common_attributes(((owners, 1),))
    return {name: value for name, value in columns.items() if value is not None}, attributes


def _errors(batch: Batch) -> list[tuple[int, str, str]]:
    errors = batch.columns.get("error") or [None] * len(batch)
    return [(id_, *_said(error)) for id_, error in zip(batch.columns[LINEAGE], errors, strict=True)]


def _said(error: Any) -> tuple[str, str]:
    if error is None:  # the engine writes one when it puts the record
        return "ProcessorError", "put into failure without an error"
    if isinstance(error, dict):
        return str(error.get("type")), hidden(str(error.get("message")))[:LONGEST]
    return type(error).__name__, hidden(str(error))[:LONGEST]
