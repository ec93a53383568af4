"""The figures of `/metrics`, as OpenTelemetry reads them: one look at the flows for all of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import suppress
from functools import partial

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource

from router.control.metrics import Sample, catalogue, figures_of_flow, figures_of_process
from router.engine import Engine, Status

__all__ = ["Figures", "provider"]

TOGETHER = 0.5  # seconds in which one look is good for all instruments
PATIENCE = 5.0
_Look = list[tuple[str, Status, bool]]


class Figures:
    """What the flows do, looked at on their loop and reckoned in the thread that sends it.

    Args:
        engines: The flows, by name, as they are now.
    """

    def __init__(self, engines: Mapping[str, Engine]) -> None:
        self.loop: asyncio.AbstractEventLoop | None = None
        """Where the flows run."""
        self._engines = engines
        self._until = 0.0
        self._samples: dict[str, list[Sample]] = {}

    def of(self, name: str) -> list[Sample]:
        """The samples of one figure; called by the one thread that collects them."""
        if time.monotonic() >= self._until and self.loop is not None:
            with suppress(TimeoutError, RuntimeError):  # the loop is busy, or has ended: what was known is sent
                self._take(self._asked(self.loop))
            self._until = time.monotonic() + TOGETHER
        return self._samples.get(name, [])

    def _asked(self, loop: asyncio.AbstractEventLoop) -> _Look:
        answer: Future[_Look] = Future()

        def look() -> None:
            answer.set_result([(name, each.status(), each.error is None) for name, each in self._engines.items()])

        loop.call_soon_threadsafe(look)
        return answer.result(PATIENCE)

    def _take(self, look: _Look) -> None:
        found: dict[str, list[Sample]] = {}
        for name, status, is_up in look:
            for sample in figures_of_flow(name, status, is_up=is_up):
                found.setdefault(sample[0], []).append(sample)
        for sample in figures_of_process():
            found.setdefault(sample[0], []).append(sample)
        self._samples = found


def provider(url: str, resource: Resource, figures: Figures) -> MeterProvider:
    """What sends all figures now and then, to a URL."""
    made = MeterProvider(
        [PeriodicExportingMetricReader(OTLPMetricExporter(endpoint=url))], resource=resource, shutdown_on_exit=False
    )
    meter = made.get_meter("router")
    for name, kind, text in catalogue():
        create = meter.create_observable_counter if kind == "counter" else meter.create_observable_gauge
        create(_dotted(name), callbacks=[_callback(figures, name)], description=text, unit=_unit(name))
    return made


def _callback(figures: Figures, name: str) -> Callable[[CallbackOptions], Iterator[Observation]]:
    return partial(_observed, figures, name)


def _observed(figures: Figures, name: str, options: CallbackOptions) -> Iterator[Observation]:  # noqa: ARG001 - the SDK's
    for _, _, _, labels, value in figures.of(name):
        yield Observation(float(value) if isinstance(value, float) else int(value), dict(labels))


def _dotted(name: str) -> str:
    """As OpenTelemetry writes names; Prometheus makes of it what `/metrics` says."""
    first, _, rest = name.removesuffix("_total").partition("_")
    second, _, last = rest.partition("_")
    return ".".join(part for part in (first, second, last) if part)


def _unit(name: str) -> str:
    words = name.removesuffix("_total").split("_")
    return "s" if "seconds" in words else "By" if "bytes" in words else "{record}" if "records" in words else "1"
