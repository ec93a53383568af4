"""All figures of a flow as tables: a row for each processor, or for each connection."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

from router.control.messages import CallsView, ConnectionView, FlowView, ProcessorView
from router_ui.figures import percent, rate, size, span
from router_ui.past import Past
from router_ui.plots import sparkline
from router_ui.widgets.records_connections import fill_tone
from router_ui.widgets.records_table import Column, Row

__all__ = ["KINDS", "Figure", "metric_rows", "metric_titles"]

_LATELY = 30
_STATES = {"blocked": "warn", "retrying": "warn", "paused": "bad", "stopped": "bad", "waiting": "dim", "ended": "dim"}
Part: TypeAlias = "ProcessorView | ConnectionView"


class Figure(NamedTuple):
    """One column: what it is called, what is shown, what it is sorted by, its colour."""

    column: Column
    shown: Callable[[Part, Past], str]
    value: Callable[[Part], float | str]
    tone: Callable[[Part], str] = lambda _: ""


def _name(each: Part) -> str:
    return each.name if isinstance(each, ProcessorView) else each.id


def _busy(each: Part) -> float:
    return each.busy if isinstance(each, ProcessorView) else 0.0


def _full(each: Part) -> float:
    return each.full if isinstance(each, ConnectionView) else 0.0


def _oldest(each: Part) -> float:
    return each.oldest if isinstance(each, ConnectionView) and each.records else 0.0


def _number(title: str, name: str) -> Figure:
    return Figure(
        Column(title, 14, is_right=True), lambda each, _: f"{getattr(each, name):,}", lambda each: getattr(each, name)
    )


def _rate(title: str, name: str) -> Figure:
    return Figure(
        Column(title, 9, is_right=True), lambda each, _: rate(getattr(each, name)), lambda each: getattr(each, name)
    )


def _size(title: str, name: str) -> Figure:
    return Figure(
        Column(title, 9, is_right=True), lambda each, _: size(getattr(each, name)), lambda each: getattr(each, name)
    )


def _text(title: str, name: str, tone: Callable[[Part], str] = lambda _: "") -> Figure:
    return Figure(Column(title, 40), lambda each, _: str(getattr(each, name)), lambda each: getattr(each, name), tone)


def _calls(title: str, of: Callable[[CallsView], float], words: Callable[[float], str]) -> Figure:
    def value(each: Part) -> float:
        calls = each.calls if isinstance(each, ProcessorView) else None
        return of(calls) if calls is not None else -1.0

    return Figure(
        Column(title, 9, is_right=True), lambda each, _: words(value(each)) if value(each) >= 0 else "", value
    )


def _spark(title: str, name: str) -> Figure:
    def shown(each: Part, past: Past) -> str:
        return sparkline(past.of(_name(each), name), _LATELY)

    return Figure(Column(f"{title}, {_LATELY} s", _LATELY), shown, lambda _: 0.0, lambda _: "good")


def _of_errors(each: Part) -> str:
    return "bad" if isinstance(each, ProcessorView) and each.errors else "dim"


def _of_full(each: Part) -> str:
    return fill_tone(each.full) if isinstance(each, ConnectionView) else ""


def _of_state(each: Part) -> str:
    return _STATES.get(each.state, "good") if isinstance(each, ProcessorView) else ""


KINDS: dict[str, tuple[Figure, ...]] = {
    "processors": (
        _text("processor", "name"),
        _text("state", "state", _of_state),
        _rate("in", "rate_in"),
        _rate("out", "rate_out"),
        _number("errors", "errors")._replace(tone=_of_errors),
        _calls("p50", lambda calls: calls.p50, span),
        _calls("p99", lambda calls: calls.p99, span),
        _calls("batch", lambda calls: calls.batch, lambda number: f"{number:,.0f}"),
        Figure(Column("busy", 6, is_right=True), lambda each, _: f"{_busy(each):.2f}", _busy),
        _number("calls at once", "concurrency"),
        _number("records in", "records_in"),
        _number("records out", "records_out"),
        _size("bytes in", "bytes_in"),
        _size("bytes out", "bytes_out"),
        _number("held", "held"),
        _spark("out", "records_out"),
        _spark("latency", "latency"),
    ),
    "connections": (
        _text("connection", "id"),
        Figure(Column("full", 5, is_right=True), lambda each, _: percent(_full(each)), _full, _of_full),
        _number("records", "records"),
        _rate("in", "rate_in"),
        _rate("out", "rate_out"),
        _size("bytes", "nbytes"),
        Figure(Column("oldest", 8, is_right=True), lambda each, _: span(_oldest(each)), _oldest),
        _number("unacked", "unacked"),
        _number("waiting", "waiting"),
        _number("dropped", "dropped"),
        _number("records in", "records_in"),
        _number("records out", "records_out"),
        _size("bytes in", "bytes_in"),
        _size("bytes out", "bytes_out"),
        _spark("records", "records"),
        _spark("in", "records_in"),
    ),
}  # fmt: skip


def metric_rows(view: FlowView, kind: str, past: Past, by: int | None) -> tuple[Callable[[int], Row], int]:
    """What makes a row of each part, and how many there are; the highest first, of the column named, if any is."""
    figures = KINDS[kind]
    parts: Sequence[Part] = view.processors if kind == "processors" else view.connections
    if by is not None:
        parts = sorted(parts, key=figures[by].value, reverse=not isinstance(figures[by].value(parts[0]), str)) if parts else parts  # fmt: skip

    def row(index: int) -> Row:
        each = parts[index]
        return Row(_name(each), [of.shown(each, past) for of in figures], [of.tone(each) for of in figures])

    return row, len(parts)


def metric_titles(kind: str, by: int | None) -> list[Column]:
    """The columns; the one that sorts has a sign."""
    return [
        each.column._replace(title=f"{each.column.title} ▾") if index == by else each.column
        for index, each in enumerate(KINDS[kind])
    ]
