"""One processor: its settings, its figures over time, what it told, and switches for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, VerticalScroll
from textual.widgets import Static

from router_ui.figures import rate, short, span
from router_ui.screens.base import FlowScreen
from router_ui.widgets.plots import Plot
from router_ui.widgets.processor_texts import bulletins_text, counts_text, settings_text, title_text

if TYPE_CHECKING:
    from router.control.messages import FlowView, ProcessorDetails, ProcessorView

__all__ = ["ProcessorScreen"]


class ProcessorScreen(FlowScreen):
    """All about a processor; the one of the flow's file that was chosen last."""

    VIEW = "processor"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012 - Textual declares it so
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "switch", "Stop/start"),
        Binding("o", "once", "Run once", tooltip="Let it make one call, and stop it"),
        Binding("plus", "widen(1)", "Wider", key_display="+", tooltip="Let one more call overlap"),
        Binding("minus", "widen(-1)", "Narrower", show=False, key_display="-", tooltip="Let one call fewer overlap"),
        Binding("n,right_square_bracket", "step(1)", "Next", tooltip="The next processor"),
        Binding("p,left_square_bracket", "step(-1)", "Before", show=False, tooltip="The processor before"),
        Binding("i", "input", "Queue", tooltip="Look into its fullest queue"),
        Binding("down,j", "scroll(1)", "Down", show=False),
        Binding("up,k", "scroll(-1)", "Up", show=False),
        Binding("pagedown,ctrl+d", "scroll(10)", "Ten lines down", show=False),
        Binding("pageup,ctrl+u", "scroll(-10)", "Ten lines up", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._asked: object = None

    def compose_view(self) -> ComposeResult:
        """Title, counts, plots; settings and bulletins below them."""
        with VerticalScroll(id="body"):
            yield Static(id="title")
            yield Static(id="counts")
            with Container(id="plots"):
                yield Plot("in", rate)
                yield Plot("out", rate)
                yield Plot("a call takes", span)
                yield Plot("waiting before it", short, least=10)
            with Container(id="texts"):
                yield Static(id="settings")
                yield Static(id="bulletins")

    def show(self, view: FlowView) -> None:
        """Show a look at it; settings and bulletins are asked for when there are others."""
        shown = self._shown()
        if shown is None:
            return
        self.query_one("#title", Static).update(title_text(shown))
        self.query_one("#counts", Static).update(counts_text(shown))
        self._show_plots(shown, view)
        asked = (shown.name, view.bulletins, self.flow.runs, view.version, shown.concurrency)
        if asked != self._asked:
            self._asked = asked
            self.run_worker(self._ask(shown.name), exclusive=True)

    async def action_switch(self) -> None:
        """Stop it, or start it."""
        shown = self._shown()
        await self.switch(shown.name if shown is not None else None)

    async def action_once(self) -> None:
        """Let it make one call, and stop it."""
        shown = self._shown()
        if shown is not None:
            await self.attempt(self.client.run_once(shown.name), f"{shown.name} makes one call")

    async def action_widen(self, step: int) -> None:
        """Change how many of its calls may overlap."""
        shown = self._shown()
        if shown is not None and shown.concurrency + step > 0:
            changed = shown.concurrency + step
            words = f"{shown.name}: calls that may overlap: {changed}"
            await self.attempt(self.client.set_concurrency(shown.name, changed), words)

    def action_step(self, step: int) -> None:
        """Show the next."""
        shown, view = self._shown(), self.flow.view
        if shown is not None and view is not None:
            names = [each.name for each in view.processors]
            self.router.chosen[self.VIEW] = names[(names.index(shown.name) + step) % len(names)]
            self.query_one("#body", VerticalScroll).scroll_home(animate=False)
            self.show(view)

    def action_input(self) -> None:
        """Look into its fullest queue."""
        shown, view = self._shown(), self.flow.view
        if shown is not None and view is not None:
            before = [each for each in view.connections if each.consumer == shown.name]
            if before:
                self.router.look_into(max(before, key=lambda each: each.full).id)
            else:
                self.notify(f"{shown.name} is a source: no queue leads to it")

    def action_scroll(self, lines: int) -> None:
        """By some lines."""
        self.query_one("#body", VerticalScroll).scroll_relative(y=lines, animate=False)

    def _shown(self) -> ProcessorView | None:
        """The one that was chosen; the first, if none was or it has gone."""
        found = self.flow.view.processors if self.flow.view is not None else []
        return self.processor(self.about) or next(iter(found), None)

    def _show_plots(self, shown: ProcessorView, view: FlowView) -> None:
        past = self.flow.past
        series = [past.of(shown.name, each) for each in ("records_in", "records_out", "latency")]
        queues = [past.of(each.id, "records") for each in view.connections if each.consumer == shown.name]
        fewest = min(map(len, queues), default=0)
        series.append([sum(values) for values in zip(*(list(each)[-fewest:] for each in queues), strict=True)])
        hidden = {0, 2, 3} if shown.is_source else {1} if not shown.routes else set()
        for number, (plot, values) in enumerate(zip(self.query(Plot), series, strict=True)):
            plot.display = number not in hidden
            plot.show(values)

    async def _ask(self, name: str) -> None:
        details = await self.ask_quietly(self.client.processor(name))
        told = await self.ask_quietly(self.client.bulletins(processor=name))
        if details is not None:
            self._show_details(details)
        if told is not None:
            self.query_one("#bulletins", Static).update(bulletins_text(told.bulletins))

    def _show_details(self, details: ProcessorDetails) -> None:
        self.query_one("#settings", Static).update(settings_text(details))
