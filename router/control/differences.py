"""What a reload answers: what it has changed of a flow, in the words of the API."""

from __future__ import annotations

from typing import Annotated, Any

from router.control.messages import View, says

__all__ = ["DifferenceView", "PartView", "SettingView"]


class SettingView(View, frozen=True, kw_only=True):
    """One setting, before and after."""

    name: str
    old: Annotated[Any, says("None: it was not there.")]
    new: Any


class PartView(View, frozen=True, kw_only=True):
    """A processor or a connection that was there before and after."""

    name: str
    settings: Annotated[
        list[SettingView], says("What of it is different; nothing, where it had ended and begins again.")
    ]


class DifferenceView(View, frozen=True, kw_only=True):
    """What a reload has changed; whatever is in no list was not touched."""

    added: Annotated[list[str], says("Processors.")]
    removed: Annotated[list[str], says("Processors.")]
    replaced: Annotated[list[PartView], says("Processors that were stopped and begun anew.")]
    rewired: Annotated[list[str], says("Processors that live on, with other connections.")]
    connections_added: list[str]
    connections_removed: list[str]
    resized: Annotated[list[PartView], says("Connections with other limits, their records in them.")]
    remade: Annotated[list[PartView], says("Connections of another kind or order.")]
    flow: Annotated[list[SettingView], says("Of the flow as a whole.")]
