"""Remembers ten minutes of figures, one a second, in fixed memory."""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import islice
from math import isfinite

from router.control.messages import ConnectionHistory, HistoryView, ProcessorHistory
from router.engine import ProcessorStatus, Status

__all__ = ["INTERVAL", "KEPT", "History"]

INTERVAL = 1.0
KEPT = 600
LATELY = 5  # samples that a rate of now is the mean of
TREND = 60  # samples that say whether a connection fills
FEWEST = 5
FARTHEST = 86_400.0  # seconds: what fills later than that is not said to fill
NOTABLE, SOON = 0.03, 600.0  # a queue that is less full than that only wavers, unless it is full so soon
MOST_FIGURES = 100_000  # in one answer

PROCESSOR = ("records_in", "records_out", "errors", "busy", "latency")
CONNECTION = ("records_in", "records_out", "records", "full")


class _Series:
    """The newest figures of one processor or connection, in rings that are made once."""

    __slots__ = ("_at", "_count", "_rings", "last")

    def __init__(self, width: int, last: Sequence[float]) -> None:
        self.last = last
        """The counts that the newest figures were made of."""
        self._rings = [array("f", bytes(4 * KEPT)) for _ in range(width)]
        self._at = self._count = 0

    def add(self, figures: Iterable[float]) -> None:
        for ring, figure in zip(self._rings, figures, strict=True):
            ring[self._at] = figure
        self._at = (self._at + 1) % KEPT
        self._count = min(KEPT, self._count + 1)

    def newest(self, number: int, most: int) -> list[float]:
        """The last figures of one kind, oldest first."""
        count = min(most, self._count)
        ring, start = self._rings[number], self._at - count
        return [ring[position] for position in range(start, self._at)]  # below 0 is from the end

    def mean(self, number: int) -> float:
        lately = self.newest(number, LATELY)
        return sum(lately) / len(lately) if lately else 0.0


class History:
    """Looks at a flow once a second, and says what it was like.

    Costs what ``status`` costs, and memory for the flow's parts alone: nothing grows with records or time.
    """

    def __init__(self, status: Callable[[], Status], now: Callable[[], float]) -> None:
        self._status = status
        self._now = now
        self._processors: dict[str, _Series] = {}
        self._connections: dict[str, _Series] = {}
        self._time = now()
        self._seconds = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """Look now, and from now on each second."""
        self.look()
        self._timer = asyncio.get_running_loop().call_later(INTERVAL, self.begin)

    def end(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()

    def look(self) -> None:
        """Take the figures of this moment."""
        status = self._status()
        passed = status.seconds - self._seconds
        if passed <= 0:
            return
        for name, processor in status.processors.items():
            _note(self._processors, name, len(PROCESSOR), _counts(processor), lambda old, new: _work(old, new, passed))
        for id_, connection in status.connections.items():
            now = (float(connection.records_in), float(connection.records_out))
            level = (float(connection.records), connection.full)
            _note(self._connections, id_, len(CONNECTION), now, lambda old, new: (*_rates(old, new, passed), *level))  # noqa: B023 - called at once
        for known, there in ((self._processors, status.processors), (self._connections, status.connections)):
            for gone in known.keys() - there.keys():
                del known[gone]
        self._seconds, self._time = status.seconds, self._now()

    # -- asking ---------------------------------------------------------------------------------

    def rates(self, processor: str) -> tuple[float, float, float, float]:
        """Records in, out, failed, and calls under way, lately."""
        series = self._processors.get(processor)
        return (0.0, 0.0, 0.0, 0.0) if series is None else tuple(map(series.mean, range(4)))  # type: ignore[return-value]

    def flow_rates(self, connection: str) -> tuple[float, float]:
        """Records in and out of a connection, lately."""
        series = self._connections.get(connection)
        return (0.0, 0.0) if series is None else (series.mean(0), series.mean(1))

    def full_in(self, connection: str) -> float | None:
        """Seconds until a connection is full, as it goes now; None: it does not fill."""
        series = self._connections.get(connection)
        levels = series.newest(CONNECTION.index("full"), TREND) if series is not None else []
        if series is None or len(levels) < FEWEST:
            return None
        if levels[-1] >= 1.0:
            return 0.0
        came, went = (sum(series.newest(CONNECTION.index(name), TREND)) for name in ("records_in", "records_out"))
        slope = _slope(levels) / INTERVAL
        if slope <= 0 or came <= went or not levels[-1]:
            return None
        left = (1.0 - levels[-1]) / slope
        farthest = FARTHEST if levels[-1] >= NOTABLE else SOON
        return left if isfinite(left) and left < farthest else None

    def size(self, seconds: int, of: Collection[str] | None) -> int:
        """How many figures an answer would hold."""
        wanted = [len(PROCESSOR) for _ in _meant(self._processors, of)]
        wanted += [len(CONNECTION) for _ in _meant(self._connections, of)]
        return sum(wanted) * seconds

    def view(self, seconds: int, of: Collection[str] | None = None) -> HistoryView:
        """The last seconds of all, or of those that are named."""
        most = round(seconds / INTERVAL)
        return HistoryView(
            time=self._time,
            interval=INTERVAL,
            processors={
                name: ProcessorHistory(**_figures(series, PROCESSOR, most))
                for name, series in _meant(self._processors, of)
            },
            connections={
                name: ConnectionHistory(**_figures(series, CONNECTION, most))
                for name, series in _meant(self._connections, of)
            },
        )


def _note(
    known: dict[str, _Series],
    name: str,
    width: int,
    now: Sequence[float],
    figures: Callable[[Sequence[float], Sequence[float]], Iterable[float]],
) -> None:
    series = known.get(name)
    if series is None:
        series = known[name] = _Series(width, [0.0] * len(now))
    series.add(figures(series.last, now))
    series.last = now


def _counts(processor: ProcessorStatus) -> tuple[float, ...]:
    calls = processor.calls
    out = sum(processor.out.values())
    return (processor.records_in, out, processor.errors, *((calls.seconds, calls.calls) if calls else (0.0, 0)))


def _work(old: Sequence[float], new: Sequence[float], passed: float) -> Iterable[float]:
    seconds, calls = new[3] - old[3], new[4] - old[4]
    return (*_rates(old[:3], new[:3], passed), seconds / passed, seconds / calls if calls > 0 else 0.0)


def _rates(old: Sequence[float], new: Sequence[float], passed: float) -> tuple[float, ...]:
    return tuple((after - before) / passed for before, after in zip(old, new, strict=True))


def _slope(levels: Sequence[float]) -> float:
    """How fast they rise, by least squares, each step."""
    count = len(levels)
    middle, mean = (count - 1) / 2, sum(levels) / count
    above = sum((step - middle) * (level - mean) for step, level in enumerate(levels))
    return above / (count * (count * count - 1) / 12)


def _meant(known: Mapping[str, _Series], of: Collection[str] | None) -> Iterable[tuple[str, _Series]]:
    return known.items() if of is None else ((name, known[name]) for name in dict.fromkeys(of) if name in known)


def _figures(series: _Series, names: Sequence[str], most: int) -> dict[str, list[float]]:
    return {
        name: [round(figure, 6) for figure in islice(series.newest(number, most), most)]
        for number, name in enumerate(names)
    }
