"""What a server does not let others do to it: too much, too large, too slow, too many."""

from __future__ import annotations

import asyncio
import gzip
from typing import Any, cast

import pytest

from router import Batch
from router_processors.serve_http import intake
from router_processors.serve_http.answers import Answer
from router_processors.serve_http.request import Request
from tests.processors.serve_http.serving import Client, Served, post, serving, until
from tests.router.engine.flows import Gate, Keep

FEW = {"queue": {"records": 1}}
HEAD = b"POST /in HTTP/1.1\r\nHost: test\r\n"


def narrow(gate: Gate) -> dict[str, Any]:
    return {"steps": {"gate": gate}, "to": {"processor": "gate", "queue": {"records": 1}}}


async def fill(served: Served) -> list[Client]:
    """Take up all there is room for before the gate: one in it, one before it, one that is being put."""
    clients = []
    for n in range(3):
        clients.append(await served.client())
        await clients[-1].send(post({"n": n}))
        await until(lambda n=n: served.engine.status().processors["in"].out["success"] + (n > 1) > n)  # type: ignore[misc]
    return clients


async def test_a_request_that_the_flow_does_not_take_in_time_is_told_to_come_again() -> None:
    gate = Gate()
    async with serving(**narrow(gate), max_wait="50ms") as served:
        clients = await fill(served)
        response = await served.post({"n": 9})
        assert (response.status, response.headers["retry-after"]) == (429, "1")
        assert response.error == "the flow has more to do than it can; send it later"
        gate.is_open.set()
        assert {(await client.response()).status for client in clients} == {200}
    assert gate.numbers == [0, 1, 2]


async def test_a_client_that_was_told_so_may_stay_and_come_again() -> None:
    gate = Gate()
    async with serving(**narrow(gate), max_wait="50ms") as served:
        await fill(served)
        client = await served.client()
        assert (await client.ask(post({"n": 9}))).status == 429
        gate.is_open.set()
        assert (await client.ask(post({"n": 10}))).status == 200
    assert gate.numbers == [0, 1, 2, 10]


async def test_more_open_requests_than_allowed_are_told_to_come_again() -> None:
    gate = Gate()
    async with serving({"gate": gate}, max_open=2) as served:
        first = [asyncio.ensure_future(served.post({"n": n})) for n in range(2)]
        await until(lambda: served.engine.status().processors["in"].out["success"] == 2)
        response = await served.post({"n": 9})
        assert (response.status, response.error) == (429, "2 requests wait for their answers; send it later")
        gate.is_open.set()
        assert {(await each).status for each in first} == {200}
        assert (await served.post({"n": 10})).status == 200


async def test_the_client_idle_longest_makes_room_for_a_new_one() -> None:
    async with serving({"keep": Keep()}, max_clients=2) as served:
        first, second = await served.client(), await served.client()
        for client in (first, second, first):
            assert (await client.ask(post({}))).status == 200
        third = await served.client()
        assert [(await client.ask(post({}))).status for client in (third, first)] == [200, 200]
        assert await second.rest() == b""


async def test_where_all_clients_are_busy_a_new_one_is_turned_away() -> None:
    gate = Gate()
    async with serving({"gate": gate}, max_clients=1) as served:
        client = await served.client()
        await client.send(post({"n": 1}))
        await until(lambda: served.engine.status().processors["in"].out["success"])
        response = await (await served.client()).response()
        assert (response.status, response.error) == (503, "1 clients are served already")
        gate.is_open.set()
        assert (await client.response()).status == 200


@pytest.mark.parametrize("headers", [[], ["Expect: 100-continue"]])
async def test_a_body_that_says_it_is_too_large_is_not_read(headers: list[str]) -> None:
    async with serving({"keep": Keep()}, max_body="1KiB") as served:
        client = await served.client()
        head = "\r\n".join(["POST /in HTTP/1.1", "Host: a", *headers, "Content-Length: 1000000", "", ""]).encode()
        response = await client.ask(head)
        assert (response.status, response.headers["connection"]) == (413, "close")
        assert await client.rest() == b""


async def test_a_body_that_becomes_too_large_is_cut() -> None:
    async with serving({"keep": Keep()}, max_body="1KiB") as served:
        client = await served.client()
        await client.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"200\r\n" + b" " * 512 + b"\r\n")
        response = await client.ask(b"201\r\n" + b" " * 513 + b"\r\n")
        assert (response.status, response.error) == (413, "the body is larger than 1,024 bytes")
        assert await client.rest() == b""


@pytest.mark.parametrize("depth", [1, 2])
async def test_a_gzip_bomb_goes_off_at_the_limit(depth: int) -> None:
    bomb = gzip.compress(b"\0" * (64 << 20))
    async with serving({"keep": Keep()}, max_body="1MiB") as served:
        body = bomb if depth == 1 else gzip.compress(b"{}") * 500 + bomb
        response = await served.post(body, "Content-Encoding: gzip")
        assert (response.status, response.error) == (413, "the body is larger than 1,048,576 bytes")


async def test_endless_small_gzips_in_a_row_are_cut() -> None:
    async with serving({"keep": Keep()}) as served:
        response = await served.post(gzip.compress(b"") * 2000, "Content-Encoding: gzip")
        assert (response.status, response.error) == (400, "the body is more than 1,000 gzip files in a row")


async def test_endless_small_chunks_are_cut() -> None:
    async with serving({"keep": Keep()}) as served:
        response = await served.ask(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\n \r\n" * 2000)
        assert (response.status, response.error[:13]) == (400, "the body has ")


async def test_the_bodies_of_all_clients_have_one_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "BUFFERED", 3000)
    async with serving({"keep": Keep()}) as served:
        slow = [await served.client() for _ in range(2)]
        for client in slow:
            await client.send(HEAD + b"Content-Length: 1500\r\n\r\n" + b" " * 1400)
        response = await served.post(b" " * 1000 + b"{}")
        assert (response.status, response.error) == (429, "too many bodies are on their way; send it later")
        for client in slow:
            await client.send(b" " * 98 + b"{}")
            assert (await client.response()).status == 200
        assert (await served.post(b" " * 1000 + b"{}")).status == 200


async def test_a_head_too_long_is_refused() -> None:
    async with serving({"keep": Keep()}) as served:
        assert (await served.ask(HEAD + b"X: " + b"a" * 20_000)).status == 431
        assert (await served.ask(HEAD + b"X: a\r\n" * 200 + b"\r\n")).status == 431


@pytest.mark.parametrize(
    "beginning",
    [
        b"P",
        b"POST /in HTTP/1.1\r\nHo",
        HEAD + b"Content-Length: 9\r\n\r\n{",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n1",
    ],
)
async def test_a_client_too_slow_with_its_request_is_cut(beginning: bytes) -> None:
    async with serving({"keep": Keep()}, timeout="50ms") as served:
        client = await served.client()
        response = await client.ask(beginning)
        assert (response.status, response.headers["connection"]) == (408, "close")
        assert response.error == "the request did not end within 0.05 seconds"
        assert await client.rest() == b""


async def test_a_byte_now_and_then_buys_no_time() -> None:
    async with serving({"keep": Keep()}, timeout="50ms") as served:
        client = await served.client()
        answered = asyncio.ensure_future(client.response())
        for byte in b"POST /in HTTP/1.1\r\nX: " + b"a" * 10_000:
            if answered.done():
                break
            client.writer.write(bytes([byte]))
            await asyncio.sleep(0.001)
        assert (await answered).status == 408


async def test_an_idle_client_is_hung_up_on() -> None:
    async with serving({"keep": Keep()}, keep_alive="50ms") as served:
        silent, asking = await served.client(), await served.client()
        assert (await asking.ask(post({}))).status == 200
        assert (await silent.rest(), await asking.rest()) == (b"", b"")


async def test_two_hundred_slow_clients_keep_nobody_waiting() -> None:
    keep = Keep()
    async with serving({"keep": keep}) as served:
        slow = [await served.client() for _ in range(200)]
        for n, client in enumerate(slow):
            await client.send(post({"n": n})[: 20 + n % 60])
        quick = await served.client()
        assert [(await quick.ask(post({"n": -1}))).status for _ in range(20)] == [200] * 20
        for n, client in enumerate(slow):
            await client.send(post({"n": n})[20 + n % 60 :])
        assert {(await client.response()).status for client in slow} == {200}
    assert sorted(set(keep.numbers)) == list(range(-1, 200))


class Heard:
    """What a client is told."""

    def __init__(self) -> None:
        self.statuses: list[int] = []

    def answer(self, answer: Answer) -> None:
        self.statuses.append(answer.status)


async def test_a_request_that_comes_while_the_flow_is_being_stopped_is_turned_away() -> None:
    waiting, heard = intake.Intake(max_open=10, max_wait=1.0), Heard()
    taking = asyncio.ensure_future(waiting.take())
    await asyncio.sleep(0)
    taking.cancel()
    waiting.put(Batch.of([{}]), Request(cast("Any", heard), 1, 0, 0.0, is_batch=False))
    waiting.close()
    assert (heard.statuses, waiting.open) == ([503], 0)
    with pytest.raises(asyncio.CancelledError):
        await taking
