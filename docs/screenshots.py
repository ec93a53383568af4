"""Take the pictures of the documentation: `make screenshots` runs the example and looks at it."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from textual.pilot import Pilot

from docs.page_pictures import take_pictures
from router.control.client import Client, FlowClient, UnreachableError
from router_ui.app import RouterApp

ROOT = Path(__file__).resolve().parents[1]
PICTURES = Path(__file__).with_name("pictures")
SIZE = (120, 40)
DEADLINE = 60.0
LISTEN = "127.0.0.1:8137"
TOKEN = "a-token-for-pictures"  # noqa: S105 - of a run that nobody else sees

# What of a picture would be fetched from elsewhere when it is looked at.
FONTS = re.compile(r"@font-face\s*\{[^}]*\}\s*")


def main() -> None:
    """Take all of them."""
    PICTURES.mkdir(exist_ok=True)
    os.environ.pop("NO_COLOR", None)
    asyncio.run(_taken())


async def _taken() -> None:
    async with _running() as (flow, url):
        await _until(lambda: _has(flow, letters=3, records=400))
        await flow.set_limits("route.unmatched>archive", records=700)
        await flow.set_limits("route.happy>archive", records=500)
        await flow.stop_processor("archive")  # so that queues are seen to fill
        await _until(lambda: _is_waiting(flow, "route.unmatched>archive", 500))
        await take_pictures(url, TOKEN)
        app = RouterApp(flow)
        async with app.run_test(size=SIZE) as pilot:
            await _picture(pilot, "ui-graph", "end")
            await _picture(pilot, "ui-queue", "up", "right", "enter")
            await flow.start_processor("archive")
            await _picture(pilot, "ui-processor", "1", "tab", "tab", "enter")
            await _picture(pilot, "ui-dead-letters", "4", "down")


async def _picture(pilot: Pilot[int], name: str, *keys: str) -> None:
    for key in keys:
        await pilot.press(key)
        await pilot.pause(0.5)
    await pilot.pause(1.5)
    drawn = FONTS.sub("", pilot.app.export_screenshot(title="router ui"))
    # Each is numbered at random otherwise, and would differ from one that shows the same.
    numbered = re.search(r"terminal-(\d+)-", drawn)
    drawn = drawn.replace(numbered[1], name) if numbered else drawn
    (PICTURES / f"{name}.svg").write_text(drawn, encoding="utf-8")
    print(f"wrote docs/pictures/{name}.svg")


@asynccontextmanager
async def _running() -> AsyncIterator[tuple[FlowClient, str]]:
    """The example, with posts without end."""
    with tempfile.TemporaryDirectory() as data:
        settings = ["--set", "loop=true", "--set", "rate=200", "--listen", LISTEN]
        command = [sys.executable, "-m", "router", "run", "flows/tweets.yaml", *settings, "-q", "--data", data]
        process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "ROUTER_TOKEN": TOKEN})  # noqa: S603, ASYNC220 - the example, at once
        try:
            async with Client(Path(data)) as client:
                yield client.flow("tweets"), f"http://{LISTEN}"
        finally:
            process.terminate()
            process.wait()


async def _has(flow: FlowClient, *, letters: int, records: int) -> bool:
    view = await flow.look()
    return view.dead_letters >= letters and view.processors[0].records_out >= records


async def _is_waiting(flow: FlowClient, connection: str, records: int) -> bool:
    return (await flow.connection(connection)).records >= records


async def _until(is_so: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(DEADLINE):
        while not await _answered(is_so):  # noqa: ASYNC110 - what happens in another process sets no event
            await asyncio.sleep(0.2)  # noqa: TID251 - a client belongs to no flow


async def _answered(is_so: Callable[[], Awaitable[bool]]) -> bool:
    try:
        return await is_so()
    except UnreachableError:  # it is still starting
        return False


if __name__ == "__main__":
    main()
