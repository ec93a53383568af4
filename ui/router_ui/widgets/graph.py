"""The graph of a flow, drawn as far as it can be seen; one part of it is chosen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from router.control.messages import ConnectionView, FlowView, ProcessorView
from router_ui.graph import looks
from router_ui.graph.drawing import Drawing
from router_ui.graph.layout import lay_out
from router_ui.graph.looks import Pieces
from router_ui.graph.model import Edge, Layout, Rect, Spacing
from router_ui.graph.moves import Moves
from router_ui.past import Past

__all__ = ["GraphView"]

_STYLES = (
    "line", "line-chosen", "box", "box-chosen", "chosen", "name", "type", "rate", "count", "word", "spark",
    "fill-low", "fill-middle", "fill-high", *(f"state-{each}" for each in looks.GLYPHS),
)  # fmt: skip
_MANY = 80  # processors; of more there is no roomy drawing


class GraphView(ScrollView, can_focus=True):
    """Draws a flow and moves through it."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"graph--{each}" for each in _STYLES}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move('down')", "With the records", show=False),
        Binding("up,k", "move('up')", "Against them", show=False),
        Binding("left,h", "move('left')", "Left", show=False),
        Binding("right,l", "move('right')", "Right", show=False),
        Binding("tab", "step(1)", "Next processor", show=False),
        Binding("shift+tab", "step(-1)", "Processor before", show=False),
        Binding("home,g", "first", "First processor", show=False),
        Binding("end,G", "last", "Last processor", show=False),
        Binding("enter", "open", "Open"),
    ]

    chosen: reactive[str | None] = reactive(None)
    """The processor or connection that is chosen."""

    @dataclass
    class Chosen(Message):
        """Another part is chosen."""

        name: str

    @dataclass
    class Opened(Message):
        """A part is to be looked into."""

        name: str

    def __init__(self, past: Past) -> None:
        super().__init__()
        self._past = past
        self._processors: dict[str, ProcessorView] = {}
        self._connections: dict[str, ConnectionView] = {}
        self._shape: object = None
        self._is_roomy = False
        self._drawing: Drawing | None = None
        self._moves: Moves | None = None
        self._painted: dict[str, Style] = {}

    # -- what is shown --------------------------------------------------------------------------

    def show(self, view: FlowView, past: Past) -> None:
        """Show a look; the layout is made anew where the graph is another one."""
        self._past = past
        self._processors = {each.name: each for each in view.processors}
        self._connections = {each.id: each for each in view.connections}
        self._lay_out()
        if self.chosen not in self._processors and self.chosen not in self._connections:
            self.chosen = next(iter(self._processors), None)
        self.refresh()

    def box(self, name: str, rect: Rect) -> list[Pieces]:
        """What stands in a box."""
        view = self._processors[name]
        figure = "records_in" if not view.routes else "records_out"
        size = looks.box_size(view, is_roomy=self._is_roomy)
        return looks.box_text(view, self._past.of(name, figure), size)

    def label(self, id: str) -> Pieces:
        """What stands on a connection."""
        return looks.label_text(self._connections[id], is_roomy=self._is_roomy)

    def on_resize(self, event: events.Resize) -> None:
        """Another size may have room for more."""
        self._lay_out()

    def _lay_out(self) -> None:
        shape = (
            self.size,
            [(each.name, each.type) for each in self._processors.values()],
            list(self._connections),
        )
        if not self._processors or shape == self._shape:
            return
        self._shape = shape
        layout = self._layout(is_roomy=True) if len(self._processors) <= _MANY else None
        self._is_roomy = layout is not None and layout.width <= self.size.width and layout.height <= self.size.height
        if layout is None or not self._is_roomy:
            layout = self._layout(is_roomy=False)
        self._drawing, self._moves = Drawing(layout), Moves(layout, self._edges())
        self.virtual_size = Size(layout.width, layout.height)
        self.call_after_refresh(self._see_chosen)

    def _layout(self, *, is_roomy: bool) -> Layout:
        boxes = {name: looks.box_size(each, is_roomy=is_roomy) for name, each in self._processors.items()}
        return lay_out(boxes, self._edges(is_roomy=is_roomy), Spacing(above_box=1) if is_roomy else Spacing())

    def _edges(self, *, is_roomy: bool = False) -> list[Edge]:
        return [
            Edge(each.id, each.producer, each.consumer, looks.label_width(each, is_roomy=is_roomy))
            for each in self._connections.values()
        ]

    # -- drawing --------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        """One line of what can be seen, drawn now."""
        if self._drawing is None:
            return Strip.blank(self.size.width, self.rich_style)
        left, top = self._origin()
        row = self._drawing.row(y + top, left, left + self.size.width, self, self.chosen)
        return Strip([Segment(text, self._style(name)) for text, name in row], self.size.width)

    def notify_style_update(self) -> None:
        """Forget styles of another theme."""
        super().notify_style_update()
        self._painted.clear()

    def _style(self, name: str) -> Style:
        if name not in self._painted:
            self._painted[name] = self.get_component_rich_style(f"graph--{name}") if name else self.rich_style
        return self._painted[name]

    def _origin(self) -> tuple[int, int]:
        """The column and row of the drawing at the left upper corner; a small graph stands in the middle."""
        assert self._drawing is not None
        layout = self._drawing.layout
        free = self.size.width - layout.width, self.size.height - layout.height
        return (
            -(free[0] // 2) if free[0] > 0 else int(self.scroll_offset.x),
            -(free[1] // 3) if free[1] > 0 else int(self.scroll_offset.y),
        )

    # -- choosing -------------------------------------------------------------------------------

    def watch_chosen(self, chosen: str | None) -> None:
        """Tell of it, and bring it into sight."""
        if chosen is not None:
            self.post_message(self.Chosen(chosen))
            self._see_chosen()
        self.refresh()

    def action_move(self, way: str) -> None:
        """Choose a neighbour."""
        if self._moves is None or self.chosen is None:
            return
        if way in ("left", "right"):
            found = self._moves.aside(self.chosen, 1 if way == "right" else -1)
        else:
            found = self._moves.down(self.chosen) if way == "down" else self._moves.up(self.chosen)
        self.chosen = found if found is not None else self.chosen

    def action_step(self, step: int) -> None:
        """Choose the next processor in the order of the flow."""
        names = list(self._processors)
        if names:
            place = names.index(self.chosen) if self.chosen in names else -1 if step > 0 else 0
            self.chosen = names[(place + step) % len(names)]

    def action_first(self) -> None:
        """Choose the first processor."""
        self.chosen = next(iter(self._processors), None)

    def action_last(self) -> None:
        """Choose the last processor."""
        self.chosen = next(reversed(self._processors), None)

    def action_open(self) -> None:
        """Look into what is chosen."""
        if self.chosen is not None:
            self.post_message(self.Opened(self.chosen))

    def on_click(self, event: events.Click) -> None:
        """Choose what is there; a second click opens it."""
        if self._drawing is None:
            return
        left, top = self._origin()
        found = self._drawing.at(event.x + left, event.y + top)
        if found is not None:
            self.chosen = found
            if event.chain > 1:
                self.action_open()

    def _see_chosen(self) -> None:
        if self._drawing is None or self.chosen is None:
            return
        layout = self._drawing.layout
        rect = layout.labels.get(self.chosen) or layout.boxes.get(self.chosen)
        if rect is not None:
            region = Region(rect.x - 2, rect.y - 1, rect.width + 4, rect.height + 2)
            self.scroll_to_region(region, animate=False, force=True)
