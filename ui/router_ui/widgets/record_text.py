"""A long text of coloured words that scrolls: only the lines that are seen are drawn."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.events import Resize
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from router_ui.widgets.record_json import Line, plain, wrapped
from router_ui.widgets.records_text import fit

__all__ = ["RecordText"]


class RecordText(ScrollView, can_focus=True):
    """Lines, wrapped to its width."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "scroll_up", "Up", show=False),
        Binding("down,j", "scroll_down", "Down", show=False),
        Binding("pageup,ctrl+b", "page_up", "Page up", show=False),
        Binding("pagedown,ctrl+f,space", "page_down", "Page down", show=False),
        Binding("home,g", "scroll_home", "To the beginning", show=False),
        Binding("end,G", "scroll_end", "To the end", show=False),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"text--{name}" for name in ("key", "string", "number", "literal", "mark", "head", "dim", "warn", "bad")
    }
    DEFAULT_CSS = """
    RecordText {
        height: 1fr; width: 1fr; overflow-x: hidden; scrollbar-size-vertical: 1;
        & > .text--key { color: $text-primary; }
        & > .text--string { color: $text-success; }
        & > .text--number { color: $text-accent; }
        & > .text--literal { color: $text-warning; text-style: bold; }
        & > .text--mark, & > .text--dim { color: $text-muted; }
        & > .text--head { text-style: bold; }
        & > .text--warn { color: $text-warning; text-style: bold; }
        & > .text--bad { color: $text-error; }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._lines: list[Line] = []
        self._wrapped: list[Line] = []

    def compose(self) -> ComposeResult:
        """It draws itself."""
        return iter(())

    def show(self, lines: Iterable[Line]) -> None:
        """Show other lines, from the first on."""
        self._lines = list(lines)
        self._wrap()
        self.scroll_home(animate=False)

    @property
    def text(self) -> str:
        """What it shows, without colours."""
        return "\n".join(plain(line) for line in self._lines)

    def on_resize(self, _: Resize) -> None:
        """Wrap to the new width."""
        self._wrap()

    def render_line(self, y: int) -> Strip:
        """One of the lines."""
        index, base = int(self.scroll_offset.y) + y, self.rich_style
        line = self._wrapped[index] if index < len(self._wrapped) else []
        segments = [Segment(text, base + self._tone(tone) if tone else base) for text, tone in line]
        used = sum(segment.cell_length for segment in segments)
        segments.append(Segment(fit("", max(0, self.size.width - used)), base))
        return Strip(segments).crop_extend(0, self.size.width, base)

    def _tone(self, name: str) -> Style:
        found = self.get_component_rich_style(f"text--{name}", partial=True)
        return Style(color=found.color, bold=found.bold or None)

    def _wrap(self) -> None:
        width = max(10, self.size.width)
        self._wrapped = [part for line in self._lines for part in wrapped(line, width)]
        self.virtual_size = Size(width, len(self._wrapped))
        self.refresh()
