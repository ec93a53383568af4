"""A table of any length: only the rows that are seen are made."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import ClassVar, NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.events import Click, Resize
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from router_ui.widgets.records_text import clean, fit, widths

__all__ = ["Column", "RecordsTable", "Row"]

_GAP = 2
_CURSOR, _MARK = "▸", "●"
_GUTTER = 3
_LONGEST = 500  # characters of a cell


class Column(NamedTuple):
    """One column: its title, how wide it grows before others got their share, and where its text stands."""

    title: str
    most: int = 40
    is_right: bool = False


class Row(NamedTuple):
    """What a row shows; tones name the colours of its cells, and ``key`` tells it from others for as long as it lives."""

    key: Hashable
    cells: Sequence[str]
    tones: Sequence[str] = ()


class RecordsTable(ScrollView, can_focus=True):
    """Rows with a cursor and marks, made as they come into view.

    ``show`` gives it its columns and what makes a row of a number; None is a row that is not there yet.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "Details"),
        Binding("space", "mark", "Mark"),
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("left,h", "sideways(-8)", "Left", show=False),
        Binding("right,l", "sideways(8)", "Right", show=False),
        Binding("pageup,ctrl+b", "page(-1)", "Page up", show=False),
        Binding("pagedown,ctrl+f", "page(1)", "Page down", show=False),
        Binding("home,g", "first", "First", show=False),
        Binding("end,G", "last", "Last", show=False),
        Binding("a", "mark_all", "Mark what is seen", show=False),
        Binding("u", "unmark", "Unmark all", show=False),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "table--head", "table--row", "table--cursor", "table--marked", "table--good", "table--warn", "table--bad", "table--dim",
    }  # fmt: skip
    DEFAULT_CSS = """
    RecordsTable {
        height: 1fr; width: 1fr; overflow-x: auto; overflow-y: auto; scrollbar-size-horizontal: 0; scrollbar-size-vertical: 1;
        & > .table--head { text-style: bold; background: $panel; color: $foreground; }
        & > .table--row { background: $background; color: $foreground; }
        & > .table--marked { color: $accent; text-style: bold; }
        & > .table--good { color: $text-success; }
        & > .table--warn { color: $text-warning; }
        & > .table--bad { color: $text-error; }
        & > .table--dim { color: $text-muted; }
        & > .table--cursor { background: $surface-lighten-1; }
        &:focus > .table--cursor { background: $block-cursor-background; color: $block-cursor-foreground; text-style: bold; }
    }
    """

    class Opened(Message):
        """Enter, or a double click, on the row of the cursor."""

        def __init__(self, table: RecordsTable) -> None:
            super().__init__()
            self.table = table

        @property
        def control(self) -> RecordsTable:
            """The table it comes from."""
            return self.table

    class Moved(Opened):
        """The cursor, the marks or what is seen changed."""

    def __init__(self, *, id: str | None = None, can_mark: bool = True) -> None:
        super().__init__(id=id)
        self.cursor = 0
        self.marked: dict[Hashable, int] = {}
        """The keys of the marked rows, and where they were as they were marked."""
        self._can_mark = can_mark
        self._columns: Sequence[Column] = ()
        self._row: Callable[[int], Row | None] = lambda _: None
        self._count = 0
        self._widths: list[int] = []
        self._wanted: list[int] = []
        self._empty = ""
        self._seen: dict[int, Row | None] = {}  # the rows on the screen: made once, drawn often
        self._tones: dict[str, Style] = {}

    def compose(self) -> ComposeResult:
        """It draws itself."""
        return iter(())

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer no marks where there are none."""
        return self._can_mark or action not in {"mark", "mark_all", "unmark"}

    # -- what is shown --------------------------------------------------------------------------

    def show(self, columns: Sequence[Column], row: Callable[[int], Row | None], count: int, *, empty: str = "") -> None:
        """Show so many rows; the cursor and the marks stay.

        Args:
            row: Makes the row of a number from 0; None: it is not there yet.
            empty: What to say where there are none.
        """
        if [each.title for each in columns] != [each.title for each in self._columns]:
            self._wanted = [len(each.title) for each in columns]
            self.scroll_to(x=0, animate=False)
        self._columns, self._row, self._count, self._empty = columns, row, count, empty
        self._seen.clear()
        self.cursor = max(0, min(self.cursor, count - 1))
        self._measure()
        self.refresh()

    @property
    def count(self) -> int:
        """How many rows there are."""
        return self._count

    @property
    def seen(self) -> tuple[int, int]:
        """The first and the last row that are seen, whether there are that many or not."""
        first = int(self.scroll_offset.y)
        return first, first + max(1, self.size.height - 1)

    def current(self) -> Row | None:
        """The row of the cursor."""
        return self._row(self.cursor) if self.cursor < self._count else None

    def clear_marks(self) -> None:
        """Mark nothing."""
        self.marked.clear()
        self.refresh()

    # -- moving ---------------------------------------------------------------------------------

    def go(self, index: int) -> None:
        """Put the cursor on a row and show that."""
        self.cursor = max(0, min(index, self._count - 1))
        first, last = self.seen
        if self.cursor < first:
            self.scroll_to(y=self.cursor, animate=False)
        elif self.cursor >= last:
            self.scroll_to(y=self.cursor - (last - first) + 1, animate=False)
        self.refresh()
        self.post_message(self.Moved(self))

    def action_move(self, by: int) -> None:
        """Move the cursor."""
        self.go(self.cursor + by)

    def action_page(self, by: int) -> None:
        """Move the cursor by what is seen at once."""
        self.go(self.cursor + by * max(1, self.size.height - 2))

    def action_first(self) -> None:
        """Go to the first row."""
        self.go(0)

    def action_last(self) -> None:
        """Go to the last row."""
        self.go(self._count - 1)

    def action_sideways(self, by: int) -> None:
        """Show what lies left or right."""
        self.scroll_to(x=self.scroll_offset.x + by, animate=False)

    def action_open(self) -> None:
        """Show all about the row of the cursor."""
        if self.current() is not None:
            self.post_message(self.Opened(self))

    def action_mark(self) -> None:
        """Mark the row of the cursor, or mark it no more, and go on to the next."""
        row = self.current()
        if row is None or not self._can_mark:
            return
        if self.marked.pop(row.key, None) is None:
            self.marked[row.key] = self.cursor
        self.go(self.cursor + 1)

    def action_mark_all(self) -> None:
        """Mark the rows that are here."""
        if self._can_mark:
            for index in range(self._count):
                if (row := self._row(index)) is not None:
                    self.marked.setdefault(row.key, index)
            self.go(self.cursor)

    def action_unmark(self) -> None:
        """Mark nothing."""
        self.clear_marks()
        self.post_message(self.Moved(self))

    def on_click(self, event: Click) -> None:
        """Put the cursor where somebody clicks, and open that at the second click."""
        offset = event.get_content_offset(self)
        if offset is None or offset.y == 0 or (index := int(self.scroll_offset.y) + offset.y - 1) >= self._count:
            return
        self.go(index)
        if event.chain == 2:
            self.action_open()

    def on_resize(self, _: Resize) -> None:
        """Other rows are seen now."""
        self._measure()
        self.post_message(self.Moved(self))

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Other rows are seen now."""
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) != round(new_value):
            self._measure()
            self.post_message(self.Moved(self))

    # -- drawing --------------------------------------------------------------------------------

    def _measure(self) -> None:
        """How wide the columns are: they grow with what is seen, and never shrink, so that nothing jumps."""
        first, last = self.seen
        self._seen = {index: self._made(index) for index in range(first, min(last, self._count))}
        for row in self._seen.values():
            for place, cell in enumerate(row.cells if row is not None else ()):
                self._wanted[place] = max(self._wanted[place], len(cell[:_LONGEST]))
        room = self.size.width - _GUTTER - _GAP * max(0, len(self._columns) - 1)
        self._widths = widths(self._wanted, [each.most for each in self._columns], room)
        across = _GUTTER + sum(self._widths) + _GAP * max(0, len(self._columns) - 1)
        self.virtual_size = Size(max(across, 1), self._count + 1)

    def render_line(self, y: int) -> Strip:
        """The head, or a row."""
        width, base = self.size.width, self.get_component_rich_style("table--row")
        if y == 0:
            style = self.get_component_rich_style("table--head")
            titles = [each.title for each in self._columns]
            return self._strip(titles, (), style, " " * _GUTTER).crop_extend(*self._across(width), style)
        index = int(self.scroll_offset.y) + y - 1
        if index >= self._count:
            said = self._empty if y == 2 and not self._count else ""
            return Strip([Segment(fit(f"   {said}", width), base + self._tone("dim"))])
        is_cursor = index == self.cursor
        style = self.get_component_rich_style("table--cursor") if is_cursor else base
        row = self._made(index)
        if row is None:
            return Strip([Segment(fit("   …", width), style)])
        is_marked = row.key in self.marked
        if is_marked and not is_cursor:
            style += self._tone("marked")
        gutter = f"{_CURSOR if is_cursor else ' '}{_MARK if is_marked else ' '} "
        strip = self._strip(row.cells, () if is_cursor else row.tones, style, gutter)
        return strip.crop_extend(*self._across(width), style)

    def _made(self, index: int) -> Row | None:
        found = self._seen.get(index)
        return self._row(index) if found is None else found

    def notify_style_update(self) -> None:
        """The theme is another one now."""
        self._tones.clear()
        super().notify_style_update()

    def _across(self, width: int) -> tuple[int, int]:
        left = int(self.scroll_offset.x)
        return left, left + width

    def _strip(self, cells: Sequence[str], tones: Sequence[str], style: Style, gutter: str) -> Strip:
        segments = [Segment(gutter, style)]
        for place, (column, width) in enumerate(zip(self._columns, self._widths, strict=True)):
            text = clean(cells[place][:_LONGEST]) if place < len(cells) else ""
            tone = tones[place] if place < len(tones) else ""
            gap = " " * (_GAP if place else 0)
            shown = gap + fit(text, width, is_right=column.is_right)
            segments.append(Segment(shown, style + self._tone(tone) if tone else style))
        return Strip(segments)

    def _tone(self, name: str) -> Style:
        # Only what a tone changes: its background would hide the cursor's.
        if name not in self._tones:
            found = self.get_component_rich_style(f"table--{name}", partial=True)
            self._tones[name] = Style(color=found.color, bold=found.bold or None)
        return self._tones[name]
