"""The web page: who may load it, what it may do in a browser, and that it needs nothing from elsewhere."""

from __future__ import annotations

import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from router.control.access import Access
from router.control.page.files import page_files
from router.control.page.paths import is_page
from router.control.server import Listening
from tests.router.control.served import served_chain

TOKEN = "a-token-that-nobody-guesses"
MOST = 150 << 10
FILES = {path: file.content.decode() for path, file in page_files().items()}
SCRIPTS = {path: text for path, text in FILES.items() if path.endswith(".js")}


@asynccontextmanager
async def asking(data: Path) -> AsyncIterator[Any]:
    """Ask a flow that is served over TCP, without a token; gives status, headers and body."""
    bound = socket.create_server(("127.0.0.1", 0))
    port = bound.getsockname()[1]
    async with (
        served_chain(data, [1], listening=Listening(bound, Access(TOKEN, "127.0.0.1"), None)),
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session,
    ):

        async def ask(path: str, **headers: str) -> tuple[int, Any, bytes]:
            async with session.get(path, headers=headers) as response:
                return response.status, response.headers, await response.read()

        yield ask


async def test_every_file_is_served_without_a_token_as_what_it_is(tmp_path: Path) -> None:
    async with asking(tmp_path) as ask:
        found = {path: await ask(path) for path in FILES}
    assert {path: (status, body.decode()) for path, (status, _, body) in found.items()} == {
        path: (200, text) for path, text in FILES.items()
    }
    kinds = {
        path.rpartition(".")[2]: headers["Content-Type"].partition(";")[0] for path, (_, headers, _) in found.items()
    }
    assert kinds == {"/": "text/html", "js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}


async def test_a_browser_runs_and_loads_only_what_comes_from_here(tmp_path: Path) -> None:
    async with asking(tmp_path) as ask:
        _, headers, _ = await ask("/")
    rules = dict(each.split(" ", 1) for each in headers["Content-Security-Policy"].split("; "))
    assert (rules["default-src"], rules["frame-ancestors"], rules["object-src"]) == ("'self'", "'none'", "'none'")
    assert rules["require-trusted-types-for"] == "'script'"
    wanted = {"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer"}
    assert {name: headers[name] for name in wanted} == wanted
    assert "Access-Control-Allow-Origin" not in headers


async def test_a_browser_that_has_a_file_is_not_sent_it_again(tmp_path: Path) -> None:
    async with asking(tmp_path) as ask:
        _, headers, _ = await ask("/page/main.js")
        status, _, body = await ask("/page/main.js", **{"If-None-Match": headers["ETag"]})
    assert (status, body) == (304, b"")


async def test_the_token_guards_all_that_says_something_of_the_flows(tmp_path: Path) -> None:
    async with asking(tmp_path) as ask:
        statuses = [
            (await ask(path))[0] for path in ("/api/flows", "/metrics", "/page/../api/flows", "/page/%2e%2e/api/flows")
        ]
        missing = await ask("/page/nothing.js")
    assert (statuses[:3], missing[0]) == ([401, 401, 401], 404)
    assert statuses[3] in (401, 404)


async def test_the_page_is_not_shown_under_a_name_of_somebody_else(tmp_path: Path) -> None:
    async with asking(tmp_path) as ask:
        status, _, _ = await ask("/", Host="evil.example")
    assert status == 403


async def test_a_socket_in_the_data_folder_serves_no_page(tmp_path: Path) -> None:
    # No token is asked for there: a page of another site could come in by a port that is forwarded to it.
    async with served_chain(tmp_path, [1]) as rig:
        connector = aiohttp.UnixConnector(str(tmp_path / "control.sock"))
        async with aiohttp.ClientSession(connector=connector) as session, session.get("http://localhost/") as response:
            assert response.status == 404
        assert (await rig.flow.look()).name == "test"


def test_paths_of_the_page_are_told_from_those_of_the_api() -> None:
    names = ["/", "/page/main.js", "/page/", "/page", "/api/flows", "/metrics", "//", "/pages/x"]
    assert [is_page(each) for each in names] == [True, True, True, False, False, False, False, False]


def test_the_page_is_small() -> None:
    assert sum(len(text.encode()) for text in FILES.values()) < MOST


def test_nothing_is_loaded_from_elsewhere() -> None:
    known = {"http://www.w3.org/2000/svg"}
    found = {url for text in FILES.values() for url in re.findall(r"(?:https?:)?//[\w.-]+\.\w+[\w/.]*", text)}
    assert {each for each in found if each not in known} == set()


@pytest.mark.parametrize("path", sorted(SCRIPTS))
def test_every_import_is_there_and_every_script_says_what_it_is_for(path: str) -> None:
    text = SCRIPTS[path]
    wanted = re.findall(r'from "([^"]+)"', text)
    assert [each for each in wanted if each not in FILES] == []
    assert text.startswith("// ")
    assert len(text.splitlines()) <= 260


@pytest.mark.parametrize("path", sorted(FILES))
def test_data_never_becomes_markup_or_code(path: str) -> None:
    words = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\(|new Function|srcdoc|javascript:"
    assert re.findall(words, FILES[path]) == []
    if path == "/":
        assert re.findall(r"<script(?![^>]*src=)|<style|\son\w+=|\sstyle=", FILES[path]) == []
