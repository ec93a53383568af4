"""Settings that cannot be, each with its place; those that contradict each other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from router import FlowError, ProcessorError, Unconnected, load_flow
from router.testing import TestRunner

URL = "url: https://x/"


def problems(tmp_path: Path, settings: str) -> list[str]:
    lines = "\n".join(f"    {line}" for line in settings.splitlines())
    text = f"flow: f\nprocessors:\n  make: {{type: generate, to: ask}}\n  ask:\n    type: call_http\n    to: drop\n{lines}\n"
    path = tmp_path / "f.yaml"
    path.write_text(text)
    try:
        load_flow(path, environment={})
    except FlowError as error:
        return [str(each).removeprefix(f"{path}:") for each in error.problems]
    return []


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        ("", ["4:3: processor 'ask': the setting 'url' is missing"]),
        ("url: x.com/a", ["7:10: processor 'ask': 'url': a URL begins with its server, such as https://api.example"]),
        ("url: 'https://{{ host }}/'", ["7:11: processor 'ask': 'url': a URL begins with its server"]),
        (
            "url: https://u:p@x/",
            ["7:10: processor 'ask': 'url': a URL holds no user and password; give them as 'auth'"],
        ),
        (f"{URL}\nmethod: get", ["8:5: processor 'ask': 'method' must be 'GET', 'HEAD', 'POST', 'PUT', 'PATCH' or"]),
        (f"{URL}\nheaders: {{a b: c}}", ["8:15: processor 'ask': 'headers.a b': a header's name is letters, digits"]),
        (f"{URL}\nheaders: {{Host: c}}", ["'headers.Host': the header 'Host' follows from the request itself"]),
        (f'{URL}\nheaders: {{A: "b\\nc"}}', ["'headers.A': a header has no line end and no other control character"]),
        (f"{URL}\nheaders: {{A: '{{{{ x +'}}", ["8:19: processor 'ask': 'headers.A': "]),
        (f"{URL}\nheaders: {{A: b, a: c}}", ["'headers' name one twice; capitals make no difference"]),
        (f"{URL}\nbody: all", ["8:5: processor 'ask': 'body' must be 'record', 'array', 'lines' or 'none', got 'all'"]),
        (f"{URL}\ninputs: {{}}", ["'inputs' must have at least 1 entry, got"]),
        (f"{URL}\ninputs: {{a: 'b +'}}", ["8:20: processor 'ask': 'inputs.a': "]),
        (f"{URL}\nformat: xml", ["'format' must be 'json', 'text' or 'raw', got 'xml'"]),
        (f"{URL}\nresponse: put", ["'response' must be 'replace', 'merge' or 'ignore', got 'put'"]),
        (f"{URL}\ninto: ''", ["'into' must have at least 1 character, got ''"]),
        (
            f"{URL}\noutputs: {{a: stats}}",
            ["'outputs.a': of an answer there are 'status', 'seconds' and 'headers.NAME'"],
        ),
        (f"{URL}\noutputs: {{a.b: status}}", ["'outputs.a.b': a field's name, or 'meta.' and a column's; got 'a.b'"]),
        (f"{URL}\noutputs: {{meta.error: status}}", ["'outputs.meta.error': the column 'meta.error' belongs to the"]),
        (f"{URL}\naccept: [200]", ["'accept[0]' must be at least 300, got 200"]),
        (f"{URL}\ntimeout: 0s", ["'timeout' must be above 0 seconds, got '0s'"]),
        (f"{URL}\nin_flight: 0", ["'in_flight' must be at least 1, got 0"]),
        (f"{URL}\nmax_response: many", ["'max_response': a size is a number of bytes"]),
        (f"{URL}\nredirects: 21", ["'redirects' must be at most 20, got 21"]),
        (f"{URL}\nidempotency_key: 'a b'", ["8:25: processor 'ask': 'idempotency_key': "]),
        (
            f"{URL}\nauth: bearr",
            ["'auth': no way to prove who one is 'bearr' (did you mean 'bearer'?); known are basic,"],
        ),
        (f"{URL}\nauth: bearer", ["8:5: processor 'ask': the setting 'auth.token' is missing"]),
        (f"{URL}\nauth: {{type: basic, user: a}}", ["the setting 'auth.password' is missing"]),
        (
            f"{URL}\nauth: {{type: basic, user: 'a:b', password: c}}",
            ["'auth': a user has no ':', and neither of the two"],
        ),
        (f'{URL}\nauth: {{type: bearer, token: "a\\n"}}', ["'auth': a token is ASCII, without line ends"]),
        (f"{URL}\ntls: {{cert: a}}", ["no setting 'tls.cert'"]),
        (f"{URL}\ncircuit: {{failures: 0}}", ["'circuit.failures' must be above 0, got 0"]),
        (f"{URL}\ncircuit: {{rest: 0s}}", ["'circuit.rest' must be above 0 seconds, got '0s'"]),
        (f"{URL}\ntimout: 5s", ["8:5: processor 'ask': no setting 'timout' (did you mean 'timeout'?)"]),
        (
            f"{URL}\nresponse: replace\ninto: a",
            ["9:5: processor 'ask': 'into' is for 'response: merge'; with 'replace'"],
        ),
        (
            f"{URL}\ninto: a\noutputs: {{a: status}}",
            ["9:5: processor 'ask': 'outputs' and 'into' both set the field 'a'"],
        ),
        (f"{URL}\nbody: array\nformat: text", ["8:5: processor 'ask': 'body' 'array' is JSON; with 'format: text'"]),
        (f"{URL}\ninputs: {{a: b}}\nformat: raw", ["'inputs' are written as JSON; with 'format: raw' leave them out"]),
        (f"{URL}\ninputs: {{a: b}}\nmethod: GET", ["'inputs' are for a body, and GET has none; say 'body: record'"]),
        (f"{URL}\nmethod: HEAD", ["'method' HEAD is answered by a status and headers alone; say 'response: ignore'"]),
        (f"{URL}\nauth: {{type: bearer, token: t}}\nheaders: {{authorization: b}}", ["'auth' sets the header"]),
        (f"{URL}\nidempotency_key: true\nheaders: {{idempotency-key: b}}", ["'idempotency_key' sets the header"]),
        (
            "url: http://x/\ntls: {verify: false}",
            ["8:5: processor 'ask': 'tls' is for a 'url' that begins with https://"],
        ),
        (f"{URL}\ntls: {{private_key: a}}", ["8:5: processor 'ask': 'tls': a 'private_key' needs its 'certificate'"]),
        (f"{URL}\ntls: {{ca: a, verify: false}}", ["'tls': 'verify: false' trusts everybody; leave 'ca' out"]),
    ],
)
def test_settings_that_cannot_be_are_named_with_their_place(tmp_path: Path, settings: str, found: list[str]) -> None:
    said = problems(tmp_path, settings)
    assert len(said) == len(found)
    for one, part in zip(said, found, strict=True):
        assert part in one


def test_all_settings_together_can_be(tmp_path: Path) -> None:
    text = """\
url: "https://x:8443/v1/{{ user }}?q={{ text }}"
method: PUT
headers: {X-Language: "{{ lang }}", Accept-Encoding: gzip}
body: array
inputs: {text: text}
into: answer
outputs: {meta.status: status, version: headers.ETag}
accept: [404]
timeout: 5s
in_flight: 8
max_response: 1MiB
redirects: 2
idempotency_key: order_id
auth: {type: basic, user: ada, password: secret}
tls: {ca: ca.pem, certificate: c.pem}
circuit: {failures: 3, rest: 2s}
run: {ordered: false, batch: {records: 100}}"""
    assert problems(tmp_path, text) == []


def test_a_secret_is_shown_to_nobody(tmp_path: Path) -> None:
    path = tmp_path / "f.yaml"
    ask = '{type: call_http, url: "https://x/${secret:A}", auth: {type: bearer, token: "${secret:A}"}, to: drop}'
    path.write_text(f"flow: f\nprocessors:\n  make: {{type: generate, to: ask}}\n  ask: {ask}\n")
    flow = load_flow(path, environment={"A": "hush"})
    assert "hush" not in repr(flow)


@pytest.mark.parametrize(("response", "end"), [("ignore", Unconnected.DELIVERED), ("replace", Unconnected.ERROR)])
def test_to_have_asked_may_be_all_there_is_to_do(response: str, end: Unconnected) -> None:
    processor: Any = TestRunner("call_http", url="http://x/", response=response).processor
    success, _ = processor.relationships_for(processor.config)
    assert success.unconnected is end


@pytest.mark.parametrize(
    ("tls", "said"),
    [
        ({"ca": "none.pem"}, "file '.*none.pem' cannot be read: No such file or directory"),
        ({"ca": "odd.pem"}, "'.*odd.pem' holds no certificates of authorities"),
        ({"certificate": "none.pem"}, "file '.*none.pem' cannot be read"),
        ({"certificate": "odd.pem"}, "'.*odd.pem' and '.*odd.pem' are no certificate and its private key"),
    ],
)
async def test_files_that_are_no_use_are_named_at_the_start(tmp_path: Path, tls: dict[str, str], said: str) -> None:
    (tmp_path / "odd.pem").write_text("odd")
    files = {name: str(tmp_path / file) for name, file in tls.items()}
    with pytest.raises(ProcessorError, match=said):
        async with TestRunner("call_http", url="https://x/", tls=files):
            pass
