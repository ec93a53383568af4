"""Faults of the world: records wait, are tried again, and a service that is down is left alone."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.utils import formatdate
from typing import Any

import pytest
from aiohttp import web

from router import Outcome
from tests.processors.call_http.asking import Asked, asking, service, until


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


@asynccontextmanager
async def speaking(*words: bytes | None) -> AsyncIterator[str]:
    """A server that says the same to every request, whatever it is, and hangs up; None: it waits for ever."""
    writers = []

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        await reader.readuntil(b"\r\n\r\n")
        for word in words:
            if word is None:
                return
            writer.write(word)
        writer.close()

    server = await asyncio.start_server(speak, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    finally:
        server.close()
        for writer in writers:
            writer.close()
        await server.wait_closed()


@pytest.mark.parametrize("status", [401, 403, 407, 408, 425, 429, 500, 501, 502, 503, 504, 599])
async def test_a_status_that_is_the_worlds_fault_is_tried_again(status: int) -> None:
    def answering(*_: Any) -> Any:
        return {"n": 1} if len(served.asked) > 2 else status

    async with service(answering) as served, asking(served.url) as caller:
        await caller.begin({"n": 1})
        await caller.retrying(f"answered {status}")
        await caller.advance(2)
        await until(lambda: len(served.asked) == 2)
        await caller.retrying()
        routes = await caller.finish(await caller.advance(3))
    assert (routes, caller.outcomes) == ({"success": [{"n": 1}]}, [Outcome.DELIVERED])


async def test_only_the_records_that_met_it_go_back_and_the_rest_leaves() -> None:
    tried: list[bytes] = []

    def answering(asked: Asked, _: web.Request) -> Any:
        tried.append(asked.body)
        if b"2" in asked.body and tried.count(asked.body) == 1:
            return 503
        return 400 if b"3" in asked.body else web.Response(body=asked.body)

    async with service(answering) as served, asking(served.url) as caller:
        first = await caller.begin(*({"n": n} for n in range(1, 5)))
        await caller.retrying()
        first |= await caller.advance(0)
        assert first == {"success": [{"n": 1}, {"n": 4}], "failure": [{"n": 3}]}
        assert await caller.finish(await caller.advance(2)) == {"success": [{"n": 2}]}
    assert sorted(tried) == [b'{"n":1}', b'{"n":2}', b'{"n":2}', b'{"n":3}', b'{"n":4}']


DATE = formatdate(1_700_000_000, usegmt=True)


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": " 7 "}, 7),
        ({"Retry-After": formatdate(1_700_000_042, usegmt=True), "Date": DATE}, 42),
        ({"Retry-After": "99999999999999"}, 3600),
        ({"Retry-After": "0"}, 1),
        ({"Retry-After": formatdate(1_600_000_000, usegmt=True), "Date": DATE}, 1),
        ({"Retry-After": "soon"}, 1),
        ({"Retry-After": "-5"}, 1),
        ({"Retry-After": "7.5"}, 1),
        ({}, 1),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
async def test_the_service_says_when_it_is_to_be_asked_again(status: int, headers: dict[str, str], wait: int) -> None:
    def answering(*_: Any) -> Any:
        return {} if len(served.asked) > 1 else web.Response(status=status, headers=headers)

    async with service(answering) as served, asking(served.url) as caller:
        await caller.begin({})
        await caller.retrying()
        await caller.advance(wait - 0.1)
        assert len(served.asked) == 1
        assert await caller.finish(await caller.advance(wait * 0.25 + 0.2)) == {"success": [{}]}


async def test_an_answer_that_does_not_come_in_time_is_the_worlds_fault() -> None:
    words = [b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{", None]
    async with speaking(*words) as url, asking(url, timeout="50ms") as caller:
        await caller.begin({})
        await caller.retrying("did not answer within 0.05 s")


async def test_one_that_takes_too_long_holds_up_no_other() -> None:
    async def answering(asked: Asked, _: Any) -> Any:
        if b"1" in asked.body and len(served.asked) == 1:
            await served.over.wait()
        return web.Response(body=asked.body)

    settings = {"timeout": "50ms", "in_flight": 1, "run": {"batch": {"records": 2}}}
    async with service(answering) as served, asking(served.url, **settings) as caller:
        first = await caller.begin({"n": 1}, {"n": 2})
        await caller.retrying("did not answer within 0.05 s")
        await until(lambda: len(served.asked) == 2)
        routes = await caller.finish(await caller.advance(2))
    assert (first, routes) == ({}, {"success": [{"n": 2}, {"n": 1}]})


async def test_a_call_that_hangs_is_cut_at_its_timeout() -> None:
    async with speaking(None) as url, asking(url, run={"timeout": "5s"}, timeout="1h") as caller:
        await caller.begin({}, {})
        assert caller.state == "running"
        await caller.advance(5)
        await caller.retrying("the call took longer than 5 s")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "closed the connection before its answer was whole"),
        ([b"HTTP/1.1 200 OK\r\nContent-Le"], "closed the connection before its answer was whole"),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}"], "closed the connection before its answer was whole"),
        ([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n"], "closed the connection"),
        ([b"SSH-2.0-OpenSSH_9.6\r\n"], "answered with what is no HTTP"),
        ([b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n"], "answered with what is no HTTP"),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n{}"], "answered with what is no HTTP"),
    ],
)
async def test_an_answer_that_is_not_whole_is_the_worlds_fault(words: list[bytes], said: str) -> None:
    async with speaking(*words) as url, asking(url) as caller:
        await caller.begin({})
        await caller.retrying(f"{url[:-1]} {said}")


async def test_a_name_nobody_knows_is_the_worlds_fault() -> None:
    async with asking("http://nobody.invalid:1/") as caller:
        await caller.begin({})
        await caller.retrying("http://nobody.invalid:1 has a name that cannot be resolved")


async def test_who_refused_and_came_back_is_asked_again() -> None:
    port = free_port()
    async with asking(f"http://127.0.0.1:{port}/") as caller:
        await caller.begin({"n": 1}, {"n": 2})
        await caller.retrying(f"http://127.0.0.1:{port} cannot be reached: connection refused")
        async with service({"a": 1}, port=port):
            assert await caller.finish(await caller.advance(2)) == {"success": [{"a": 1}, {"a": 1}]}


async def test_retries_that_are_used_up_leave_by_unavailable() -> None:
    async with service(503) as served, asking(served.url, run={"retry": {"attempts": 2}}) as caller:
        await caller.begin({"n": 1})
        await caller.retrying()
        routes = await caller.finish(await caller.advance(2))
    assert (len(served.asked), routes) == (2, {"failure": [{"n": 1}]})


async def test_a_stop_gives_back_what_waits() -> None:
    async with service(503) as served, asking(served.url) as caller:
        await caller.begin({"n": 1})
        await caller.retrying()
    assert caller.outcomes == [Outcome.REJECTED]


# -- the circuit --------------------------------------------------------------------------------


async def test_a_service_that_is_down_is_left_alone_and_tried_with_one_request() -> None:
    is_down = True

    def answering(*_: Any) -> Any:
        return 503 if is_down else {}

    settings = {"circuit": {"failures": 3, "rest": "10s"}, "in_flight": 2, "into": "a"}
    async with service(answering) as served, asking(served.url, **settings) as caller:
        await caller.begin(*({"n": n} for n in range(40)))
        await caller.retrying()
        await until(lambda: served.at_once == 0)
        asked = len(served.asked)
        assert 3 <= asked <= 4
        await caller.advance(9.9)
        assert len(served.asked) == asked
        await caller.advance(0.2)
        await until(lambda: len(served.asked) == asked + 1)
        await caller.retrying()
        await caller.advance(19.8)
        assert len(served.asked) == asked + 1
        is_down = False
        routes = await caller.finish(await caller.advance(0.3))
    assert sorted(each["n"] for each in routes["success"]) == list(range(40))
    told = [each for each in caller.bulletins if "tries again" not in each]
    assert told == ["rests, for the service does not answer", "is answered again; it goes on"]


async def test_the_rest_is_as_long_as_the_service_asks_for() -> None:
    def answering(*_: Any) -> Any:
        return {} if len(served.asked) > 1 else web.Response(status=429, headers={"Retry-After": "60"})

    async with service(answering) as served, asking(served.url, circuit={"failures": 1}) as caller:
        await caller.begin({"n": 1})
        await caller.retrying()
        second = await caller.begin({"n": 2})
        await caller.advance(59)
        assert (len(served.asked), second) == (1, {})
        assert await caller.finish(await caller.advance(2)) == {"success": [{}, {}]}


async def test_answers_between_outages_keep_the_circuit_closed() -> None:
    def answering(asked: Asked, _: web.Request) -> Any:
        return (503, 400, {})[int(asked.body) % 3]

    settings = {"circuit": {"failures": 2}, "in_flight": 1, "format": "text", "run": {"retry": {"attempts": 1}}}
    async with service(answering) as served, asking(served.url, into="a", **settings) as caller:
        await caller.feed(*({"text": str(n)} for n in range(12)))
    assert len(served.asked) == 12
    assert not [each for each in caller.bulletins if "rests" in each]


async def test_without_a_circuit_every_record_is_tried() -> None:
    async with service(503) as served, asking(served.url, circuit=None, run={"retry": {"attempts": 1}}) as caller:
        await caller.feed(*({"n": n} for n in range(50)))
    assert len(served.asked) == 50


async def test_a_request_that_tries_and_is_cut_lets_another_try() -> None:
    settings = {"circuit": {"failures": 1, "rest": "1s"}, "run": {"timeout": "5s"}, "timeout": "1h", "in_flight": 2}
    is_hanging = asyncio.Event()

    async def answering(*_: Any) -> Any:
        if len(served.asked) == 1:
            return 503
        if len(served.asked) == 2:
            is_hanging.set()
            await served.over.wait()
        return {}

    async with service(answering) as served, asking(served.url, **settings) as caller:
        await caller.begin({"n": 1})
        await caller.retrying()
        await caller.advance(1.3)
        await is_hanging.wait()
        await caller.advance(5)
        await caller.retrying("the call took longer than 5 s")
        assert await caller.finish(await caller.advance(10)) == {"success": [{}]}
