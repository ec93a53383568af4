"""The hooks of a plugin: one to register, two for the life of a flow; none in the hot path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from router.plugins import Registry

__all__ = ["hookimpl"]

hookspec = pluggy.HookspecMarker("router")
hookimpl = pluggy.HookimplMarker("router")
"""Marks a function or method of a plugin as its version of a hook."""


@hookspec
def register(registry: Registry) -> None:
    """Register processors, formats, model runtimes and functions, once, when the plugin is loaded.

    A plugin that raises here is reported and left out; the others live.

    Example:
        >>> from router import hookimpl
        >>> @hookimpl
        ... def register(registry):
        ...     registry.function("double", lambda value: value * 2, "Twice a number.")
    """


@hookspec
def flow_starting(flow: Any) -> None:
    """Hear that a flow is about to start, before any of its processors; ``flow`` is a ``Flow``."""


@hookspec
def flow_stopped(report: Any) -> None:
    """Hear that a flow has stopped, after all of its processors; ``report`` is its ``Report``."""
