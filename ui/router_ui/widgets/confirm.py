"""A question before something is done; where it wants a word more, such as a path, a line to type that."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from router.control.client import ControlError

__all__ = ["Confirm"]


class Confirm(ModalScreen[str | None]):
    """Asks, does it at a yes, and gives what came of it as a text; None: it was left.

    Where it is refused it says why and stays open: another word may do.

    Args:
        question: What will be done to how many of what.
        verb: What the yes is called.
        do: Does it with what was typed. What it raises of ``ControlError``, ``ValueError`` and ``OSError`` is shown.
        label: What is to be typed; None: nothing, ``y`` is enough.
        value: What stands there already.
        hint: What is shown where nothing is typed.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Leave", priority=True),
        Binding("y", "do", "Yes"),
        Binding("n,q", "leave", "No", show=False),
    ]
    DEFAULT_CSS = """
    Confirm {
        align: center middle;
        & > Vertical { width: 66; max-width: 96%; height: auto; max-height: 90%; border: round $warning; padding: 0 1; background: $surface; }
        & Static { height: auto; width: 1fr; }
        & #question { text-style: bold; }
        & #label { margin-top: 1; color: $text-muted; }
        & #error { color: $text-error; }
        & #keys { margin-top: 1; color: $text-muted; }
        & Input { background: $boost; }
    }
    """

    def __init__(
        self, question: str, verb: str, do: Callable[[str], Awaitable[str]], *, label: str | None = None, value: str = "", hint: str = ""
    ) -> None:  # fmt: skip
        super().__init__()
        self._question, self._verb, self._do = question, verb, do
        self._label, self._value, self._hint = label, value, hint
        self._is_doing = False

    def compose(self) -> ComposeResult:
        """The question, perhaps a line, what went wrong, the keys."""
        with Vertical():
            yield Static(self._question, id="question", markup=False)
            if self._label is not None:
                yield Static(self._label, id="label", markup=False)
                yield Input(self._value, placeholder=self._hint, select_on_focus=False, compact=True)
            yield Static("", id="error", markup=False)
            yield Static(
                f"{'y' if self._label is None else 'Enter'}: {self._verb}   Esc: leave", id="keys", markup=False
            )

    def on_mount(self) -> None:
        """Type at once, if something is to be typed."""
        self.query_one("#error").display = False
        if self._label is not None:
            self.query_one(Input).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """That is the word."""
        event.stop()
        self.action_do()

    def action_do(self) -> None:
        """Yes."""
        if not self._is_doing:
            self._is_doing = True
            self.run_worker(self._done(), name="do")

    def action_leave(self) -> None:
        """No: nothing is done. What has begun is not undone."""
        self.dismiss(None)

    async def _done(self) -> None:
        try:
            result = await self._do(self.query_one(Input).value.strip() if self._label is not None else "")
        except (ControlError, ValueError, OSError) as error:
            shown = self.query_one("#error", Static)
            shown.update(_said(error))
            shown.display = True
        else:
            if self.is_attached and self.is_current:
                self.dismiss(result)
        finally:
            self._is_doing = False


def _said(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror is not None and error.filename is not None:
        return f"{str(error.filename)!r}: {error.strerror.lower()}"
    return str(error)
