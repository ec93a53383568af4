"""What a client is told: the outcome of its records, or what the flow replied."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from router import Ack, Batch, Context, Outcome, Reply
from router_processors.serve_http.answers import Answer, answer_of
from tests.processors.serve_http.serving import post, serving, until
from tests.router.engine.flows import Do, Gate, Keep, numbers

RETRY = ("Retry-After", "1")
RESPOND = {"type": "respond", "status": 201, "headers": {"X-Model": "m"}}


def by_number(**routes: str) -> dict[str, Any]:
    """A step that sends each record where its number says."""
    return {
        "type": "route",
        "when": {name: f"n == {name[1:]}" for name in routes},
        "to": {**routes, "unmatched": "keep"},
    }


async def test_the_status_is_the_outcome_of_the_records() -> None:
    ends = by_number(n1="keep", n2="drop", n3="dead_letters", n4="reject")
    async with serving({"route": ends, "keep": Keep()}) as served:
        found = [await served.post({"n": n}) for n in range(1, 5)]
    assert [each.status for each in found] == [200, 200, 422, 503]
    assert found[2].error == "the flow could not process it, and has set it aside"
    assert (found[3].error, found[3].headers["retry-after"]) == ("the flow could not finish it; send it again", "1")


async def test_the_worst_outcome_of_a_batch_counts() -> None:
    async with serving({"route": by_number(n1="drop", n2="dead_letters"), "keep": Keep()}) as served:
        assert (await served.post([{"n": 1}, {"n": 2}, {"n": 3}])).status == 422


async def test_no_answer_comes_before_the_records_are_safe() -> None:
    gate = Gate()
    async with serving({"gate": gate}) as served:
        asked = asyncio.ensure_future(served.post({"n": 1}))
        await until(lambda: served.engine.status().connections["in.success>gate"].unacked)
        assert not asked.done()
        gate.is_open.set()
        assert (await asked).status == 200


async def test_a_record_is_answered_with_what_respond_makes_of_it() -> None:
    steps = {"double": {"type": "set_fields", "set": {"n": "n * 2"}, "to": "answer"}, "answer": RESPOND}
    async with serving(steps) as served:
        response = await served.post({"n": 2})
    assert (response.status, response.json) == (201, {"n": 4})
    assert (response.headers["x-model"], response.headers["content-type"]) == ("m", "application/json")


async def test_a_batch_is_answered_in_the_order_of_the_request() -> None:
    def backwards(batch: Batch, context: Context) -> None:
        context.reply(batch.select(list(reversed(range(len(batch))))), 200)

    async with serving({"answer": Do(backwards)}) as served:
        response = await served.post([{"n": 1}, {"n": 2}, {"n": 3}])
    assert (response.status, response.json) == (200, [{"n": 1}, {"n": 2}, {"n": 3}])


async def test_statuses_that_differ_are_207_and_told_one_by_one() -> None:
    steps = {
        "route": by_number(n1="dead_letters", n2="other"),
        "keep": RESPOND,
        "other": {"type": "respond", "status": 404},
    }
    async with serving(steps) as served:
        response = await served.post([{"n": 0}, {"n": 1}, {"n": 2}])
    assert (response.status, response.json) == (
        207,
        [
            {"status": 201, "record": {"n": 0}},
            {"status": 422, "error": "the flow could not process it, and has set it aside"},
            {"status": 404, "record": {"n": 2}},
        ],
    )


async def test_requests_of_many_clients_are_merged_and_parted_again() -> None:
    seen: list[int] = []

    def work(batch: Batch, context: Context) -> None:
        seen.append(len(batch))
        context.reply(batch.with_rows([{"double": n * 2} for n in numbers(batch)]))

    async with serving({"answer": Do(work)}) as served:
        clients = [await served.client() for _ in range(20)]
        for n, client in enumerate(clients):
            client.writer.write(post([{"n": n}, {"n": n + 100}] if n % 2 else {"n": n}))
        answers = [(await client.response()).json for client in clients]
    assert len(seen) < 20
    assert answers == [[{"double": n * 2}, {"double": n * 2 + 200}] if n % 2 else {"double": n * 2} for n in range(20)]


async def test_answered_when_replied_the_client_does_not_wait_for_the_rest() -> None:
    gate = Gate()
    steps = {"answer": RESPOND, "gate": gate}
    async with serving(steps, ["answer", "gate"], answer="replied") as served:
        one, two = await served.post({"n": 1}), await served.post([{"n": 1}, {"n": 2}])
        assert served.engine.status().outstanding == 2
        gate.is_open.set()
    assert (one.json, two.json) == ({"n": 1}, [{"n": 1}, {"n": 2}])


async def test_answered_when_settled_the_client_waits_for_all_of_it() -> None:
    gate = Gate()
    async with serving({"answer": RESPOND, "gate": gate}, ["answer", "gate"]) as served:
        asked = asyncio.ensure_future(served.post({"n": 1}))
        await until(lambda: served.engine.status().processors["answer"].records_in)
        assert not asked.done()
        gate.is_open.set()
        assert (await asked).json == {"n": 1}


async def test_what_is_safe_nowhere_is_503_whatever_was_replied() -> None:
    async with serving({"answer": RESPOND}, ["answer", "reject"]) as served:
        assert (await served.post({"n": 1})).status == 503


async def test_an_answer_that_json_cannot_say_is_500() -> None:
    def work(batch: Batch, context: Context) -> None:
        context.reply(batch.with_rows([{"n": float("nan")}]))

    async with serving({"answer": Do(work)}) as served:
        response = await served.post({"n": 1})
    assert (response.status, response.error.startswith("the answer cannot be said: ")) == (500, True)


def ended(outcome: Outcome, *replies: Reply, is_stored: bool = False) -> Ack:
    ack = Ack(None, lambda _: None)
    for index, reply in enumerate(replies):
        ack.reply(index, reply)
    ack.is_stored = is_stored
    ack.release(outcome)
    return ack


@pytest.mark.parametrize(
    ("outcome", "status"), [(Outcome.DELIVERED, 202), (Outcome.DROPPED, 202), (Outcome.DEAD_LETTERED, 422)]
)
def test_what_waits_on_disk_is_accepted(outcome: Outcome, status: int) -> None:
    assert answer_of(ended(outcome, is_stored=True), 1, RETRY, is_batch=False).status == status


def test_the_own_headers_of_http_are_not_for_a_reply_to_set() -> None:
    reply = Reply(200, None, {"Content-Length": "7", "transfer-encoding": "chunked", "Content-Type": "x/y"})
    answer = answer_of(ended(Outcome.DELIVERED, reply), 1, RETRY, is_batch=False)
    assert answer.headers == (("Content-Type", "x/y"),)


@pytest.mark.parametrize("headers", [{"X": "a\r\nSet-Cookie: b"}, {"X\r\nY": "a"}, {"X": "\u20ac"}])
def test_a_header_that_would_end_the_head_is_not_sent(headers: dict[str, str]) -> None:
    answer = answer_of(ended(Outcome.DELIVERED, Reply(200, {}, headers)), 1, RETRY, is_batch=False)
    assert (answer.status, answer.headers) == (500, (("Content-Type", "application/json"),))


@pytest.mark.parametrize("is_batch", [False, True])
def test_a_status_that_is_no_answer_is_500(is_batch: bool) -> None:
    assert answer_of(ended(Outcome.DELIVERED, Reply(100)), 1, RETRY, is_batch=is_batch).status == 500


def test_a_status_without_a_body_has_none() -> None:
    answer = answer_of(ended(Outcome.DELIVERED, Reply(204, {"n": 1})), 1, RETRY, is_batch=False)
    assert answer.said(b"Date: x\r\n", b"") == b"HTTP/1.1 204 No Content\r\nDate: x\r\n\r\n"
    assert Answer(299).said(b"", b"") == b"HTTP/1.1 299 \r\nContent-Length: 0\r\n\r\n"


@pytest.mark.parametrize(
    ("replies", "status", "body"),
    [
        ((Reply(201, {"n": 1}), Reply(201)), 201, b'[{"n":1},null]'),
        ((Reply(204), Reply(204)), 204, b""),
        ((Reply(200, {"n": 1}),), 200, b'[{"n":1},null]'),
        ((Reply(500, {"n": 1}),), 207, b'[{"status":500,"record":{"n":1}},{"status":200}]'),
    ],
)
def test_a_batch_says_each_of_its_answers(replies: tuple[Reply, ...], status: int, body: bytes) -> None:
    answer = answer_of(ended(Outcome.DELIVERED, *replies), 2, RETRY, is_batch=True)
    assert (answer.status, answer.body) == (status, body)


async def test_records_that_wait_on_disk_are_answered_before_they_are_through() -> None:
    gate = Gate()
    async with serving({"gate": gate}, {"processor": "gate", "queue": "disk"}) as served:
        response = await served.post([{"n": 1}, {"n": 2}])
        assert (response.status, response.body) == (202, b"")
        gate.is_open.set()
        await until(lambda: gate.numbers)
    assert gate.numbers == [1, 2]
