"""The API keeps to its document whatever it is asked: requests made of the document, and of anything, to a real run."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import jsonschema
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from router.control.openapi import document

DOCUMENT = document()
EXAMPLES = 250
FLOW = {
    "flow": "fuzzed",
    "run": {"provenance": "sample"},
    "processors": {
        "make": {"type": "generate", "rate": 500, "record": {"n": "meta.number", "text": "'some text'"}, "to": "odd"},
        "odd": {"type": "filter", "where": "n % 2 == 1", "to": {"success": {"processor": "log", "queue": "disk"}}},
        "log": {"type": "write_file", "path": "out.jsonl", "format": "json_lines"},
    },
}
NAMES = {
    "flow": ["fuzzed"],
    "name": ["make", "odd", "log"],
    "id": ["make.success>odd", "odd.success>log"],
    "letter": ["1", "7"],
    "record": ["1", "1000001"],
}
NOT_FUZZED = {"flows.stop"}  # it would end what is fuzzed
UNDOCUMENTED = {"404": "of a path that is none", "405": "of another method", "413": "of a large body"}


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=30)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)
        self.sock.connect(str(self._path))


@dataclass
class Run:
    process: subprocess.Popen[bytes]
    path: Path
    log: Path

    def ask(self, method: str, path: str, body: bytes | None = None, most: int | None = None) -> tuple[int, str, bytes]:
        connection = UnixConnection(self.path)
        try:
            connection.request(method, path, body)
            answer = connection.getresponse()
            data = answer.read() if most is None else answer.read1(most)
            return answer.status, answer.headers.get_content_type(), data
        finally:
            connection.close()

    def moved(self) -> int:
        _, _, data = self.ask("GET", "/api/flows/fuzzed")
        return int(json.loads(data)["processors"][0]["records_out"])


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    folder = tmp_path_factory.mktemp("fuzz")
    (folder / "fuzzed.yaml").write_text(yaml.safe_dump(FLOW))
    with (folder / "log").open("wb") as log:
        command = [sys.executable, "-m", "router", "run", "fuzzed.yaml", "--data", "d"]
        process = subprocess.Popen(command, cwd=folder, stderr=log, stdout=log)
    path = folder / "d" / "control.sock"
    while not path.exists():
        assert process.poll() is None
        time.sleep(0.05)
    yield Run(process, path, folder / "log")
    process.kill()
    process.wait()


def values(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """What a schema allows."""
    if "$ref" in schema:
        return values(DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    if "anyOf" in schema:
        return st.one_of([values(each) for each in schema["anyOf"]])
    match schema.get("type"):
        case "integer":
            return st.integers(schema.get("minimum"), schema.get("maximum"))
        case "number":
            return st.floats(schema.get("minimum"), schema.get("maximum"), allow_nan=False, allow_infinity=False)
        case "boolean":
            return st.booleans()
        case "array":
            return st.lists(values(schema["items"]), min_size=schema.get("minItems", 0), max_size=5)
        case "object":
            optional = {
                name: values(each)
                for name, each in schema["properties"].items()
                if name not in schema.get("required", ())
            }
            required = {name: values(schema["properties"][name]) for name in schema.get("required", ())}
            return st.fixed_dictionaries(required, optional=optional)
        case "null":
            return st.none()
    if "pattern" in schema:
        return st.from_regex(schema["pattern"], fullmatch=True)
    return st.text(min_size=schema.get("minLength", 0), max_size=min(50, schema.get("maxLength", 50)))


EXPRESSIONS = st.sampled_from(
    ["n > 3", "n % 2 == 0", "text", "n ==", "__import__('os')", "(" * 200, "meta.error", "n ** n ** n", "'\x00'"]
)
ANYTHING = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=5)  # fmt: skip


@st.composite
def requests(draw: st.DrawFn) -> tuple[str, str, dict[str, Any], str, bytes | None]:
    """An operation of the document, and a request to it that is right, nearly right, or nonsense."""
    template, method, operation = draw(
        st.sampled_from([
            (path, method, each)
            for path, methods in DOCUMENT["paths"].items()
            for method, each in methods.items()
            if each["operationId"] not in NOT_FUZZED
        ])
    )  # fmt: skip
    path, query = template, list[tuple[str, str]]()
    for each in operation.get("parameters", []):
        if each["in"] == "path":
            value = draw(
                st.sampled_from(NAMES[each["name"]])
                | st.text(min_size=1, max_size=20).filter(lambda text: text not in (".", ".."))
            )
            path = path.replace(f"{{{each['name']}}}", quote(value, safe=""))
        elif draw(st.booleans()):
            made = draw(
                EXPRESSIONS if each["name"] == "where" else st.one_of(values(each["schema"]), st.text(max_size=10))
            )
            query += [(each["name"], str(one)) for one in (made if isinstance(made, list) else [made])]
    if draw(st.integers(0, 9)) == 0:
        query.append((draw(st.text(max_size=5)), draw(st.text(max_size=5))))
    body = None
    if "requestBody" in operation:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        kind = draw(st.integers(0, 3))
        body = (
            draw(st.binary(max_size=50))
            if kind == 0
            else json.dumps(draw(ANYTHING if kind == 1 else values(schema))).encode()
        )
    return method.upper(), template, operation, f"{path}?{urlencode(query)}" if query else path, body


@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(requests())
def test_every_answer_is_one_that_the_document_knows(
    run: Run, request_: tuple[str, str, dict[str, Any], str, bytes | None]
) -> None:
    method, template, operation, path, body = request_
    status, media, data = run.ask(method, path, body, most=20_000 if template.endswith("/tap") else None)
    responses = operation["responses"]
    assert str(status) in {*responses, *UNDOCUMENTED}, data
    known = responses.get(str(status), {}).get("content", {})
    assert media in (known or {"application/json": {}}), data
    schema = known.get(media, {}).get("schema")
    if schema is not None and media == "application/json":
        found = json.loads(data)
        whole = {**schema, "components": DOCUMENT["components"]}
        jsonschema.Draft202012Validator(whole).validate(found)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300))
def test_bytes_that_are_no_http_harm_nobody(run: Run, data: bytes) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(30)
        client.connect(str(run.path))
        client.sendall(data + b"\r\n\r\n")
        client.shutdown(socket.SHUT_WR)
        while client.recv(1 << 16):
            pass


@pytest.mark.parametrize("method", ["PUT", "DELETE", "TRACE", "OPTIONS", "HEAD"])
def test_methods_that_are_not_there_are_refused(run: Run, method: str) -> None:
    status, _, _ = run.ask(method, "/api/flows")
    assert status == 405


def test_a_body_that_is_too_large_is_refused(run: Run) -> None:
    status, _, data = run.ask("PUT", "/api/flows/fuzzed/log-level", b" " * 1_000_000)
    assert (status, list(json.loads(data))) == (413, ["error"])


def test_after_all_that_the_flow_goes_on_and_nothing_was_a_defect(run: Run) -> None:
    for name in ("make", "odd", "log"):
        run.ask("POST", f"/api/flows/fuzzed/processors/{name}/start")
    for name in ("make.success>odd", "odd.success>log"):
        run.ask("PATCH", f"/api/flows/fuzzed/connections/{quote(name)}", b'{"records": 10000, "bytes": 8000000}')
    before, deadline = run.moved(), time.monotonic() + 30
    while run.moved() <= before:
        assert time.monotonic() < deadline
    assert run.process.poll() is None
    assert [word for word in ("defect", "Traceback") if word in run.log.read_text()] == []
