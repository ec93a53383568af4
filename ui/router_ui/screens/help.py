"""Every key that holds in a view, on a sheet over it."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from router_ui.keys import Key, lines

__all__ = ["HelpScreen"]


class HelpScreen(ModalScreen[None]):
    """Lists keys, as the bindings of the view have them."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,q", "close", "Close"),
        Binding("down,j", "scroll(1)", "Down", show=False),
        Binding("up,k", "scroll(-1)", "Up", show=False),
    ]

    def __init__(self, title: str, keys: list[Key]) -> None:
        super().__init__()
        self._title = title
        self._keys = keys

    def compose(self) -> ComposeResult:
        """One text."""
        parts: list[tuple[str, str] | str] = []
        for keys, words in lines(self._keys):
            parts.append((f"\n{words}\n", "bold") if not keys else (f"  {keys:<16}", "$text-accent"))
            if keys:
                parts.append(f"{words}\n")
        with VerticalScroll(id="sheet") as sheet:
            sheet.border_title = f"keys: {self._title}"
            sheet.border_subtitle = "Esc closes"
            yield Static(Content.assemble(*parts), id="keys")

    def action_close(self) -> None:
        """Back to the view."""
        self.dismiss()

    def action_scroll(self, lines: int) -> None:
        """By a line."""
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)
