"""One connection: the records that wait in it, or those that come."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.timer import Timer
from textual.widgets import Static
from textual.worker import Worker

from router.control.client import ControlError, UnreachableError
from router.control.messages import ConnectionView, FlowView, RecordView
from router_ui.figures import moment, plural
from router_ui.widgets.filter_box import FilterBox
from router_ui.widgets.records_connections import in_words
from router_ui.widgets.records_listing import Listing, Tapped
from router_ui.widgets.records_rows import RecordColumns
from router_ui.widgets.records_table import RecordsTable, Row

if TYPE_CHECKING:
    from router_ui.screens.base import FlowScreen

__all__ = ["QueueView"]

_TAP = 0.25  # seconds between two looks at what came
_LIVE = 1.0  # seconds between two lists while the first record is looked at


class QueueView(Vertical):
    """The records of a connection, listed once; anew as long as the cursor stays on the first and none is marked."""

    DEFAULT_CSS = """
    QueueView {
        & > Static { height: auto; max-height: 3; padding: 0 1; }
        & > #name { text-style: bold; height: 1; }
        & > #status { color: $text-muted; height: 1; }
    }
    """

    def __init__(self, screen: FlowScreen, *, id: str) -> None:
        super().__init__(id=id)
        self._flow_screen = screen
        self._view: ConnectionView | None = None
        self._time = 0.0
        self._listed_at = 0.0
        self._listing: Listing | None = None
        self._next: Listing | None = None
        self._tapped: Tapped | None = None
        self._has_failed = False
        self._timer: Timer
        self._worker: Worker[None]

    def compose(self) -> ComposeResult:
        """The connection, the filter, its records."""
        yield Static(id="name", markup=False)
        yield Static(id="figures", markup=False)
        yield FilterBox(hint="an expression, such as lang == 'de' and score > 0.5")
        yield RecordsTable(id="records")
        yield Static(id="status", markup=False)

    @property
    def connection(self) -> ConnectionView | None:
        """The connection as it was last seen; None: the flow does not have it."""
        return self._view

    @property
    def listing(self) -> Listing | None:
        """What is listed."""
        return self._listing

    @property
    def is_tapping(self) -> bool:
        """Whether records that come are shown, not those that wait."""
        return self._tapped is not None

    def tapped_at(self, index: int) -> RecordView | None:
        """A record that came; None: those that wait are shown."""
        return None if self._tapped is None else self._tapped.records[index]

    # -- what is shown --------------------------------------------------------------------------

    def open(self, connection: str, view: FlowView) -> None:
        """Show another connection."""
        self.end_tap()
        self._view, self._listing, self._next = None, None, None
        self.query_one(FilterBox).put(None)
        table = self.query_one(RecordsTable)
        table.clear_marks()
        table.show([], lambda _: None, 0)
        self.query_one("#name", Static).update(connection)
        self.query_one("#figures", Static).update("")
        table.focus()
        self.look(connection, view)

    def look(self, connection: str, view: FlowView) -> None:
        """Show a look at the flow."""
        self._view = next((each for each in view.connections if each.id == connection), None)
        self._time = view.time
        if self._view is None:
            self.query_one("#figures", Static).update(f"the flow has no connection {connection!r} now")
            return
        self.query_one("#figures", Static).update(in_words(self._view))
        if self._tapped is None and (self._listing is None or self._is_live(self._listing, self._view)):
            self.list_again()
        self._show_status()

    def _is_live(self, listing: Listing, view: ConnectionView) -> bool:
        table = self.query_one(RecordsTable)
        is_at_top = table.cursor == 0 and not table.marked and listing.where is None and self.screen.is_current
        return is_at_top and listing.is_old(view) and abs(self._time - self._listed_at) >= _LIVE

    def list_again(self) -> None:
        """List the records anew; what was listed stays until the new list is here."""
        if self._view is None:
            return
        where, before = self.query_one(FilterBox).value, self._listing
        is_same = before is not None and before.connection == self._view.id
        columns = before.columns if before is not None and is_same else RecordColumns()
        self._listed_at = self._time
        self._next = Listing(self._flow_screen.client, self._view, where, columns)
        self.run_worker(self._fetch(self._next), name="list")

    async def _fetch(self, listing: Listing) -> None:
        try:
            await listing.paged.look(*self.query_one(RecordsTable).seen, partial(self._show, listing))
        except UnreachableError:
            return  # the banner says so, and the next look at the flow tries again
        except ControlError as error:
            if listing is self._next:
                self._next = None
            box = self.query_one(FilterBox)
            box.say(str(error))
            self._has_failed = True
            if listing.where is not None and box.value == listing.where:
                box.begin()

    def _show(self, listing: Listing) -> None:
        if listing not in (self._listing, self._next) or self._tapped is not None:
            return
        if listing is self._next:
            self._listing, self._next = listing, None
            if self._has_failed:
                self._has_failed = False
                self.query_one(FilterBox).say(None)

        def row(index: int) -> Row | None:
            record = listing.paged[index]
            return None if record is None else listing.columns.row(record, index)

        empty = "no record waits here" if listing.where is None else "no record that waits here is meant"
        self.query_one(RecordsTable).show(listing.columns.columns, row, len(listing.paged), empty=empty)
        self._show_status()

    def on_records_table_moved(self) -> None:
        """Fetch what is seen now."""
        listing = self._listing
        if listing is not None and self._tapped is None and listing.paged.wants(*self.query_one(RecordsTable).seen):
            self.run_worker(self._fetch(listing), name="look")
        self._show_status()

    def _show_status(self) -> None:
        table, parts = self.query_one(RecordsTable), list[str]()
        if (tapped := self._tapped) is not None:
            kept = f", the newest {len(tapped.records):,} are here" if tapped.came > len(tapped.records) else ""
            lost = f", {tapped.lost:,} more came too fast to be shown" if tapped.lost else ""
            parts.append(f"tapping: {plural(tapped.came, 'record')} came{kept}{lost}")
        elif (listing := self._listing) is not None:
            more = "" if listing.paged.is_exact else " or more"
            parts.append(f"{min(table.cursor + 1, table.count):,} of {table.count:,}{more}")
            if self._view is not None and listing.is_old(self._view) and not self._is_followed(table, listing):
                parts.append(f"as of {moment(self._listed_at)}, F5 lists again")
        if table.marked:
            parts.append(f"{len(table.marked):,} marked")
        self.query_one("#status", Static).update("   ".join(parts))

    @staticmethod
    def _is_followed(table: RecordsTable, listing: Listing) -> bool:
        return table.cursor == 0 and not table.marked and listing.where is None

    # -- tapping --------------------------------------------------------------------------------

    def begin_tap(self, connection: str) -> None:
        """Show the records that come from now on."""
        self._tapped = tapped = Tapped(self._flow_screen.client, connection, self.query_one(FilterBox).value)
        self.query_one(RecordsTable).clear_marks()
        self._worker = self.run_worker(self._tap(tapped), name="tap", group="beside")
        self._timer = self.set_interval(_TAP, partial(self._show_tapped, tapped))
        self._show_tapped(tapped)

    def end_tap(self) -> None:
        """Tap no more."""
        if self._tapped is not None:
            self._tapped = None
            self._timer.stop()
            self._worker.cancel()

    async def _tap(self, tapped: Tapped) -> None:
        try:
            await tapped.run()
        except ControlError as error:
            self.query_one(FilterBox).say(str(error))
            if tapped is self._tapped:
                self.end_tap()
                self.list_again()

    def _show_tapped(self, tapped: Tapped) -> None:
        table = self.query_one(RecordsTable)
        if self.screen not in self.app.screen_stack:  # a tap that nobody looks at would cost the flow all the same
            self.end_tap()
            self._listing, table.cursor = None, 0
        if tapped is not self._tapped or tapped.came == tapped.shown > 0:
            return
        is_at_end, tapped.shown = table.cursor >= table.count - 1, tapped.came
        records, first = list(tapped.records), tapped.came - len(tapped.records)
        empty = "waiting for records that come"
        table.show(
            tapped.columns.columns, lambda at: tapped.columns.row(records[at], first + at), len(records), empty=empty
        )
        if is_at_end and records:
            table.go(len(records) - 1)
        self._show_status()
