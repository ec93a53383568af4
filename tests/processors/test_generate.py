from __future__ import annotations

from collections.abc import Callable
from typing import Any

from router import FAILURE, Batch, Context, Engine, Flow, Processor, Record, Relationship, Unconnected
from router.loader import build_flow
from router.testing import VirtualClock

Problems = Callable[..., list[str]]


class Seen(Processor):
    """Remembers what came, and when."""

    type_name = "seen"
    relationships = (Relationship("success", unconnected=Unconnected.DELIVERED), FAILURE)

    def __init__(self) -> None:
        super().__init__()
        self.times: list[tuple[float, int]] = []
        self.records: list[Record] = []

    def process(self, batch: Batch, context: Context) -> Batch:
        self.times.append((context.now(), len(batch)))
        self.records += batch.rows
        return batch


def flow(to: str = "seen", **settings: Any) -> Flow:
    processors = {"make": {"type": "generate", "to": to, **settings}, "seen": {"type": "log"}}
    if to != "seen":
        processors["make"] = {"type": "generate", "to": ["seen", to], **settings}
    return build_flow({"flow": "test", "processors": processors})


async def test_records_are_made_of_their_number() -> None:
    seen = Seen()
    made = flow(count=3, record={"id": "meta.number", "even": "meta.number % 2 == 0", "kind": '"post"'})
    async with Engine(made, replace={"seen": seen}) as engine:
        report = await engine.run()
    assert (report.outcome, [record["id"] for record in seen.records]) == ("done", [0, 1, 2])
    assert seen.records[1] == {"id": 1, "even": False, "kind": "post"}


async def test_the_count_is_met_exactly() -> None:
    seen = Seen()
    async with Engine(flow(count=2500), replace={"seen": seen}) as engine:
        await engine.run()
    assert seen.records == [{"number": number} for number in range(2500)]


async def test_no_records_is_a_count_too() -> None:
    seen = Seen()
    async with Engine(flow(count=0), replace={"seen": seen}) as engine:
        report = await engine.run()
    assert (report.outcome, seen.records) == ("done", [])


async def test_records_come_evenly_at_the_rate() -> None:
    clock, seen = VirtualClock(), Seen()
    async with Engine(flow(rate=4), replace={"seen": seen}, clock=clock):
        await clock.advance(1)
    assert seen.times == [(0.0, 1), (0.25, 1), (0.5, 1), (0.75, 1), (1.0, 1)]


async def test_at_a_high_rate_they_come_in_batches() -> None:
    clock, seen = VirtualClock(), Seen()
    async with Engine(flow(rate=1000), replace={"seen": seen}, clock=clock):
        await clock.advance(0.15)
    assert seen.times == [(0.0, 100), (0.1, 100)]


async def test_records_that_were_rejected_are_told_of_once() -> None:
    async with Engine(flow(to="reject", count=3000), replace={"seen": Seen()}) as engine:
        await engine.run()
    assert [(each.text, each.data) for each in engine.bulletins] == [
        ("records were rejected; they are not made again", {"records": 3000})
    ]


def test_an_expression_over_a_field_is_refused(problems: Problems) -> None:
    assert problems("generate", record={"a": "meta.number", "b": "text"}) == [
        "'record.b': there is no record to read 'text' from; 'meta.number' counts them"
    ]
