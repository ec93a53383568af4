"""The graph of a flow, and what is chosen in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from router_ui.screens.base import FlowScreen
from router_ui.widgets.details import Details
from router_ui.widgets.graph import GraphView

if TYPE_CHECKING:
    from router.control.messages import FlowView

__all__ = ["GraphScreen"]


class GraphScreen(FlowScreen):
    """Boxes and lines, with details at the side, or at the bottom where it is narrow."""

    VIEW = "graph"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (130, "-wide")]  # noqa: RUF012 - Textual declares it so
    VERTICAL_BREAKPOINTS = [(0, "-low"), (32, "-high")]  # noqa: RUF012 - Textual declares it so
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "switch", "Stop/start"),
        Binding("o", "once", "Run once", show=False),
    ]

    def compose_view(self) -> ComposeResult:
        """The graph, and the details of one part."""
        yield GraphView(self.flow.past)
        yield Details()

    def show(self, view: FlowView) -> None:
        """Show a look."""
        if self.about is not None:
            self.query_one(GraphView).chosen = self.router.chosen.pop(self.VIEW)
        self.query_one(GraphView).show(view, self.flow.past)
        self._show_details()

    @on(GraphView.Chosen)
    def _show_details(self) -> None:
        if self.flow.view is not None:
            self.query_one(Details).show(self.flow.view, self.flow.past, self.query_one(GraphView).chosen)

    @on(GraphView.Opened)
    def _open(self, message: GraphView.Opened) -> None:
        self.router.look_into(message.name)

    async def action_switch(self) -> None:
        """Stop the processor that is chosen, or start it."""
        await self.switch(self.query_one(GraphView).chosen)

    async def action_once(self) -> None:
        """Let the processor that is chosen make one call."""
        name = self.query_one(GraphView).chosen
        if name is not None and self.processor(name) is not None:
            await self.attempt(self.client.run_once(name), f"{name} makes one call")
