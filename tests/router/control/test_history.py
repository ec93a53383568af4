"""What the last minutes of a flow say of the next."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from router.connections.base import ConnectionStats
from router.control.history import History
from router.engine import Status

EDGE = "read.success>work"
EMPTY = ConnectionStats(
    records=0, nbytes=0, max_records=10_000, max_bytes=1 << 20, full=0.0, oldest=0.0, unacked=0, waiting=0,
    records_in=0, records_out=0, dropped=0,
)  # fmt: skip


def full_in(levels: Iterable[int], given: int = 1000) -> float | None:
    """What is said of a connection in which so many records wait, second by second, at ``given`` records a second."""
    statuses = []
    for second, waiting in enumerate(levels, 1):
        counts = {"records_in": given * second, "records_out": given * second - waiting}
        edge = replace(EMPTY, records=waiting, full=waiting / 10_000, **counts)
        statuses.append(Status(float(second), {}, {EDGE: edge}, 0, 0))
    queue = iter(statuses)
    history = History(lambda: next(queue), lambda: 0.0)
    for _ in statuses:
        history.look()
    return history.full_in(EDGE)


def test_a_queue_that_fills_is_said_to_be_full_soon() -> None:
    assert full_in(range(1000, 1600, 10)) == pytest.approx(841, rel=0.01)
    assert full_in(range(0, 240, 4)) is None  # in 40 minutes, if at all
    assert full_in(range(0, 1200, 20)) == pytest.approx(441, rel=0.01)


def test_a_queue_that_only_wavers_is_not() -> None:
    assert full_in([0, 1] * 30) is None
    assert full_in([*[0] * 50, *[9] * 9, 0]) is None
    assert full_in([400] * 60) is None
