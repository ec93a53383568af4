"""A running flow as lines for a terminal: its processors, its connections."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from router.cli import figures
from router.cli.progress import BAR, bar
from router.cli.terminal import Line, printable

if TYPE_CHECKING:
    from router.control.messages import ConnectionView, FlowView, ProcessorDetails, ProcessorView

__all__ = ["connection_lines", "details", "head", "lines"]

_PERCENT, _GAP = 5, 2
_WARM, _HOT = 0.6, 0.85  # where NiFi's bars turn yellow and red
_STYLES = {
    "running": "green", "waiting": "dim", "blocked": "yellow", "retrying": "yellow", "resting": "yellow",
    "paused": "red", "stopped": "red", "ended": "dim",
}  # fmt: skip
_WIDEST, _UNBOUNDED = 40, 10_000
_SHORTEST = 8  # to which a name gives way before a column does


def lines(view: FlowView, columns: int = _UNBOUNDED) -> Iterator[Line]:
    """A flow in a screen; where it is narrow names give way, then columns: a number that is cut is another number."""
    yield from head(view, columns)
    yield from _processor_lines(view, columns)
    if view.connections:
        yield []
        yield from connection_lines(view.connections, columns)


def head(view: FlowView, columns: int = _UNBOUNDED) -> Iterator[Line]:
    """A flow in a line, or in two where that is not wide enough for it."""
    rate = sum(each.rate_out for each in view.processors if each.is_source)
    queued = sum(each.records for each in view.connections)
    letters = figures.plural(view.dead_letters_kept, "dead letter") if view.dead_letters_kept else ""
    state = f"  {view.state}  {figures.clock(view.seconds)}"
    counts = f"  {figures.rate(rate)} records a second  {figures.count(queued)} queued"
    more: Line = [
        (f"  {letters}" if letters else "", "yellow"),
        (f"  {printable(view.error)}" if view.error else "", "red"),
    ]
    width = columns - len(counts) - len(f"  {letters}" if letters else "")
    is_narrow = width < min(len(view.name), _SHORTEST) + len(state)
    name = _short(view.name, max(_SHORTEST, (columns if is_narrow else width) - len(state)))
    first: Line = [(name, "bold"), (state, "green" if view.state == "running" else "yellow")]
    if is_narrow:
        yield first
        yield [(counts, ""), *more]
    else:
        yield [*first, (counts, ""), *more]


def _short(name: str, width: int) -> str:
    return name if len(name) <= width else f"{name[: width - 3]}..."


def _processor_lines(view: FlowView, columns: int) -> Iterator[Line]:
    needed = [12 + 12 + 9 + 3 * _GAP, 8 + _GAP, 5 + _GAP]  # counts and rate, a call, busy
    width, shown = _fitting(max(len(each.name) for each in view.processors), 8 + 2 * _GAP, needed, columns)
    heads = f"  {'in':>12}  {'out':>12}  {'a second':>9}", f"  {'a call':>8}", f"  {'busy':>5}"
    yield [(f"  {'':{width}}  {'':8}{''.join(heads[:shown])}", "dim")]
    for each in view.processors:
        rate = each.rate_out if each.is_source else each.rate_in
        call = figures.seconds(each.calls.p99) if each.calls is not None and each.calls.calls else ""
        taken = "" if each.is_source else figures.count(each.records_in)
        busy = "" if each.is_source else f"{each.busy:.1f}"
        counts = f"  {taken:>12}  {figures.count(each.records_out):>12}  {figures.rate(rate):>9}"
        cells = counts, f"  {call:>8}", f"  {busy:>5}"
        yield [
            (f"  {_short(each.name, width):{width}}  ", ""),
            (f"{each.state:8}", _STYLES.get(each.state, "")),
            ("".join(cells[:shown]), ""),
            *_notes(each, is_starting=view.state == "starting"),
        ]


def _fitting(widest: int, rest: int, columns_of: Sequence[int], columns: int) -> tuple[int, int]:
    """How wide names may be, and how many of the columns stand beside them: the last give way first."""
    for shown in range(len(columns_of), 0, -1):
        room = columns - rest - sum(columns_of[:shown])
        if room >= min(widest, _SHORTEST):
            return min(widest, room), shown
    return min(widest, _SHORTEST), 1


def _notes(each: ProcessorView, *, is_starting: bool) -> Line:
    said = []
    if each.errors:
        said.append((f"  {figures.count(each.errors)} failed", "yellow"))
    if each.held:
        said.append((f"  holds {figures.count(each.held)}", "dim"))
    if each.retrying:
        what = "cannot start yet" if is_starting else "tries again"
        said.append((f"  {what}: {printable(each.retrying)}", "yellow"))
    elif each.is_stopped and each.state != "stopped":
        said.append(("  stopping", "yellow"))
    return said


def connection_lines(connections: list[ConnectionView], columns: int = _UNBOUNDED) -> Iterator[Line]:
    """Connections, a line each."""
    widest = min(_WIDEST, max(len(each.id) for each in connections))
    needed = [10 + 9 + 9 + 3 * _GAP, 7 + _GAP, BAR]  # records and rates, oldest, the bar beside its percent
    width, shown = _fitting(widest, _PERCENT + 2 * _GAP, needed, columns)
    queue, oldest = (BAR + _PERCENT if shown > 2 else _PERCENT), (f"  {'oldest':>7}" if shown > 1 else "")
    yield [(f"  {'':{width}}  {'queue':{queue}}  {'records':>10}  {'in a s':>9}  {'out a s':>9}{oldest}", "dim")]
    for each in connections:
        style = "red" if each.full >= _HOT else "yellow" if each.full >= _WARM else "green"
        oldest = figures.seconds(each.oldest) if each.records else ""
        soon = f"  full in {figures.seconds(each.full_in)}" if each.full_in else ""
        waits = "  its producer waits" if each.waiting else ""
        yield [
            (f"  {_short(each.id, width):{width}}  ", ""),
            *bar(each.full, style)[0 if shown > 2 else -1 :],
            (
                f"  {figures.count(each.records):>10}  {figures.rate(each.rate_in):>9}  {figures.rate(each.rate_out):>9}",
                "",
            ),
            (f"  {oldest:>7}" if shown > 1 else "", ""),
            (waits or soon, "yellow"),
        ]


def details(view: ProcessorDetails) -> Iterator[Line]:
    """A processor with its settings."""
    yield [(view.name, "bold"), (f"  {view.type}  ", "dim"), (view.state, _STYLES.get(view.state, ""))]
    if view.retrying:
        yield [("  tries again: ", "dim"), (printable(view.retrying), "yellow")]
    yield [("  records in   ", "dim"), (figures.count(view.records_in), "")]
    for name, count in view.out.items():
        to = ", ".join(view.routes.get(name, ()))
        yield [(f"  {name}  ", "dim"), (figures.count(count), ""), (f"  {to}" if to else "", "dim")]
    yield [("  failed       ", "dim"), (figures.count(view.errors), "yellow" if view.errors else "")]
    yield [("  concurrency  ", "dim"), (str(view.concurrency), "")]
    if view.calls is not None and view.calls.calls:
        took = f"{figures.count(view.calls.calls)}, half within {figures.seconds(view.calls.p50)}, 99 % within {figures.seconds(view.calls.p99)}"
        yield [("  calls        ", "dim"), (took, "")]
    yield [("  settings", "dim")]
    for name, value in view.settings.items():
        yield [(f"    {name}: ", "dim"), (printable(json.dumps(value, ensure_ascii=False, default=repr)), "")]
