"""The log of the flow, and its bulletins, as they come."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from router.control.client import ControlError
from router.control.messages import BulletinView, LogLine
from router_ui.screens.base import FlowScreen
from router_ui.widgets.filter_box import FilterBox
from router_ui.widgets.record import Details, RecordScreen
from router_ui.widgets.records_log import COLUMNS, LEVELS, LogBook, said_lines, said_row
from router_ui.widgets.records_table import RecordsTable
from router_ui.widgets.records_text import when

if TYPE_CHECKING:
    from router.control.messages import FlowView

__all__ = ["LogScreen"]


class LogScreen(FlowScreen):
    """What the flow says: follows it while the cursor is on the last line."""

    VIEW = "log"
    AUTO_FOCUS = "RecordsTable"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter"),
        Binding("b", "other", "Log or bulletins"),
        Binding("v", "level", "Level"),
    ]
    DEFAULT_CSS = "LogScreen > #status { color: $text-muted; height: 1; padding: 0 1; }"

    def __init__(self) -> None:
        super().__init__()
        self._kind = "log"
        self._book: LogBook | None = None
        self._runs = 0
        self._is_reading = False
        self._shown: list[LogLine | BulletinView] = []

    def compose_view(self) -> ComposeResult:
        """The filter, the lines, the level."""
        yield FilterBox(hint="words that the lines hold")
        yield RecordsTable(id="said", can_mark=False)
        yield Static(id="status", markup=False)

    def show(self, view: FlowView) -> None:
        """Ask for what is new; a flow that has come back begins anew."""
        if self._book is None or self._runs != self.flow.runs:
            self._book, self._runs = LogBook(self.client), self.flow.runs
        if not self._is_reading:
            self._is_reading = True
            self.run_worker(self._read(self._book), name="read")

    async def _read(self, book: LogBook) -> None:
        try:
            await book.read(self._kind)
        except ControlError:
            return  # the banner says so, and the next look at the flow tries again
        finally:
            self._is_reading = False
        if book is self._book:
            self._show_lines(book)

    def _show_lines(self, book: LogBook) -> None:
        table, wanted = self.query_one(RecordsTable), (self.query_one(FilterBox).value or "").lower()
        is_last = table.cursor >= table.count - 1
        all_of_them = book.said[self._kind]
        shown = [each for each in all_of_them if not wanted or wanted in _all_of(each)]
        self._shown = shown
        empty = "nothing was said yet" if not wanted else f"nothing that was said holds {wanted!r}"
        table.show(COLUMNS[self._kind], lambda index: said_row(shown[index]), len(shown), empty=empty)
        if is_last and shown:
            table.go(len(shown) - 1)
        level = f"logged from {book.level!r} on" if self._kind == "log" else "bulletins"
        count = f"{len(shown):,}" if len(shown) == len(all_of_them) else f"{len(shown):,} of {len(all_of_them):,}"
        self.query_one("#status", Static).update(f"{count}   {level}")

    # -- what can be done -----------------------------------------------------------------------

    def action_other(self) -> None:
        """Show the bulletins, or the log again."""
        self._kind = "log" if self._kind == "bulletins" else "bulletins"
        self.query_one(RecordsTable).go(0)
        self._again(is_at_end=True)

    def action_level(self) -> None:
        """Log more, or less: the next of debug, info, warning, error."""
        if self._book is not None:
            index = LEVELS.index(self._book.level) if self._book.level in LEVELS else 0
            self.run_worker(self._set_level(self._book, LEVELS[(index + 1) % len(LEVELS)]), name="level")

    async def _set_level(self, book: LogBook, level: str) -> None:
        await self.attempt(book.set_level(level), f"logged from {level!r} on, in the whole process")
        self._show_lines(book)

    def action_filter(self) -> None:
        """Type words."""
        self.query_one(FilterBox).begin()

    def on_filter_box_asked(self) -> None:
        """Show what holds the words."""
        self.query_one(RecordsTable).focus()
        self._again(is_at_end=True)

    def on_filter_box_left(self) -> None:
        """Back to the lines."""
        self.query_one(RecordsTable).focus()

    def _again(self, *, is_at_end: bool) -> None:
        table = self.query_one(RecordsTable)
        if self._book is not None:
            self._show_lines(self._book)
            if is_at_end:
                table.action_last()
        if self.flow.view is not None:
            self.show(self.flow.view)

    def on_records_table_opened(self) -> None:
        """Show all of the line of the cursor."""
        self.app.push_screen(RecordScreen(self._details))

    async def _details(self, by: int) -> Details | None:
        table, shown = self.query_one(RecordsTable), self._shown
        index = table.cursor + by
        if not 0 <= index < len(shown):
            return None
        table.go(index)
        said = shown[index]
        of = f"{said.level} of {said.logger}" if isinstance(said, LogLine) else f"bulletin of {said.processor}"
        return Details(f"{when(said.time)}   {of}", said_lines(said))


def _all_of(said: LogLine | BulletinView) -> str:
    return " ".join(said_row(said).cells).lower()
