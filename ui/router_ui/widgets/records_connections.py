"""All connections of a flow as a table: how full they are, and how fast they move."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from router.control.messages import ConnectionView
from router_ui.figures import clock, percent, rate, size, span
from router_ui.past import Past
from router_ui.plots import bar, sparkline
from router_ui.widgets.records_table import Column, Row

__all__ = ["CONNECTIONS", "connection_rows", "fill_tone", "in_words"]

CONNECTIONS = (
    Column("connection", 60),
    Column("fill", 13),
    Column("records", 9, is_right=True),
    Column("in", 7, is_right=True),
    Column("out", 7, is_right=True),
    Column("oldest", 7, is_right=True),
    Column("bytes", 7, is_right=True),
    Column("full in", 7, is_right=True),
    Column("limit", 9, is_right=True),
    Column("queue", 7),
    Column("when full", 11),
    Column("unacked", 7, is_right=True),
    Column("records, 30 s", 30),
)


def connection_rows(connections: Sequence[ConnectionView], past: Past) -> Callable[[int], Row]:
    """What makes a row of each."""

    def row(index: int) -> Row:
        each = connections[index]
        fill = f"{bar(each.full, 8)} {percent(each.full):>4}"
        cells = [
            each.id,
            fill,
            f"{each.records:,}",
            rate(each.rate_in),
            rate(each.rate_out),
            span(each.oldest) if each.records else "",
            size(each.nbytes),
            clock(each.full_in) if each.full_in is not None else "",
            f"{each.max_records:,}",
            each.queue,
            "waits" if each.waiting else each.when_full,
            f"{each.unacked:,}",
            sparkline(past.of(each.id, "records"), 30),
        ]
        waits = "warn" if each.waiting else "dim"
        return Row(
            each.id, cells, ["", fill_tone(each.full), "", "", "", "", "", "warn", "dim", "dim", waits, "dim", "good"]
        )

    return row


def in_words(each: ConnectionView) -> str:
    """One connection on a line."""
    parts = [
        f"{bar(each.full, 10)} {percent(each.full)}",
        f"{each.records:,} of {each.max_records:,} records",
        f"{size(each.nbytes)} of {size(each.max_bytes)}",
        f"in {rate(each.rate_in)}  out {rate(each.rate_out)}",
        *([f"oldest {span(each.oldest)}"] if each.records else []),
        *([f"full in {clock(each.full_in)}"] if each.full_in is not None else []),
        *([f"{each.producer!r} waits"] if each.waiting else []),
        *([f"{each.dropped:,} dropped"] if each.dropped else []),
        each.queue,
    ]
    return "  ".join(parts)


def fill_tone(share: float) -> str:
    """The colour of how full something is."""
    return "bad" if share >= 0.85 else "warn" if share >= 0.6 else "good"
