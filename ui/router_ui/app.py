"""The terminal interface: an app that shows one flow, in one of several views."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from textual.app import App
from textual.binding import Binding, BindingType
from textual.signal import Signal
from textual.worker import Worker

from router.control.client import FlowClient
from router_ui.views import VIEWS
from router_ui.watch import EVERY, Watch

__all__ = ["RouterApp"]


class RouterApp(App[int]):
    """Shows a flow that runs, and steers it.

    Views are modes: each keeps its place while another is shown. What a view is about, a processor or
    a connection, is chosen with ``go``.

    Args:
        client: Asks the flow.
        every: Seconds from one look at the flow to the next.
    """

    CSS_PATH = "app.tcss"
    TITLE = "router"
    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(each.key, f"go({each.name!r})", each.title, show=False) for each in VIEWS.values()),
        Binding("q", "quit", "Quit"),
    ]

    def __init__(self, client: FlowClient, *, every: float = EVERY) -> None:
        super().__init__()
        self.looked: Signal[Watch] = Signal(self, "looked")
        """Published after each look at the flow."""
        self.flow = Watch(client, self.looked.publish, every=every)
        self.chosen: dict[str, str] = {}
        """What each view is about: a processor's name, a connection's id."""
        self._watching: Worker[None] | None = None
        for each in VIEWS.values():
            self.add_mode(each.name, each.screen)

    async def on_mount(self) -> None:
        """Show the graph and begin to look."""
        await self.switch_mode("graph")
        self._watching = self.run_worker(self.flow.run(), name="watch")

    def go(self, view: str, about: str | None = None) -> None:
        """Show a view, of the processor or connection named; None: of the one it was last about."""
        if about is not None:
            self.chosen[view] = about
        self.call_next(partial(self.switch_mode, view))

    def action_go(self, view: str, about: str | None = None) -> None:
        """Show a view."""
        self.go(view, about)

    def on_app_blur(self) -> None:
        """Look less often: the terminal is not the one in use."""
        self.flow.is_hidden = True

    def on_app_focus(self) -> None:
        """Look as often as before."""
        self.flow.is_hidden = False
