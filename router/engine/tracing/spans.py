"""Lets somebody measure single calls beside provenance; where nobody does, nothing of it is there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from router.batch import Batch
from router.engine.outputs import Outputs
from router.engine.tracing.trace import Course
from router.engine.tracing.trail import Trail
from router.flow import ProcessorSpec

__all__ = ["Call", "SpanTrail", "Tracer"]


class Call(Protocol):
    """Hears of one call that is traced."""

    def gave(self, outputs: Outputs) -> None:
        """It gives batches."""

    def ended(self) -> None:
        """It is done, its outputs are put."""


class Tracer(Protocol):
    """Chooses batches of sources, and hears of the calls that their records come to."""

    def given(self, source: str, outputs: Outputs) -> None:
        """A source gives batches."""

    def begin(self, processor: str, batch: Batch) -> Call | None:
        """A call begins; None if it is not traced."""


class SpanTrail:
    """Tells a tracer, and the trail that was there before it, if there was one."""

    def __init__(self, name: str, tracer: Tracer, inner: Trail | None) -> None:
        self._name = name
        self._tracer = tracer
        self._inner = inner

    def lead(self, spec: ProcessorSpec) -> None:
        """Pass on."""
        if self._inner is not None:
            self._inner.lead(spec)

    def given(self, outputs: Outputs) -> Outputs:
        """A source gives batches."""
        self._tracer.given(self._name, outputs)
        return outputs if self._inner is None else self._inner.given(outputs)

    def begin(self, batch: Batch) -> Course | None:
        """A call begins: it is traced, or followed, or both, or neither."""
        inner = None if self._inner is None else self._inner.begin(batch)
        call = self._tracer.begin(self._name, batch)
        return inner if call is None else _Traced(call, inner)

    def woke(self, outputs: Outputs, holds: Iterable[Any], releases: Sequence[Any]) -> Outputs:
        """Pass on: a wake belongs to no batch of a source."""
        return outputs if self._inner is None else self._inner.woke(outputs, holds, releases)

    def cloned(self, relationship: str, number: int, batch: Batch) -> Batch:
        """Pass on."""
        return batch if self._inner is None else self._inner.cloned(relationship, number, batch)

    def let_go(self, held: Any) -> None:
        """Pass on."""
        if self._inner is not None:
            self._inner.let_go(held)


class _Traced:
    """One call that is traced, and perhaps followed."""

    __slots__ = ("_call", "_inner")

    def __init__(self, call: Call, inner: Course | None) -> None:
        self._call = call
        self._inner = inner

    def put(self, outputs: Outputs) -> Outputs:
        self._call.gave(outputs)
        return outputs if self._inner is None else self._inner.put(outputs)

    def hold(self, held: Any) -> None:
        if self._inner is not None:
            self._inner.hold(held)

    def release(self, held: Any) -> None:
        if self._inner is not None:
            self._inner.release(held)

    def end(self, seen: Iterable[Batch]) -> None:
        if self._inner is not None:
            self._inner.end(seen)
        self._call.ended()
