"""What is sent: bodies, URLs, headers, keys, and never a secret where others see it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aiohttp import web

from router import Batch
from tests.processors.call_http.asking import Asked, asking, service


def seen(asked: Asked, _: Any) -> dict[str, Any]:
    return {"method": asked.method, "path": asked.path, "body": asked.body.decode()}


@pytest.mark.parametrize(
    ("settings", "method", "body"),
    [
        ({}, "POST", b'{"n": 1.10}'),
        ({"method": "PUT"}, "PUT", b'{"n": 1.10}'),
        ({"method": "PATCH"}, "PATCH", b'{"n": 1.10}'),
        ({"method": "GET"}, "GET", b""),
        ({"method": "DELETE"}, "DELETE", b""),
        ({"method": "HEAD", "response": "ignore"}, "HEAD", b""),
        ({"method": "GET", "body": "record"}, "GET", b'{"n": 1.10}'),
        ({"body": "none"}, "POST", b""),
        ({"body": "array", "response": "ignore"}, "POST", b'[{"n": 1.10}]'),
        ({"body": "lines", "response": "ignore"}, "POST", b'{"n": 1.10}\n'),
        ({"inputs": {"a": "n * 2", "b": "default(x, 'y')"}}, "POST", b'{"a":2.2,"b":"y"}'),
    ],
)
async def test_a_request_holds_what_the_flow_says(settings: dict[str, Any], method: str, body: bytes) -> None:
    async with service({}) as served, asking(served.url, **settings) as caller:
        assert list(await caller.feed(b'{"n": 1.10}')) == ["success"]
    (asked,) = served.asked
    assert (asked.method, asked.body) == (method, body)
    kind = "application/x-ndjson" if settings.get("body") == "lines" else "application/json" if body else None
    assert asked.headers.get("Content-Type") == kind


async def test_a_large_body_arrives_whole() -> None:
    text = "x" * 3_000_000
    async with service({}) as served, asking(served.url) as caller:
        assert await caller.feed({"text": text}) == {"success": [{}]}
    assert json.loads(served.bodies[0]) == {"text": text}
    assert served.asked[0].headers["Content-Length"] == str(len(served.bodies[0]))


async def test_each_record_has_its_url_and_headers() -> None:
    headers = {"X-User": "{{ user }}", "X-Fixed": "a", "accept-encoding": "gzip"}
    async with (
        service(seen) as served,
        asking(f"{served.url}u/{{{{ user }}}}?q={{{{ n }}}}", headers=headers) as caller,
    ):
        routes = await caller.feed({"user": "a/b", "n": 1}, {"user": "é", "n": None}, {"user": "ü", "n": 2})
    assert [each["path"] for each in routes["success"]] == ["/u/a%2Fb?q=1", "/u/%C3%BC?q=2"]
    assert routes["failure"] == [{"user": "é", "n": None}]
    assert [each.headers["X-User"] for each in sorted(served.asked, key=lambda each: each.path)] == ["ü", "a/b"]
    assert {each.headers["X-Fixed"] + each.headers["Accept-Encoding"] for each in served.asked} == {"agzip"}


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ({}, "the header 'X-User' lacks a part"),
        ({"user": "a\r\nX-Admin: 1"}, "the header 'X-User' would have a line end or another control character in it"),
        ({"user": "a\x00"}, "the header 'X-User' would have a line end or another control character in it"),
        ({"user": "a", "id": ".."}, "the URL lacks a part, or a value in it would lead elsewhere"),
        ({"user": "a", "id": ""}, "the URL lacks a part, or a value in it would lead elsewhere"),
        ({"user": "a", "x": float("nan")}, "field 'x' is nan, which JSON cannot say"),
        ({"user": "a", "x": {1, 2}.__iter__()}, "cannot be written as json"),
    ],
)
async def test_a_record_of_which_no_request_can_be_made_fails_alone(record: dict[str, Any], said: str) -> None:
    async with service({}) as served:
        url = f"{served.url}{{{{ default(id, 'i') }}}}"
        async with asking(url, headers={"X-User": "{{ user }}"}) as caller:
            routes = await caller.feed_batch(Batch.of([{"user": "a"}, record, {"user": "b"}]))
    assert said in routes["failure"].columns["error"][0]["message"]
    assert (len(routes["success"]), len(served.asked)) == (2, 2)


async def test_a_line_that_is_no_record_is_never_sent() -> None:
    async with service({}) as served, asking(served.url) as caller:
        routes = await caller.feed(b'{"n": 1}', b"{broken", b"[1]")
    assert (list(map(len, routes.values())), served.bodies) == ([1, 2], [b'{"n": 1}'])


async def test_inputs_that_json_cannot_say_fail_alone() -> None:
    async with service({}) as served, asking(served.url, inputs={"a": "v"}) as caller:
        routes = await caller.feed({"v": 1}, {"v": float("inf")}, {"v": 2})
    assert routes == {"success": [{}, {}], "failure": [{"v": float("inf")}]}
    assert sorted(served.bodies) == [b'{"a":1}', b'{"a":2}']


async def test_an_empty_batch_asks_nobody() -> None:
    async with service({}) as served, asking(served.url) as caller:
        processor: Any = caller.runner.processor
        assert await processor.process(Batch.of([]), caller.runner._engine.context("it")) == {}  # type: ignore[union-attr]
    assert served.asked == []


# -- one request for many -----------------------------------------------------------------------


async def scored(asked: Asked, _: web.Request) -> web.Response:
    rows = [json.loads(line) for line in asked.body.splitlines()] if asked.body[:1] == b"{" else json.loads(asked.body)
    found = [{"n": row["n"], "double": row["n"] * 2} for row in rows]
    if asked.body[:1] == b"{":
        return web.Response(body="\n\n".join(map(json.dumps, found)).encode())
    return web.json_response(found)


@pytest.mark.parametrize("body", ["array", "lines"])
async def test_one_request_asks_about_all_records_of_a_call(body: str) -> None:
    async with service(scored) as served, asking(served.url, body=body, into="a", in_flight=1) as caller:
        routes = await caller.feed(*({"n": n} for n in range(100)))
    assert routes == {"success": [{"n": n, "a": {"n": n, "double": n * 2}} for n in range(100)]}
    assert len(served.asked) == 1


async def test_records_with_another_url_or_header_are_asked_about_apart_and_keep_their_order() -> None:
    settings = {"body": "array", "headers": {"X-Lang": "{{ lang }}"}, "outputs": {"code": "status"}}
    records = [{"n": n, "user": n % 3, "lang": "en" if n % 2 else "de"} for n in range(30)]
    async with service(scored) as served, asking(f"{served.url}{{{{ user }}}}", **settings) as caller:
        routes = await caller.feed(*records)
    assert routes == {"success": [{"n": n, "double": n * 2, "code": 200} for n in range(30)]}
    assert sorted((each.path, each.headers["X-Lang"]) for each in served.asked) == sorted(
        (f"/{user}", lang) for user in range(3) for lang in ("de", "en")
    )


@pytest.mark.parametrize(
    ("body", "answer", "said"),
    [
        ("array", b"[1, 2]", "answered 200 with 2 values for 3 records: '[1, 2]'"),
        ("array", b"[1, 2, 3, 4]", "answered 200 with 4 values for 3 records"),
        ("array", b'{"a": 1}', "answered 200 with an object where an array belongs: '{\"a\": 1}'"),
        ("array", b"", "answered 200 with nothing where an array belongs: ''"),
        ("lines", b"1\n2", "answered 200 with 2 values for 3 records: '1\\n2'"),
        ("lines", b"1\n2\n{", "answered 200 with what is no JSON: '1\\n2\\n{'"),
    ],
)
async def test_an_answer_that_does_not_fit_the_records_is_the_failure_of_all(
    body: str, answer: bytes, said: str
) -> None:
    async with service(answer) as served, asking(served.url, body=body, into="a") as caller:
        routes = await caller.feed_batch(Batch.of([{"n": n} for n in range(3)]))
    assert {each["message"] for each in routes["failure"].columns["error"]} == {f"{served.url[:-1]} {said}"} or all(
        said in each["message"] for each in routes["failure"].columns["error"]
    )
    assert len(routes["failure"]) == 3


async def test_a_refusal_of_many_is_the_failure_of_all() -> None:
    async with service(422) as served, asking(served.url, body="array") as caller:
        assert await caller.feed({"n": 1}, {"n": 2}) == {"failure": [{"n": 1}, {"n": 2}]}


# -- keys ---------------------------------------------------------------------------------------


def key_of(asked: Asked) -> str:
    return asked.headers["Idempotency-Key"]


async def test_a_random_key_stays_with_its_record_while_it_is_tried_again() -> None:
    async def answering(asked: Asked, _: Any) -> Any:
        return {"key": key_of(asked)} if len(served.asked) > 3 else 503

    async with service(answering) as served, asking(served.url, idempotency_key=True, response="merge") as caller:
        await caller.begin({"n": 1}, {"n": 2}, {"n": 3})
        await caller.retrying()
        routes = await caller.finish(await caller.advance(2))
    first, second = ({each.body: key_of(each) for each in part} for part in (served.asked[:3], served.asked[3:]))
    assert first == second
    assert len(set(first.values())) == 3
    assert [row["n"] for row in routes["success"]] == [1, 2, 3]


async def test_a_random_key_stays_here_and_another_attempt_later_has_its_own() -> None:
    async with service({}) as served, asking(served.url, idempotency_key=True) as caller:
        batch = (await caller.feed_batch(Batch.of([{}])))["success"]
        await caller.feed({})
    assert batch.columns == {}
    assert len({key_of(each) for each in served.asked}) == 2


async def test_a_key_may_come_from_the_record() -> None:
    async with service({}) as served, asking(served.url, idempotency_key="order", response="ignore") as caller:
        routes = await caller.feed_batch(Batch.of([{"order": 7}, {"order": None}, {"order": ""}, {"order": "a\nb"}]))
    assert list(map(key_of, served.asked)) == ["7"]
    said = [each["message"] for each in routes["failure"].columns["error"]]
    assert said == [
        "the idempotency key is missing",
        "the idempotency key is missing",
        "the idempotency key has a line end or another control character in it",
    ]


async def test_a_request_for_many_has_a_key_of_all() -> None:
    settings = {"idempotency_key": "n", "body": "array", "response": "ignore"}
    async with service({}) as served, asking(served.url, **settings) as caller:
        for numbers in ([1, 2], [1, 2], [2, 1], [12]):
            await caller.feed(*({"n": n} for n in numbers))
    first, again, turned, other = map(key_of, served.asked)
    assert first == again
    assert len({first, turned, other}) == 3


# -- who asks -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("auth", "header"),
    [
        ({"type": "bearer", "token": "secret"}, "Bearer secret"),
        ({"type": "basic", "user": "ada", "password": "sec:ret é"}, "Basic YWRhOnNlYzpyZXQgw6k="),
    ],
)
async def test_who_asks_is_proven_and_shown_to_nobody(auth: dict[str, str], header: str) -> None:
    async with service(403) as served, asking(served.url, auth=auth) as caller:
        await caller.begin({})
        await caller.retrying()
        shown = repr((caller.runner.processor.config, caller.runner.bulletins, caller.reason))
    assert served.asked[0].headers["Authorization"] == header
    assert "secret" not in shown
    assert "sec:ret" not in shown


@pytest.mark.parametrize("answer", [400, 503, b"no json"])
async def test_errors_never_show_a_url(answer: Any) -> None:
    async with service(answer) as served, asking(f"{served.url}hooks/SECRET?key=SECRET") as caller:
        await caller.begin({})
        await caller.retrying() if answer == 503 else await caller.finish()
        shown = repr((caller.runner.bulletins, caller.reason, caller.runner.acks))
    assert len(served.asked) == 1
    assert "SECRET" not in shown


async def test_nothing_of_one_answer_reaches_another_request() -> None:
    answer = {"Set-Cookie": "session=1; Path=/"}
    async with (
        service(lambda *_: web.json_response({}, headers=answer)) as served,
        asking(served.url) as caller,
    ):
        await caller.feed({})
        await caller.feed({})
    assert [each.headers.get("Cookie") for each in served.asked] == [None, None]
    assert {each.headers["User-Agent"] for each in served.asked} == {"stream-router"}
