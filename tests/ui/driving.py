"""What tests of the interface share: an app on a scripted flow, and the screen as plain text."""

from __future__ import annotations

import time
from collections.abc import Callable

from textual.app import App
from textual.pilot import Pilot

from router_ui.app import BESIDE, RouterApp
from tests.ui.scripted import ScriptedFlow

SIZES = [(80, 24), (120, 40), (200, 60)]
NEVER = 1e9
DEADLINE = 20.0
Pilots = Pilot[int]


def app_on(flow: ScriptedFlow) -> RouterApp:
    """An app that looks once by itself, and then when something was done: its screen does not depend on time."""
    return RouterApp(flow, every=NEVER)


async def settle(pilot: Pilot[int]) -> None:
    """Let all that was begun come to its end: keys, messages, workers, drawing. The watch goes on."""
    for _ in range(2):
        await pilot.pause()
        work = [each for each in pilot.app.workers if each.group != BESIDE]
        if work:
            await pilot.app.workers.wait_for_complete(work)
        await pilot.pause()


async def until(pilot: Pilot[int], is_so: Callable[[], bool]) -> None:
    """Wait until something is so; what a key began may take some turns."""
    deadline = time.monotonic() + DEADLINE
    while not is_so():
        assert time.monotonic() < deadline, text_of(pilot.app)
        await pilot.pause(0.01)


def view_text(app: App[int]) -> str:
    """The same without the line that names the views."""
    first, _, *rest = text_of(app).splitlines(keepends=True)
    return "".join([first, *rest])


def text_of(app: App[int]) -> str:
    """What the screen shows, line by line, without colours."""
    lines = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in lines) + "\n"
