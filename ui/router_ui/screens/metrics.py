"""All figures of the flow, with how they went lately."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from router_ui.screens.base import FlowScreen
from router_ui.widgets.records_metrics import KINDS, metric_rows, metric_titles
from router_ui.widgets.records_table import RecordsTable

if TYPE_CHECKING:
    from router.control.messages import FlowView

__all__ = ["MetricsScreen"]


class MetricsTable(RecordsTable):
    """A row for each part; Enter opens its view."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "open", "Look into")]


class MetricsScreen(FlowScreen):
    """The figures of all processors, or of all connections."""

    VIEW = "metrics"
    AUTO_FOCUS = "RecordsTable"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("b", "other", "Processors or connections"),
        Binding("s", "sort(1)", "Sort by the next"),
        Binding("S", "sort(-1)", "Sort by the one before", show=False),
    ]
    DEFAULT_CSS = "MetricsScreen > #status { color: $text-muted; height: 1; padding: 0 1; }"

    def __init__(self) -> None:
        super().__init__()
        self._kind = "processors"
        self._by: dict[str, int | None] = dict.fromkeys(KINDS)

    def compose_view(self) -> ComposeResult:
        """The table, and what it is sorted by."""
        yield MetricsTable(id="figures", can_mark=False)
        yield Static(id="status", markup=False)

    def show(self, view: FlowView) -> None:
        """Show a look at the flow."""
        by = self._by[self._kind]
        row, count = metric_rows(view, self._kind, self.flow.past, by)
        self.query_one(MetricsTable).show(metric_titles(self._kind, by), row, count, empty=f"no {self._kind}")
        order = "in the order of the flow" if by is None else f"by {KINDS[self._kind][by].column.title!r}"
        self.query_one("#status", Static).update(f"{count:,} {self._kind}, {order}")

    def action_other(self) -> None:
        """Show the connections, or the processors again."""
        self._kind = "processors" if self._kind == "connections" else "connections"
        self.query_one(MetricsTable).go(0)
        self._again()

    def action_sort(self, step: int) -> None:
        """Sort by the next column; behind the last comes the order of the flow."""
        count, by = len(KINDS[self._kind]), self._by[self._kind]
        index = (step - 1 if by is None and step > 0 else count if by is None else by + step) % (count + 1)
        self._by[self._kind] = None if index == count else index
        self._again()

    def on_records_table_opened(self) -> None:
        """Show the view of the part of the cursor."""
        if (row := self.query_one(MetricsTable).current()) is not None:
            self.router.go("processor" if self._kind == "processors" else "queues", str(row.key))

    def _again(self) -> None:
        if self.flow.view is not None:
            self.show(self.flow.view)
