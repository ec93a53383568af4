"""The views there are: their keys, their titles, and where each is found."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from router_ui.screens.base import FlowScreen

__all__ = ["VIEWS", "View"]


@dataclass(frozen=True, slots=True)
class View:
    """One way to look at a flow; its module is imported when it is first shown."""

    name: str
    key: str
    title: str
    where: str
    short: str = ""
    """Its title where that does not fit."""

    def screen(self) -> FlowScreen:
        """Make its screen."""
        module, _, kind = self.where.partition(":")
        made: FlowScreen = getattr(import_module(f"router_ui.screens.{module}"), kind)()
        return made


VIEWS = {
    each.name: each
    for each in (
        View("graph", "1", "Graph", "graph:GraphScreen"),
        View("queues", "2", "Queues", "queue:QueueScreen"),
        View("processor", "3", "Processor", "processor:ProcessorScreen"),
        View("letters", "4", "Dead letters", "letters:LettersScreen", short="Letters"),
        View("provenance", "5", "Provenance", "provenance:ProvenanceScreen"),
        View("log", "6", "Log", "log:LogScreen"),
        View("metrics", "7", "Metrics", "metrics:MetricsScreen"),
    )
}
