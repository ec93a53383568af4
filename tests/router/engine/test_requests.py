"""A flow as a function: requests go in, answers come out, each to whom it belongs."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from router.ack import Outcome, Reply
from router.authoring import Context
from router.batch import Batch
from router.engine import Inbox, Outbox
from router.errors import ConnectionClosedError
from tests.router.engine.clock import at_rest
from tests.router.engine.flows import Do, Feed, Gate, Keep, numbers, wired


def respond(status: int = 200) -> Do:
    def work(batch: Batch, context: Context) -> None:
        context.reply(batch, status, {"via": "respond"})

    return Do(work)


async def test_answers_come_in_the_order_of_the_request_though_requests_are_merged() -> None:
    inbox = Inbox()
    engine = wired({"read": inbox, "respond": respond()}, "read>respond", "respond>drop")
    async with engine:
        first, second = await asyncio.gather(inbox.call([{"n": 1}, {"n": 2}]), inbox.call([{"n": 3}]))
    assert first == [Reply(200, {"n": 1}, {"via": "respond"}), Reply(200, {"n": 2}, {"via": "respond"})]
    assert second == [Reply(200, {"n": 3}, {"via": "respond"})]


async def test_a_grouped_row_answers_every_record_that_went_into_it() -> None:
    def work(batch: Batch, context: Context) -> Batch:
        return batch.group([[0, 2], [1]], [{"n": sum(numbers(batch)[::2])}, {"n": 2}])

    inbox = Inbox()
    engine = wired(
        {"read": inbox, "group": Do(work), "respond": respond()}, "read>group", "group>respond", "respond>drop"
    )
    async with engine:
        answers = await inbox.call([{"n": 1}, {"n": 2}, {"n": 3}])
    assert [each.record for each in answers] == [{"n": 4}, {"n": 2}, {"n": 4}]


async def test_a_record_without_an_answer_gets_the_status_of_its_outcome() -> None:
    def work(batch: Batch, context: Context) -> Any:
        labels = {1: "success", 2: "bad", 3: None, 4: "gone"}
        return batch.partition([labels[n] for n in numbers(batch)])

    inbox, steps = Inbox(), Do(work, to=("bad", "gone"))
    engine = wired(
        {"read": inbox, "work": steps, "keep": Keep()},
        "read>work",
        "work>keep",
        "work.bad>dead_letters",
        "work.gone>reject",
    )
    async with engine:
        found = [(await inbox.call([{"n": n}]))[0] for n in range(1, 5)]
    assert [each.status for each in found] == [200, 422, 200, 503]


async def test_the_first_answer_wins_and_later_ones_are_told_of() -> None:
    inbox = Inbox()
    steps = {"read": inbox, "a": respond(201), "b": respond(202)}
    engine = wired(steps, "read>a", "read>b", "a>drop", "b>drop")
    async with engine:
        (answer,) = await inbox.call([{"n": 1}])
        assert answer.status == 201
        ((told),) = engine.bulletins
    assert (told.processor, told.text, told.data) == ("b", "answers nobody waits for were left out", {"answers": 1})


async def test_an_answer_to_a_source_that_asks_nothing_is_told_of() -> None:
    engine = wired({"read": Feed(Batch.of([{"n": 1}])), "respond": respond()}, "read>respond", "respond>drop")
    async with engine:
        await engine.run()
    assert not engine.bulletins  # its ack takes the answer; whoever reads it there decides


async def test_an_answer_that_cannot_be_decoded_is_the_failure_of_its_record() -> None:
    bad = Keep()
    engine = wired(
        {"read": Feed(Batch.raw([b"{broken"])), "respond": Do(respond().work, reads="any"), "bad": bad},
        "read>respond",
        "respond>drop",
        "respond.failure>bad",
    )
    async with engine:
        report = await engine.run()
    assert (report.outcome, [each for each, _ in bad.errors]) == ("done", ["DecodeError"])


async def test_push_returns_the_worst_outcome_when_the_records_are_safe() -> None:
    inbox, keep = Inbox(), Gate()
    async with wired({"read": inbox, "keep": keep}, "read>keep") as engine:
        push = asyncio.ensure_future(inbox.push([{"n": 1}, {"n": 2}]))
        await at_rest(engine)
        assert not push.done()
        keep.is_open.set()
        assert await push is Outcome.DELIVERED
        assert await inbox.push([]) is Outcome.DELIVERED


async def test_a_cancelled_push_leaves_its_records_under_way() -> None:
    inbox, keep = Inbox(), Gate()
    async with wired({"read": inbox, "keep": keep}, "read>keep") as engine:
        push = asyncio.ensure_future(inbox.push([{"n": 1}]))
        await at_rest(engine)
        push.cancel()
        keep.is_open.set()
        inbox.end()
        assert (await engine.run()).outcome == "done"
    assert keep.numbers == [1]


async def test_a_call_gives_up_after_its_timeout() -> None:
    inbox, keep = Inbox(), Gate()
    async with wired({"read": inbox, "keep": keep}, "read>keep") as engine:
        with pytest.raises(TimeoutError):
            await inbox.call([{"n": 1}], timeout=0.01)
        keep.is_open.set()
        inbox.end()
        await engine.run()
    assert keep.numbers == [1]


async def test_what_the_flow_never_took_is_refused_and_so_is_what_comes_later() -> None:
    inbox = Inbox()
    async with wired({"read": inbox, "keep": Gate()}, "read>keep", run={"read": {"max_uncommitted": 1}}) as engine:
        pushes = [asyncio.ensure_future(inbox.push([{"n": n}])) for n in range(4)]
        await at_rest(engine)
        await engine.stop(0)
        ends = await asyncio.gather(*pushes, return_exceptions=True)
    assert ends[:2] == [Outcome.REJECTED] * 2
    assert [type(each) for each in ends[2:]] == [ConnectionClosedError] * 2
    with pytest.raises(ConnectionClosedError, match="has ended"):
        await inbox.push([{"n": 9}])


async def test_a_record_is_delivered_when_the_loop_asks_for_the_next() -> None:
    feed, outbox = Feed([1], [2]), Outbox()
    engine = wired({"read": feed, "out": outbox}, "read>out", run={"out": {"batch": {"records": 1}}})
    async with engine:
        told = []
        async for record in outbox:
            await at_rest(engine)
            told.append((record["n"], len(feed.told)))
    assert told == [(1, 0), (2, 1)]
    assert feed.outcomes == [Outcome.DELIVERED] * 2


async def test_what_was_not_read_is_given_back_when_the_loop_is_left() -> None:
    feed, outbox = Feed([1], [2], then=1e9), Outbox()
    engine = wired({"read": feed, "out": outbox}, "read>out", run={"out": {"batch": {"records": 1}}})
    async with engine:
        async for _ in outbox:
            break
        await engine.stop(0)
    assert feed.outcomes == [Outcome.REJECTED] * 2
    assert [record async for record in outbox] == []
