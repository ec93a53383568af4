"""What all views of a flow have in common: header, banner, footer, and being told of each look."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING, TypeVar, cast

from textual import events
from textual.app import ComposeResult
from textual.screen import Screen
from textual.widgets import Footer

from router.control.client import ControlError, FlowClient
from router_ui.watch import Watch
from router_ui.widgets.header import FlowHeader

if TYPE_CHECKING:
    from router.control.messages import FlowView, ProcessorView
    from router_ui.app import RouterApp

__all__ = ["FlowScreen"]

_T = TypeVar("_T")


class FlowScreen(Screen[None]):
    """A view of a flow. A subclass says what it consists of, in ``compose_view``, and shows a look, in ``show``."""

    VIEW = ""
    """Its name in ``VIEWS``."""

    @property
    def router(self) -> RouterApp:
        """The app, with what is its own."""
        return cast("RouterApp", self.app)

    @property
    def flow(self) -> Watch:
        """What is known of the flow."""
        return self.router.flow

    @property
    def client(self) -> FlowClient:
        """Asks the flow and steers it."""
        return self.flow.client

    @property
    def about(self) -> str | None:
        """The processor or connection that this view was opened for."""
        return self.router.chosen.get(self.VIEW)

    def compose(self) -> ComposeResult:
        """Lay out what all views share around what is this one's."""
        yield FlowHeader(self.VIEW, has_list=self.router.has_list)
        yield from self.compose_view()
        yield Footer()

    def compose_view(self) -> ComposeResult:
        """What the view consists of, between header and footer."""
        raise NotImplementedError

    def show(self, view: FlowView) -> None:
        """Show a look at the flow; called only while the view can be seen."""

    def processor(self, name: str | None) -> ProcessorView | None:
        """A processor as it was last seen; None: there is none of that name."""
        found = self.flow.view.processors if self.flow.view is not None else []
        return next((each for each in found if each.name == name), None)

    async def switch(self, name: str | None) -> None:
        """Stop a processor, or start one that is stopped."""
        view = self.processor(name)
        if view is None:
            self.notify("choose a processor first; a connection cannot be stopped", severity="warning")
        elif view.is_stopped:
            await self.attempt(self.client.start_processor(view.name), f"{view.name} works again")
        else:
            await self.attempt(
                self.client.stop_processor(view.name), f"{view.name} begins no more calls; its queue fills"
            )

    async def attempt(self, work: Awaitable[_T], done: str = "") -> _T | None:
        """Have the flow do something and look again; where it refuses, or does not answer, say why and give None."""
        try:
            result = await work
        except ControlError as error:  # one that is not reached is one of these
            self.notify(str(error), title="not done", severity="error", markup=False)
            return None
        if done:
            self.notify(done, markup=False)
        await self.flow.look()
        return result

    async def ask_quietly(self, work: Awaitable[_T]) -> _T | None:
        """Ask the flow; None where it does not answer, which the banner says already, or has no such thing any more."""
        try:
            return await work
        except ControlError:
            return None

    def on_mount(self) -> None:
        """Be told of each look."""
        self.router.looked.subscribe(self, self._looked)

    def on_screen_resume(self, event: events.ScreenResume) -> None:
        """Show what has happened while another view was shown."""
        self._looked(self.flow)

    def _looked(self, flow: Watch) -> None:
        if self not in self.app.screen_stack:
            return
        self.query_one(FlowHeader).show(flow)
        if flow.view is not None:
            self.show(flow.view)
