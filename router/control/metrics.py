"""Figures of flows in the text format of Prometheus, version 0.0.4."""

from __future__ import annotations

import os
import resource
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from router.connections.base import ConnectionStats
from router.control.subject import Subject
from router.engine import ProcessorStatus, Status
from router.engine.meter import CallStats

__all__ = ["Sample", "catalogue", "figures_of_flow", "figures_of_process", "metrics"]

_BEGAN = time.time()
Labels = Mapping[str, str]
Sample = tuple[str, str, str, Labels, float]
"""Name, kind, help, labels, value."""
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})


def metrics(subjects: Sequence[Subject]) -> bytes:
    """All figures of these flows, and of the process."""
    samples = [
        sample
        for each in subjects
        for sample in figures_of_flow(each.name, each.engine.status(), is_up=each.engine.error is None)
    ]
    return _text([*samples, *figures_of_process()]).encode()


def catalogue() -> list[tuple[str, str, str]]:
    """Name, kind and help of all figures there can be."""
    calls = CallStats(calls=0, seconds=0.0, records=0, p50=0.0, p99=0.0)
    processor = ProcessorStatus(records_in=0, out={"success": 0}, errors=0, state="waiting", calls=calls)
    connection = ConnectionStats(0, 0, 1, 1, 0.0, 0.0, 0, 0, 0, 0, 0)
    status = Status(0.0, {"any": processor}, {"any": connection}, 0, 0)
    samples = [*figures_of_flow("any", status, is_up=True), *figures_of_process()]
    return list(dict.fromkeys((name, kind, text) for name, kind, text, _, _ in samples))


def figures_of_flow(name: str, status: Status, *, is_up: bool) -> Iterator[Sample]:
    """The figures of one flow, as it was at one moment."""
    flow = {"flow": name}
    yield "router_flow_up", "gauge", "1 while the flow runs and has not failed.", flow, is_up
    yield "router_flow_seconds", "gauge", "Since the flow was started.", flow, status.seconds
    yield "router_outstanding_acks", "gauge", "Batches of sources that have not settled.", flow, status.outstanding
    yield (
        "router_dead_letters_total", "counter", "Records set aside since the flow was started.", flow, status.dead_letters,
    )  # fmt: skip
    yield "router_dead_letters", "gauge", "Records set aside that are kept.", flow, status.dead_letters_kept
    yield from _of_processors(status, flow)
    yield from _of_connections(status, flow)


def _of_processors(status: Status, flow: Labels) -> Iterator[Sample]:
    for name, each in status.processors.items():
        labels = {**flow, "processor": name}
        yield "router_processor_records_in_total", "counter", "Records taken.", labels, each.records_in
        for relationship, count in each.out.items():
            out = {**labels, "relationship": relationship}
            yield "router_processor_records_out_total", "counter", "Records given, by relationship.", out, count
        yield "router_processor_errors_total", "counter", "Records that failed.", labels, each.errors
        yield "router_processor_held_records", "gauge", "Records held beyond calls.", labels, each.held
        yield "router_processor_stopped", "gauge", "1 if an operator has stopped it.", labels, each.is_stopped
        yield "router_processor_concurrency", "gauge", "How many calls may overlap.", labels, each.concurrency
        state = {**labels, "state": each.state}
        yield "router_processor_state", "gauge", "1 for the state it is in.", state, 1
        if each.calls is not None:
            yield "router_processor_calls_total", "counter", "Calls.", labels, each.calls.calls
            yield (
                "router_processor_call_seconds_total",
                "counter",
                "Time in calls, waits included.",
                labels,
                each.calls.seconds,
            )
            for share, value in ((0.5, each.calls.p50), (0.99, each.calls.p99)):
                quantile = {**labels, "quantile": str(share)}
                yield (
                    "router_processor_call_seconds",
                    "gauge",
                    "So long at most took this share of calls.",
                    quantile,
                    value,
                )


def _of_connections(status: Status, flow: Labels) -> Iterator[Sample]:
    for id_, each in status.connections.items():
        labels = {**flow, "connection": id_}
        for name, kind, text, value in (
            ("records", "gauge", "Records that wait.", each.records),
            ("bytes", "gauge", "What waits, as it costs in memory.", each.nbytes),
            ("limit_records", "gauge", "The most records that may wait.", each.max_records),
            ("limit_bytes", "gauge", "The most bytes that may wait.", each.max_bytes),
            ("full_ratio", "gauge", "How full it is, 0 to 1.", each.full),
            ("oldest_seconds", "gauge", "How long the oldest record has waited.", each.oldest),
            ("unacked_records", "gauge", "Records taken whose processing is not done.", each.unacked),
            ("waiting_puts", "gauge", "Puts that wait for room.", each.waiting),
            ("records_in_total", "counter", "Records ever put.", each.records_in),
            ("records_out_total", "counter", "Records ever taken.", each.records_out),
            ("bytes_in_total", "counter", "Bytes ever put.", each.bytes_in),
            ("bytes_out_total", "counter", "Bytes ever taken.", each.bytes_out),
            ("dropped_total", "counter", "Records that expired or were shed.", each.dropped),
        ):
            yield f"router_connection_{name}", kind, text, labels, value


def figures_of_process() -> Iterator[Sample]:
    """The figures of the process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    yield (
        "process_cpu_seconds_total", "counter", "Processor time of the process.", {}, used.ru_utime + used.ru_stime,
    )  # fmt: skip
    yield "process_start_time_seconds", "gauge", "When the process began, since 1970.", {}, _BEGAN
    if sys.platform == "linux":
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        yield "process_resident_memory_bytes", "gauge", "Memory of the process.", {}, pages * os.sysconf("SC_PAGE_SIZE")
        yield "process_open_fds", "gauge", "Open files.", {}, len(os.listdir("/proc/self/fd"))  # noqa: PTH208


def _text(samples: Iterable[Sample]) -> str:
    """Grouped by name, as the format asks for."""
    groups: dict[str, list[str]] = {}
    for name, kind, text, labels, value in samples:
        lines = groups.setdefault(name, [f"# HELP {name} {text}", f"# TYPE {name} {kind}"])
        shown = ",".join(f'{label}="{said.translate(_ESCAPES)}"' for label, said in labels.items())
        lines.append(f"{name}{{{shown}}} {_number(value)}" if shown else f"{name} {_number(value)}")
    return "\n".join(line for lines in groups.values() for line in lines) + "\n"


def _number(value: float) -> str:
    return repr(float(value)) if isinstance(value, float) else str(int(value))
