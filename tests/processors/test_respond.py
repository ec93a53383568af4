from __future__ import annotations

from collections.abc import Callable

from router import Batch, Outcome, Reply
from router.testing import TestRunner

Problems = Callable[..., list[str]]


async def test_a_request_is_answered_with_the_record() -> None:
    async with TestRunner("respond", status=201, headers={"X-Model": "m"}) as respond:
        assert await respond.feed({"a": 1}) == {"success": [{"a": 1}]}
    assert (respond.replies, respond.outcomes) == ([Reply(201, {"a": 1}, {"X-Model": "m"})], [Outcome.DELIVERED])


async def test_each_record_answers_its_own_place_in_the_request() -> None:
    async with TestRunner("respond") as respond:
        await respond.feed_batch(Batch.of([{"n": 1}, {"n": 0}]).with_columns(index=[1, 0]))
    assert [reply.record for reply in respond.replies] == [{"n": 0}, {"n": 1}]


async def test_what_cannot_be_decoded_is_no_answer() -> None:
    async with TestRunner("respond") as respond:
        (failure,) = (await respond.feed_batch(Batch.raw([b"{"])))["failure"]
    assert (failure.content, respond.replies) == ([b"{"], [])


def test_headers_that_http_cannot_carry_are_refused(problems: Problems) -> None:
    assert problems("respond", headers={"X Model": "m", "A": "a\r\nSet-Cookie: b"}) == [
        "'headers': a name is letters, digits and dashes; got 'X Model'",
        "'headers': the value of 'A' has characters that cannot be printed: 'a\\r\\nSet-Cookie: b'",
    ]


def test_a_status_that_is_no_answer_is_refused(problems: Problems) -> None:
    assert problems("respond", status=99) == ["status: Input should be greater than or equal to 200"]
