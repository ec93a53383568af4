"""The graph of a flow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.widgets import Static

from router_ui.figures import rate
from router_ui.screens.base import FlowScreen

if TYPE_CHECKING:
    from router.control.messages import FlowView

__all__ = ["GraphScreen"]


class GraphScreen(FlowScreen):
    """Processors, with what they do at the moment."""

    VIEW = "graph"

    def compose_view(self) -> ComposeResult:
        """One text."""
        yield Static(id="graph", markup=False)

    def show(self, view: FlowView) -> None:
        """Show each processor with its state and rate."""
        lines = [f"{each.name}  {each.type}  {each.state}  {rate(each.rate_out)}/s" for each in view.processors]
        self.query_one("#graph", Static).update("\n".join(lines))
