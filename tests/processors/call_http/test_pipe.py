"""Requests are kept open, as many as the flow says and no more, and outputs keep their order."""

from __future__ import annotations

import asyncio
import json
from random import Random
from typing import Any

import pytest

from router import RetryableError, build_flow
from router_processors.call_http.call import Call
from router_processors.call_http.pool import Pool
from tests.processors.call_http.asking import Asked, asking, service, until


class Gate:
    """A service that answers when it is told to."""

    def __init__(self) -> None:
        self.waiting: dict[int, asyncio.Event] = {}

    async def __call__(self, asked: Asked, _: Any) -> Any:
        number = json.loads(asked.body)["n"]
        self.waiting[number] = asyncio.Event()
        await self.waiting[number].wait()
        del self.waiting[number]
        return {"n": number}

    def open(self, number: int) -> None:
        self.waiting[number].set()


async def test_no_more_requests_are_open_than_the_flow_says() -> None:
    random = Random(4)

    async def answering(asked: Asked, _: Any) -> Any:
        await asyncio.sleep(random.random() / 200)
        return json.loads(asked.body)

    records = [{"n": n} for n in range(300)]
    async with service(answering) as served, asking(served.url, in_flight=7) as caller:
        found = [await caller.begin(*records[start : start + 50]) for start in range(0, 300, 50)]
        found.append(await caller.finish())
    assert [row for routes in found for row in routes.get("success", [])] == records
    assert served.most_at_once == 7


async def test_a_slow_answer_leaves_no_other_request_idle() -> None:
    gate = Gate()
    async with service(gate) as served, asking(served.url, in_flight=4) as caller:
        await caller.begin(*({"n": n} for n in range(12)))
        await until(lambda: len(gate.waiting) == 4)
        for number in range(1, 12):  # 0 is never answered meanwhile
            await until(lambda number=number: number in gate.waiting)  # type: ignore[misc]
            gate.open(number)
        await until(lambda: set(gate.waiting) == {0})
        assert await caller.advance(0) == {}
        gate.open(0)
        assert await caller.finish() == {"success": [{"n": n} for n in range(12)]}


async def test_answers_pass_a_slow_one_where_no_order_is_asked_for() -> None:
    gate = Gate()
    run = {"ordered": False, "batch": {"records": 2}}
    async with service(gate) as served, asking(served.url, in_flight=2, run=run) as caller:
        await caller.begin({"n": 0}, {"n": 1}, {"n": 2}, {"n": 3})
        for number in (1, 2, 3):
            await until(lambda number=number: number in gate.waiting)  # type: ignore[misc]
            gate.open(number)
        await until(lambda: set(gate.waiting) == {0})
        assert await caller.advance(0) == {"success": [{"n": 2}, {"n": 3}]}
        gate.open(0)
        assert await caller.finish() == {"success": [{"n": 0}, {"n": 1}]}


async def test_one_record_after_another_needs_no_full_batch() -> None:
    gate = Gate()
    async with service(gate) as served, asking(served.url) as caller:
        for number in range(10):
            await caller.begin({"n": number})
        await until(lambda: len(gate.waiting) == 10)
        for number in range(10):
            gate.open(number)
        assert await caller.finish() == {"success": [{"n": n} for n in range(10)]}


async def test_the_records_of_a_key_reach_the_service_in_their_order() -> None:
    async def answering(asked: Asked, _: Any) -> Any:
        found = json.loads(asked.body)
        await asyncio.sleep((found["n"] * 7919 % 5) / 500)
        seen.setdefault(found["user"], []).append(found["n"])
        return found

    seen: dict[int, list[int]] = {}
    run = {"ordered": "user", "batch": {"records": 1}}
    async with service(answering) as served, asking(served.url, in_flight=8, run=run) as caller:
        await caller.feed(*({"n": n, "user": n % 4} for n in range(80)))
    assert seen == {user: list(range(user, 80, 4)) for user in range(4)}
    assert 1 < served.most_at_once <= 4


@pytest.mark.parametrize("records", [1, 64])
async def test_a_call_that_is_cut_gives_its_places_back(records: int) -> None:
    is_slow = True

    async def answering(*_: Any) -> Any:
        if is_slow:
            await served.over.wait()
        return {}

    settings = {"in_flight": 3, "run": {"timeout": "5s", "concurrency": 1, "batch": {"records": records}}}
    async with service(answering) as served, asking(served.url, **settings) as caller:
        await caller.begin(*({"n": n} for n in range(records)))
        await until(lambda: len(served.asked) == min(records, 3))
        await caller.advance(5)
        await caller.retrying()
        is_slow = False
        assert len((await caller.finish(await caller.advance(2)))["success"]) == records
        pool = caller.runner.processor._pool  # type: ignore[attr-defined]
        await until(lambda: not pool._workers)


@pytest.mark.parametrize("fault", [RuntimeError("a bug"), asyncio.CancelledError()])
async def test_a_fault_is_told_to_who_asked_and_the_others_go_on(fault: BaseException) -> None:
    async def make(call: Call) -> None:
        await asyncio.sleep(0)
        if call.url == "b":
            raise fault
        made.append(call.url)

    made: list[str] = []
    pool = Pool(1, make)
    one, two = ([Call((0,), url, None, None) for url in urls] for urls in ("abc", "de"))
    found = await asyncio.gather(pool.run(one), pool.run(two), return_exceptions=True)
    assert [type(each) for each in found] == [RuntimeError if fault.args else RetryableError, type(None)]
    assert made == ["a", "d", "e"]


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        ({}, (64, 256)),
        ({"in_flight": 5}, (5, 20)),
        ({"in_flight": 1000}, (64, 256)),
        ({"body": "array"}, (4, 1000)),
        ({"run": {"concurrency": 2}}, (2, 256)),
    ],
)
def test_calls_overlap_where_the_flow_says_nothing_else(settings: dict[str, Any], found: tuple[int, int]) -> None:
    ask = {"type": "call_http", "url": "http://x/", "to": "show", **settings}
    processors = {"make": {"type": "generate", "to": "ask"}, "ask": ask, "show": {"type": "log"}}
    run = build_flow({"flow": "f", "processors": processors}).processors["ask"].run
    assert (run.concurrency, run.batch.records) == found
