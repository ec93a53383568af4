"""Function processors and sources: what becomes of what a function returns or yields."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from router import DROP, Engine, Outbox, Record, Registry, To, build_flow, processor, source
from router.puller import MOST, Puller
from router.testing import TestRunner


@processor
def by_kind(record: Record) -> To:
    """Send a record where it says."""
    return To(record.get("kind"), record)  # type: ignore[arg-type]


async def test_a_record_sent_to_no_relationship_fails_alone() -> None:
    async with TestRunner(by_kind, to=["odd"]) as runner:
        routes = await runner.feed({"kind": None}, {"kind": "odd"})
    assert routes == {"odd": [{"kind": "odd"}], "failure": [{"kind": None}]}


async def test_a_to_that_carries_no_record_fails() -> None:
    @processor
    def confused(record: Record) -> Any:
        return To("odd", DROP) if record["n"] else DROP  # type: ignore[arg-type]

    async with TestRunner(confused, to=["odd"]) as runner:
        routes = await runner.feed({"n": 1}, {"n": 0})
    assert routes == {"failure": [{"n": 1}]}


async def test_a_record_is_there_before_its_source_yields_the_next() -> None:
    go_on = threading.Event()

    @source
    def sensor() -> Iterator[Record]:
        yield {"n": 1}
        go_on.wait(10)
        yield {"n": 2}

    registry, outbox, seen = Registry(), Outbox(), []
    registry.processor(sensor)
    registry.processor(by_kind)
    steps = {"read": {"type": "sensor", "to": "out"}, "out": {"type": "by_kind", "to": "drop"}}
    flow = build_flow({"flow": "t", "processors": steps}, registry=registry)
    async with Engine(flow, replace={"out": outbox}):
        async for record in outbox:
            seen.append((record["n"], go_on.is_set()))
            go_on.set()
    assert seen == [(1, False), (2, True)]


async def test_what_a_generator_raises_comes_behind_what_it_gave() -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise ValueError("broken")

    puller = Puller(broken())
    assert await puller.next() == [1]
    with pytest.raises(ValueError, match="broken"):
        await puller.next()


async def test_a_generator_runs_ahead_no_further_than_its_limit_and_is_closed() -> None:
    given, closed = 0, threading.Event()

    def endless() -> Iterator[int]:
        nonlocal given
        try:
            while True:
                given += 1
                yield given
        finally:
            closed.set()

    puller = Puller(endless())
    taken = len(await puller.next())
    puller.stop()
    assert closed.wait(10)
    assert taken <= MOST
    assert given <= taken + MOST
