"""Where the API is served, and to whom: sockets, tokens, names, certificates; many clients, slow ones, half-open ones."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest

from router.batch import Batch
from router.control import doors, places, web
from router.control.access import Access, is_loopback
from router.control.client import Client, UnreachableError, running_flows
from router.control.refusals import RefusedError
from router.control.server import Control, Listening
from tests.router.control.served import EDGE, Rig, served, served_chain, until
from tests.router.engine.flows import Do, Feed, Keep, wired
from tests.services.certificates import write_certificates

TOKEN = "a-token-that-nobody-guesses"
LOOK = b"GET /api/flows/test HTTP/1.1\r\nHost: localhost\r\n\r\n"
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


# -- sockets --------------------------------------------------------------------------------------


async def test_the_socket_is_this_users_alone_and_gone_at_the_end(tmp_path: Path, runtime: Path) -> None:
    async with served_chain(tmp_path, [1]) as rig:
        path = places.socket_path(tmp_path)
        assert path == tmp_path / "control.sock"
        mode = path.stat().st_mode
        assert (stat.S_ISSOCK(mode), stat.S_IMODE(mode)) == (True, 0o600)
        assert [(each.flow, each.data, each.process) for each in running_flows() if each.data == rig.data] == [
            ("test", tmp_path, os.getpid())
        ]
    assert not path.exists()
    assert [each for each in running_flows() if each.data == tmp_path] == []


async def test_a_stale_socket_is_replaced(tmp_path: Path) -> None:
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(tmp_path / "control.sock"))
    left.close()
    with pytest.raises(UnreachableError, match="no flow runs with data folder"):
        async with Client(tmp_path) as client:
            await client.flows()
    async with served_chain(tmp_path, [1]) as rig:
        assert (await rig.flow.look()).name == "test"


async def test_a_long_path_falls_back_to_a_short_one_that_is_written_down(tmp_path: Path, runtime: Path) -> None:
    data = tmp_path / ("long" * 20) / "data"
    async with served_chain(data, [1]) as rig:
        path = places.socket_path(data)
        assert path is not None
        assert (path.parent, (data / "control.path").read_text()) == (runtime / "router", f"{path}\n")
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert (await rig.flow.look()).data == str(data)
    assert (path.exists(), (data / "control.path").exists()) == (False, False)


async def test_a_runtime_folder_that_others_can_write_is_not_used(tmp_path: Path, runtime: Path) -> None:
    (runtime / "router").mkdir()
    (runtime / "router").chmod(0o777)
    with pytest.raises(PermissionError, match="is not a folder of this user alone"):
        places.runtime_folder()


async def test_what_a_killed_process_left_in_the_runtime_folder_is_cleared_away(tmp_path: Path, runtime: Path) -> None:
    places.announce("gone", tmp_path)
    (mark,) = (runtime / "router").glob("*.json")
    mark.write_text(mark.read_text().replace(f'"process": {os.getpid()}', '"process": 4194305'))
    assert [each for each in running_flows() if each.flow == "gone"] == []
    assert not mark.exists()


async def test_where_no_socket_can_be_made_the_flow_runs_all_the_same(tmp_path: Path, caplog: Any) -> None:
    (tmp_path / "control.sock").mkdir()
    keep, control = Keep(), Control()
    engine = wired({"read": Feed([1]), "keep": keep}, "read>keep", data=tmp_path)
    async with engine:
        control.add(engine, lambda _: asyncio.ensure_future(engine.stop(0)))
        await until(lambda: "the control API is not served" in caplog.text)
        await engine.run()
    await control.remove("test")
    await control.close()
    assert keep.numbers == [1]


async def test_two_flows_of_a_process_have_a_socket_each_and_share_tcp(tmp_path: Path) -> None:
    engine = wired({"read": Feed([1], then=1e9), "keep": Keep()}, "read>keep", data=tmp_path / "b")
    object.__setattr__(engine.flow, "name", "other")
    async with listening() as (listener, url), served_chain(tmp_path / "a", [1], listening=listener) as rig, engine:
        rig.control.add(engine, lambda _: asyncio.ensure_future(engine.stop(0)))
        async with Client(url, token=TOKEN) as client, Client(tmp_path / "b") as alone:
            await until(lambda: len(rig.control._sites) == 2)
            assert sorted(each.name for each in (await client.flows()).flows) == ["other", "test"]
            assert [each.name for each in (await rig.client.flows()).flows] == ["test"]
            assert (await (await alone.only_flow()).look()).name == "other"
            assert (await client.flow("other").look()).name == "other"
            await rig.control.remove("other")
            assert [each.name for each in (await client.flows()).flows] == ["test"]
        await engine.stop(0)


# -- over TCP -------------------------------------------------------------------------------------


@asynccontextmanager
async def listening(tls: ssl.SSLContext | None = None) -> AsyncIterator[tuple[Listening, str]]:
    bound = socket.create_server(("127.0.0.1", 0))
    port = bound.getsockname()[1]
    yield Listening(bound, Access(TOKEN, "127.0.0.1"), tls), f"{'https' if tls else 'http'}://127.0.0.1:{port}"
    bound.close()


@pytest.mark.parametrize("token", [None, "", "x", TOKEN[:-1], f"{TOKEN} ", TOKEN.upper()])
async def test_over_tcp_nobody_sees_anything_without_the_token(tmp_path: Path, token: str | None) -> None:
    async with (
        listening() as (listener, url),
        served_chain(tmp_path, [1], listening=listener),
        Client(url, token=token) as client,
    ):
        if token == f"{TOKEN} ":  # blanks around it are no part of a header
            assert (await client.flows()).flows
            return
        for ask in (client.flows(), client.flow("test").look(), client.metrics()):
            with pytest.raises(Exception, match="the token is missing or wrong") as refused:
                await ask
            assert getattr(refused.value, "status", None) == 401
        assert await client._wire.text(["healthz"]) == '{"status":"ok"}'


async def test_over_tls_the_client_checks_the_certificate(tmp_path: Path) -> None:
    write_certificates(tmp_path)
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(tmp_path / "server.pem", tmp_path / "server.key")
    trusting = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
    async with listening(server) as (listener, url), served_chain(tmp_path, [1], listening=listener):
        async with Client(url, token=TOKEN, tls=trusting) as client:
            assert (await client.only_flow()).name == "test"
        async with Client(url, token=TOKEN) as client:
            with pytest.raises(UnreachableError, match="certificate"):
                await client.flows()


@pytest.mark.parametrize(
    ("host", "headers", "status"),
    [
        ("127.0.0.1", {"Host": "127.0.0.1:80"}, None),
        ("127.0.0.1", {"Host": "localhost"}, None),
        ("127.0.0.1", {"Host": "[::1]:80"}, None),
        ("127.0.0.1", {"Host": "evil.example:80"}, 403),
        ("127.0.0.1", {"Host": "10.0.0.1"}, 403),
        ("127.0.0.1", {"Host": "127.0.0.1.evil.example"}, 403),
        ("127.0.0.1", {}, 403),
        ("0.0.0.0", {"Host": "10.0.0.1"}, None),
        ("0.0.0.0", {"Host": "evil.example"}, 403),
        ("0.0.0.0", {"Host": "Flows.Example:443"}, None),
        ("127.0.0.1", {"Host": "localhost:80", "Origin": "http://localhost:80"}, None),
        ("127.0.0.1", {"Host": "localhost:80", "Origin": "http://evil.example"}, 403),
        ("127.0.0.1", {"Host": "localhost:80", "Origin": "https://localhost:80"}, 403),
        ("127.0.0.1", {"Host": "localhost:80", "Origin": "null"}, 403),
    ],
)
def test_requests_come_by_our_name_and_from_no_other_page(
    host: str, headers: dict[str, str], status: int | None
) -> None:
    access = Access(TOKEN, host, ["flows.example"] if host == "0.0.0.0" else [])
    expected = nullcontext() if status is None else pytest.raises(RefusedError, match=r"may not ask|is not known here")
    with expected:
        access.check("/api/flows", {**headers, "Authorization": f"Bearer {TOKEN}"}, "http")


def test_only_this_machine_is_loopback() -> None:
    names = [
        "127.0.0.1",
        "::1",
        "localhost",
        "127.1.2.3",
        "0.0.0.0",
        "::",
        "192.168.0.1",
        "example.com",
        "localhost.example",
    ]
    assert [is_loopback(each) for each in names] == [True] * 4 + [False] * 5


# -- many, slow, half-open ------------------------------------------------------------------------


async def connected(rig: Rig) -> Streams:
    return await asyncio.open_unix_connection(str(places.socket_path(rig.data)))


async def gone(streams: Streams) -> bool:
    """Read to the end: True if the server has closed."""
    try:
        while await streams[0].read(1 << 16):
            pass
    except ConnectionError:
        pass
    streams[1].close()
    return True


async def test_more_clients_than_two_hundred_are_turned_away_and_room_is_made_when_some_go(tmp_path: Path) -> None:
    async with served_chain(tmp_path, [1]) as rig:
        door = rig.control._sites["test"][1].door
        here = len(door.guests)
        clients = [await connected(rig) for _ in range(doors.CLIENTS - here)]
        await until(lambda: len(door.guests) == doors.CLIENTS)
        late = await connected(rig)
        assert (await late[0].read(100)).startswith(b"HTTP/1.1 503")
        late[1].close()
        for each in clients[:50]:
            each[1].close()
        await until(lambda: len(door.guests) == doors.CLIENTS - 50)
        clients[50][1].write(LOOK)
        assert (await clients[50][0].read(100)).startswith(b"HTTP/1.1 200")
        for each in clients[50:]:
            each[1].close()


async def test_a_client_that_asks_nothing_or_never_ends_its_request_is_cut(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(doors, "FIRST", 0.2)
    async with served_chain(tmp_path, [1]) as rig:
        silent, half, dripping = [await connected(rig) for _ in range(3)]
        half[1].write(b"GET /api/flows HTT")
        dripping[1].write(b"GET /api/flows HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
        assert [await gone(each) for each in (silent, half, dripping)] == [True, True, True]
        assert (await rig.flow.look()).name == "test"


async def test_a_body_that_never_comes_is_refused(tmp_path: Path, monkeypatch: Any) -> None:
    async with served_chain(tmp_path, [1]) as rig:
        monkeypatch.setattr(web, "PATIENCE", 0.2)
        client = await connected(rig)
        client[1].write(b"POST /api/flows/test/stop HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{")
        assert (await client[0].readline()).startswith(b"HTTP/1.1 408")
        assert await gone(client)
        assert rig.stopping == []


@pytest.mark.parametrize(
    ("body", "said"),
    [(b"{bad", b'{"error":"JSON is malformed: '), (b"[]", b'{"error":"expected `object`, got `array`"}')],
)
async def test_a_body_that_is_no_object_is_refused_with_a_reason(tmp_path: Path, body: bytes, said: bytes) -> None:
    async with served_chain(tmp_path, [1]) as rig:
        client = await connected(rig)
        size = str(len(body)).encode()
        client[1].write(
            b"POST /api/flows/test/stop HTTP/1.1\r\nHost: x\r\nContent-Length: " + size + b"\r\n\r\n" + body
        )
        head = await client[0].readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 400")
        assert (await client[0].readuntil(b"}")).startswith(said)
        client[1].close()
        assert rig.stopping == []


async def test_a_client_that_does_not_read_is_cut_and_holds_nothing(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(doors, "UNREAD", 0.3)
    async with served_chain(tmp_path, [1]) as rig:
        door = rig.control._sites["test"][1].door
        connection, client = rig.engine.connection(EDGE), await connected(rig)
        here = len(door.guests)
        path = f"/api/flows/test/connections/{EDGE.replace('>', '%3E')}/tap"
        client[1].write(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        client[1].transport.pause_reading()  # type: ignore[attr-defined]
        await until(lambda: connection.taps)
        while connection.taps:
            connection.offer(Batch.raw([b'"' + b"x" * 15_000 + b'"' for _ in range(100)]))
            await asyncio.sleep(0.02)
        await until(lambda: len(door.guests) < here)
        client[1].close()


async def test_records_move_on_while_two_hundred_clients_ask_all_the_time(tmp_path: Path) -> None:
    keep = Keep()
    feed = Feed(*([n] for n in range(100_000)))
    engine = wired(
        {"read": feed, "work": Do(lambda batch, _: batch), "keep": keep}, "read>work", "work>keep", data=tmp_path
    )
    async with served(engine, tmp_path) as rig:
        clients = [await connected(rig) for _ in range(180)]
        for _, writer in clients:
            for _ in range(20):
                writer.write(LOOK)
        before = len(keep.batches)
        answered = 0
        deadline = asyncio.get_running_loop().time() + 2
        while asyncio.get_running_loop().time() < deadline:
            data = await asyncio.wait_for(clients[answered % 180][0].read(1 << 20), 20)
            answered += data.count(b"HTTP/1.1 200")
        assert answered < 2.5 * 100 + 50  # the others wait their turn
        assert len(keep.batches) - before > 1000
        for _, writer in clients:
            writer.close()
