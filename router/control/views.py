"""A flow and its parts as they are now, in the words of the API."""

from __future__ import annotations

import inspect
import os
from collections.abc import Mapping
from typing import Any

from router.connections.base import ConnectionStats
from router.control.messages import (
    BulletinView,
    CallsView,
    ConnectionView,
    FlowSummary,
    FlowView,
    ProcessorDetails,
    ProcessorView,
    RelationshipView,
    ReportView,
)
from router.control.subject import Subject
from router.engine import Bulletin, ProcessorStatus, Report, Status, SystemClock
from router.engine.meter import CallStats
from router.flow import ConnectionSpec, Ending, ProcessorSpec
from router.provenance import ProvenanceOptions
from router.showing import shown_settings
from router.storage.sayable import in_words

__all__ = [
    "bulletin_view",
    "connection_view",
    "flow_summary",
    "flow_view",
    "processor_details",
    "processor_view",
    "report_view",
]


def flow_summary(subject: Subject) -> FlowSummary:
    """A flow in a line."""
    status = subject.engine.status()
    sources = [name for name, spec in subject.flow.processors.items() if spec.is_source]
    return FlowSummary(
        name=subject.name,
        description=subject.flow.description,
        state=state_of(subject, status),
        seconds=round(status.seconds, 3),
        processors=len(status.processors),
        queued=sum(each.records for each in status.connections.values()),
        rate=_figure(sum(subject.history.rates(name)[1] for name in sources)),
        dead_letters=status.dead_letters,
    )


def flow_view(subject: Subject) -> FlowView:
    """A flow with all its parts."""
    flow, engine, status = subject.flow, subject.engine, subject.engine.status()
    return FlowView(
        name=flow.name,
        description=flow.description,
        version=flow.version,
        file=str(flow.file) if flow.file is not None else None,
        data=str(engine.data),
        process=os.getpid(),
        time=SystemClock().now(),
        state=state_of(subject, status),
        error=engine.error,
        seconds=round(status.seconds, 3),
        outstanding=status.outstanding,
        dead_letters=status.dead_letters,
        dead_letters_kept=status.dead_letters_kept,
        bulletins=newest_bulletin(subject),
        provenance=ProvenanceOptions.of(flow.run.provenance).level,
        processors=[processor_view(subject, spec, status) for spec in flow.processors.values()],
        connections=[connection_view(subject, spec, status.connections[spec.id]) for spec in flow.connections],
    )


def state_of(subject: Subject, status: Status) -> str:
    """One word for a flow."""
    if subject.engine.error is not None:
        return "failed"
    return "stopping" if status.is_stopping else "starting" if status.is_starting else "running"


def newest_bulletin(subject: Subject) -> int:
    """The number of the newest bulletin; 0: there is none."""
    bulletins = subject.engine.bulletins
    return bulletins[-1].number if bulletins else 0


# -- processors -----------------------------------------------------------------------------------


def processor_view(subject: Subject, spec: ProcessorSpec, status: Status) -> ProcessorView:
    """A processor as it is now."""
    return ProcessorView(**_processor(subject, spec, status))


def processor_details(subject: Subject, spec: ProcessorSpec, status: Status) -> ProcessorDetails:
    """A processor as it is now, and how it was made."""
    return ProcessorDetails(
        **_processor(subject, spec, status),
        settings=shown_settings(spec.config),
        run=shown_settings(spec.run),
        relationships=[
            RelationshipView(name=each.name, description=each.description, unconnected=each.unconnected.value)
            for each in spec.relationships
        ],
        documentation=inspect.getdoc(spec.kind) or "",
    )


def _processor(subject: Subject, spec: ProcessorSpec, status: Status) -> dict[str, Any]:
    each = status.processors[spec.name]
    rate_in, rate_out, rate_errors, busy = subject.history.rates(spec.name)
    return {
        "name": spec.name,
        "type": spec.kind.type_name,
        "description": spec.description,
        "is_source": spec.is_source,
        **_state(each),
        "records_in": each.records_in,
        "records_out": sum(each.out.values()),
        "bytes_in": sum(status.connections[id_].bytes_out for id_ in subject.incoming[spec.name]),
        "bytes_out": sum(status.connections[id_].bytes_in for id_ in _outgoing(spec)),
        "out": dict(each.out),
        "errors": each.errors,
        "held": each.held,
        "progress": each.progress,
        "concurrency": each.concurrency,
        "calls": _calls(each.calls),
        "rate_in": _figure(rate_in),
        "rate_out": _figure(rate_out),
        "rate_errors": _figure(rate_errors),
        "busy": _figure(busy),
        "routes": _routes(spec),
    }


def _state(each: ProcessorStatus) -> Mapping[str, object]:
    return {"state": each.state, "is_stopped": each.is_stopped, "retrying": each.retrying}


def _outgoing(spec: ProcessorSpec) -> list[str]:
    targets = (target for targets in spec.routes.values() for target in targets)
    return [target.id for target in targets if isinstance(target, ConnectionSpec)]


def _routes(spec: ProcessorSpec) -> dict[str, list[str]]:
    return {
        name: [target.value if isinstance(target, Ending) else target.id for target in targets]
        for name, targets in spec.routes.items()
    }


def _calls(stats: CallStats | None) -> CallsView | None:
    if stats is None:
        return None
    return CallsView(
        calls=stats.calls,
        records=stats.records,
        seconds=round(stats.seconds, 6),
        p50=stats.p50,
        p99=stats.p99,
        batch=_figure(stats.records / stats.calls if stats.calls else 0.0),
    )


# -- connections, news ----------------------------------------------------------------------------


def connection_view(subject: Subject, spec: ConnectionSpec, stats: ConnectionStats) -> ConnectionView:
    """A connection as it is now."""
    rate_in, rate_out = subject.history.flow_rates(spec.id)
    full_in = subject.history.full_in(spec.id)
    expire = spec.queue.expire
    return ConnectionView(
        id=spec.id,
        producer=spec.producer,
        relationship=spec.relationship,
        consumer=spec.consumer,
        input=spec.input,
        queue=spec.queue.kind,
        when_full=spec.queue.when_full,
        expire=expire.total_seconds() if expire is not None else None,
        records=stats.records,
        nbytes=stats.nbytes,
        max_records=stats.max_records,
        max_bytes=stats.max_bytes,
        full=_figure(stats.full, 6),
        oldest=_figure(stats.oldest),
        unacked=stats.unacked,
        waiting=stats.waiting,
        records_in=stats.records_in,
        records_out=stats.records_out,
        bytes_in=stats.bytes_in,
        bytes_out=stats.bytes_out,
        dropped=stats.dropped,
        rate_in=_figure(rate_in),
        rate_out=_figure(rate_out),
        full_in=None if full_in is None else _figure(full_in, 1),
    )


def bulletin_view(made: Bulletin) -> BulletinView:
    """A bulletin, its data in words."""
    data = {name: in_words(str(value))[:_LONGEST] for name, value in made.data.items()}
    return BulletinView(number=made.number, time=made.time, processor=made.processor, text=made.text, data=data)


def report_view(report: Report) -> ReportView:
    """The end of a flow."""
    return ReportView(
        outcome=report.outcome,
        seconds=round(report.seconds, 3),
        dead_letters=report.dead_letters,
        error=report.error,
    )


_LONGEST = 4096


def _figure(number: float, digits: int = 3) -> float:
    return round(number, digits)
