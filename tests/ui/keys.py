"""What tests of single views share: an app on a view, keys, and waiting for what a timer brings."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from textual.events import Paste
from textual.pilot import Pilot
from textual.widgets import Footer

from router_ui.app import BESIDE, RouterApp
from router_ui.screens.base import FlowScreen
from router_ui.widgets.header import FlowHeader
from router_ui.widgets.record import RecordScreen
from tests.ui.driving import app_on, settle, text_of
from tests.ui.scripted import ScriptedFlow

DEADLINE = 20.0


@asynccontextmanager
async def shown(flow: ScriptedFlow, *keys: str, size: tuple[int, int] = (80, 24)) -> AsyncIterator[Pilot[int]]:
    """An app on a flow, after these keys."""
    app = app_on(flow)
    vars(app)["NOTIFICATION_TIMEOUT"] = 600.0  # what was said stays until it was read
    async with app.run_test(size=size, notifications=True) as pilot:
        await settle(pilot)
        await press(pilot, *keys)
        yield pilot


async def press(pilot: Pilot[int], *keys: str) -> None:
    """Press keys, each when all that the one before began has ended."""
    for key in keys:
        await pilot.press(key)
        work = [each for each in pilot.app.workers if each.group != BESIDE]
        if work:
            await pilot.app.workers.wait_for_complete(work)
            await pilot.pause()
    await settle(pilot)


async def write(pilot: Pilot[int], text: str) -> None:
    """Paste a text where the cursor is, and press Enter."""
    pilot.app.post_message(Paste(text))
    await press(pilot, "enter")


async def until(pilot: Pilot[int], is_so: Callable[[], bool]) -> None:
    """Wait for what comes by itself."""
    end = time.monotonic() + DEADLINE
    while not is_so():
        assert time.monotonic() < end, f"it never came; the screen shows:\n{text_of(pilot.app)}"
        await pilot.pause(0.02)


def told(pilot: Pilot[int]) -> list[str]:
    """What was said at the corner of the screen."""
    return [each.message for each in pilot.app._notifications]


def dialog(pilot: Pilot[int]) -> str:
    """What the frame of a question or of details holds, as one line."""
    framed = [line.split("│") for line in screen(pilot).splitlines()]
    return " ".join(" ".join("│".join(parts[1:-1]) for parts in framed if len(parts) > 2).split())


def app_of(pilot: Pilot[int]) -> RouterApp:
    """The app, by its kind."""
    assert isinstance(pilot.app, RouterApp)
    return pilot.app


async def look(pilot: Pilot[int]) -> None:
    """Have the app look at the flow, and show it."""
    await app_of(pilot).flow.look()
    await settle(pilot)


def view(pilot: Pilot[int]) -> str:
    """What the view shows, without the first and last lines, which all views share."""
    if isinstance(pilot.app.screen, RecordScreen):  # it covers them
        return "\n".join(screen(pilot).splitlines()[:-1]) + "\n"
    shared = next(each for each in pilot.app.screen_stack if isinstance(each, FlowScreen))
    first, last = shared.query_one(FlowHeader).region.bottom, shared.query_one(Footer).region.y
    return "\n".join(screen(pilot).splitlines()[first:last]) + "\n"


def screen(pilot: Pilot[int]) -> str:
    """What the screen shows."""
    return text_of(pilot.app)
