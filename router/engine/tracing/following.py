"""Lets provenance follow a flow: puts a trail beside each processor, and reads the totals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from router.engine.clock import Clock
from router.engine.desk import Desk
from router.engine.machine import Machine
from router.engine.redrive import Redrive
from router.engine.runner import Runner
from router.engine.tracing.counts import Total
from router.engine.tracing.provenance import Provenance
from router.engine.tracing.trail import ProvenanceTrail
from router.flow import Flow
from router.provenance import ProvenanceOptions

__all__ = ["attach", "follow"]


def follow(
    flow: Flow, machine: Machine, redrive: Redrive, *, folder: Path | None, clock: Clock, desk: Desk
) -> Provenance | None:
    """Begin to write what happens, as the flow asks; None where nothing is written.

    Args:
        folder: the flow's data folder; None: it has none that outlives the run, and so nothing to write to.
    """
    options = ProvenanceOptions.of(flow.run.provenance)
    if options.level == "off":
        return None

    def tell(text: str, data: Mapping[str, object]) -> None:
        desk.bulletin(flow.name, text, data)

    if folder is None:
        if options.share:
            tell("provenance is not kept: the engine was given no data folder", {})
        return None
    provenance = Provenance(options, folder, now=clock.now, tell=tell)
    provenance.open()
    if not provenance.is_on:
        return provenance
    provenance.watch(lambda: _totals(machine))
    if provenance.follows:
        redrive.replayed = provenance.replayed
        attach(flow, machine, provenance)
    return provenance


def attach(flow: Flow, machine: Machine, provenance: Provenance) -> None:
    """Put a trail beside each processor that has none; those that have one learn where their relationships lead now."""
    for name, spec in flow.processors.items():
        each = machine.of(name)
        if each.trail is not None:
            each.trail.lead(spec)
            continue
        is_sink = isinstance(each, Runner) and each.processor.is_sink
        each.trail = each.outlet.trail = ProvenanceTrail(provenance, spec, is_sink=is_sink)
        if isinstance(each, Runner):
            each.holdings.trail = each.trail
    for connection in machine.connections.values():
        connection.lost = provenance.lost


def _totals(machine: Machine) -> Iterator[Total]:
    for name, runner in machine.runners.items():
        yield "in", name, "", runner.records_in
    for name in (*machine.sources, *machine.runners):
        for relationship, records in machine.of(name).outlet.counts.items():
            yield "out", name, relationship, records
    for name, connection in machine.connections.items():
        yield "dropped", name, "", connection.dropped
