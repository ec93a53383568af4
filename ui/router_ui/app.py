"""The terminal interface: an app that lists flows, and shows one of them in one of several views."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any, ClassVar, Protocol

from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.driver import Driver
from textual.drivers.linux_driver import LinuxDriver
from textual.screen import Screen
from textual.signal import Signal
from textual.worker import Worker

from router.control.client import FlowClient
from router_ui.commands import commands
from router_ui.flows import Flows
from router_ui.keys import keys_of
from router_ui.reloading import reload_question
from router_ui.screens.flows import FlowsScreen
from router_ui.screens.help import HelpScreen
from router_ui.screens.search import SearchScreen
from router_ui.terminal import Terminal
from router_ui.themes import THEMES
from router_ui.views import VIEWS
from router_ui.watch import EVERY, Watch
from router_ui.widgets.records_text import clean

__all__ = ["OwnRun", "RouterApp"]

BESIDE = "beside"
"""The group of the workers that go on as long as the app does."""


class OwnRun(Protocol):
    """The process of flows that were started with the app, and end with it."""

    def stop(self) -> None:
        """Ask it to end; asked twice, to end at once."""

    async def ended(self) -> int:
        """Wait for its end; its exit code."""


class RouterApp(App[int]):
    """Shows a flow that runs, and steers it.

    Views are modes: each keeps its place while another is shown. What a view is about, a processor or
    a connection, is chosen with ``go``.

    Args:
        client: Asks the flow; None: one is chosen from a list.
        flows: Finds those to list; None: the flow of ``client`` is the only one.
        every: Seconds from one look at the flow to the next.
        own: The process of the flows, where they end with the app.
        opens_only: Show the flow at once, where the first list holds only one.
    """

    CSS_PATH = "app.tcss"
    TITLE = "router"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("0", "flows", "Flows", show=False),
        *(Binding(each.key, f"go({each.name!r})", each.title, show=False) for each in VIEWS.values()),
        Binding("slash", "search", "Search", tooltip="Search for a processor or a connection"),
        Binding("question_mark", "help", "Keys", tooltip="List the keys"),
        Binding("ctrl+r", "reload", "Reload", show=False, tooltip="Load the flow anew from its file"),
        Binding("T", "theme", "Next theme", show=False),
        Binding("colon", "command_palette", "Command palette", show=False),
        Binding("escape", "back", "Back", show=False),
        Binding("ctrl+z", "suspend_process", "Put in the background", show=False),
        Binding("q", "quit", "Quit", tooltip="Leave; stops a flow that was started with this"),
    ]

    def __init__(
        self,
        client: FlowClient | None = None,
        *,
        flows: Flows | None = None,
        every: float = EVERY,
        own: OwnRun | None = None,
        opens_only: bool = True,
    ) -> None:
        super().__init__()
        self.looked: Signal[Watch] = Signal(self, "looked")
        """Published after each look at the flow."""
        self.chosen: dict[str, str] = {}
        """What each view is about: a processor's name, a connection's id."""
        self._client = client
        self._flows = flows
        self._every = every
        self._own = own
        self._opens_only = opens_only
        self._code: int | None = None
        self._is_leaving = False
        self._flow: Watch | None = None
        self._watching: Worker[None] | None = None

    async def to_the_end(self) -> int:
        """Run until somebody leaves; the exit code."""
        try:
            return await self.run_async() or self.return_code or 0
        finally:
            if self._flows is not None:
                await self._flows.close()

    @property
    def flow(self) -> Watch:
        """What is known of the flow that is shown."""
        assert self._flow is not None, "no flow has been chosen"
        return self._flow

    @property
    def has_list(self) -> bool:
        """True if another flow can be chosen."""
        return self._flows is not None

    async def on_mount(self) -> None:
        """Show the flow, or the list."""
        self.app_resume_signal.subscribe(self, self._draw_again)
        for theme in THEMES.values():
            self.register_theme(theme)
        self.theme = next(iter(THEMES))
        if self._flows is not None:
            starts = self._own is not None
            self.add_mode("flows", partial(FlowsScreen, self._flows, opens_only=self._opens_only, starts=starts))
        if self._client is not None:
            await self.open(self._client)
        else:
            await self.switch_mode("flows")
        if self._own is not None:
            self.run_worker(self._until_ended(self._own), name="own", group=BESIDE)

    async def open(self, client: FlowClient) -> None:
        """Show a flow, in views that know nothing of the one before."""
        if self._watching is not None:
            self._watching.cancel()
            await self.switch_mode("flows")
            for each in VIEWS:
                await self.remove_mode(each)
        for view in VIEWS.values():
            self.add_mode(view.name, view.screen)
        self.chosen.clear()
        self._flow = Watch(client, self.looked.publish, every=self._every)
        await self.switch_mode("graph")
        self._watching = self.run_worker(self._flow.run(), name="watch", group=BESIDE)

    # -- from view to view ----------------------------------------------------------------------

    def go(self, view: str, about: str | None = None) -> None:
        """Show a view, of the processor or connection named; None: of the one it was last about."""
        if self._flow is None:
            return
        if about is not None:
            self.chosen[view] = about
        self.call_next(partial(self.switch_mode, view))

    def look_into(self, name: str) -> None:
        """Show the view of a processor, or of a connection's queue."""
        self.go("queues" if ">" in name else "processor", name)

    def action_go(self, view: str, about: str | None = None) -> None:
        """Show a view."""
        self.go(view, about)

    async def action_flows(self) -> None:
        """Show the list of flows."""
        if self.has_list:
            await self.switch_mode("flows")

    async def action_back(self) -> None:
        """Close what lies over the view; from a view go to the graph, from there to the list."""
        if len(self.screen_stack) > 1:
            self.pop_screen()
        elif self.current_mode != "graph" and self._flow is not None:
            await self.switch_mode("graph")
        else:
            await self.action_flows()

    def action_search(self) -> None:
        """Find a part of the flow, and choose it in the graph."""
        if self._flow is not None and self._flow.view is not None and self.current_mode != "flows":
            self.push_screen(SearchScreen(self._flow.view), self._found)

    def action_reload(self) -> None:
        """Load the flow anew from its file, after a question."""
        if self._flow is not None and self._flow.view is not None and self.current_mode != "flows":
            self.push_screen(reload_question(self._flow), lambda said: self.notify(said) if said else None)

    def action_help(self) -> None:
        """List the keys that hold now."""
        title = VIEWS[self.current_mode].title.lower() if self.current_mode in VIEWS else "flows"
        self.push_screen(HelpScreen(title, keys_of(self.screen)))

    def action_theme(self) -> None:
        """Show the next of the themes."""
        names = list(THEMES)
        self.theme = names[(names.index(self.theme) + 1) % len(names)] if self.theme in names else names[0]

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """All that can be done, for the command palette."""
        yield from commands(self, screen)

    def notify(self, message: str, **how: Any) -> None:
        """Say something; it may come from records, and is neither markup nor obeyed by the terminal."""
        super().notify("\n".join(map(clean, message.splitlines())), **{**how, "markup": False})

    def _found(self, name: str | None) -> None:
        if name is not None:
            self.go("graph", name)

    # -- the end --------------------------------------------------------------------------------

    async def action_quit(self) -> None:
        """Leave; where the flow was started with the app it is stopped, and the app ends when it has ended."""
        if self._own is None:
            self.exit(0)
        elif self._code is not None:
            self.exit(self._code)
        else:
            self._own.stop()
            self.notify("stopping the flow: what is under way is finished first", timeout=30)
            self._is_leaving = True

    async def _until_ended(self, own: OwnRun) -> None:
        self._code = await own.ended()
        if self._is_leaving or self._flow is None:
            self.exit(self._code)
            return
        if self._watching is not None:
            self._watching.cancel()
        self._flow.ended = f"the flow has ended, exit code {self._code}; q leaves"
        self.looked.publish(self._flow)

    def get_driver_class(self) -> type[Driver]:
        """The terminal as it is elsewhere, but one that outlives SIGSTOP."""
        found = super().get_driver_class()
        return Terminal if found is LinuxDriver else found

    def _draw_again(self, app: App[object]) -> None:
        """Draw all of it: while the process was stopped, others wrote to the terminal."""
        self.refresh(layout=True)

    def on_app_blur(self) -> None:
        """Look less often: the terminal is not the one in use."""
        if self._flow is not None:
            self._flow.is_hidden = True

    def on_app_focus(self) -> None:
        """Look as often as before."""
        if self._flow is not None:
            self._flow.is_hidden = False
