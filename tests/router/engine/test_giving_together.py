"""What a source gives together travels as one batch, and each token settles by itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from router.ack import Ack, Outcome, Reply
from router.authoring import Context
from router.batch import Batch
from tests.router.engine.flows import Do, Feed, Gate, Keep, at_rest, numbers, run_to_end, wired


class Together(Feed):
    """Gives all of its batches in one list."""

    async def produce(self, context: Context) -> AsyncIterator[Any]:
        yield [(batch, number) for number, batch in enumerate(self.batches)]


class Hearing(Together):
    """Remembers the answers that came before all was done."""

    def __init__(self, *batches: Any) -> None:
        super().__init__(*batches)
        self.heard: list[tuple[object, dict[int, Reply] | None]] = []

    def replied(self, ack: Ack) -> None:
        self.heard.append((ack.token, dict(ack.replies or {})))


async def test_what_is_given_together_arrives_as_one_batch() -> None:
    feed, keep = Together([1, 2], [3], [4, 5]), Keep()
    await run_to_end(wired({"read": feed, "keep": keep}, "read>keep"))
    assert [numbers(batch) for batch in keep.batches] == [[1, 2, 3, 4, 5]]
    assert feed.told == [(0, Outcome.DELIVERED), (1, Outcome.DELIVERED), (2, Outcome.DELIVERED)]


async def test_each_part_settles_with_the_outcome_of_its_own_records() -> None:
    def work(batch: Batch, context: Context) -> Any:
        return batch.partition(["bad" if n == 3 else None if n == 4 else "success" for n in numbers(batch)])

    feed = Together([1, 2], [3], [4])
    steps = {"read": feed, "work": Do(work, to=("bad",)), "keep": Keep()}
    await run_to_end(wired(steps, "read>work", "work>keep", "work.bad>dead_letters"))
    assert feed.outcomes == [Outcome.DELIVERED, Outcome.DEAD_LETTERED, Outcome.DROPPED]


async def test_a_part_without_records_settles_and_keeps_no_other_waiting() -> None:
    feed, keep = Together([], [1], []), Keep()
    await run_to_end(wired({"read": feed, "keep": keep}, "read>keep"))
    assert (keep.numbers, feed.outcomes) == ([1], [Outcome.DELIVERED] * 3)


async def test_parts_that_no_form_holds_together_travel_apart() -> None:
    odd = Batch.of([{"n": 1 + 2j}])  # no JSON says it, and the other is no JSON
    feed, keep = Together(odd, Batch.raw([b"{broken"])), Keep()
    await run_to_end(wired({"read": feed, "keep": keep}, "read>keep"))
    assert [len(batch) for batch in keep.batches] == [1, 1]
    assert feed.outcomes == [Outcome.DELIVERED] * 2


async def test_what_was_not_put_when_the_flow_stops_is_rejected_each_by_itself() -> None:
    feed, gate = Together([1], [2]), Gate()
    engine = wired({"read": feed, "keep": gate}, "read>keep")
    async with engine:
        await at_rest(engine)
        await engine.stop(0)
    assert feed.outcomes == [Outcome.REJECTED] * 2


async def test_a_source_hears_of_answers_before_its_records_are_done() -> None:
    def work(batch: Batch, context: Context) -> Batch:
        context.reply(batch, 201)
        return batch

    feed, gate = Hearing([1], [2]), Gate()
    engine = wired({"read": feed, "answer": Do(work), "keep": gate}, "read>answer", "answer>keep")
    async with engine:
        await at_rest(engine)
        assert feed.heard == [(0, {0: Reply(201, {"n": 1})}), (1, {0: Reply(201, {"n": 2})})]
        assert feed.told == []
        gate.is_open.set()
        await engine.run()


async def test_a_source_that_fails_when_it_hears_of_an_answer_ends_the_flow() -> None:
    class Failing(Together):
        def replied(self, ack: Ack) -> None:
            raise ValueError("deaf")

    def work(batch: Batch, context: Context) -> None:
        context.reply(batch)

    async with wired({"read": Failing([1]), "answer": Do(work)}, "read>answer", "answer>drop") as engine:
        report = await engine.run()
    assert (report.outcome, report.error) == ("failed", "source 'read': replied: ValueError: deaf")
