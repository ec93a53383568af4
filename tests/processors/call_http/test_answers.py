"""What becomes of answers: they replace records, are put into them, or say that a record is at fault."""

from __future__ import annotations

import gzip
import zlib
from typing import Any

import pytest
from aiohttp import web

from router import Batch
from tests.processors.call_http.asking import Asked, asking, service


def echo(asked: Asked, _: Any) -> web.Response:
    return web.Response(body=asked.body)


@pytest.mark.parametrize(
    ("settings", "record"),
    [
        ({}, {"score": 1}),
        ({"into": "answer"}, {"n": 7, "score": 0, "answer": {"score": 1}}),
        ({"response": "merge"}, {"n": 7, "score": 1}),
        ({"response": "ignore"}, {"n": 7, "score": 0}),
        ({"into": "n"}, {"n": {"score": 1}, "score": 0}),
        ({"outputs": {"status": "status", "kind": "headers.x-kind"}}, {"score": 1, "status": 201, "kind": "b"}),
        ({"into": "a", "outputs": {"none": "headers.None"}}, {"n": 7, "score": 0, "a": {"score": 1}, "none": None}),
    ],
)
async def test_an_answer_goes_where_the_flow_says(settings: dict[str, Any], record: dict[str, Any]) -> None:
    answer = web.json_response({"score": 1}, status=201, headers={"X-Kind": "b"})
    async with service(lambda *_: answer) as served, asking(served.url, **settings) as caller:
        assert await caller.feed({"n": 7, "score": 0}) == {"success": [record]}


async def test_what_is_known_of_an_answer_goes_into_columns() -> None:
    outputs = {"meta.code": "status", "meta.took": "seconds"}
    async with service({"a": 1}) as served, asking(served.url, outputs=outputs) as caller:
        batch = (await caller.feed_batch(Batch.of([{}, {}]).with_columns(key=["x", "y"])))["success"]
    assert (batch.columns["code"], batch.columns["key"]) == ([200, 200], ["x", "y"])
    assert all(0 < each < 10 for each in batch.columns["took"])


@pytest.mark.parametrize("body", [b"", b" ", b"null"])
async def test_an_empty_answer_is_null(body: bytes) -> None:
    async with service(body) as served, asking(served.url, into="a") as caller:
        assert await caller.feed({"n": 1}) == {"success": [{"n": 1, "a": None}]}


@pytest.mark.parametrize(
    ("format", "settings", "record", "sent", "found"),
    [
        ("text", {}, {"text": "grüß"}, "grüß".encode(), {"text": "grüß"}),
        ("text", {"into": "a"}, {"text": "x", "n": 1}, b"x", {"text": "x", "n": 1, "a": "x"}),
        ("raw", {}, {"content": b"\x00\xff"}, b"\x00\xff", {"content": b"\x00\xff"}),
        ("raw", {"response": "merge"}, {"content": b"1", "n": 1}, b"1", {"content": b"1", "n": 1}),
    ],
)
async def test_bodies_may_be_text_or_bytes(
    format: str, settings: dict[str, Any], record: dict[str, Any], sent: bytes, found: dict[str, Any]
) -> None:
    async with service(echo) as served, asking(served.url, format=format, **settings) as caller:
        assert await caller.feed(record) == {"success": [found]}
    assert served.bodies == [sent]


async def test_text_is_read_in_the_charset_it_is_said_to_be() -> None:
    answer = web.Response(body=b"gr\xfc\xdf", headers={"Content-Type": 'text/plain; charset="latin-1"'})
    async with service(lambda *_: answer) as served, asking(served.url, format="text") as caller:
        assert await caller.feed({"text": "a"}) == {"success": [{"text": "grüß"}]}


@pytest.mark.parametrize(
    ("body", "settings", "said"),
    [
        (b"<html>" + b"x" * 2000, {}, "answered 200 with what is no JSON: '<html>xxx"),
        (b'{"a": ', {}, "answered 200 with what is no JSON: '{\"a\": '"),
        (b'{"a": "\xff"}', {}, "answered 200 with what is no JSON"),
        (b"[" * 100_000, {"into": "a"}, "answered 200 with what is no JSON"),
        (b"[1]", {}, "answered 200 with an array where an object belongs; use 'into'"),
        (b"", {}, "answered 200 with nothing where an object belongs; use 'into'"),
        (b'"a"', {"response": "merge"}, "answered 200 with a text where an object belongs; use 'into'"),
        (b"\xff", {"format": "text"}, "answered 200 with what is no text in utf-8: '\ufffd'"),
    ],
)
async def test_an_answer_that_is_no_use_is_the_records_failure(
    body: bytes, settings: dict[str, Any], said: str
) -> None:
    async with service(body) as served, asking(served.url, **settings) as caller:
        error = await caller.error({"text": "a"})
    assert said in error
    assert error.startswith(served.url[:-1])
    assert len(error) < 500


# -- size and compression -----------------------------------------------------------------------


async def chunked(body: bytes, request: web.Request, **headers: str) -> web.StreamResponse:
    response = web.StreamResponse(headers=headers)
    response.enable_chunked_encoding()
    await response.prepare(request)
    for start in range(0, len(body), 65536):
        await response.write(body[start : start + 65536])
    await response.write_eof()
    return response


BIG = b'"' + b"a" * 99_998 + b'"'
HUGE = b'"' + b"a" * 50_000_000 + b'"'


@pytest.mark.parametrize("is_chunked", [True, False])
@pytest.mark.parametrize(("limit", "is_good"), [(100_000, True), (99_999, False)])
async def test_an_answer_may_be_as_large_as_the_flow_says(*, is_chunked: bool, limit: int, is_good: bool) -> None:
    def answering(_: Asked, request: web.Request) -> Any:
        return chunked(BIG, request) if is_chunked else BIG

    async with service(answering) as served, asking(served.url, max_response=limit, into="a") as caller:
        if is_good:
            assert await caller.feed({}) == {"success": [{"a": "a" * 99_998}]}
        else:
            assert await caller.error({}) == f"{served.url[:-1]} answered 200 with more than 99,999 bytes"


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "x-gzip"])
async def test_a_compressed_answer_is_taken_and_not_asked_for(encoding: str) -> None:
    body = zlib.compress(BIG) if encoding == "deflate" else gzip.compress(BIG[:9]) + gzip.compress(BIG[9:])

    def answering(asked: Asked, request: web.Request) -> Any:
        assert asked.headers["Accept-Encoding"] == "identity"
        return chunked(body, request, **{"Content-Encoding": encoding})

    async with service(answering) as served, asking(served.url, into="a") as caller:
        assert await caller.feed({}) == {"success": [{"a": "a" * 99_998}]}


@pytest.mark.parametrize(
    ("body", "encoding", "said"),
    [
        (gzip.compress(HUGE, mtime=0), "gzip", "answered 200 with more than 16,777,216 bytes"),
        (gzip.compress(BIG, mtime=0)[:-9], "gzip", "answered with what is not gzip: it breaks off"),
        (BIG, "gzip", "answered with what is not gzip"),
        (BIG, "br", "answered in the encoding 'br', and only gzip and deflate are known"),
    ],
)
async def test_a_compressed_answer_is_trusted_no_further_than_the_limit(body: bytes, encoding: str, said: str) -> None:
    answer = {"Content-Encoding": encoding}
    async with (
        service(lambda _, request: chunked(body, request, **answer)) as served,
        asking(served.url, into="a") as caller,
    ):
        assert said in await caller.error({})


async def test_an_answer_nobody_looks_at_may_be_anything() -> None:
    async with service(BIG) as served, asking(served.url, response="ignore", max_response=10) as caller:
        assert await caller.feed({"n": 1}) == {"success": [{"n": 1}]}


# -- statuses -----------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 201, 202, 203, 206, 299])
async def test_a_status_of_success_is_an_answer(status: int) -> None:
    async with service(web.json_response({}, status=status)) as served, asking(served.url, into="a") as caller:
        assert await caller.feed({}) == {"success": [{"a": {}}]}


async def test_no_content_is_an_answer() -> None:
    async with service(204) as served, asking(served.url, into="a") as caller:
        assert await caller.feed({}) == {"success": [{"a": None}]}


@pytest.mark.parametrize("status", [300, 304, 400, 402, 404, 405, 409, 410, 411, 413, 415, 418, 422, 451])
async def test_a_status_that_is_the_records_fault_leaves_by_failure(status: int) -> None:
    def answering(asked: Asked, _: web.Request) -> web.Response:
        is_bad = b"1" in asked.body
        return web.Response(body=b'{"detail": "no text"}', status=status if is_bad else 200)

    async with service(answering) as served, asking(served.url, response="merge") as caller:
        routes = await caller.feed_batch(Batch.of([{"n": 0}, {"n": 1}, {"n": 2}]))
    (error,) = routes["failure"].columns["error"]
    assert [row["n"] for row in routes["success"].rows] == [0, 2]
    assert (error["data"], error["processor"], routes["failure"].rows) == ({"status": status}, "it", [{"n": 1}])
    assert error["message"].startswith(f"{served.url[:-1]} answered {status}")
    assert status == 304 or error["message"].endswith(': \'{"detail": "no text"}\'')


async def test_a_status_may_be_taken_for_an_answer() -> None:
    def answering(asked: Asked, _: web.Request) -> web.Response:
        return web.json_response({"known": False}, status=404 if b"1" in asked.body else 503)

    async with service(answering) as served, asking(served.url, accept=[404, 503], outputs={"s": "status"}) as caller:
        found = await caller.feed({"n": 1}, {"n": 2})
    assert found == {"success": [{"known": False, "s": 404}, {"known": False, "s": 503}]}


# -- redirects ----------------------------------------------------------------------------------


def moved(status: int, location: str) -> Any:
    def answering(asked: Asked, _: web.Request) -> web.Response:
        if asked.path == "/there?a=1":
            return web.json_response({"method": asked.method, "body": asked.body.decode()})
        return web.Response(status=status, headers={"Location": location})

    return answering


async def test_redirects_are_not_followed_unless_the_flow_says_so() -> None:
    async with service(moved(301, "/there?token=secret")) as served, asking(served.url) as caller:
        error = await caller.error({})
    said = "answered 301 Moved Permanently, that it is to be found at '/there'; see 'redirects'"
    assert error == f"{served.url[:-1]} {said}"


@pytest.mark.parametrize(
    ("status", "method", "found"),
    [
        (301, "POST", ("GET", "")),
        (302, "POST", ("GET", "")),
        (303, "PUT", ("GET", "")),
        (302, "PUT", ("PUT", '{"n":1}')),
        (307, "POST", ("POST", '{"n":1}')),
        (308, "PATCH", ("PATCH", '{"n":1}')),
    ],
)
async def test_a_redirect_changes_the_request_as_the_standard_says(
    status: int, method: str, found: tuple[str, str]
) -> None:
    async with service(moved(status, "/there?a=1")) as served, asking(served.url, redirects=1, method=method) as caller:
        routes = await caller.feed({"n": 1})
    assert routes == {"success": [{"method": found[0], "body": found[1]}]}


async def test_a_redirect_never_leads_to_another_server() -> None:
    async with (
        service({}) as other,
        service(moved(307, other.url)) as served,
        asking(served.url, redirects=5, auth={"type": "bearer", "token": "secret"}) as caller,
    ):
        error = await caller.error({})
    assert error == f"{served.url[:-1]} redirects to another server, {other.url[:-1]}"
    assert other.asked == []


async def test_redirects_that_go_round_end() -> None:
    async with service(moved(307, "/again")) as served, asking(served.url, redirects=3) as caller:
        assert "answered 307" in await caller.error({})
    assert len(served.asked) == 4
