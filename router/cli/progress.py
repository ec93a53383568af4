"""What a run looks like while it runs: a live table on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from shutil import get_terminal_size
from typing import Protocol

from router.cli import figures
from router.cli.terminal import Line, Region, printable
from router.engine import ProcessorStatus, Status
from router.flow import Flow

__all__ = ["LiveProgress", "Meter", "PlainProgress", "Progress", "table"]

REFRESH = 0.25
WINDOW = 2.0  # rates are those of the last seconds
BAR = 12
FIGURES = BAR + 37  # what a line takes beside the name
SHORTEST = 8
FIRST_MINUTE = 60.0
SOON, LATER = 10.0, 60.0

_logger = logging.getLogger("router.progress")


class Progress(Protocol):
    """Shows how flows get on, from ``start`` to ``end``."""

    def start(self) -> None:
        """Begin, on the running loop."""

    def end(self) -> None:
        """Show no more."""


class Meter:
    """The figures of one flow: its status now, and how fast its counts have grown lately."""

    def __init__(self, flow: Flow, status: Callable[[], Status]) -> None:
        self.flow = flow
        self.now = status()
        self._status = status
        self._seen: deque[tuple[float, Mapping[str, float]]] = deque()

    def look(self) -> None:
        """Take the figures of this moment."""
        self.now = status = self._status()
        counts: dict[str, float] = {}
        for name, each in status.processors.items():
            counts[name] = self.records(name)
            if each.progress is not None:
                counts[f"{name} done"] = each.progress[0]
        self._seen.append((status.seconds, counts))
        while len(self._seen) > 2 and self._seen[1][0] <= status.seconds - WINDOW:
            self._seen.popleft()

    def records(self, name: str) -> int:
        """What a processor took, or a source gave."""
        each = self.now.processors[name]
        return sum(each.out.values()) if self.flow.processors[name].is_source else each.records_in

    def rate(self, name: str) -> float:
        """How fast a count grows, a second."""
        if not self._seen:
            return 0.0
        (before, old), (now, new) = self._seen[0], self._seen[-1]
        if len(self._seen) == 1:
            before, old = 0.0, {}
        return (new.get(name, 0.0) - old.get(name, 0.0)) / (now - before) if now > before else 0.0

    @property
    def sources(self) -> list[str]:
        """The names of the flow's sources."""
        return [name for name, spec in self.flow.processors.items() if spec.is_source]

    @property
    def total(self) -> int:
        """What all sources gave."""
        return sum(self.records(name) for name in self.sources)

    @property
    def total_rate(self) -> float:
        """How fast they give."""
        return sum(self.rate(name) for name in self.sources)

    def fill(self, name: str) -> float | None:
        """How full the fullest connection to a processor is, 0 to 1."""
        inputs = [self.now.connections[each.id].full for each in self.flow.inputs_of(name)]
        return max(inputs, default=None)

    def done(self, name: str) -> float | None:
        """How much of its input a source has behind it, 0 to 1, where it knows."""
        progress = self.now.processors[name].progress
        return min(1.0, progress[0] / progress[1]) if progress is not None and progress[1] else None

    def ahead(self, name: str) -> float | None:
        """How many seconds a source will still take, as it goes now."""
        progress, speed = self.now.processors[name].progress, self.rate(f"{name} done")
        if progress is None or not progress[1] or speed <= 0:
            return None
        return max(0.0, progress[1] - progress[0]) / speed


class LiveProgress:
    """A table at the bottom of the terminal, drawn four times a second once records move."""

    def __init__(self, meters: Sequence[Meter]) -> None:
        self._meters = meters
        self._shown = ExitStack()
        self._region: Region | None = None
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Look at the flows for the first time a little later: what is over soon shows no table."""
        self._timer = asyncio.get_running_loop().call_later(REFRESH, self._tick)

    def end(self) -> None:
        """Take the table away."""
        if self._timer is not None:
            self._timer.cancel()
        self._shown.close()
        self._region = None

    def _tick(self) -> None:
        for meter in self._meters:
            meter.look()
        if self._region is None and any(meter.total for meter in self._meters):
            self._region = self._shown.enter_context(Region())
        if self._region is not None:
            columns = get_terminal_size().columns - 1
            self._region.draw([line for meter in self._meters for line in table(meter, columns)])
        self._timer = asyncio.get_running_loop().call_later(REFRESH, self._tick)


class PlainProgress:
    """A log line for each flow, every ten seconds at first, then every minute."""

    def __init__(self, meters: Sequence[Meter]) -> None:
        self._meters = meters
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Say something in ten seconds."""
        self._timer = asyncio.get_running_loop().call_later(SOON, self._tick)

    def end(self) -> None:
        """Say no more."""
        if self._timer is not None:
            self._timer.cancel()

    def _tick(self) -> None:
        for meter in self._meters:
            meter.look()
            _logger.info("%s", meter.flow.name + ": " + ", ".join(said(meter)), extra={"flow": meter.flow.name})
        wait = SOON if max((meter.now.seconds for meter in self._meters), default=0.0) < FIRST_MINUTE else LATER
        self._timer = asyncio.get_running_loop().call_later(wait, self._tick)


def said(meter: Meter) -> Iterator[str]:
    """The line's parts: what moved, what stands still, what went wrong."""
    yield figures.plural(meter.total, "record")
    yield f"{figures.rate(meter.total_rate)} a second"
    for name in meter.sources:
        done = meter.done(name)
        if done is not None:
            yield f"{name} {done:.0%}"
    for name, each in meter.now.processors.items():
        for text, _ in notes(each):
            yield f"{name} {text}"
    if meter.now.dead_letters:
        yield figures.plural(meter.now.dead_letters, "dead letter")


def table(meter: Meter, columns: int = 120) -> Iterator[Line]:
    """One flow as a table: a line for each processor, with its queue, its count and its rate.

    Names give way where there are few columns: a number that is cut is another number.
    """
    status = meter.now
    widest = max(SHORTEST, min(columns - FIGURES, max(12, *(len(name) for name in status.processors))))
    yield [(meter.flow.name, "bold"), (f"  {figures.clock(status.seconds)}", "")]
    yield [(f"  {'':{widest}}  {'queue':{BAR + 5}}  {'records':>13}  {'a second':>11}", "dim")]
    for name, each in status.processors.items():
        is_source = meter.flow.processors[name].is_source
        share = meter.done(name) if is_source else meter.fill(name)
        cells = bar(share, "green" if is_source else "red" if (share or 0) > 0.99 else "cyan")
        ahead = meter.ahead(name) if is_source and share is not None and share < 1 else None
        yield [
            (f"  {name if len(name) <= widest else f'{name[: widest - 3]}...':{widest}}  ", ""),
            *cells,
            (f"  {figures.count(meter.records(name)):>13}", ""),
            (f"  {figures.rate(meter.rate(name)):>11}", ""),
            (f"  {figures.left(ahead)}" if ahead is not None else "", "dim"),
            *((f"  {text}", style) for text, style in notes(each)),
        ]
    if status.dead_letters:
        yield [(f"  {figures.plural(status.dead_letters, 'dead letter')}", "yellow")]


def bar(share: float | None, style: str) -> Line:
    """A bar and its percent; blanks where there is nothing to show."""
    if share is None:
        return [(" " * (BAR + 5), "")]
    eighths = round(share * BAR * 8)
    full = "█" * (eighths // 8) + (" ▏▎▍▌▋▊▉"[eighths % 8] if eighths % 8 else "")
    return [(full, style), ("·" * (BAR - len(full)), "dim"), (f" {share:4.0%}", "" if share else "dim")]


def notes(status: ProcessorStatus) -> Line:
    """What an operator should know of a processor beside its figures."""
    found = []
    if status.errors:
        found.append((f"{figures.count(status.errors)} failed", "yellow"))
    if status.held:
        found.append((f"holds {figures.count(status.held)}", "dim"))
    if status.state == "paused":
        found.append(("paused: the dead letters are full", "red"))
    elif status.retrying is not None:
        word = "rests" if status.state == "resting" else "tries again"
        found.append((f"{word}: {printable(status.retrying)}", "yellow"))
    elif status.state in ("ended", "stopped"):
        found.append((status.state, "dim"))
    return found
