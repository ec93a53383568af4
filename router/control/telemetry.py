"""OpenTelemetry: figures and traces of the flows of one process, sent to a collector by OTLP over HTTP."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from router.engine import Engine
from router.errors import ConfigError

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider

__all__ = ["SHARE", "Telemetry"]

SHARE = 0.01
AGAIN = 1.0  # seconds; by then processors that a reload has made are traced, too
PATIENCE = 5.0  # seconds that the end waits for what is still to be sent
TOLD_EVERY = 60.0
_log = logging.getLogger("router")


class Telemetry:
    """Sends what the flows of a process do. What is sent is made and sent in threads; no flow waits for it.

    The variables of OpenTelemetry (``OTEL_SERVICE_NAME``, ``OTEL_EXPORTER_OTLP_HEADERS``,
    ``OTEL_METRIC_EXPORT_INTERVAL`` and so on) say all that is not said here.

    Args:
        url: Of the collector, such as ``http://localhost:4318``; ``/v1/traces`` and ``/v1/metrics`` are added.
        share: Which share of the batches that sources give is traced; 0: none.

    Raises:
        ConfigError: the packages of the extra ``otel`` are not installed.
    """

    def __init__(self, url: str, share: float) -> None:
        base = url.rstrip("/")
        try:
            from router.control import telemetry_metrics, telemetry_spans  # noqa: PLC0415 - most runs send nothing
        except ImportError as error:
            text = "needs the 'opentelemetry-sdk' package: pip install 'stream-router[otel]'"
            raise ConfigError(f"--otlp {text}") from error
        self._engines: dict[str, Engine] = {}
        self._timer: asyncio.TimerHandle | None = None
        resource = _resource()
        self._figures = telemetry_metrics.Figures(self._engines)
        self._meters: MeterProvider = telemetry_metrics.provider(f"{base}/v1/metrics", resource, self._figures)
        self._tracing: TracerProvider | None = None
        self._spans: telemetry_spans.Spans | None = None
        if share:
            self._tracing = telemetry_spans.provider(f"{base}/v1/traces", resource)
            self._spans = telemetry_spans.Spans(self._tracing, share)
        self._told = _Told(base)

    def watch(self, engine: Engine) -> None:
        """Send what a flow does that has been started."""
        self._figures.loop = asyncio.get_running_loop()
        self._engines[engine.flow.name] = engine
        if self._timer is None:
            self._attach()

    def _attach(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(AGAIN, self._attach)
        if self._spans is not None:
            for name, engine in self._engines.items():
                engine.steering.trace(self._spans.of(name))

    async def close(self) -> None:
        """Send what is left, for some seconds at most."""
        if self._timer is not None:
            self._timer.cancel()
        work = asyncio.get_running_loop().run_in_executor(None, self._shut_down)
        await asyncio.wait([work], timeout=PATIENCE)
        self._told.end()

    def _shut_down(self) -> None:
        if self._tracing is not None:
            self._tracing.shutdown()
        self._meters.shutdown()


def _resource() -> Resource:
    """Who sends: `router`, unless a variable says another name."""
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - see above

    named = "OTEL_SERVICE_NAME" in os.environ or "service.name=" in os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    own: dict[str, Any] = {} if named else {"service.name": "router"}
    return Resource.create({**own, "service.version": version("stream-router")})


class _Told(logging.Handler):
    """Tells in one line, now and then, what the exporters say at length: that nobody takes what is sent."""

    def __init__(self, url: str) -> None:
        super().__init__(logging.WARNING)
        self._url = url
        self._last = -TOLD_EVERY
        self._logger = logging.getLogger("opentelemetry")
        self._was = self._logger.propagate
        self._logger.propagate = False
        self._logger.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        now = time.monotonic()
        if now - self._last >= TOLD_EVERY:
            self._last = now
            error = record.exc_info[1] if record.exc_info else None
            said = str(error) if error is not None else record.getMessage()
            _log.warning("telemetry is not taken by %s: %s", self._url, said.partition("\n")[0][:300])

    def end(self) -> None:
        """Hear no more."""
        self._logger.removeHandler(self)
        self._logger.propagate = self._was
