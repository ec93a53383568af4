"""All about one record, over the list it is in: read, copy, save, go on to its neighbours."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Footer, Static

from router.control.client import ControlError
from router.control.messages import RecordView
from router_ui.widgets.confirm import Confirm
from router_ui.widgets.record_json import Line
from router_ui.widgets.record_text import RecordText
from router_ui.widgets.records_files import as_file, file_name, save

__all__ = ["Details", "RecordScreen"]


@dataclass(frozen=True, slots=True)
class Details:
    """What is shown of something: a title, lines, and what makes its record whole where that may be saved."""

    title: str
    lines: Iterable[Line]
    name: str = "record"
    whole: Callable[[], Awaitable[RecordView]] | None = None


class RecordScreen(ModalScreen[None]):
    """Shows details, and those of neighbours.

    Args:
        load: Gives the details so many places further on, 0 being those asked for first; None: there are none.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", "Back"),
        Binding("question_mark", "app.help", "Keys", show=False),
        Binding("n,right,l", "step(1)", "Next"),
        Binding("p,left,h", "step(-1)", "Previous"),
        Binding("c,y", "copy", "Copy"),
        Binding("s", "save", "Save"),
    ]
    DEFAULT_CSS = """
    RecordScreen {
        & > Vertical { border: round $primary; background: $surface; padding: 0 1; }
        & #title { height: auto; max-height: 2; text-style: bold; }
    }
    """

    def __init__(self, load: Callable[[int], Awaitable[Details | None]]) -> None:
        super().__init__()
        self._load = load
        self._shown: Details | None = None

    def compose(self) -> ComposeResult:
        """A title above what scrolls."""
        with Vertical():
            yield Static(id="title", markup=False)
            yield RecordText(id="details")
        yield Footer()

    def on_mount(self) -> None:
        """Show what was asked for."""
        self.action_step(0)

    def action_step(self, by: int) -> None:
        """Show a neighbour."""
        self.run_worker(self._step(by), name="step", group="step", exclusive=True)

    def action_copy(self) -> None:
        """Give the text to the clipboard of the terminal."""
        self.app.copy_to_clipboard(self.query_one(RecordText).text)
        self.notify("copied")

    def action_save(self) -> None:
        """Save its content to a file."""
        shown = self._shown
        if shown is None or shown.whole is None:
            self.notify("there is no content to save", severity="warning")
            return
        self.run_worker(self._ask_where(shown, shown.whole), name="save")

    def action_leave(self) -> None:
        """Back to the list."""
        self.dismiss(None)

    async def _step(self, by: int) -> None:
        try:
            found = await self._load(by)
        except ControlError as error:
            self.query_one("#title", Static).update(str(error))
            return
        if found is not None:
            self._shown = found
            self.query_one("#title", Static).update(found.title)
            self.query_one(RecordText).show(found.lines)

    async def _ask_where(self, shown: Details, whole: Callable[[], Awaitable[RecordView]]) -> None:
        try:
            suffix, data = as_file(await whole())
        except ControlError as error:
            self.notify(str(error), severity="error", markup=False)
            return
        question = Confirm(
            f"Save {shown.name}, {len(data):,} bytes",
            "save",
            partial(_save, data),
            label="to a new file",
            value=file_name(shown.name, suffix=suffix),
        )
        self.app.push_screen(question, self._saved)

    def _saved(self, said: str | None) -> None:
        if said is not None:
            self.notify(said, markup=False)


async def _save(data: bytes, path: str) -> str:
    return f"saved to {save(path, data)}"
