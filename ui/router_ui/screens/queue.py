"""The queues: all connections of the flow, and the records of one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import ContentSwitcher

from router_ui.screens.base import FlowScreen
from router_ui.widgets.records_connections import CONNECTIONS, connection_rows
from router_ui.widgets.records_steer import QueuePane
from router_ui.widgets.records_table import RecordsTable

if TYPE_CHECKING:
    from router.control.messages import ConnectionView, FlowView

__all__ = ["QueueScreen"]


class ConnectionsTable(RecordsTable):
    """All connections; Enter looks into one."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "open", "Look into")]


class QueueScreen(FlowScreen):
    """All connections, or one of them with its records."""

    VIEW = "queues"
    AUTO_FOCUS = "RecordsTable"
    DEFAULT_CSS = "QueueScreen ContentSwitcher { height: 1fr; }"

    def __init__(self) -> None:
        super().__init__()
        self._connections: Sequence[ConnectionView] = ()
        self._open: str | None = None

    def compose_view(self) -> ComposeResult:
        """The list, and what shows one."""
        with ContentSwitcher(initial="connections"):
            yield ConnectionsTable(id="connections", can_mark=False)
            yield QueuePane(self, id="queue")

    def show(self, view: FlowView) -> None:
        """Show a look at the flow."""
        self._connections = view.connections
        if self.about != self._open:
            self._switch(self.about, view)
        elif self._open is not None:
            self.query_one(QueuePane).look(self._open, view)
        table = self.query_one(ConnectionsTable)
        rows = connection_rows(view.connections, self.flow.past)
        table.show(CONNECTIONS, rows, len(view.connections), empty="the flow has no connections")

    def _switch(self, connection: str | None, view: FlowView) -> None:
        self._open = connection
        self.query_one(ContentSwitcher).current = "connections" if connection is None else "queue"
        if connection is None:
            self.query_one(ConnectionsTable).focus()
        else:
            self.query_one(QueuePane).open(connection, view)

    def on_records_table_opened(self, event: RecordsTable.Opened) -> None:
        """Look into the connection of the cursor."""
        row = event.table.current()
        if event.table.id == "connections" and row is not None:
            self.router.chosen[self.VIEW] = str(row.key)
            self.show_again()

    def on_queue_pane_left(self) -> None:
        """Back to the list."""
        self.router.chosen.pop(self.VIEW, None)
        self.show_again()

    def show_again(self) -> None:
        """Show what is known, with what was chosen just now."""
        if self.flow.view is not None:
            self.show(self.flow.view)
