"""Traces: of a share of the batches that sources give, a span for all of its way and one for each call on it."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import islice
from typing import Any

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode, set_span_in_context

from router.ack import Ack, Outcome
from router.batch import Batch
from router.engine.outputs import Outputs
from router.relationship import FAILURE, UNAVAILABLE
from router.secrecy import hidden

__all__ = ["FlowSpans", "Spans", "provider"]

MOST_OPEN = 1000  # batches on their way that are traced; a window may hold them for hours
MOST_LINKS = 32
LONGEST = 500  # letters of an error
_FAILED = (FAILURE.name, UNAVAILABLE.name)


def provider(url: str, resource: Resource) -> TracerProvider:
    """What sends spans to a URL, in a thread of its own."""
    made = TracerProvider(resource=resource, shutdown_on_exit=False)
    made.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=url)))
    return made


class Spans:
    """Chooses which batches are traced, the same share of each flow."""

    def __init__(self, provider: TracerProvider, share: float) -> None:
        self._tracer = provider.get_tracer("router")
        self._share = share
        self._flows: dict[str, FlowSpans] = {}

    def of(self, flow: str) -> FlowSpans:
        """Of one flow."""
        if flow not in self._flows:
            self._flows[flow] = FlowSpans(self._tracer, flow, self._share)
        return self._flows[flow]


class FlowSpans:
    """The traces of one flow: from the moment a source gives a batch until it hears what became of it.

    A connection on disk ends them: there the source hears that its batch is safe, and what comes
    out of it comes from nobody.
    """

    def __init__(self, tracer: Any, flow: str, share: float) -> None:
        self._tracer = tracer
        self._flow = flow
        self._share = share
        self._due = 1.0  # the first is traced: who tries it sees something
        self._open: dict[Ack, Span] = {}

    def given(self, source: str, outputs: Outputs) -> None:
        """A source gives batches: some are chosen."""
        for ack in dict.fromkeys(ack for _, batch in outputs for ack in batch.acks()):
            self._due += self._share
            if self._due < 1.0:
                continue
            self._due -= 1.0
            if len(self._open) < MOST_OPEN:
                self._begin(source, ack, [(name, _count(batch, ack)) for name, batch in outputs])

    def _begin(self, source: str, ack: Ack, counts: list[tuple[str, int]]) -> None:
        attributes = {"router.flow": self._flow, "router.processor": source}
        span = self._tracer.start_span(source, kind=SpanKind.PRODUCER, attributes=attributes)
        span.set_attribute("router.records", sum(count for _, count in counts))
        span.set_attributes({f"router.out.{name}": count for name, count in counts if count})
        self._open[ack] = span
        ack.before_end(self._settled)

    def _settled(self, ack: Ack, go_on: Callable[[], None]) -> None:
        span = self._open.pop(ack, None)
        if span is not None:
            span.set_attribute("router.outcome", ack.outcome.name.lower())
            if ack.outcome is Outcome.REJECTED:
                span.set_status(Status(StatusCode.ERROR, _said(ack.error) if ack.error is not None else None))
            span.end()
        go_on()

    def begin(self, processor: str, batch: Batch) -> CallSpan | None:
        """A call begins: it is traced if one of its records came in a batch that is."""
        if not self._open:
            return None
        parents = list(islice((self._open[ack] for ack in batch.acks() if ack in self._open), MOST_LINKS))
        if not parents:
            return None
        attributes = {"router.flow": self._flow, "router.processor": processor, "router.records": len(batch)}
        span = self._tracer.start_span(
            processor,
            context=set_span_in_context(parents[0]),
            attributes=attributes,
            links=[Link(each.get_span_context()) for each in parents[1:]],
            start_time=time.time_ns(),
        )
        return CallSpan(span)


class CallSpan:
    """The span of one call."""

    __slots__ = ("_counts", "_error", "_span")

    def __init__(self, span: Span) -> None:
        self._span = span
        self._counts: dict[str, int] = {}
        self._error: str | None = None

    def gave(self, outputs: Outputs) -> None:
        """Count what leaves, and keep why the first record failed."""
        for name, batch in outputs:
            self._counts[name] = self._counts.get(name, 0) + len(batch)
            if name in _FAILED and self._error is None:
                self._error = next(map(_said, batch.columns.get("error", ())), "put into failure")

    def ended(self) -> None:
        """It is done."""
        self._span.set_attributes({f"router.out.{name}": count for name, count in self._counts.items()})
        if self._error is not None:
            self._span.set_attribute("router.error", self._error)
            self._span.set_status(Status(StatusCode.ERROR, self._error))
        self._span.end()


def _count(batch: Batch, ack: Ack) -> int:
    return sum(count for origins, count in batch.origin_runs() if any(each.ack is ack for each in origins))


def _said(error: Any) -> str:
    if isinstance(error, dict):
        return hidden(f"{error.get('type')}: {error.get('message')}")[:LONGEST]
    return hidden(f"{type(error).__name__}: {error}")[:LONGEST]
