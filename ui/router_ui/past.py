"""What the figures of each processor and connection were in the last two minutes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

import msgspec

from router.control.messages import ConnectionView, FlowView, HistoryView, ProcessorView

__all__ = ["KEPT", "Past"]

KEPT = 120
_EVERY = 0.95  # seconds; a figure a second, taken from looks that come twice as often


class Past:
    """Figures of the last two minutes, one a second, oldest first, by the names that ``history`` gives them.

    Of a processor: ``records_in``, ``records_out``, ``errors``, ``busy``, ``latency``; of a connection:
    ``records_in``, ``records_out``, ``records``, ``full``.
    """

    def __init__(self) -> None:
        self._series: dict[str, dict[str, deque[float]]] = {}
        self._last: FlowView | None = None

    def of(self, name: str, figure: str) -> Sequence[float]:
        """One figure of a processor or a connection; empty where nothing is known of it."""
        return self._series.get(name, {}).get(figure, ())

    def begin(self, history: HistoryView) -> None:
        """Forget what is known and take what the flow itself has kept."""
        self._last = None
        self._series = {
            name: {figure: deque(values, KEPT) for figure, values in msgspec.structs.asdict(each).items()}
            for name, each in (*history.processors.items(), *history.connections.items())
        }

    def add(self, view: FlowView) -> None:
        """Take the figures of a look, at most once a second; parts that have gone are forgotten."""
        if self._last is not None and 0 <= view.time - self._last.time < _EVERY:
            return
        before = {each.name: each for each in self._last.processors} if self._last is not None else {}
        figures = {each.name: dict(_of_processor(each, before.get(each.name))) for each in view.processors}
        figures |= {each.id: dict(_of_connection(each)) for each in view.connections}
        for name, values in figures.items():
            series = self._series.setdefault(name, {})
            for figure, value in values.items():
                series.setdefault(figure, deque(maxlen=KEPT)).append(value)
        self._series = {name: self._series[name] for name in figures}
        self._last = view


def _of_processor(now: ProcessorView, before: ProcessorView | None) -> Iterator[tuple[str, float]]:
    yield "records_in", now.rate_in
    yield "records_out", now.rate_out
    yield "errors", now.rate_errors
    yield "busy", now.busy
    yield "latency", _latency(now, before)


def _latency(now: ProcessorView, before: ProcessorView | None) -> float:
    if now.calls is None or before is None or before.calls is None:
        return 0.0
    calls = now.calls.calls - before.calls.calls
    return max(0.0, now.calls.seconds - before.calls.seconds) / calls if calls > 0 else 0.0


def _of_connection(now: ConnectionView) -> Iterator[tuple[str, float]]:
    yield "records_in", now.rate_in
    yield "records_out", now.rate_out
    yield "records", now.records
    yield "full", now.full
