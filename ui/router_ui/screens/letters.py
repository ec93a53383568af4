"""Dead letters: see why records failed, try them again, take them out, delete them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from router.control.client import ControlError, UnreachableError
from router.control.messages import DeadLetterView, RecordView
from router_ui.figures import plural
from router_ui.screens.base import FlowScreen
from router_ui.widgets.confirm import Confirm
from router_ui.widgets.filter_box import FilterBox
from router_ui.widgets.record import Details, RecordScreen
from router_ui.widgets.record_lines import head
from router_ui.widgets.records_files import export, file_name
from router_ui.widgets.records_letters import LETTERS, Letters, letter_lines, letter_row
from router_ui.widgets.records_listing import SHOWN
from router_ui.widgets.records_table import RecordsTable, Row

if TYPE_CHECKING:
    from router.control.messages import FlowView

__all__ = ["LettersScreen"]


class LettersScreen(FlowScreen):
    """The dead letters of the flow, oldest first; listed anew while the cursor stays on the first and none is marked."""

    VIEW = "letters"
    AUTO_FOCUS = "RecordsTable"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter"),
        Binding("r", "retry", "Retry"),
        Binding("R", "retry_all", "Retry all"),
        Binding("e", "export", "Export"),
        Binding("d", "delete", "Delete"),
        Binding("D", "delete_all", "Delete all"),
        Binding("f5", "list", "List again", show=False),
    ]
    DEFAULT_CSS = "LettersScreen > #status { color: $text-muted; height: 1; padding: 0 1; }"

    def __init__(self) -> None:
        super().__init__()
        self._letters: Letters | None = None
        self._next: Letters | None = None
        self._kept = -1

    def compose_view(self) -> ComposeResult:
        """The filter, the letters, how many there are."""
        yield FilterBox(hint="an expression, such as meta.error.type == 'DecodeError'")
        yield RecordsTable(id="letters")
        yield Static(id="status", markup=False)

    # -- what is shown --------------------------------------------------------------------------

    def show(self, view: FlowView) -> None:
        """Show a look at the flow."""
        table = self.query_one(RecordsTable)
        is_read = table.cursor > 0 or table.marked or not self.is_current
        if self._letters is None or (view.dead_letters_kept != self._kept and not is_read):
            self.action_list()
        self._kept = view.dead_letters_kept if self._letters is None or not is_read else self._kept
        self._show_status()

    def action_list(self) -> None:
        """List them anew; what was listed stays until the new list is here."""
        self._next = Letters(self.client, self.query_one(FilterBox).value)
        self.run_worker(self._fetch(self._next), name="list")

    async def _fetch(self, letters: Letters) -> None:
        try:
            await letters.paged.look(*self.query_one(RecordsTable).seen, partial(self._show_letters, letters))
        except UnreachableError:
            self._kept = -1  # the banner says so; they are listed when it is back
        except ControlError as error:
            self.query_one(FilterBox).say(str(error))

    def _show_letters(self, letters: Letters) -> None:
        if letters not in (self._letters, self._next):
            return
        if letters is self._next:
            self._letters, self._next = letters, None
            self.query_one(FilterBox).say(None)

        def row(index: int) -> Row | None:
            found = letters.paged[index]
            return None if found is None else letter_row(found)

        empty = "no dead letters: nothing has failed" if letters.where is None else "no dead letter is meant"
        self.query_one(RecordsTable).show(LETTERS, row, len(letters.paged), empty=empty)
        self._show_status()

    def _show_status(self) -> None:
        table, letters = self.query_one(RecordsTable), self._letters
        if letters is None:
            return
        more = "" if letters.paged.is_exact else " or more"
        total = f" of {plural(letters.kept, 'dead letter')}" if letters.where is not None and letters.kept else ""
        parts = [f"{min(table.cursor + 1, table.count):,} of {table.count:,}{more}{total}"]
        if table.marked:
            parts.append(f"{len(table.marked):,} marked")
        view = self.flow.view
        if view is not None and letters.kept is not None and view.dead_letters_kept != letters.kept:
            parts.append(f"{view.dead_letters_kept:,} now, F5 lists again")
        self.query_one("#status", Static).update("   ".join(parts))

    def on_records_table_moved(self) -> None:
        """Fetch what is seen now."""
        letters = self._letters
        if letters is not None and letters.paged.wants(*self.query_one(RecordsTable).seen):
            self.run_worker(self._fetch(letters), name="look")
        self._show_status()

    def action_filter(self) -> None:
        """Type an expression."""
        self.query_one(FilterBox).begin()

    def on_filter_box_asked(self, event: FilterBox.Asked) -> None:
        """List what is meant."""
        table = self.query_one(RecordsTable)
        table.clear_marks()
        table.go(0)
        table.focus()
        event.box.say(None)
        self.action_list()

    def on_filter_box_left(self) -> None:
        """Back to the letters."""
        self.query_one(RecordsTable).focus()

    # -- looking into one -----------------------------------------------------------------------

    def on_records_table_opened(self) -> None:
        """Show all about the letter of the cursor."""
        self.app.push_screen(RecordScreen(self._details))

    async def _details(self, by: int) -> Details | None:
        table = self.query_one(RecordsTable)
        index = table.cursor + by
        if not 0 <= index < table.count:
            return None
        table.go(index)
        row = table.current()
        if row is None or not isinstance(row.key, int):
            return None
        found = await self.client.dead_letter(row.key, cut=SHOWN)
        about = f"   {head(found.record)}" if found.record is not None else ""
        title = f"dead letter {found.id}, {index + 1:,} of {table.count:,}{about}"
        whole = None if found.record is None else partial(self._whole, found, found.record)
        return Details(title, letter_lines(found), f"dead-letter-{found.id}", whole)

    async def _whole(self, letter: DeadLetterView, record: RecordView) -> RecordView:
        if not record.is_cut:
            return record
        return (await self.client.dead_letter(letter.id)).record or record

    # -- doing something to them ----------------------------------------------------------------

    def action_retry(self) -> None:
        """Try the marked letters again, or the one of the cursor."""
        if ids := self._chosen():
            self._ask_retry(len(ids), ids)

    def action_retry_all(self) -> None:
        """Try all letters again that match the filter."""
        self.run_worker(self._counted(self._ask_retry), name="count")

    def action_delete(self) -> None:
        """Delete the marked letters, or the one of the cursor."""
        if ids := self._chosen():
            self._ask_delete(len(ids), ids)

    def action_delete_all(self) -> None:
        """Delete all letters that match the filter."""
        self.run_worker(self._counted(self._ask_delete), name="count")

    def action_export(self) -> None:
        """Write the marked letters to a file, or all that match the filter."""
        if (letters := self._letters) is None:
            return
        marked = [key for key in self.query_one(RecordsTable).marked if isinstance(key, int)] or None
        what = plural(len(marked), "marked dead letter") if marked else f"all dead letters{_matching(letters)}"
        name = file_name(self.client.name, "dead-letters", suffix="jsonl")
        write = partial(self._export, letters, marked)
        self._ask(Confirm(f"Export {what} as JSON lines", "export", write, label="to a new file", value=name))

    def _chosen(self) -> list[int]:
        table = self.query_one(RecordsTable)
        row = table.current()
        keys = list(table.marked) or ([row.key] if row is not None else [])
        return [key for key in keys if isinstance(key, int)]

    async def _counted(self, ask: Callable[[int, list[int] | None], None]) -> None:
        if (letters := self._letters) is None:
            return
        try:
            count = await letters.count()
        except ControlError as error:
            self.notify(str(error), severity="error", markup=False)
        else:
            ask(count, None)

    def _ask_retry(self, count: int, ids: list[int] | None) -> None:
        if (letters := self._letters) is None:
            return
        question = f"Try {plural(count, 'dead letter')}{_matching(letters) if ids is None else ''} again"
        where = "put into a connection or processor; nothing: where each failed"
        self._ask(Confirm(question, "retry", partial(self._retry, letters, ids), label=where))

    def _ask_delete(self, count: int, ids: list[int] | None) -> None:
        if (letters := self._letters) is None:
            return
        question = f"Delete {plural(count, 'dead letter')}{_matching(letters) if ids is None else ''} for good?"
        self._ask(Confirm(question, "delete", partial(self._delete, letters, ids)))

    def _ask(self, question: Confirm) -> None:
        self.app.push_screen(question, self._was_done)

    def _was_done(self, said: str | None) -> None:
        if said is not None:
            self.notify(said, markup=False)
            self.query_one(RecordsTable).clear_marks()
            self.action_list()
            self.run_worker(self.flow.look(), name="after")

    async def _retry(self, letters: Letters, ids: Sequence[int] | None, to: str) -> str:
        count = await letters.retry(ids, to or None)
        return f"{plural(count, 'dead letter')} will be tried again" + (f" in {to!r}" if to else "")

    async def _delete(self, letters: Letters, ids: Sequence[int] | None, _: str) -> str:
        return f"{plural(await letters.delete(ids), 'dead letter')} deleted"

    async def _export(self, letters: Letters, ids: Sequence[int] | None, path: str) -> str:
        count = await export(path, letters.lines(ids))
        return f"{plural(count, 'dead letter')} written to {path}"


def _matching(letters: Letters) -> str:
    return "" if letters.where is None else f" that match {letters.where}"
