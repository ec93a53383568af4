"""What can be done to the records of a connection: look into them, drop, export, tap them, change its limits."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message

from router.control.client import ControlError
from router.control.messages import RecordView
from router_ui.figures import plural
from router_ui.widgets.confirm import Confirm
from router_ui.widgets.filter_box import FilterBox
from router_ui.widgets.record import Details, RecordScreen
from router_ui.widgets.record_lines import head, record_lines
from router_ui.widgets.records_files import export, file_name
from router_ui.widgets.records_limits import limits_of, limits_text
from router_ui.widgets.records_listing import SHOWN, WHOLE, Listing
from router_ui.widgets.records_queue import QueueView
from router_ui.widgets.records_table import RecordsTable

__all__ = ["QueuePane"]

_IDS = 200  # records that are dropped in one request


class QueuePane(QueueView):
    """A connection that can be steered."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter"),
        Binding("t", "tap", "Tap"),
        Binding("d", "drop", "Drop"),
        Binding("D", "drop_all", "Drop all"),
        Binding("e", "export", "Export"),
        Binding("m", "limits", "Limits"),
        Binding("f5", "list", "List again", show=False),
        Binding("escape", "back", "Back"),
    ]

    class Left(Message):
        """Esc was pressed: back to the list of connections."""

    # -- moving ---------------------------------------------------------------------------------

    def action_back(self) -> None:
        """Tap no more; else back to the list of connections."""
        if self.is_tapping:
            self.action_tap()
        else:
            self.post_message(self.Left())

    def action_filter(self) -> None:
        """Type an expression."""
        self.query_one(FilterBox).begin()

    def on_filter_box_asked(self, event: FilterBox.Asked) -> None:
        """List, or tap, what is meant."""
        self._begin_anew()
        event.box.say(None)
        if self.is_tapping and self.connection is not None:
            self.end_tap()
            self.begin_tap(self.connection.id)
        else:
            self.list_again()

    def on_filter_box_left(self) -> None:
        """Back to the records."""
        self.query_one(RecordsTable).focus()

    def action_list(self) -> None:
        """List the records anew."""
        if not self.is_tapping:
            self._begin_anew()
            self.list_again()

    def action_tap(self) -> None:
        """Show the records that come from now on, or again those that wait."""
        self._begin_anew()
        if self.is_tapping:
            self.end_tap()
            self.list_again()
        elif self.connection is not None:
            self.begin_tap(self.connection.id)

    def _begin_anew(self) -> None:
        table = self.query_one(RecordsTable)
        table.clear_marks()
        table.go(0)
        table.focus()

    # -- looking into records -------------------------------------------------------------------

    def on_records_table_opened(self) -> None:
        """Show all about the record of the cursor."""
        self.app.push_screen(RecordScreen(self._details))

    async def _details(self, by: int) -> Details | None:
        table = self.query_one(RecordsTable)
        index = table.cursor + by
        if not 0 <= index < table.count or self.connection is None:
            return None
        table.go(index)
        if (tapped := self.tapped_at(index)) is not None:
            return self._detailed(tapped, f"record {index + 1:,} that came into {self.connection.id}")
        if (listing := self.listing) is None:
            return None
        try:
            record, note = await listing.whole(index, SHOWN), ""
        except ControlError:
            if (listed := listing.paged[index]) is None:
                raise
            record, note = listed, ", gone since it was listed"
        title = f"record {index + 1:,} of {table.count:,} in {listing.connection}"
        return self._detailed(record, title + note, listing, index)

    @staticmethod
    def _detailed(record: RecordView, title: str, listing: Listing | None = None, index: int = 0) -> Details:
        async def whole() -> RecordView:
            return await listing.whole(index, WHOLE) if listing is not None and record.is_cut else record

        return Details(f"{title}   {head(record)}", record_lines(record), f"record-{record.id}", whole)

    # -- doing something to them ----------------------------------------------------------------

    def action_drop(self) -> None:
        """Drop the marked records, or the one of the cursor."""
        table, connection = self.query_one(RecordsTable), self.connection
        row = table.current()
        keys = list(table.marked) or ([row.key] if row is not None else [])
        ids = [key[0] for key in keys if isinstance(key, tuple)]
        if not ids or connection is None or self._is_refused_while_tapping():
            return
        question = f"Drop {plural(len(ids), 'record')} of {connection.id!r} for good?"
        self._ask(Confirm(question, "drop", lambda _: self._drop_ids(connection.id, ids)))

    def action_drop_all(self) -> None:
        """Drop all records that match the filter."""
        if self.listing is not None and not self._is_refused_while_tapping():
            self.run_worker(self._ask_drop_all(self.listing), name="count")

    def action_export(self) -> None:
        """Write the marked records to a file, or all that match the filter."""
        listing, table = self.listing, self.query_one(RecordsTable)
        if listing is None or self._is_refused_while_tapping():
            return
        places = list(table.marked.values()) or None
        what = plural(len(places), "marked record") if places else self._meant(listing)
        name = file_name(self._flow_screen.client.name, listing.connection, suffix="jsonl")
        write = partial(self._export, listing, places)
        question = f"Export {what} of {listing.connection!r} as JSON lines"
        self._ask(Confirm(question, "export", write, label="to a new file", value=name))

    def action_limits(self) -> None:
        """Change how many records and bytes may wait."""
        if (connection := self.connection) is None:
            return
        value = limits_text(connection.max_records, connection.max_bytes)
        question = f"Change the limits of {connection.id!r}"
        change = partial(self._resize, connection.id)
        self._ask(Confirm(question, "change", change, label="records, bytes, or both", value=value))

    async def _ask_drop_all(self, listing: Listing) -> None:
        try:
            count = await listing.count()
        except ControlError as error:
            self.notify(str(error), severity="error", markup=False)
            return
        which = f" that match {listing.where}" if listing.where is not None else ""
        question = (
            f"Drop {'all ' if not which else ''}{plural(count, 'record')} of {listing.connection!r}{which} for good?"
        )
        self._ask(Confirm(question, "drop", lambda _: self._drop_all(listing)))

    def _ask(self, question: Confirm) -> None:
        self.app.push_screen(question, self._was_done)

    def _was_done(self, said: str | None) -> None:
        if said is not None:
            self.notify(said, markup=False)
            self.query_one(RecordsTable).clear_marks()
            self.run_worker(self._flow_screen.flow.look(), name="after")
            self.action_list()

    async def _drop_ids(self, connection: str, ids: Sequence[str]) -> str:
        client, count = self._flow_screen.client, 0
        for start in range(0, len(ids), _IDS):
            count += await client.drop(connection, ids=ids[start : start + _IDS])
        gone = f"; {plural(len(ids) - count, 'record')} had gone already" if count < len(ids) else ""
        return f"{plural(count, 'record')} of {connection!r} dropped{gone}"

    async def _drop_all(self, listing: Listing) -> str:
        count = await self._flow_screen.client.drop(listing.connection, where=listing.where)
        return f"{plural(count, 'record')} of {listing.connection!r} dropped"

    async def _export(self, listing: Listing, places: Sequence[int] | None, path: str) -> str:
        count = await export(path, listing.lines(places))
        return f"{plural(count, 'record')} written to {path}"

    async def _resize(self, connection: str, typed: str) -> str:
        records, nbytes = limits_of(typed)
        now = await self._flow_screen.client.set_limits(connection, records=records, nbytes=nbytes)
        return f"limits of {connection!r}: {limits_text(now.max_records, now.max_bytes)}"

    @staticmethod
    def _meant(listing: Listing) -> str:
        return "all records" if listing.where is None else f"the records that match {listing.where}"

    def _is_refused_while_tapping(self) -> bool:
        if self.is_tapping:
            self.notify("these records have gone on; end the tap with t to see those that wait", severity="warning")
        return self.is_tapping
