"""Who waits for whom: the parts of a flow that end together, who may wait for a fuller batch, what closes a cycle."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from router.engine.drain import Part
from router.engine.machine import Machine
from router.engine.runner import Runner
from router.engine.source_runner import SourceRunner
from router.flow import Flow

__all__ = ["back_edges", "parts_of", "watch_producers"]


def parts_of(flow: Flow, machine: Machine) -> list[Part]:
    """The strongly connected components, upstream first, each knowing those behind it."""
    runners, sources = machine.runners, machine.sources
    parts = [
        Part(
            [runners[name] for name in sorted(members) if name in runners],
            [sources[name] for name in sorted(members) if name in sources],
            is_cycle=flow.is_cycle(members),
        )
        for members in flow.components
    ]
    edges = {(flow.component_of[each.producer], flow.component_of[each.consumer]) for each in flow.connections}
    for producer, consumer in sorted(edges):
        if producer != consumer:
            parts[producer].downstream.append(parts[consumer])
    return parts


def watch_producers(flow: Flow, machine: Machine) -> None:
    """Let each runner know when waiting for a fuller batch is in vain."""
    for name in machine.order:
        machine.of(name).patient = ()
    for name, runner in machine.runners.items():
        names = dict.fromkeys(each.producer for each in flow.inputs_of(name) if each.producer != name)
        producers = [machine.of(each) for each in names]
        runner.patience.is_idle = partial(_are_idle, producers)
        if runner.spec.run.batch.wait:
            for producer in producers:
                producer.patient = (*producer.patient, runner)


def _are_idle(producers: Sequence[Runner | SourceRunner]) -> bool:
    return all(each.is_waiting if isinstance(each, SourceRunner) else not each.can_run for each in producers)


def back_edges(flow: Flow) -> frozenset[str]:
    """The connections that close a cycle: each round of a record passes one of them."""
    outgoing: dict[str, list[tuple[str, str]]] = {name: [] for name in flow.processors}
    for each in flow.connections:
        outgoing[each.producer].append((each.id, each.consumer))
    back: set[str] = set()
    finished: set[str] = set()
    for root in [name for members in flow.components for name in sorted(members)]:
        if root in finished:
            continue
        path = {root}
        work = [(root, iter(outgoing[root]))]
        while work:
            name, rest = work[-1]
            step = next(rest, None)
            if step is None:
                work.pop()
                path.discard(name)
                finished.add(name)
            elif step[1] in path:
                back.add(step[0])
            elif step[1] not in finished:
                path.add(step[1])
                work.append((step[1], iter(outgoing[step[1]])))
    return frozenset(back)
