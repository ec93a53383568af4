"""The keys that hold now, read off the bindings: for the help, and for the command palette."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from textual.app import App
from textual.binding import ActiveBinding
from textual.dom import DOMNode
from textual.screen import Screen
from textual.widget import Widget

__all__ = ["Key", "keys_of"]

_NAMES = {"left": "←", "right": "→", "up": "↑", "down": "↓", "enter": "⏎"}


@dataclass(frozen=True, slots=True)
class Key:
    """One thing that can be done, the keys for it, and where it belongs."""

    keys: str
    words: str
    where: str
    action: str
    node: DOMNode


def keys_of(screen: Screen[object]) -> list[Key]:
    """What keys do on a screen: first in what has the focus, then in the view, then everywhere."""
    found: dict[tuple[DOMNode, str], list[ActiveBinding]] = {}
    for active in screen.active_bindings.values():
        if active.enabled and active.binding.description and not active.binding.system:
            found.setdefault((active.node, active.binding.action), []).append(active)
    keys = [_key(node, action, bindings, screen.app) for (node, action), bindings in found.items()]
    order = {"here": 0, "view": 1, "everywhere": 2}
    return sorted(keys, key=lambda key: order[key.where])


def _key(node: DOMNode, action: str, bindings: list[ActiveBinding], app: App[object]) -> Key:
    names = dict.fromkeys(_shown(app, each) for each in bindings)
    told = next((each.binding for each in bindings if each.binding.show), bindings[0].binding)
    where = "here" if isinstance(node, Widget) and not isinstance(node, Screen) else "view"
    return Key(
        " ".join(names),
        told.tooltip or told.description,
        "everywhere" if isinstance(node, App) else where,
        action,
        node,
    )


def _shown(app: App[object], active: ActiveBinding) -> str:
    return _NAMES.get(active.binding.key) or app.get_key_display(active.binding)


def lines(keys: list[Key]) -> Iterator[tuple[str, str]]:
    """Keys and what they do, with a title, which has no key, before each kind."""
    titles = {"here": "In the list, graph or field in use", "view": "In this view", "everywhere": "Everywhere"}
    last = ""
    for key in keys:
        if key.where != last:
            yield "", titles[key.where]
            last = key.where
        yield key.keys, key.words
