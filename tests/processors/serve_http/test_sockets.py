"""One socket: requests one after the other, clients that go away, and attempts to be read in two ways."""

from __future__ import annotations

import asyncio

import pytest

from tests.processors.serve_http.serving import Client, post, serving, until
from tests.router.engine.flows import Gate, Keep

HEAD = b"POST /in HTTP/1.1\r\nHost: test\r\n"
IN_HEAD, IN_CHUNKS = "no request of HTTP/1.1: ", "the body is not in chunks of HTTP/1.1: "  # and why, in llhttp's words
HIDDEN = b'POST /in HTTP/1.1\r\nHost: test\r\nContent-Length: 8\r\n\r\n{"n":66}'


async def test_requests_sent_ahead_are_answered_one_after_the_other() -> None:
    keep = Keep()
    async with serving({"keep": keep}) as served:
        client = await served.client()
        paths = ["/in", "/else"] * 500
        await client.send(b"".join(post({"n": n}, path=path) for n, path in enumerate(paths)))
        statuses = [(await client.response()).status for _ in paths]
    assert statuses == [200, 404] * 500
    assert keep.numbers == list(range(0, 1000, 2))


async def test_refusals_sent_ahead_by_the_thousand_are_answered() -> None:
    async with serving({"keep": Keep()}) as served:
        client = await served.client()
        await client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 5000)
        assert {(await client.response()).status for _ in range(5000)} == {404}


async def test_what_comes_byte_by_byte_is_one_request() -> None:
    keep = Keep()
    async with serving({"keep": keep}) as served:
        client = await served.client()
        for byte in (
            b"\r\n" + HEAD + b'Transfer-Encoding: chunked\r\n\r\n4\r\n{"n"\r\n3\r\n:1}\r\n0\r\n\r\n' + post({"n": 2})
        ):
            client.writer.write(bytes([byte]))
            await asyncio.sleep(0)
        assert [(await client.response()).status for _ in range(2)] == [200, 200]
    assert keep.numbers == [1, 2]


async def test_a_client_that_goes_away_takes_nothing_back() -> None:
    gate = Gate()
    async with serving({"gate": gate}) as served:
        client = await served.client()
        await client.send(post({"n": 1}))
        await until(lambda: served.engine.status().processors["in"].out["success"])
        client.leave()
        gate.is_open.set()
        assert (await served.post({"n": 2})).status == 200
    assert gate.numbers == [1, 2]


async def test_a_client_that_has_said_all_gets_its_answers() -> None:
    keep = Keep()
    async with serving({"keep": keep}) as served:
        client = await served.client()
        await client.send(post({"n": 1}) + post({"n": 2}))
        client.writer.write_eof()
        assert (await client.rest()).count(b"HTTP/1.1 200 OK\r\n") == 2
    assert keep.numbers == [1, 2]


async def test_a_request_that_breaks_off_is_none() -> None:
    keep = Keep()
    async with serving({"keep": keep}) as served:
        client = await served.client()
        await client.send(post({"n": 1})[:-2])
        client.writer.write_eof()
        assert await client.rest() == b""
        assert (await served.post({"n": 2})).status == 200
    assert keep.numbers == [2]


@pytest.mark.parametrize(
    "body", [b'Content-Length: 7\r\n\r\n{"n":1}', b'Transfer-Encoding: chunked\r\n\r\n7\r\n{"n":1}\r\n0\r\n\r\n']
)
async def test_a_client_that_offers_another_protocol_is_answered_in_this_one(body: bytes) -> None:
    keep = Keep()
    async with serving({"keep": keep}) as served:
        client = await served.client()
        offer = HEAD + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
        await client.send(offer + body + post({"n": 2}))
        assert [(await client.response()).status for _ in range(2)] == [200, 200]
    assert keep.numbers == [1, 2]


async def test_a_client_may_ask_before_it_sends_its_body() -> None:
    async with serving({"keep": Keep()}) as served:
        client = await served.client()
        assert (await client.ask(HEAD + b"Expect: 100-Continue\r\nContent-Length: 2\r\n\r\n")).status == 100
        assert (await client.ask(b"{}")).status == 200
        assert (await client.ask(post({}, "Expect: 100-continue", path="/else"))).status == 404
        assert await client.rest() == b""


@pytest.mark.parametrize(
    ("version", "connection", "stays"),
    [
        ("1.1", None, True),
        ("1.1", "close", False),
        ("1.1", "x, Close", False),
        ("1.0", None, False),
        ("1.0", "keep-alive", True),
    ],
)
async def test_a_client_stays_where_it_says_so(version: str, connection: str | None, stays: bool) -> None:
    async with serving({"keep": Keep()}) as served:
        client = await served.client()
        headers = [f"Connection: {connection}"] if connection else []
        first = await client.ask(post({}, *headers, version=version))
        assert first.headers.get("connection") == (
            None if version == "1.1" and stays else "keep-alive" if stays else "close"
        )
        if stays:
            assert (await client.ask(post({}, *headers, version=version))).status == 200
        else:
            assert await client.rest() == b""


async def test_a_whole_url_as_target_is_understood() -> None:
    async with serving({"keep": Keep()}) as served:
        assert (await served.post({}, path="http://test:80/in?x=1")).status == 200
        assert (await served.post({}, path="http://test")).status == 404


async def test_an_answer_to_head_has_no_body() -> None:
    async with serving({"keep": Keep()}) as served:
        client = await served.client()
        await client.send(b"HEAD /in HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        answer = await client.rest()
    assert answer.startswith(b"HTTP/1.1 405 Method Not Allowed\r\n")
    assert answer.endswith(b"\r\n\r\n")


async def test_a_client_that_reads_no_answers_is_hung_up_on() -> None:
    request = b"GET /" + b"a" * 80 + b" HTTP/1.1\r\nHost: a\r\n\r\n"

    async def ask_on(client: Client) -> None:
        while True:
            await client.send(request * 1000)

    async with serving({"keep": Keep()}, timeout="100ms") as served:
        client = await served.client()
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        with pytest.raises(ConnectionError):
            await ask_on(client)


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + HIDDEN, IN_HEAD),
        (HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n" + HIDDEN, IN_HEAD),
        (HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}" + HIDDEN, IN_HEAD),
        (HEAD + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}" + HIDDEN, IN_HEAD),
        (HEAD + b"Content-Length: 2, 2\r\n\r\n{}" + HIDDEN, IN_HEAD),
        (HEAD + b"Content-Length: +2\r\n\r\n{}" + HIDDEN, IN_HEAD),
        (HEAD + b"Content-Length: 0x2\r\n\r\n{}" + HIDDEN, IN_HEAD),
        (HEAD + b"Content-Length: \xb2\r\n\r\n{}" + HIDDEN, IN_HEAD),
        (HEAD + b"Content-Length: " + b"0" * 5000 + b"2\r\n\r\n{}" + HIDDEN, "'content-length' is a number of bytes"),
        (HEAD + b"Content-Length: \r\n\r\n{}" + HIDDEN, IN_HEAD),
        (HEAD + b"Content-Length : 2\r\n\r\n{}" + HIDDEN, IN_HEAD),
        (HEAD + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + HIDDEN, IN_HEAD),
        (HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" + HIDDEN, "'transfer-encoding' is 'chunked'"),
        (HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n" + HIDDEN, IN_HEAD),
        (HEAD + b"Transfer-Encoding: chunked\r\nTransfer_Encoding: x\r\n\r\nx\r\n\r\n" + HIDDEN, IN_CHUNKS),
        (HEAD + b"X: a\r\n Content-Length: 2\r\n\r\n{}" + HIDDEN, IN_HEAD),
        (HEAD + b"X: a\r\n\tb\r\n\r\n" + HIDDEN, IN_HEAD),
        (HEAD + b"X: a\nContent-Length: 2\r\n\r\n{}" + HIDDEN, IN_HEAD),
        (HEAD + b"X: a\rContent-Length: 2\r\n\r\n{}" + HIDDEN, IN_HEAD),
        (HEAD + b"X: a\0\r\n\r\n" + HIDDEN, IN_HEAD),
        (b"POST /in HTTP/1.1\nHost: test\nContent-Length: 2\n\n{}" + HIDDEN, IN_HEAD),
        (b"POST /in HTTP/1.1\nHost: test", IN_HEAD),
        (b"POST  /in HTTP/1.1\r\nHost: test\r\n\r\n" + HIDDEN, "no request line of HTTP/1.1"),
        (b"POST /in  HTTP/1.1\r\nHost: test\r\n\r\n" + HIDDEN, "no request line of HTTP/1.1"),
        (b"POST /in RTSP/1.0\r\nHost: test\r\n\r\n" + HIDDEN, "no request line of HTTP/1.1"),
        (b"POST /in x HTTP/1.1\r\nHost: test\r\n\r\n" + HIDDEN, IN_HEAD),
        (b"POST /in\tHTTP/1.1\r\nHost: test\r\n\r\n" + HIDDEN, IN_HEAD),
        (b"POST in HTTP/1.1\r\nHost: test\r\n\r\n" + HIDDEN, IN_HEAD),
        (b"POST /in\r\n\r\n" + HIDDEN, "no request line of HTTP/1.1"),
        (b"POST /in HTTP/1.1\r\n\r\n" + HIDDEN, "'host' is missing"),
        (b"POST /in HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" + HIDDEN, "'host' is said twice"),
        (b"POST /in HTTP/1.1\r\nHost: a b\r\n\r\n" + HIDDEN, "'host' is no name of a host: 'a b'"),
        (b"POST /in HTTP/1.1\r\nHost: a\r\nno field\r\n\r\n" + HIDDEN, IN_HEAD),
        (b"POST /in HTTP/1.1\r\nHost: a\r\nfield\r\n\r\n" + HIDDEN, IN_HEAD),
        (b"POST /in HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + HIDDEN, "'transfer-encoding' is"),
        (b"\x16\x03\x01\x02\x00\x01\x00", IN_HEAD),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\nG\r\n" + HIDDEN, IN_CHUNKS),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n" + HIDDEN, IN_CHUNKS),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n" + HIDDEN, IN_CHUNKS),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n 2\r\n{}\r\n0\r\n\r\n" + HIDDEN, IN_CHUNKS),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\n{}\r\n0\r\n\r\n" + HIDDEN, IN_CHUNKS),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n2;a\nb\r\n{}\r\n0\r\n\r\n" + HIDDEN, IN_CHUNKS),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n2;\rb\r\n{}\r\n0\r\n\r\n" + HIDDEN, IN_CHUNKS),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}{}\r\n0\r\n\r\n" + HIDDEN, IN_CHUNKS),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\n0\r\n\r\n" + HIDDEN, IN_CHUNKS),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nbad trailer\r\n\r\n" + HIDDEN, IN_CHUNKS),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 9\r\n\r\n" + HIDDEN, IN_CHUNKS),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n2;" + b"a" * 2000, "the body has "),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"1" * 20 + b"\r\n", IN_CHUNKS),
    ],
)  # fmt: skip
async def test_what_could_be_read_in_two_ways_is_400_and_the_end(request_: bytes, error: str) -> None:
    keep = Keep()
    async with serving({"keep": keep}) as served:
        client = await served.client()
        response = await client.ask(request_)
        rest = await client.rest()
    assert (response.status, response.headers["connection"], rest) == (400, "close", b"")
    assert error in response.error
    assert keep.batches == []


@pytest.mark.parametrize(
    ("request_", "version"),
    [
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "2.0"),
        (b"POST /in HTTP/1.2\r\nHost: a\r\n\r\n", "1.2"),
        (b"POST /in HTTP/0.9\r\nHost: a\r\n\r\n", "0.9"),
    ],
)
async def test_another_version_of_http_is_505(request_: bytes, version: str) -> None:
    async with serving({"keep": Keep()}) as served:
        response = await served.ask(request_)
        assert (response.status, response.error) == (505, f"HTTP/{version} is not spoken here; HTTP/1.1 is")
