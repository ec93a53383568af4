"""Figures over time, with their scale."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual.content import Content
from textual.widget import Widget

from router_ui.plots import plot

__all__ = ["Plot"]

_SCALE = 8  # cells for the figures at the left


class Plot(Widget):
    """The last two minutes of one figure, as columns.

    Args:
        title: What it is.
        written: A value as text.
        least: The scale ends here at least, so that noise about nothing does not look like much.
    """

    def __init__(self, title: str, written: Callable[[float], str], *, least: float = 0.0) -> None:
        super().__init__(classes="plot")
        self._title = title
        self._written = written
        self._least = least
        self._values: Sequence[float] = ()

    def show(self, values: Sequence[float]) -> None:
        """Show these, the newest last."""
        self._values = list(values)
        self.refresh()

    def render(self) -> Content:
        """A title with the newest value, then the columns with the scale at their left."""
        width, height = self.content_size
        newest = self._written(self._values[-1]) if self._values else "nothing is known yet"
        title = Content.assemble((self._title, "bold"), "  ", (newest, "$text-primary"))
        rows = plot(self._values, width - _SCALE - 1, max(1, height - 1), self._least)
        top = max([self._least, *list(self._values)[-max(1, width - _SCALE - 1) :]])
        scale = (
            [self._written(top), *[""] * (len(rows) - 2), self._written(0)] if len(rows) > 1 else [self._written(top)]
        )
        lines = [
            Content.assemble(
                (f"{said:>{_SCALE}}", "$foreground-muted"),
                ("┤" if said else "│", "$foreground-muted"),
                (row, "$primary"),
            )
            for said, row in zip(scale, rows, strict=True)
        ]
        return Content("\n").join([title, *lines])
