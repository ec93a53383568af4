"""A processor in words: its title, its counts, its settings, what it told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from textual.content import Content

from router.control.messages import BulletinView, ProcessorDetails, ProcessorView
from router_ui.figures import moment, percent, plural, rate, short, size, span
from router_ui.graph.looks import GLYPHS
from router_ui.widgets.records_text import clean

__all__ = ["bulletins_text", "counts_text", "settings_text", "title_text"]

Parts = Iterator[tuple[str, str]]


def title_text(view: ProcessorView) -> Content:
    """Name, type, state; what it is about, in the words of the flow."""
    style = {"stopped": "$text-error", "blocked": "$text-warning", "retrying": "$text-warning", "paused": "$text-error"}
    line = Content.assemble(
        (view.name, "bold"),
        (f"  {view.type}  ", "$foreground-muted"),
        (f"{GLYPHS.get(view.state, '?')} {view.state}", style.get(view.state, "$text-success")),
        (", calls are still under way" if view.is_stopped and view.busy > 0.005 else "", "$foreground-muted"),
    )
    more = [text for text in (view.description, view.retrying and f"tried again: {clean(view.retrying)}") if text]
    return Content("\n").join([line, *map(Content, more)])


def counts_text(view: ProcessorView) -> Content:
    """Counts since the start, and where they went."""
    return Content.assemble(*_counts(view))


def _counts(view: ProcessorView) -> Parts:
    if not view.is_source:
        yield from _counted("in", f"{view.records_in:,}", f"{rate(view.rate_in)}, {size(view.bytes_in)}")
    if view.routes:
        yield from _counted("out", f"{view.records_out:,}", f"{rate(view.rate_out)}, {size(view.bytes_out)}")
    for relationship, targets in view.routes.items():
        count = view.out.get(relationship, 0)
        yield from _counted(f"  {relationship}", f"{count:,}", f"to {', '.join(map(_target, targets)) or 'nowhere'}")
    if view.errors or view.rate_errors:
        yield from _counted("failed", f"{view.errors:,}", rate(view.rate_errors), "$text-error")
    if view.held:
        yield from _counted("held", f"{view.held:,}", "beyond its calls")
    if view.progress is not None:
        done, of = view.progress
        yield from _counted("progress", percent(done / of) if of else size(done), f"of {size(of)}" if of else "read")
    if view.calls is not None:
        calls = f"{short(view.calls.batch)} records each, p50 {span(view.calls.p50)}, p99 {span(view.calls.p99)}"
        yield from _counted("calls", f"{view.calls.calls:,}", calls)
        yield from _counted("busy", f"{view.busy:.2f}", f"of {plural(view.concurrency, 'call')} that may overlap")


def _counted(title: str, count: str, more: str, style: str = "") -> Parts:
    yield f"{title:<12}", "$foreground-muted"
    yield f"{count:>12}", f"bold {style}".strip()
    yield f"  {more}\n", style


def _target(target: str) -> str:
    _, arrow, consumer = target.partition(">")
    return consumer if arrow else target.replace("_", " ")


def settings_text(view: ProcessorDetails) -> Content:
    """Settings as the flow has them, the engine's with them, and the ways out."""
    parts: list[tuple[str, str]] = [("settings\n", "bold")]
    parts += _settings(view.settings) if view.settings else [("  none\n", "$foreground-muted")]
    if view.run:
        parts += [("run\n", "bold"), *_settings(view.run)]
    described = [each for each in view.relationships if each.description]
    if described:
        parts.append(("relationships\n", "bold"))
        for each in described:
            parts += [(f"  {each.name}: ", "$foreground-muted"), (f"{each.description}\n", "")]
    if view.documentation:
        parts += [("what it is\n", "bold"), (f"  {view.documentation.strip().splitlines()[0]}\n", "")]
    return Content.assemble(*parts)


def _settings(settings: dict[str, Any]) -> Parts:
    for name, value in settings.items():
        yield f"  {name}: ", "$foreground-muted"
        yield f"{_written(value)}\n", ""


def _written(value: Any) -> str:
    """A setting as a flow file would have it, on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {_written(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_written, value)) + "]"
    return clean(value if isinstance(value, str) else msgspec.json.encode(value).decode())


def bulletins_text(bulletins: Sequence[BulletinView]) -> Content:
    """What it told, the newest first."""
    parts: list[tuple[str, str]] = [("bulletins\n", "bold")]
    for each in reversed(bulletins):
        data = ", ".join(f"{name}: {value}" for name, value in each.data.items())
        parts += [
            (f"  {moment(each.time)} ", "$foreground-muted"),
            (each.text, "$text-warning"),
            (f"  {data}\n", "$foreground-muted"),
        ]
    return Content.assemble(*parts) if bulletins else Content.assemble(parts[0], ("  none\n", "$foreground-muted"))
