"""What a run has done, for the people who ran it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from router.cli import figures
from router.cli.letter_views import short_record
from router.cli.progress import bar
from router.cli.terminal import Line, painted, printable
from router.engine import ProcessorReport, Report
from router.errors import DataFolderError
from router.flow import Ending, Flow, ProcessorSpec
from router.relationship import Unconnected

if TYPE_CHECKING:
    from router.storage.letter import DeadLetter

__all__ = ["Letters", "summary"]

WIDEST = 200


class Letters:
    """The dead letters of a run: how to look at them, and the first of them."""

    def __init__(self, folder: Path, words: str) -> None:
        self.command = f"router dead-letters list {words}"
        self._folder = folder
        self._since = time.time()

    def first(self) -> DeadLetter | None:
        """The first one of this run; None if it has been taken away, or cannot be read."""
        from router.storage.letter_box import LetterBox, Wanted  # noqa: PLC0415 - most runs leave none

        try:
            with LetterBox(self._folder) as box:
                return next(box.find(Wanted(since=self._since)), None)
        except DataFolderError:
            return None


def summary(flow: Flow, report: Report, letters: Letters) -> Iterator[Line]:
    """How it ended, what each processor took and gave, and what needs somebody's eyes."""
    yield from _headline(flow, report)
    if report.processors:
        yield []
        yield from _table(flow, report)
    if report.dropped:
        yield []
        yield from _dropped(report)
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
    if report.seconds > 0.02:  # of less a rate says nothing
        figure += f", {figures.rate(records / report.seconds)} a second"
    yield [(flow.name, "bold"), (": ", ""), (said, style), (figure, "")]
    if report.error is not None:
        yield [(f"  {line}", "red") for line in report.error.splitlines()[:1]]


@dataclass(frozen=True, slots=True)
class _Row:
    """A way out of a processor; ``name`` and ``taken`` stand in the first row of each."""

    name: str = ""
    taken: str = ""
    given: str = ""
    relationship: str = ""
    target: str = ""
    share: float | None = None

    @property
    def way(self) -> Line:
        style = "dim" if self.given == "0" else "yellow" if self.relationship in ("failure", "unavailable") else "cyan"
        return [(self.relationship, style), (f" → {self.target}", "dim")] if self.relationship else []


def _table(flow: Flow, report: Report) -> Iterator[Line]:
    rows = [row for name, each in report.processors.items() for row in _rows(name, flow.processors[name], each)]
    names = max(len(row.name) for row in rows)
    digits = max(2, *(len(text) for row in rows for text in (row.taken, row.given)))
    ways = max(len(painted(row.way, colour=False)) for row in rows)
    yield [(f"  {'':{names}}  {'in':>{digits}}  {'out':>{digits}}", "dim")]
    for row in rows:
        line = [(f"  {row.name:{names}}", "bold"), (f"  {row.taken:>{digits}}  {row.given:>{digits}}  ", ""), *row.way]
        if row.share is not None:
            line += [(" " * (ways + 3 - len(painted(row.way, colour=False))), ""), *bar(row.share, "cyan")]
        yield line


def _rows(name: str, spec: ProcessorSpec, report: ProcessorReport) -> Iterator[_Row]:
    """The ways out in the order of the class, those that are connected or were used, with their shares."""
    taken = "" if spec.is_source else figures.count(report.records_in)
    order = [each.name for each in spec.relationships]
    known = sorted({*report.out, *spec.routes}, key=lambda word: (order.index(word) if word in order else 99, word))
    used = {word: report.out.get(word, 0) for word in known if report.out.get(word) or word in spec.routes}
    total = sum(used.values())
    for word, number in used.items():
        share = number / total if len(used) > 1 and total else None
        yield _Row(name, taken, figures.count(number), word, _target(spec, word), share)
        name = taken = ""
    if not used:
        yield _Row(name, taken)


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


def _dropped(report: Report) -> Iterator[Line]:
    """What connections dropped, the flow wanting it so."""
    reasons = {"full": ", which was full", "expired": " after waiting as long as its 'expire' allows"}
    for id_, counts in report.dropped.items():
        for why, number in counts.items():
            yield [(f"{figures.plural(number, 'record')} dropped", "yellow"), (f" by {id_}{reasons[why]}", "")]


def _dead_letters(number: int, letters: Letters) -> Iterator[Line]:
    yield [(figures.plural(number, "dead letter"), "yellow"), (f"; look at them with: {letters.command}", "")]
    first = letters.first()
    if first is None:
        return
    what = printable(f"{first.error.get('type')}: {first.error.get('message')}")
    yield [(f"  {first.processor}  ", "bold"), (what[:WIDEST], "")]
    if shown := short_record(first.to_dict(), WIDEST):
        yield [(f"  {shown}", "dim")]
