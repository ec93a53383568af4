"""A flow at one moment, and at its end."""

from __future__ import annotations

from router.engine.machine import Machine
from router.engine.report import ProcessorReport, ProcessorStatus
from router.engine.runner import Runner
from router.engine.source_runner import SourceRunner

__all__ = ["report_of", "statuses"]


def statuses(machine: Machine) -> dict[str, ProcessorStatus]:
    """Each processor now."""
    return {name: _status(machine.of(name)) for name in machine.order}


def _status(each: Runner | SourceRunner) -> ProcessorStatus:
    if isinstance(each, SourceRunner):
        return ProcessorStatus(
            records_in=0,
            out=dict(each.outlet.counts),
            errors=each.outlet.errors,
            state=each.state,
            progress=each.source.progress(),
            retrying=each.pauses.reason,
            is_stopped=each.switch.is_off,
        )
    return ProcessorStatus(
        records_in=each.records_in,
        out=dict(each.outlet.counts),
        errors=each.outlet.errors,
        state=each.state,
        held=each.holdings.records,
        retrying=each.pauses.reason,
        is_stopped=each.switch.is_off,
        concurrency=each.lanes.concurrency,
        calls=each.meter.stats(),
    )


def report_of(machine: Machine) -> dict[str, ProcessorReport]:
    """Each processor at the end."""
    return {name: ProcessorReport(each.records_in, each.out) for name, each in statuses(machine).items()}
