"""Provenance events: what is searched for, rows of a table, and the lineage of a record as a tree."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from router.control.messages import EventView, LineageView, MemberView
from router.errors import nearest
from router_ui.figures import plural, span
from router_ui.widgets.record_json import Line, plain
from router_ui.widgets.record_lines import shown_as_json
from router_ui.widgets.records_table import Column, Row
from router_ui.widgets.records_text import clean, when

__all__ = ["EVENTS", "Branch", "event_row", "how_to_switch_on", "lineage_tree", "wanted_of"]

EVENTS = (
    Column("time", 14),
    Column("type", 16),
    Column("processor", 20),
    Column("led to", 30),
    Column("count", 6, is_right=True),
    Column("records", 16),
    Column("took", 7, is_right=True),
    Column("of", 40),
)
_SINCE = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|h|d)")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_TONES = {"DROP": "warn", "EXPIRE": "warn", "RECEIVE": "good", "CREATE": "good", "SEND": "good"}
_HOW = "'run: {provenance: full}' in the flow file writes down the course of every record, '{sample: 1%}' in its place that of a sample"  # fmt: skip


@dataclass(frozen=True, slots=True)
class Branch:
    """A part of a tree: a line, the record it is about, and what hangs on it."""

    line: Line
    record: int | None = None
    children: Sequence[Branch] = field(default=())

    def texts(self, depth: int = 0) -> Iterator[str]:
        """It and all below as text, indented."""
        yield "  " * depth + plain(self.line)
        for each in self.children:
            yield from each.texts(depth + 1)


def wanted_of(typed: Mapping[str, str], now: float, processors: Sequence[str]) -> dict[str, Any]:
    """What is searched for, of what was typed in each field.

    Raises:
        ValueError: one of them cannot be.
    """
    wanted: dict[str, Any] = {name: typed[name] for name in ("where", "processor") if typed.get(name)}
    if "processor" in wanted and wanted["processor"] not in processors:
        raise ValueError(f"no processor {wanted['processor']!r}{nearest(wanted['processor'], processors)}")
    if typed.get("type"):
        wanted["type"] = typed["type"].upper()
    if number := typed.get("record"):
        if not number.isdecimal() or int(number) < 1:
            raise ValueError(f"a record's number is 1 or more, got {number!r}")
        wanted["record"] = int(number)
    if since := typed.get("since"):
        found = _SINCE.fullmatch(since)
        if found is None:
            raise ValueError(f"since a time ago such as 30s, 10m, 2h or 1d, got {since!r}")
        wanted["since"] = max(0.0, now - float(found[1]) * _UNITS[found[2]])
    return wanted


def how_to_switch_on(level: str) -> str | None:
    """What to do where the events that would be seen are not written down; None: they are."""
    if level == "off":
        return f"provenance is off; {_HOW}"
    return f"only counts and failures are written down; {_HOW}" if level == "counts" else None


def event_row(index: int, each: EventView) -> Row:
    """An event as a row."""
    failed = f"{plural(len(each.errors), 'failure')}: {next(iter(each.errors.values()))}  " if each.errors else ""
    cells = [
        when(each.time),
        each.type,
        each.processor,
        each.target or each.relationship or "",
        f"{each.count:,}",
        _numbers(each.records),
        span(each.seconds),
        failed + (shown_as_json(each.attributes) if each.attributes else ""),
    ]
    return Row(index, cells, ["dim", _TONES.get(each.type, ""), "", "", "", "", "dim", "bad" if failed else "dim"])


def lineage_tree(lineage: LineageView) -> Branch:
    """A record, what happened to it, what it came of, what came of it."""
    member = lineage.member
    groups = [
        Branch(_title("came of", member.came_of), children=[_member(each, "came_of") for each in member.came_of]),
        Branch(_title("became", member.became), children=[_member(each, "became") for each in member.became]),
    ]
    children = [*map(_event, member.events), *(each for each in groups if each.children)]
    if member.omitted:
        children.append(Branch([(f"{plural(member.omitted, 'relative')} more", "dim")]))
    return Branch([(f"record {member.record}", "head")], member.record, children)


def _member(member: MemberView, way: str) -> Branch:
    relatives: list[MemberView] = getattr(member, way)
    last = member.events[-1] if member.events else None
    said: Line = [(f"  {last.type} ", _TONES.get(last.type, "")), (clean(last.processor), "key")] if last else []
    children = [*map(_event, member.events), *(_member(each, way) for each in relatives)]
    if member.omitted:
        children.append(Branch([(f"{plural(member.omitted, 'relative')} more", "dim")]))
    return Branch([(f"record {member.record}", "head"), *said], member.record, children)


def _event(each: EventView) -> Branch:
    line: Line = [(f"{when(each.time)}  ", "dim"), (f"{each.type:<10} ", _TONES.get(each.type, ""))]
    line.append((clean(each.processor), "key"))
    if each.target is not None:
        line.append((f" → {clean(each.target)}", ""))
    if each.seconds > 0:
        line.append((f"  {span(each.seconds)}", "dim"))
    return Branch([*line, *((f"  {clean(error)}", "bad") for error in list(each.errors.values())[:1])])


def _title(name: str, members: Sequence[MemberView]) -> Line:
    return [(f"{name} {plural(len(members), 'record')}", "")]


def _numbers(records: Sequence[int]) -> str:
    return ", ".join(map(str, records[:3])) + ("…" if len(records) > 3 else "")
