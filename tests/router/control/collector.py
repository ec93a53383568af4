"""A collector of OpenTelemetry for tests: takes what is sent by OTLP over HTTP, and reads it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

__all__ = ["Collector", "collecting"]


class Collector:
    """What was sent, as plain data."""

    def __init__(self) -> None:
        self.url = ""
        self.status = 200
        self.headers: list[dict[str, str]] = []
        self.spans: list[dict[str, Any]] = []
        self.resources: list[dict[str, Any]] = []
        self.figures: dict[tuple[str, frozenset[tuple[str, Any]]], float] = {}
        """The newest value of each metric, by its name and attributes."""
        self.kinds: dict[str, str] = {}

    async def take_spans(self, request: web.Request) -> web.Response:
        """Read spans."""
        self.headers.append(dict(request.headers))
        sent = ExportTraceServiceRequest.FromString(await request.read())
        for of_resource in sent.resource_spans:
            self.resources.append(_plain(of_resource.resource.attributes))
            for scope in of_resource.scope_spans:
                self.spans += [_span(each) for each in scope.spans]
        return web.Response(status=self.status)

    async def take_metrics(self, request: web.Request) -> web.Response:
        """Read metrics."""
        sent = ExportMetricsServiceRequest.FromString(await request.read())
        for metric in [m for r in sent.resource_metrics for s in r.scope_metrics for m in s.metrics]:
            kind = metric.WhichOneof("data") or ""
            self.kinds[metric.name] = kind
            for point in getattr(metric, kind).data_points:
                value = getattr(point, point.WhichOneof("value"))
                self.figures[metric.name, frozenset(_plain(point.attributes).items())] = value
        return web.Response(status=self.status)

    def figure(self, name: str, **labels: Any) -> float | None:
        """The newest value of one metric."""
        return self.figures.get((name, frozenset(labels.items())))


def _span(span: Any) -> dict[str, Any]:
    return {
        "name": span.name,
        "id": span.span_id,
        "trace": span.trace_id,
        "parent": span.parent_span_id,
        "links": len(span.links),
        "seconds": (span.end_time_unix_nano - span.start_time_unix_nano) / 1e9,
        "error": span.status.message if span.status.code == 2 else None,
        **_plain(span.attributes),
    }


def _plain(attributes: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}


@asynccontextmanager
async def collecting() -> AsyncIterator[Collector]:
    """Listen on a free port."""
    collector, app = Collector(), web.Application()
    app.router.add_post("/v1/traces", collector.take_spans)
    app.router.add_post("/v1/metrics", collector.take_metrics)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    collector.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield collector
    finally:
        await runner.cleanup()
