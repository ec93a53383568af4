"""What is chosen in the graph, in some lines."""

from __future__ import annotations

from collections.abc import Iterator

from textual.content import Content
from textual.widget import Widget

from router.control.messages import ConnectionView, FlowView, ProcessorView
from router_ui.figures import percent, plural, rate, short, size, span
from router_ui.graph.looks import GLYPHS
from router_ui.past import Past
from router_ui.plots import bar, sparkline
from router_ui.widgets.records_text import clean

__all__ = ["Details"]

Lines = Iterator[tuple[str, str]]
"""Lines, each with a title."""


class Details(Widget):
    """Says more of one processor or connection than has room in the graph; in one line where it is low."""

    def __init__(self) -> None:
        super().__init__(id="details")
        self._view: FlowView | None = None
        self._past = Past()
        self._name: str | None = None

    def show(self, view: FlowView, past: Past, name: str | None) -> None:
        """Show a part of a flow."""
        self._view, self._past, self._name = view, past, name
        self.refresh()

    def render(self) -> Content:
        """A title and lines, as many as there is room for."""
        view, width, height = self._view, *self.content_size
        if view is None:
            return Content("")
        processor = next((each for each in view.processors if each.name == self._name), None)
        connection = next((each for each in view.connections if each.id == self._name), None)
        if processor is not None:
            title, lines = _processor_title(processor), list(_processor(processor, self._past, width))
        elif connection is not None:
            title, lines = _connection_title(connection), list(_connection(connection, self._past, width))
        else:
            return Content("")
        return Content("\n").join([title, *(_in_one(lines, width) if height < 4 else map(_line, lines))])


def _processor_title(view: ProcessorView) -> Content:
    state = f"{GLYPHS.get(view.state, '?')} {view.state}"
    return Content.assemble((view.name, "bold"), (f"  {view.type}  ", "$foreground-muted"), state)


def _connection_title(view: ConnectionView) -> Content:
    return Content.assemble((view.id, "bold"), (f"  {view.queue}", "$foreground-muted"))


def _processor(view: ProcessorView, past: Past, width: int) -> Lines:
    is_sink = not view.routes
    yield "rate", sparkline(past.of(view.name, "records_in" if is_sink else "records_out"), max(8, width - 11))
    if not view.is_source:
        yield "in", f"{rate(view.rate_in)}  {short(view.records_in)} records"
    if not is_sink:
        yield "out", f"{rate(view.rate_out)}  {short(view.records_out)} records"
    if view.errors:
        yield "failed", plural(view.errors, "record")
    if view.calls is not None:
        yield "a call", f"p50 {span(view.calls.p50)}  p99 {span(view.calls.p99)}"
        yield "busy", f"{view.busy:.2f} of {view.concurrency}"
    if view.progress is not None:
        done, of = view.progress
        yield "read", f"{size(done)} of {size(of)}" if of else size(done)
    if view.held:
        yield "held", plural(view.held, "record")
    if view.retrying:
        yield "retrying", clean(view.retrying)


def _connection(view: ConnectionView, past: Past, width: int) -> Lines:
    yield "rate", sparkline(past.of(view.id, "records_in"), max(8, width - 11))
    yield "full", f"{bar(view.full, 10)} {percent(view.full)}"
    yield "records", f"{view.records:,} of {view.max_records:,}"
    yield "in, out", f"{rate(view.rate_in)}, {rate(view.rate_out)}"
    yield "bytes", f"{size(view.nbytes)} of {size(view.max_bytes)}"
    yield "oldest", span(view.oldest)
    if view.full_in is not None:
        yield "full in", span(view.full_in) if view.full_in >= 1 else "a moment"
    if view.waiting:
        yield "waiting", f"{view.producer} waits for room"
    if view.dropped:
        yield "dropped", plural(view.dropped, "record")


def _line(line: tuple[str, str]) -> Content:
    title, text = line
    return Content.assemble((f"{title:<10} ", "$foreground-muted"), (text, _STYLES.get(title, "")))


def _in_one(lines: list[tuple[str, str]], width: int) -> list[Content]:
    """What fits on one line: the figures, then what is left of the sparkline."""
    (_, spark), *figures = lines
    found = Content("")
    for title, text in figures:
        more = Content.assemble(
            "  " if found else "", text, (f" {title}" if title in _NAMED else "", "$foreground-muted")
        )
        if found.cell_length + more.cell_length <= width:
            found += more
    left = width - found.cell_length - 2
    return [found + Content.assemble("  ", (spark[-left:], "$primary")) if left >= 8 else found]


_STYLES = {"rate": "$primary", "failed": "$text-error", "dropped": "$text-warning", "retrying": "$text-warning"}
_NAMED = {"in", "out", "failed", "oldest", "full in", "dropped", "held", "a call"}
