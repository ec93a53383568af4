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

__all__ = ["FlowHeader"]

_STATES = {"running": "$text-success", "stopping": "$text-warning", "failed": "$text-error"}


class FlowHeader(Vertical):
    """Name, state and sums of the flow; below them the views, of which one is marked."""

    def __init__(self, view: str, *, has_list: bool) -> None:
        super().__init__()
        self._has_list = has_list
        self._view = view

    def compose(self) -> ComposeResult:
        """Two lines, and one that is shown while the flow is lost."""
        yield Static(id="sums")
        yield Static(_tabs(self._view, has_list=self._has_list), id="tabs")
        yield Static(id="banner")

    def show(self, flow: Watch) -> None:
        """Show a look at the flow."""
        if flow.view is not None:
            self.query_one("#sums", Static).update(Content.assemble(*_sums(flow.view)))
        banner = self.query_one("#banner", Static)
        said = flow.ended or (flow.lost and f"{flow.lost}; waiting until it answers again")
        banner.display = bool(said)
        if said:
            banner.update(Content(f"⚠ {said}"))


def _sums(view: FlowView) -> Iterator[tuple[str, str]]:
    given = sum(each.rate_out for each in view.processors if each.is_source)
    under_way = sum(each.records + each.unacked for each in view.connections)
    yield f" {view.name} ", "bold reverse"
    yield f"  {view.state} ", _STATES.get(view.state, "")
    yield clock(view.seconds), "$foreground-muted"
    yield f"  {rate(given)}  {short(under_way)} under way", ""
    yield f"  ✗ {plural(view.dead_letters_kept, 'dead letter')}", "$text-error" if view.dead_letters_kept else ""
    yield f"  ! {plural(view.bulletins, 'bulletin')}", "$text-warning" if view.bulletins else ""


def _tabs(shown: str, *, has_list: bool) -> Content:
    parts: list[tuple[str, str]] = [(" 0 Flows ", "@click=app.flows")] if has_list else []
    for each in VIEWS.values():
        style = "bold reverse" if each.name == shown else ""
        parts.append((f" {each.key} {each.title} ", f"{style} @click=app.go('{each.name}')".strip()))
    return Content.assemble(*parts)
