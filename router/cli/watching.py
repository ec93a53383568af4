"""A running flow as lines for a terminal: its processors, its connections."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from router.cli import figures
from router.cli.progress import bar
from router.cli.terminal import Line, printable

if TYPE_CHECKING:
    from router.control.messages import ConnectionView, FlowView, ProcessorDetails, ProcessorView

__all__ = ["connection_lines", "details", "head", "lines"]

_WARM, _HOT = 0.6, 0.85  # where NiFi's bars turn yellow and red
_STYLES = {
    "running": "green", "waiting": "dim", "blocked": "yellow", "retrying": "yellow", "resting": "yellow",
    "paused": "red", "stopped": "red", "ended": "dim",
}  # fmt: skip
_WIDEST = 40


def lines(view: FlowView) -> Iterator[Line]:
    """A flow in a screen."""
    yield head(view)
    yield from _processor_lines(view)
    if view.connections:
        yield []
        yield from connection_lines(view.connections)


def head(view: FlowView) -> Line:
    """A flow in a line."""
    rate = sum(each.rate_out for each in view.processors if each.is_source)
    queued = sum(each.records for each in view.connections)
    letters = figures.plural(view.dead_letters_kept, "dead letter") if view.dead_letters_kept else ""
    return [
        (view.name, "bold"),
        (f"  {view.state}", "green" if view.state == "running" else "yellow"),
        (f"  {figures.clock(view.seconds)}  {figures.rate(rate)} records a second  {figures.count(queued)} queued", ""),
        (f"  {letters}" if letters else "", "yellow"),
        (f"  {printable(view.error)}" if view.error else "", "red"),
    ]


def _processor_lines(view: FlowView) -> Iterator[Line]:
    width = max(len(each.name) for each in view.processors)
    yield [(f"  {'':{width}}  {'':8}  {'in':>12}  {'out':>12}  {'a second':>9}  {'a call':>8}  {'busy':>5}", "dim")]
    for each in view.processors:
        rate = each.rate_out if each.is_source else each.rate_in
        call = figures.seconds(each.calls.p99) if each.calls is not None and each.calls.calls else ""
        taken = "" if each.is_source else figures.count(each.records_in)
        busy = "" if each.is_source else f"{each.busy:.1f}"
        yield [
            (f"  {each.name:{width}}  ", ""),
            (f"{each.state:8}", _STYLES.get(each.state, "")),
            (f"  {taken:>12}  {figures.count(each.records_out):>12}", ""),
            (f"  {figures.rate(rate):>9}  {call:>8}  {busy:>5}", ""),
            *_notes(each, is_starting=view.state == "starting"),
        ]


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


def connection_lines(connections: list[ConnectionView]) -> Iterator[Line]:
    """Connections, a line each."""
    width = min(_WIDEST, max(len(each.id) for each in connections))
    yield [(f"  {'':{width}}  {'queue':17}  {'records':>10}  {'in a s':>9}  {'out a s':>9}  {'oldest':>7}", "dim")]
    for each in connections:
        style = "red" if each.full >= _HOT else "yellow" if each.full >= _WARM else "green"
        oldest = figures.seconds(each.oldest) if each.records else ""
        name = each.id if len(each.id) <= width else f"{each.id[: width - 3]}..."
        soon = f"  full in {figures.seconds(each.full_in)}" if each.full_in else ""
        waits = "  its producer waits" if each.waiting else ""
        yield [
            (f"  {name:{width}}  ", ""),
            *bar(each.full, style),
            (
                f"  {figures.count(each.records):>10}  {figures.rate(each.rate_in):>9}  {figures.rate(each.rate_out):>9}",
                "",
            ),
            (f"  {oldest:>7}", ""),
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
