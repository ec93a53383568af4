"""A line for an expression, with what is wrong with it below."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Input, Static

__all__ = ["AskingBox", "FilterBox"]


class AskingBox(Vertical):
    """Lines to type into, and below them in ``#wrong`` what is wrong with what was asked."""

    def begin(self) -> None:
        """Let it be typed into."""
        self.query(Input).first().focus()

    def say(self, wrong: str | None) -> None:
        """Say what is wrong with what was asked; None: nothing."""
        shown = self.query_one("#wrong", Static)
        shown.update(f"✗ {wrong}" if wrong else "")
        shown.display = wrong is not None


class FilterBox(AskingBox):
    """Says what is wanted of a list, when Enter is pressed; Esc leaves the line as it was.

    Args:
        label: Stands before the line.
        hint: An example, where nothing is typed.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Leave filter")]
    DEFAULT_CSS = """
    FilterBox {
        height: auto;
        & > Horizontal { height: 1; }
        & Static { width: auto; height: 1; padding: 0 1; color: $text-muted; }
        & Input { width: 1fr; background: $boost; }
        & Input:focus { background: $surface-lighten-2; }
        & > #wrong { width: 1fr; height: auto; max-height: 3; color: $text-error; display: none; }
    }
    """

    class Asked(Message):
        """Enter was pressed; ``value`` is None where nothing is typed."""

        def __init__(self, box: FilterBox, value: str | None) -> None:
            super().__init__()
            self.box, self.value = box, value

        @property
        def control(self) -> FilterBox:
            """The box it comes from."""
            return self.box

    class Left(Message):
        """Esc was pressed."""

    def __init__(self, label: str = "filter", hint: str = "", *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._label, self._hint = label, hint
        self.value: str | None = None
        """What the list is filtered by."""

    def compose(self) -> ComposeResult:
        """Label and line; below them what is wrong."""
        with Horizontal():
            yield Static(self._label, markup=False)
            yield Input(placeholder=self._hint, select_on_focus=False, compact=True)
        yield Static(id="wrong", markup=False)

    def put(self, value: str | None) -> None:
        """Filter by this, without being asked."""
        self.value = value
        self.query_one(Input).value = value or ""
        self.say(None)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Ask with what is typed."""
        event.stop()
        self.value = event.value.strip() or None
        self.post_message(self.Asked(self, self.value))

    def action_leave(self) -> None:
        """Back to what is filtered."""
        self.query_one(Input).value = self.value or ""
        self.post_message(self.Left())
