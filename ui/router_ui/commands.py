"""What the command palette offers: everything that a key does, and what can be done to each part of the flow."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from textual.app import SystemCommand
from textual.screen import Screen

from router_ui.keys import keys_of
from router_ui.screens.base import FlowScreen
from router_ui.themes import THEMES

if TYPE_CHECKING:
    from router_ui.app import RouterApp

__all__ = ["commands"]

_MOVES = ("move", "step", "scroll", "cursor", "page", "command_palette")


def commands(app: RouterApp, screen: Screen[object]) -> Iterator[SystemCommand]:
    """What can be done now."""
    for key in keys_of(screen):
        if not key.action.startswith(_MOVES):
            yield SystemCommand(key.words, f"key {key.keys}", partial(app.run_action, key.action, key.node))
    for name in THEMES:
        yield SystemCommand(f"Theme: {name}", "colours", partial(setattr, app, "theme", name))
    yield SystemCommand("Save a screenshot", "as SVG", app.deliver_screenshot)
    if isinstance(screen, FlowScreen) and screen.flow.view is not None:
        for processor in screen.flow.view.processors:
            word = "Start" if processor.is_stopped else "Stop"
            yield SystemCommand(f"Open {processor.name}", processor.type, partial(app.look_into, processor.name))
            yield SystemCommand(f"{word} {processor.name}", processor.type, partial(screen.switch, processor.name))
        for connection in screen.flow.view.connections:
            yield SystemCommand(f"Look into {connection.id}", "its records", partial(app.look_into, connection.id))
