"""Several short lines side by side, which say together what is searched for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Static

from router_ui.widgets.filter_box import AskingBox

__all__ = ["SearchBox"]


class SearchBox(AskingBox):
    """Says what is wanted, when Enter is pressed in any of its lines; Tab goes from one to the next.

    Args:
        fields: The names of the lines, with what each shows while it is empty.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Leave search")]
    DEFAULT_CSS = """
    SearchBox {
        height: auto;
        & > Horizontal { height: 1; }
        & Input { width: 1fr; background: $boost; margin: 0 1 0 0; }
        & #where { width: 2fr; margin: 0; }
        & > #wrong { height: auto; max-height: 3; padding: 0 1; color: $text-error; display: none; }
    }
    """

    class Asked(Message):
        """Enter was pressed."""

        def __init__(self, values: Mapping[str, str]) -> None:
            super().__init__()
            self.values = values

    class Left(Message):
        """Esc was pressed."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__()
        self._fields = fields

    def compose(self) -> ComposeResult:
        """The lines; below them what is wrong."""
        with Horizontal():
            for name, hint in self._fields.items():
                yield Input(placeholder=hint, id=name, compact=True, select_on_focus=False)
        yield Static(id="wrong", markup=False)

    @property
    def values(self) -> dict[str, str]:
        """What is typed in each line."""
        return {each.id or "": each.value.strip() for each in self.query(Input)}

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Ask with what is typed."""
        event.stop()
        self.post_message(self.Asked(self.values))

    def action_leave(self) -> None:
        """Back to what was found."""
        self.post_message(self.Left())
