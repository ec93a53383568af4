"""The flows that run: one is chosen to be looked at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, cast

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import DataTable, Footer, Static

from router.control.client import ControlError
from router_ui.figures import clock, rate
from router_ui.flows import Flows, Listed
from router_ui.widgets.records_text import clean

if TYPE_CHECKING:
    from router_ui.app import RouterApp

__all__ = ["FlowsScreen"]

EVERY, AT_THE_START = 1.0, 0.2  # seconds
_NONE = "no flow runs; run one with: router run FLOW\nit is shown here as soon as it does"
_STARTS = "the flow is starting"


class FlowsScreen(Screen[None]):
    """Lists flows, and again each second.

    Args:
        flows: Finds them.
        opens_only: Open the flow, where the first listing that finds any finds one.
        starts: Flows are being started; it is not long until there are some.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "move(1)", "Down", show=False),
        Binding("k", "move(-1)", "Up", show=False),
    ]

    def __init__(self, flows: Flows, *, opens_only: bool = False, starts: bool = False) -> None:
        super().__init__()
        self._opens_only = opens_only
        self._flows = flows
        self._every, self._none = (AT_THE_START, _STARTS) if starts else (EVERY, _NONE)
        self._listed: dict[str, Listed] = {}

    def compose(self) -> ComposeResult:
        """A title, the list, and what is said where it is empty."""
        yield Static(" flows that run: ⏎ shows one", id="title")
        yield DataTable(cursor_type="row", zebra_stripes=True)
        yield Static(self._none, id="none", markup=False)
        yield Footer()

    async def on_mount(self) -> None:
        """Begin to list."""
        self.query_one(DataTable).add_columns("flow", "state", "runs", "rate", "queued", "dead letters", "data")
        await self.list_flows()
        self.set_interval(self._every, self.list_flows)

    async def list_flows(self) -> None:
        """List them now, if it can be seen."""
        if not self.is_current:
            return
        try:
            found = await self._flows.listed()
        except ControlError as error:
            found = []
            self.query_one("#none", Static).update(clean(f"{error}; trying again"))
        else:
            self.query_one("#none", Static).update(self._none)
        self._show(found)
        if self._opens_only and len(found) == 1:
            await self._router.open(found[0].client)
        self._opens_only = self._opens_only and not found

    @property
    def _router(self) -> RouterApp:
        return cast("RouterApp", self.app)

    @on(DataTable.RowSelected)
    async def _open(self, event: DataTable.RowSelected) -> None:
        found = self._listed.get(str(event.row_key.value))
        if found is not None:
            await self._router.open(found.client)

    def action_move(self, step: int) -> None:
        """Mark the next."""
        table = self.query_one(DataTable)
        table.move_cursor(row=table.cursor_row + step)

    def _show(self, found: Sequence[Listed]) -> None:
        table, none = self.query_one(DataTable), self.query_one("#none")
        listed = {f"{each.place}\0{each.summary.name}": each for each in found}
        if list(listed) != list(self._listed):
            table.clear()
            for key in listed:
                table.add_row(*[""] * 7, key=key)
        for row, each in enumerate(listed.values()):
            for column, text in enumerate(_cells(each)):
                table.update_cell_at((row, column), Text(clean(text)), update_width=True)  # type: ignore[arg-type]
        self._listed = listed
        table.display, none.display = bool(listed), not listed


def _cells(listed: Listed) -> Sequence[str]:
    each = listed.summary
    return (
        each.name, each.state, clock(each.seconds), rate(each.rate), f"{each.queued:,}", f"{each.dead_letters:,}",
        listed.place,
    )  # fmt: skip
