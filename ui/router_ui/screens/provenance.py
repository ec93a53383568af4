"""Provenance: what happened to records, where each came from and went, and putting them back on their way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from router.control.client import ControlError, UnreachableError
from router.control.messages import EventView
from router_ui.figures import moment, plural
from router_ui.screens.base import FlowScreen
from router_ui.widgets.filter_box_fields import SearchBox
from router_ui.widgets.record_lineage import LineageScreen, replay_question
from router_ui.widgets.records_events import EVENTS, event_row, how_to_switch_on, wanted_of
from router_ui.widgets.records_table import RecordsTable

if TYPE_CHECKING:
    from router.control.messages import FlowView

__all__ = ["ProvenanceScreen"]

_FIELDS = {
    "processor": "processor",
    "type": "type, as DROP",
    "record": "record",
    "since": "since, as 10m",
    "where": "expression of attributes",
}
_MOST = 1000


class ProvenanceScreen(FlowScreen):
    """The newest events, or those that are searched for."""

    VIEW = "provenance"
    AUTO_FOCUS = "RecordsTable"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "search", "Search"),
        Binding("r", "replay", "Replay"),
        Binding("f5", "again", "Search again"),
    ]
    DEFAULT_CSS = """
    ProvenanceScreen {
        & > #status { color: $text-muted; height: 1; padding: 0 1; }
        & > #hint { color: $text-warning; height: auto; padding: 0 1; display: none; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._events: Sequence[EventView] | None = None
        self._is_asking = False

    def compose_view(self) -> ComposeResult:
        """What is searched for, the events, how many."""
        yield SearchBox(_FIELDS)
        yield Static(id="hint", markup=False)
        yield RecordsTable(id="events")
        yield Static(id="status", markup=False)

    def show(self, view: FlowView) -> None:
        """Search when it is first seen; later only when somebody asks."""
        hint = how_to_switch_on(view.provenance)
        self.query_one("#hint", Static).update(hint or "")
        self.query_one("#hint").display = hint is not None
        if self._events is None and view.provenance != "off":
            self.action_again()

    def action_search(self) -> None:
        """Type what is searched for."""
        self.query_one(SearchBox).begin()

    def action_again(self) -> None:
        """Search once more for the same."""
        box, view = self.query_one(SearchBox), self.flow.view
        if view is None or self._is_asking:
            return
        try:
            wanted = wanted_of(box.values, view.time, [each.name for each in view.processors])
        except ValueError as error:
            box.say(str(error))
            return
        box.say(None)
        self._is_asking = True
        self.run_worker(self._search(wanted), name="search")

    async def _search(self, wanted: dict[str, Any]) -> None:
        try:
            found = (await self.client.events(**wanted, limit=_MOST)).events
        except UnreachableError:
            return  # the banner says so
        except ControlError as error:
            self.query_one(SearchBox).say(str(error))
            self._events = self._events or ()
            return
        finally:
            self._is_asking = False
        self._events = found
        table = self.query_one(RecordsTable)
        table.clear_marks()
        empty = "no events" if not wanted else "no events of that kind"
        table.show(EVENTS, lambda index: event_row(index, found[index]), len(found), empty=empty)
        more = ", the newest of them" if len(found) == _MOST else ""
        view = self.flow.view
        at = f" as of {moment(view.time)}" if view is not None else ""
        self.query_one("#status", Static).update(f"{plural(len(found), 'event')}{more}{at}")

    def on_search_box_asked(self) -> None:
        """Search for what was typed."""
        self.query_one(RecordsTable).focus()
        self.query_one(RecordsTable).go(0)
        self.action_again()

    def on_search_box_left(self) -> None:
        """Back to the events."""
        self.query_one(RecordsTable).focus()

    def on_records_table_opened(self) -> None:
        """Show the lineage of the record of the cursor, of its first record where there are more."""
        events, index = self._events, self.query_one(RecordsTable).cursor
        if not events:
            return
        if not events[index].records:
            self.notify("this event counts records, and names none", severity="warning")
            return
        self.app.push_screen(LineageScreen(self.client, events[index].records[0]))

    def action_replay(self) -> None:
        """Put the records of the marked events back, or those of the event of the cursor."""
        events, table = self._events, self.query_one(RecordsTable)
        if not events:
            return
        chosen = [index for index in table.marked.values() if index < len(events)] or [table.cursor]
        records = list(dict.fromkeys(record for index in chosen for record in events[index].records))
        if not records:
            self.notify("these events name no records", severity="warning")
        elif len(records) > _MOST:
            self.notify(f"at most {_MOST:,} records at once, not {len(records):,}", severity="warning")
        else:
            self.app.push_screen(replay_question(self.client, records), self._was_done)

    def _was_done(self, said: str | None) -> None:
        if said is not None:
            self.notify(said, markup=False)
            self.query_one(RecordsTable).clear_marks()
            self.action_again()
