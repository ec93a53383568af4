"""A flow is loaded anew by its API: the answer says what was changed, and whoever watches sees it."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from router.control.access import Access
from router.control.client import Client, ControlError
from router.control.server import Listening
from router.difference import Difference
from router.engine import Engine
from router.flow import Flow
from router.loader import build_flow, load_flow
from tests.router.control.served import Rig, served

TOKEN = "a-token-that-nobody-guesses"
MAKE = {"type": "generate", "rate": "1/h", "record": {"n": "meta.number"}, "to": "keep"}


def flow(**parts: Any) -> Flow:
    processors = {"make": MAKE, "keep": {"type": "log"}, **parts}
    return build_flow({"flow": "test", "processors": {name: each for name, each in processors.items() if each}})


@asynccontextmanager
async def rig(
    data: Path, load: Callable[[Path | None], Flow], listening: Listening | None = None
) -> AsyncIterator[tuple[Rig, list[tuple[Path | None, bool, bool]]]]:
    """A flow that is served, and what was asked of whoever loads it anew."""
    engine, asked = Engine(flow(), data=data), list[tuple[Path | None, bool, bool]]()

    async def reload(file: Path | None, give_back: bool, drop: bool) -> Difference:
        asked.append((file, give_back, drop))
        return await engine.reload(load(file), give_back=give_back, drop=drop)

    async with served(engine, data, listening, reload) as made:
        yield made, asked


async def test_the_answer_says_what_was_changed_and_the_graph_shows_it(tmp_path: Path) -> None:
    more = {"type": "filter", "where": "n > 1", "to": "keep"}
    new = flow(make={**MAKE, "to": "more"}, more=more, keep={"type": "log", "run": {"timeout": "5s"}})
    async with rig(tmp_path, lambda _: new) as (made, _):
        before = await made.flow.look()
        found = await made.flow.reload()
        assert (found.added, found.rewired, [each.name for each in found.replaced]) == (["more"], ["make"], ["keep"])
        assert [(each.name, each.old, each.new) for each in found.replaced[0].settings] == [("run.timeout", None, "5s")]
        view = await made.flow.look()
        assert [each.name for each in view.processors] == ["make", "keep", "more"]
        assert [each.id for each in view.connections] == ["make.success>more", "more.success>keep"]
        assert (await made.flow.processor("more")).type == "filter"
        assert view.processors[0].records_out >= before.processors[0].records_out


async def test_what_is_gone_is_asked_for_in_vain(tmp_path: Path) -> None:
    async with rig(tmp_path, lambda _: flow(make={**MAKE, "to": "drop"}, keep=None)) as (made, _):
        await made.flow.reload()
        for asked in (made.flow.processor("keep"), made.flow.connection("make.success>keep")):
            with pytest.raises(ControlError, match=r"no (processor|connection)") as error:
                await asked
            assert error.value.status == 404


async def test_what_cannot_be_done_is_refused_with_why(tmp_path: Path) -> None:
    def other(_: Path | None) -> Flow:
        return build_flow({"flow": "other", "processors": {"make": MAKE, "keep": {"type": "log"}}})

    async with rig(tmp_path, other) as (made, _):
        with pytest.raises(ControlError, match="the name of a flow is fixed while it runs") as error:
            await made.flow.reload()
        assert error.value.status == 409
        news = await made.flow.bulletins()
        assert news.bulletins[-1].text == "was not reloaded"


async def test_a_bad_file_is_refused_with_every_place(tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("flow: test\nprocessors:\n  make: {type: generat, to: nowhere}\n")
    async with rig(tmp_path / "data", lambda file: load_flow(file or bad)) as (made, asked):
        with pytest.raises(ControlError) as error:
            await made.flow.reload(bad, give_back=True, drop=True)
        assert (error.value.status, "bad.yaml:3:" in str(error.value)) == (409, True)
        assert asked == [(bad, True, True)]


async def test_another_file_is_not_for_those_who_come_by_tcp(tmp_path: Path) -> None:
    bound = socket.create_server(("127.0.0.1", 0))
    port = bound.getsockname()[1]
    async with (
        rig(tmp_path, lambda _: flow(), Listening(bound, Access(TOKEN, "127.0.0.1"), None)) as (_, asked),
        Client(f"http://127.0.0.1:{port}", token=TOKEN) as client,
    ):
        assert (await client.flow("test").reload()).replaced == []
        with pytest.raises(ControlError, match="who are on the machine of the flow") as error:
            await client.flow("test").reload(tmp_path / "any.yaml")
        assert (error.value.status, asked) == (409, [(None, False, False)])


async def test_a_flow_that_came_from_no_file_cannot_be_loaded_anew(tmp_path: Path) -> None:
    async with served(Engine(flow(), data=tmp_path), tmp_path) as made:
        with pytest.raises(ControlError, match="was not loaded from a file"):
            await made.flow.reload()
