"""Settings that cannot be, addresses that cannot be had, certificates and tokens."""

from __future__ import annotations

import asyncio
import errno
import shutil
import socket
import ssl
import subprocess
from pathlib import Path
from typing import Any

import pytest

from router import ProcessorError, build_flow
from router_processors.serve_http.server import reason
from router_processors.serve_http.settings import Address
from tests.processors.conftest import Problems
from tests.processors.serve_http.serving import post, serving, until
from tests.router.engine.flows import Gate, Keep

TOKENS = {"type": "bearer", "tokens": ["first-token", "second-token"]}


async def started(**settings: Any) -> str:
    """Why it does not start."""
    with pytest.raises(ProcessorError) as told:
        async with serving({"keep": Keep()}, **settings):
            pass
    return str(told.value)


@pytest.mark.parametrize(
    "listen", ["8080", ":8080", "localhost", "localhost:99999", "[::1:80", "http://a:80", "a b:1", 8080]
)
def test_an_address_is_host_and_port(problems: Problems, listen: Any) -> None:
    (problem,) = problems("serve_http", listen=listen)
    assert "an address is 'host:port', such as '127.0.0.1:8080'" in problem
    assert problem.endswith(f"got {listen!r}")


@pytest.mark.parametrize("path", ["in", "", [], ["/in", "a"], "/a b", "/in?x=1", None, 3])
def test_a_path_begins_with_a_slash(problems: Problems, path: Any) -> None:
    assert "the path of a URL begins with '/'" in problems("serve_http", listen="a:1", path=path)[0]


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"headers": ["X Y"]}, "'headers': a name is letters, digits and dashes; got 'X Y'"),
        ({"auth": "basic"}, "no way to prove who one is 'basic'"),
        ({"auth": {"type": "bearer", "tokens": []}}, "'tokens': list should have at least 1 item"),
        ({"auth": {"type": "bearer", "tokens": [""]}}, "a token is not empty"),
        ({"tls": {"certificate": "a"}}, "Field required"),
        ({"answer": "now"}, "Input should be 'settled' or 'replied'"),
        ({"max_wait": "0s"}, "Input should be greater than 0 seconds"),
        ({"max_open": 0}, "Input should be greater than 0"),
    ],
)
def test_other_settings_say_what_is_wrong(problems: Problems, settings: dict[str, Any], problem: str) -> None:
    assert problem in problems("serve_http", listen="a:1", **settings)[0]


async def test_a_port_that_is_taken_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        port = taken.getsockname()[1]
        assert await started(listen=listen) == (
            f"processor 'in' could not start: cannot listen on '{listen}': another program listens on port {port}"
        )


async def test_a_host_that_nobody_knows_is_told() -> None:
    assert (await started(listen="no-such-host.invalid:80")).endswith(
        "no address is known for the host 'no-such-host.invalid'"
    )


async def test_an_address_of_another_machine_is_told() -> None:
    assert (await started(listen="192.0.2.1:8080")).endswith(
        "this machine has no address '192.0.2.1'; '0.0.0.0' is all that it has"
    )


def test_a_port_for_the_privileged_is_told() -> None:
    said = reason(PermissionError(errno.EACCES, "said otherwise"), Address("127.0.0.1", 80))
    assert said == "port 80 needs more rights than this process has; those from 1024 on need none"


async def test_a_port_is_free_again_when_the_flow_has_ended() -> None:
    async with serving({"keep": Keep()}) as served:
        assert (await served.post({})).status == 200
    async with serving({"keep": Keep()}, listen=f"127.0.0.1:{served.port}") as again:
        assert (await again.post({})).status == 200


async def test_a_flow_that_stops_answers_what_is_under_way_and_turns_others_away() -> None:
    gate = Gate()
    async with serving({"gate": gate}) as served:
        first, second, idle = await served.client(), await served.client(), await served.client()
        await first.send(post({"n": 1}))
        await until(lambda: served.engine.status().processors["in"].out["success"])
        stopping = asyncio.ensure_future(served.engine.stop())
        await until(lambda: served.engine.status().processors["in"].state == "ended")
        late = await second.ask(post({"n": 2}))
        newer = await served.ask(post({"n": 3}))
        assert (late.status, late.error, late.headers["connection"]) == (503, "the flow stops; send it again", "close")
        assert (newer.status, newer.headers["retry-after"]) == (503, "1")
        gate.is_open.set()
        assert (await first.response()).status == 200
        report = await stopping
        assert await idle.rest() == b""
    assert (report.outcome, gate.numbers) == ("stopped", [1])


async def test_a_flow_that_is_cut_off_answers_that_it_is_to_be_sent_again() -> None:
    gate = Gate()
    async with serving({"gate": gate}) as served:
        client = await served.client()
        await client.send(post({"n": 1}))
        await until(lambda: served.engine.status().processors["in"].out["success"])
        await served.engine.stop(0)
        response = await client.response()
    assert (response.status, response.headers["retry-after"]) == (503, "1")


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        ("Bearer first-token", 200),
        ("bearer  second-token ", 200),
        ("Bearer first-toke", 401),
        ("Bearer first-token2", 401),
        ("Bearer", 401),
        ("Basic first-token", 401),
        ("first-token", 401),
        ("Bearer \xe4", 401),
    ],
)
async def test_only_who_shows_a_token_may_come_in(authorization: str, status: int) -> None:
    async with serving({"keep": Keep()}, auth=TOKENS) as served:
        request = post({}).replace(b"Host:", f"Authorization: {authorization}\r\nHost:".encode("latin-1"))
        response = await served.ask(request)
        silent = await served.post({}, path="/else")
    assert (response.status, silent.status, silent.headers["www-authenticate"]) == (status, 401, "Bearer")


def test_tokens_are_shown_to_nobody() -> None:
    flow = build_flow(
        {"flow": "x", "processors": {"in": {"type": "serve_http", "listen": "a:1", "auth": TOKENS, "to": "drop"}}}
    )
    shown = repr(flow) + repr(flow.processors["in"].config) + str(flow.processors["in"].config.model_dump())
    assert "token" not in shown.replace("tokens", "")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A certificate that signs itself."""
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl")
    folder = tmp_path_factory.mktemp("tls")
    files = {"certificate": str(folder / "cert.pem"), "private_key": str(folder / "key.pem")}
    made = [
        "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
        "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1",
        "-out", files["certificate"], "-keyout", files["private_key"],
    ]  # fmt: skip
    subprocess.run(made, check=True, capture_output=True)
    return files


@pytest.mark.needs("openssl")
async def test_https_is_served_with_a_certificate(certificate: dict[str, str]) -> None:
    keep = Keep()
    trusts = ssl.create_default_context(cafile=certificate["certificate"])
    async with serving({"keep": keep}, tls=certificate, trusts=trusts) as served:
        client = await served.client()
        assert served.url.startswith("https://127.0.0.1:")
        assert [(await client.ask(post({"n": n}))).status for n in range(3)] == [200] * 3
        assert (await client.ask(post({}, path="/else"))).status == 404
        plain, writer = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(post({"n": 9}))
        assert b"200" not in await plain.read()
        writer.close()
    assert keep.numbers == [0, 1, 2]


@pytest.mark.needs("openssl")
async def test_files_that_are_no_certificate_are_told(certificate: dict[str, str], tmp_path: Path) -> None:
    missing = str(tmp_path / "none.pem")
    assert (await started(tls={**certificate, "certificate": missing})).endswith(
        f"file {missing!r} cannot be read: No such file or directory"
    )
    swapped = {"certificate": certificate["private_key"], "private_key": certificate["certificate"]}
    assert "are no certificate and its private key" in await started(tls=swapped)
