"""What becomes records: bodies of all kinds, and what is known of their request."""

from __future__ import annotations

import gzip
from typing import Any

import pytest

from tests.processors.serve_http.serving import post, serving
from tests.router.engine.flows import Keep

JSON = "Content-Type: application/json"
LINES = "Content-Type: application/x-ndjson"
GZIP = "Content-Encoding: gzip"


def rows(keep: Keep) -> list[dict[str, Any]]:
    return [row for batch in keep.batches for row in batch.rows]


async def test_an_object_is_one_record_and_its_bytes_stay_as_they_are() -> None:
    keep = Keep()
    async with serving({"keep": keep}) as served:
        response = await served.post(b'{"n": 1.10}', JSON)
    assert (response.status, response.body) == (200, b"")
    assert keep.batches[0].content == [b'{"n": 1.10}']


async def test_an_array_is_a_batch_with_an_index() -> None:
    keep = Keep()
    async with serving({"keep": keep}) as served:
        response = await served.post([{"n": 1}, {"n": 2}])
    assert response.status == 200
    assert (rows(keep), keep.batches[0].columns["index"]) == ([{"n": 1}, {"n": 2}], [0, 1])


@pytest.mark.parametrize("kind", [{}, {"format": "json_lines"}])
async def test_lines_are_a_batch(kind: dict[str, Any]) -> None:
    keep = Keep()
    async with serving({"keep": keep}, **kind) as served:
        response = await served.post(b'{"n":1}\r\n\n{"n":2}', LINES)
    assert response.status == 200
    assert (rows(keep), keep.batches[0].columns["index"]) == ([{"n": 1}, {"n": 2}], [0, 1])


async def test_an_object_over_several_lines_is_one_record() -> None:
    keep = Keep()
    async with serving({"keep": keep}) as served:
        assert (await served.post(b' {\n"n": 1\n}\n', JSON)).status == 200
    assert rows(keep) == [{"n": 1}]


async def test_other_formats_give_what_they_read() -> None:
    keep = Keep()
    async with serving({"keep": keep}, format={"type": "csv"}) as served:
        assert (await served.post(b"n,text\n1,good\n2,bad\n", "Content-Type: text/csv")).status == 200
    assert rows(keep) == [{"n": "1", "text": "good"}, {"n": "2", "text": "bad"}]


async def test_raw_bytes_are_one_record() -> None:
    keep = Keep()
    async with serving({"keep": keep}, format="raw") as served:
        assert (await served.post(b"[\xff\x00", "Content-Type: image/png")).status == 200
    assert rows(keep) == [{"content": b"[\xff\x00"}]
    assert "index" not in keep.batches[0].columns


async def test_an_array_without_elements_is_answered_at_once() -> None:
    keep = Keep()
    async with serving({"keep": keep}) as served:
        response = await served.post([])
    assert (response.status, response.json, keep.batches) == (200, [], [])


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_what_is_known_of_a_request_is_beside_its_records(method: str) -> None:
    keep = Keep()
    async with serving({"keep": keep}, path=["/other", "/café"], headers=["X-Request-Id", "X-None"]) as served:
        request = post({"n": 1}, JSON, "x-REQUEST-id:  7 ", path="/caf%C3%A9?x=1&y", method=method)
        assert (await served.ask(request)).status == 200
    (batch,) = keep.batches
    assert batch.attributes == {
        "method": method, "path": "/café", "query": "x=1&y", "client": "127.0.0.1", "content_type": "application/json"
    }  # fmt: skip
    assert batch.columns == {"headers": [{"x-request-id": "7"}]}


async def test_expressions_read_it() -> None:
    keep = Keep()
    steps = {
        "mark": {"type": "set_fields", "set": {"id": 'meta.headers["x-id"]', "at": "meta.path"}, "to": "keep"},
        "keep": keep,
    }
    async with serving(steps, headers=["X-Id"]) as served:
        await served.post({}, "X-Id: a")
    assert rows(keep) == [{"id": "a", "at": "/in"}]


@pytest.mark.parametrize("parts", [1, 2])
async def test_a_gzip_body_is_inflated(parts: int) -> None:
    keep = Keep()
    async with serving({"keep": keep}, format="json_lines") as served:
        body = b"".join(gzip.compress(b'{"n":%d}\n' % n) for n in range(parts))
        assert (await served.post(body, GZIP)).status == 200
    assert rows(keep) == [{"n": n} for n in range(parts)]


async def test_a_chunked_body_is_put_together() -> None:
    keep = Keep()
    async with serving({"keep": keep}) as served:
        head = b"POST /in HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: Chunked\r\n\r\n"
        chunks = b'5;x="y"\r\n{"n":\r\n002\r\n1}\r\n0\r\nX-Sum: 1\r\n\r\n'
        response = await served.ask(head + chunks)
    assert (response.status, rows(keep)) == (200, [{"n": 1}])


@pytest.mark.parametrize(
    ("body", "headers", "error"),
    [
        (b"{broken", (JSON,), "the body cannot be read: not json: "),
        (b"", (JSON,), "the body is empty; it would be a JSON object, or an array of them"),
        (b" \n", (), "the body is empty"),
        (b"3", (), "the body cannot be read: a record is an object; got a number"),
        (b'[{"n":1},2]', (), "the body cannot be read: record 1: a record is an object; got a number"),
        (b'[{"n":1}', (), "the body cannot be read: not json: "),
        (b'{"n":"\xff"}', (), "the body cannot be read: not json: "),
        (b"[" * 100_000, (), "the body cannot be read: not json: "),
        (b'{"n":1}\n{"n":', (LINES,), "the body cannot be read: record 1: not json: "),
        (b"no gzip at all", (GZIP,), "the body is no gzip: "),
        (gzip.compress(b"{}", mtime=0)[:-4], (GZIP,), "the body is no gzip: it breaks off"),
        (gzip.compress(b"{}", mtime=0) + b"more", (GZIP,), "the body is no gzip: "),
    ],
)
async def test_a_body_that_cannot_be_read_is_400_and_nothing_of_it_is_taken(
    body: bytes, headers: tuple[str, ...], error: str
) -> None:
    keep = Keep()
    async with serving({"keep": keep}) as served:
        response = await served.post(body, *headers)
    assert (response.status, response.headers["content-type"]) == (400, "application/json")
    assert response.error.startswith(error)
    assert keep.batches == []


@pytest.mark.parametrize(
    ("request_", "status", "error"),
    [
        (post({}, path="/else"), 404, "nothing is served at '/else'"),
        (post({}, path="/in/"), 404, "nothing is served at '/in/'"),
        (b"GET /in HTTP/1.1\r\nHost: a\r\n\r\n", 405, "records come by POST or PUT; got 'GET'"),
        (post({}, method="DELETE"), 405, "records come by POST or PUT; got 'DELETE'"),
        (b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 404, "nothing is served at '*'"),
        (b"POST /in HTTP/1.1\r\nHost: a\r\n\r\n", 411, "'content-length' is missing, and the body is not chunked"),
        (post(b"a=1", "Content-Type: application/x-www-form-urlencoded"), 415, "a body is JSON here, "),
        (post(b"{}", "Content-Encoding: br"), 415, "a body is sent as it is, or as gzip; got 'br'"),
        (post(b"{}", "Expect: 200-ok"), 417, "'expect' can only be '100-continue'; got '200-ok'"),
    ],
)
async def test_what_is_not_meant_for_the_flow_is_refused(request_: bytes, status: int, error: str) -> None:
    async with serving({"keep": Keep()}) as served:
        response = await served.ask(request_)
    assert (response.status, response.error.startswith(error)) == (status, True)
    assert (response.headers.get("allow") == "POST, PUT") is (status == 405)


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "application/vnd.post+json", "TEXT/JSON", ""])
async def test_all_that_is_json_may_come(kind: str) -> None:
    keep = Keep()
    async with serving({"keep": keep}) as served:
        assert (await served.post({"n": 1}, f"Content-Type: {kind}")).status == 200


async def test_a_refused_request_leaves_the_client_where_it_was() -> None:
    keep = Keep()
    async with serving({"keep": keep}) as served:
        client = await served.client()
        statuses = [(await client.ask(post({"n": 1}, path=path))).status for path in ("/else", "/in", "/else", "/in")]
    assert (statuses, len(rows(keep))) == ([404, 200, 404, 200], 2)


async def test_requests_that_come_together_travel_as_one_batch() -> None:
    keep = Keep()
    async with serving({"keep": keep}) as served:
        clients = [await served.client() for _ in range(8)]
        for n, client in enumerate(clients):
            client.writer.write(post({"n": n}))
        assert {(await client.response()).status for client in clients} == {200}
        assert served.engine.status().processors["in"].out == {"success": 8}
    assert len(keep.batches) < 8
    assert sorted(row["n"] for row in rows(keep)) == list(range(8))


async def test_large_bodies_arrive_whole() -> None:
    keep = Keep()
    posts = [{"n": n, "text": "x" * 100} for n in range(20_000)]
    async with serving({"keep": keep}) as served:
        assert (await served.post(posts)).status == 200
    assert rows(keep) == posts
