"""What a run has done, for the people who ran it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from router.cli import figures
from router.cli.terminal import Line, printable
from router.engine import ProcessorReport, Report
from router.flow import Ending, Flow, ProcessorSpec
from router.relationship import Unconnected

__all__ = ["DeadLetterFile", "summary"]

WIDEST = 200


class DeadLetterFile:
    """Where a flow's dead letters are, and how far they went before this run."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "dead_letters.jsonl"
        self._before = self.path.stat().st_size if self.path.exists() else 0

    def first(self) -> dict[str, Any] | None:
        """The first one of this run; None if there is none, or its file has been taken away."""
        try:
            with self.path.open("rb") as file:
                file.seek(self._before)
                found = json.loads(file.readline())
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) else None


def summary(flow: Flow, report: Report, letters: DeadLetterFile) -> Iterator[Line]:
    """How it ended, what each processor took and gave, and what needs somebody's eyes."""
    yield from _headline(flow, report)
    if report.processors:
        yield []
        yield from _table(flow, report)
    if report.dead_letters:
        yield []
        yield from _dead_letters(report.dead_letters, letters)


def _headline(flow: Flow, report: Report) -> Iterator[Line]:
    said, style = {
        "done": ("done", "green"),
        "stopped": ("stopped", "green"),
        "cut_off": ("cut off: what was on its way was given back to its sources", "red"),
        "failed": ("failed", "red"),
    }[report.outcome]
    records = sum(sum(each.out.values()) for name, each in report.processors.items() if flow.processors[name].is_source)
    figure = f"; {figures.plural(records, 'record')} in {figures.seconds(report.seconds)}"
    if report.seconds > 0:
        figure += f", {figures.rate(records / report.seconds)} a second"
    yield [(flow.name, "bold"), (": ", ""), (said, style), (figure, "")]
    if report.error is not None:
        yield [(f"  {line}", "red") for line in report.error.splitlines()[:1]]


def _table(flow: Flow, report: Report) -> Iterator[Line]:
    widest = max(len(name) for name in report.processors)
    counts = [n for each in report.processors.values() for n in (each.records_in, *each.out.values())]
    digits = max(2, *(len(figures.count(number)) for number in counts))
    yield [(f"  {'':{widest}}  {'in':>{digits}}  {'out':>{digits}}", "dim")]
    for name, each in report.processors.items():
        spec = flow.processors[name]
        taken = "" if spec.is_source else figures.count(each.records_in)
        lead: Line = [(f"  {name:{widest}}", "bold"), (f"  {taken:>{digits}}", "")]
        for relationship, number in _ways(spec, each) or [("", None)]:
            given = "" if number is None else figures.count(number)
            yield [*lead, (f"  {given:>{digits}}", ""), *_way(spec, relationship, number)]
            lead = [(f"  {'':{widest}}  {'':>{digits}}", "")]


def _ways(spec: ProcessorSpec, report: ProcessorReport) -> list[tuple[str, int | None]]:
    """The relationships in the order of the class, those that are connected or were used."""
    order = [each.name for each in spec.relationships]
    names = sorted({*report.out, *spec.routes}, key=lambda name: (order.index(name) if name in order else 99, name))
    return [(name, report.out.get(name, 0)) for name in names if report.out.get(name) or name in spec.routes]


def _way(spec: ProcessorSpec, relationship: str, number: int | None) -> Line:
    if number is None:
        return []
    style = "yellow" if relationship in ("failure", "unavailable") and number else "cyan"
    return [(f"  {relationship}", style if number else "dim"), (f" → {_target(spec, relationship)}", "dim")]


def _target(spec: ProcessorSpec, relationship: str) -> str:
    targets = spec.routes.get(relationship)
    if targets:
        return ", ".join(
            each.value.replace("_", " ")
            if isinstance(each, Ending)
            else each.consumer + (f".{each.input}" if each.input else "")
            for each in targets
        )
    return {
        Unconnected.DELIVERED: "delivered",
        Unconnected.DROPPED: "dropped",
        Unconnected.DEAD_LETTERS: "dead letters",
        Unconnected.ERROR: "nowhere",
    }[spec.unconnected(relationship)]


def _dead_letters(number: int, letters: DeadLetterFile) -> Iterator[Line]:
    yield [(figures.plural(number, "dead letter"), "yellow"), (f" in {letters.path}", "")]
    first = letters.first()
    if first is None:
        return
    error = first.get("error") or {}
    what = printable(f"{error.get('type')}: {error.get('message')}")
    yield [(f"  {first.get('processor')}  ", "bold"), (what[:WIDEST], "")]
    record = first.get("record")
    content = first.get("content") or first.get("content_base64")
    shown = json.dumps(record, ensure_ascii=False) if record is not None else content
    if shown:
        yield [(f"  {printable(str(shown))[:WIDEST]}", "dim")]
