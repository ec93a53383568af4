"""Answers of the control API, made with few words: what is not said has a plain value."""

from __future__ import annotations

from typing import Any

from router.control.messages import (
    CallsView,
    ConnectionHistory,
    ConnectionView,
    FlowView,
    ProcessorDetails,
    ProcessorHistory,
    ProcessorView,
    RecordView,
)

NOON = 1_764_000_000.0


def processor(name: str, type: str, **said: Any) -> ProcessorView:
    is_source = said.get("is_source", False)
    calls = CallsView(calls=120, records=24_000, seconds=1.5, p50=0.008, p99=0.032, batch=200.0)
    plain: dict[str, Any] = {
        "description": "", "is_source": is_source, "state": "running", "is_stopped": False, "retrying": None,
        "records_in": 0 if is_source else 24_000, "records_out": 24_000, "bytes_in": 5_760_000, "bytes_out": 6_240_000,
        "out": {"success": 24_000}, "errors": 0, "held": 0, "progress": None, "concurrency": 1,
        "calls": None if is_source else calls, "rate_in": 0.0 if is_source else 200.0, "rate_out": 200.0,
        "rate_errors": 0.0, "busy": 0.12, "routes": {},
    }  # fmt: skip
    return ProcessorView(name=name, type=type, **plain | said)


def connection(id: str, **said: Any) -> ConnectionView:
    way, _, consumer = id.partition(">")
    producer, _, relationship = way.partition(".")
    records, most = said.get("records", 0), said.get("max_records", 10_000)
    plain: dict[str, Any] = {
        "producer": producer, "relationship": relationship, "consumer": consumer.partition(".")[0],
        "input": consumer.partition(".")[2] or None, "queue": "memory", "when_full": "block", "expire": None,
        "records": records, "nbytes": records * 240, "max_records": most, "max_bytes": 64_000_000,
        "full": records / most, "oldest": records / 200, "unacked": 0, "waiting": 0, "records_in": 24_000,
        "records_out": 24_000 - records, "bytes_in": 5_760_000, "bytes_out": (24_000 - records) * 240, "dropped": 0,
        "rate_in": 200.0, "rate_out": 200.0, "full_in": None,
    }  # fmt: skip
    return ConnectionView(id=id, **plain | said)


def flow(name: str, processors: list[ProcessorView], connections: list[ConnectionView], **said: Any) -> FlowView:
    plain: dict[str, Any] = {
        "description": "", "version": "1", "file": f"/flows/{name}.yaml", "data": f"/state/{name}", "process": 4711,
        "time": NOON, "state": "running", "error": None, "seconds": 123.0, "outstanding": 3, "dead_letters": 0,
        "dead_letters_kept": 0, "bulletins": 0, "provenance": "on",
    }  # fmt: skip
    return FlowView(name=name, processors=processors, connections=connections, **plain | said)


def details(view: ProcessorView, **said: Any) -> ProcessorDetails:
    plain: dict[str, Any] = {"settings": {}, "run": {}, "relationships": [], "documentation": ""}
    shown = {name: getattr(view, name) for name in view.__struct_fields__}
    return ProcessorDetails(**shown | plain | said)


def record(position: int = 0, **said: Any) -> RecordView:
    plain: dict[str, Any] = {
        "id": f"{position:08x}", "format": "json_lines", "size": 120, "columns": {}, "attributes": {},
    }  # fmt: skip
    return RecordView(position=position, **plain | said)


def wave(base: float, seconds: int, height: float = 0.25) -> list[float]:
    """A figure that goes up and down by the second, always the same."""
    steps = (0, 1, 2, 3, 2, 1, 0, -1, -2, -3, -2, -1)
    return [round(base * (1 + height * steps[second % len(steps)] / 3), 3) for second in range(seconds)]


def processor_past(view: ProcessorView, seconds: int) -> ProcessorHistory:
    return ProcessorHistory(
        records_in=wave(view.rate_in, seconds),
        records_out=wave(view.rate_out, seconds),
        errors=wave(view.rate_errors, seconds),
        busy=wave(view.busy, seconds),
        latency=wave(view.calls.p50 if view.calls is not None else 0.0, seconds),
    )


def connection_past(view: ConnectionView, seconds: int) -> ConnectionHistory:
    return ConnectionHistory(
        records_in=wave(view.rate_in, seconds),
        records_out=wave(view.rate_out, seconds),
        records=wave(view.records, seconds),
        full=wave(view.full, seconds),
    )
