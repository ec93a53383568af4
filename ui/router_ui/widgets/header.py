"""The first lines of each view: the flow, how it does, the views there are, and a banner while it is lost."""

from __future__ import annotations

from collections.abc import Iterator

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from router.control.messages import FlowView
from router_ui.figures import clock, plural, rate, short
from router_ui.views import VIEWS
from router_ui.watch import Watch
from router_ui.widgets.records_text import clean

__all__ = ["FlowHeader"]

_STATES = {
    "starting": "$text-warning",
    "running": "$text-success",
    "stopping": "$text-warning",
    "failed": "$text-error",
    "lost": "$text-error",
}


class FlowHeader(Vertical):
    """Name, state and sums of the flow; below them the views, of which one is marked."""

    def __init__(self, view: str, *, has_list: bool) -> None:
        super().__init__()
        self._has_list = has_list
        self._view = view

    def compose(self) -> ComposeResult:
        """Two lines, and one that is shown while the flow is lost."""
        yield Static(id="sums")
        yield _Tabs(self._view, has_list=self._has_list)
        yield Static(id="banner")

    def show(self, flow: Watch) -> None:
        """Show a look at the flow."""
        if flow.view is not None:
            self.query_one("#sums", Static).update(Content.assemble(*_sums(flow, flow.view)), layout=False)
        banner = self.query_one("#banner", Static)
        said = _banner(flow)
        banner.display = bool(said)
        if said:
            banner.update(Content(f"⚠ {clean(said)}"))


def _sums(flow: Watch, view: FlowView) -> Iterator[tuple[str, str]]:
    is_seen = flow.lost is None and flow.ended is None
    state = view.state if is_seen else "lost" if flow.ended is None else "ended"
    given = sum(each.rate_out for each in view.processors if each.is_source)
    under_way = sum(each.records + each.unacked for each in view.connections)
    yield f" {view.name} ", "bold reverse"
    yield f"  {state} ", _STATES.get(state, "")
    yield clock(view.seconds), "$foreground-muted"
    yield f"  {rate(given) if is_seen else 'no rate'}  {short(under_way)} under way", ""
    yield f"  ✗ {_few(view.dead_letters_kept, 'dead letter')}", "$text-error" if view.dead_letters_kept else ""
    yield f"  ! {_few(view.bulletins, 'bulletin')}", "$text-warning" if view.bulletins else ""


def _few(number: int, word: str) -> str:
    return plural(number, word) if number < 1000 else f"{short(number)} {word}s"


def _banner(flow: Watch) -> str | None:
    if flow.ended is not None:
        return flow.ended
    if flow.lost is not None:
        return f"{flow.lost}; waiting until it answers again"
    if flow.view is not None and flow.view.error is not None:
        return f"the flow has failed: {flow.view.error}"
    return None


class _Tabs(Static):
    """The views with their keys; one is marked, all can be clicked."""

    def __init__(self, shown: str, *, has_list: bool) -> None:
        super().__init__(id="tabs")
        self._shown = shown
        self._has_list = has_list

    def render(self) -> Content:
        """In full words, and in short ones where they do not fit."""
        whole = self._tabs(" ", is_short=False)
        return whole if whole.cell_length <= self.content_size.width else self._tabs("", is_short=True)

    def _tabs(self, space: str, *, is_short: bool) -> Content:
        parts: list[tuple[str, str]] = [(f" 0 Flows{space}", "@click=app.flows")] if self._has_list else []
        for each in VIEWS.values():
            style = "bold reverse" if each.name == self._shown else ""
            title = each.short if is_short and each.short else each.title
            parts.append((f" {each.key} {title}{space}", f"{style} @click=app.go('{each.name}')".strip()))
        return Content.assemble(*parts)
