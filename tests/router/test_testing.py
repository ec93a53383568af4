"""What a plugin author tests with does what a flow would do."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from router.ack import Outcome, Reply
from router.authoring import Context, Processor, Why
from router.batch import Batch
from router.errors import ConfigError, ProcessorError, RetryableError
from router.functions import DROP, To, processor
from router.testing import TestRunner, VirtualClock


class Sides(Processor):
    """Notes which side a record came by."""

    type_name = "sides"

    @classmethod
    def inputs_for(cls, config: Any) -> tuple[str, ...]:
        return ("left", "right")

    def process(self, batch: Batch, context: Context) -> Batch:
        return batch.with_fields(side=batch.meta("input"))


class Window(Processor):
    """Counts what came within ten seconds."""

    type_name = "window"

    async def start(self, context: Context) -> None:
        self.held: list[Any] = []

    def process(self, batch: Batch, context: Context) -> None:
        self.held.append(context.hold(batch))
        context.wake_at(context.now() + 10)

    async def wake(self, context: Context, why: Why) -> Batch | None:
        held, self.held = self.held, []
        for each in held:
            each.release()
        return Batch.of([{"count": sum(len(each.batch) for each in held)}]) if held else None


@processor
def even(record: dict[str, Any]) -> Any:
    """Keep even numbers, part off threes, fail on seven."""
    if record["n"] == 7:
        raise ValueError("seven")
    return To("three", record) if record["n"] % 3 == 0 else DROP if record["n"] % 2 else record


async def test_records_fed_come_out_by_relationship() -> None:
    runner = TestRunner(even, to=("three",))
    routes = await runner.feed(*({"n": n} for n in range(1, 8)))
    assert routes == {"success": [{"n": 2}, {"n": 4}], "three": [{"n": 3}, {"n": 6}], "failure": [{"n": 7}]}
    assert runner.outcomes == [Outcome.DROPPED]
    assert await runner.end() == {}


async def test_a_feed_however_large_comes_to_rest() -> None:
    runner = TestRunner(even, run={"batch": {"records": 1}}, to=("three",))
    routes = await runner.feed(*({"n": 2} for _ in range(3000)))
    assert len(routes["success"]) == 3000
    await runner.end()


async def test_named_inputs_are_fed_by_name() -> None:
    runner = TestRunner(Sides)
    assert await runner.feed({"n": 1}, input="right") == {"success": [{"n": 1, "side": "right"}]}
    with pytest.raises(ValueError, match="no input 'middle'; its inputs are left, right"):
        await runner.feed({"n": 1}, input="middle")
    await runner.end()


async def test_time_moves_by_hand_only() -> None:
    runner = TestRunner(Window)
    assert await runner.feed({}, at=0.0) == {}
    assert await runner.feed({}, at=5.0) == {}
    assert await runner.feed({}, at=16.0) == {"success": [{"count": 2}]}
    assert await runner.advance(9) == {}
    assert await runner.end() == {"success": [{"count": 1}]}


async def test_an_end_does_not_wait_for_time_that_nobody_moves() -> None:
    class Down(Processor):
        type_name = "down"

        def process(self, batch: Batch, context: Context) -> Batch:
            raise RetryableError("down")

    runner = TestRunner(Down)
    assert await runner.feed({}) == {}
    assert await runner.end() == {}
    assert runner.outcomes == [Outcome.REJECTED]


async def test_a_processor_that_breaks_the_flow_breaks_the_test() -> None:
    class Late(Processor):
        type_name = "late"
        kept: Batch | None = None

        def process(self, batch: Batch, context: Context) -> Batch | None:
            self.kept, given = self.kept or batch, self.kept
            return given

    runner = TestRunner(Late)
    await runner.feed({"n": 1})
    with pytest.raises(ProcessorError, match="whose origins have settled"):
        await runner.feed({"n": 2})


async def test_a_record_changed_in_place_is_told() -> None:
    class Rude(Processor):
        type_name = "rude"

        def process(self, batch: Batch, context: Context) -> Batch:
            batch.rows[0]["n"] = 2
            return batch

    runner = TestRunner(Rude)
    with pytest.raises(AssertionError, match="record 0 was changed in place"):
        await runner.feed({"n": 1})
    await runner.end()


async def test_replies_bulletins_and_state_can_be_looked_at() -> None:
    class Answers(Processor):
        type_name = "answers"

        async def process(self, batch: Batch, context: Context) -> None:
            await context.state.put_many({"seen": len(batch)})
            context.bulletin("seen", records=len(batch))
            context.reply(batch.with_rows([{"ok": True}]), 201)

    runner = TestRunner(Answers)
    await runner.feed({})
    assert (runner.replies, runner.bulletins) == ([Reply(201, {"ok": True})], [("seen", {"records": 1})])
    assert await runner.state.get_many(["seen"]) == {"seen": 1}
    await runner.end()


async def test_an_unknown_type_is_told_with_the_nearest_one() -> None:
    with pytest.raises(ConfigError, match=r"no processor type 'filtre' \(did you mean 'filter'\?\)"):
        TestRunner("filtre")


async def test_the_virtual_clock_makes_what_is_due_in_order() -> None:
    clock = VirtualClock()
    rung: list[tuple[int, float]] = []

    def ring(seconds: int) -> None:
        rung.append((seconds, clock.now()))

    for seconds in (3, 1, 2, 99):
        clock.call_later(seconds, partial(ring, seconds))
    clock.call_later(2, lambda: None).cancel()
    await clock.advance(10)
    assert (rung, clock.now()) == ([(1, 1.0), (2, 2.0), (3, 3.0)], 10.0)
