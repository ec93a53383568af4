"""Find a processor or a connection by a part of its name."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from router.control.messages import FlowView
from router_ui.figures import percent, rate
from router_ui.graph.looks import GLYPHS

__all__ = ["SearchScreen"]

_MOST = 200  # are listed; who looks for one among more types another letter


class SearchScreen(ModalScreen[str | None]):
    """Asks for a part of a name, and gives the name or id that was chosen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Close"),
        Binding("down,ctrl+n", "move(1)", "Down", show=False),
        Binding("up,ctrl+p", "move(-1)", "Up", show=False, priority=True),
    ]

    def __init__(self, view: FlowView) -> None:
        super().__init__()
        self._all = [
            *((each.name, f"{GLYPHS.get(each.state, '?')} {each.name}", f"{each.type}, {each.state}") for each in view.processors),
            *((each.id, f"→ {each.id}", f"{percent(each.full)}, {rate(each.rate_in)}") for each in view.connections),
        ]  # fmt: skip

    def compose(self) -> ComposeResult:
        """A field, and what is found below it."""
        with Vertical(id="search"):
            yield Input(placeholder="a processor or a connection")
            yield OptionList()

    def on_mount(self) -> None:
        """List all."""
        self._list("")

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        self._list(event.value)

    @on(Input.Submitted)
    def _submitted(self) -> None:
        found = self.query_one(OptionList)
        if found.highlighted is not None:
            self.dismiss(found.get_option_at_index(found.highlighted).id)

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option_id)

    def action_leave(self) -> None:
        """Choose nothing."""
        self.dismiss(None)

    def action_move(self, step: int) -> None:
        """Mark the next that was found, while the field keeps the focus."""
        found = self.query_one(OptionList)
        if step > 0:
            found.action_cursor_down()
        else:
            found.action_cursor_up()

    def _list(self, text: str) -> None:
        words = text.lower().split()
        meant = [each for each in self._all if all(word in f"{each[1]} {each[2]}".lower() for word in words)]
        meant.sort(key=lambda each: not each[0].lower().startswith(text.lower()))
        found = self.query_one(OptionList)
        found.set_options(
            Option(Content.assemble(shown, (f"  {more}", "$foreground-muted")), id=name)
            for name, shown, more in meant[:_MOST]
        )
        found.highlighted = 0 if meant else None
