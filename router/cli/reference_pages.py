"""The reference of processors as Markdown and as text for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence

from router.cli.reference import Reference, Setting
from router.cli.terminal import Line

__all__ = ["listing", "markdown", "page", "settings_table", "table"]

WIDTH = 96
_KINDS = {"source": "Sources", "processor": "Processors", "sink": "Sinks"}


def listing(references: Sequence[Reference]) -> Iterator[Line]:
    """All processors, by kind, a line each."""
    widest = max((len(each.type) for each in references), default=0)
    for kind, title in _KINDS.items():
        of_kind = [each for each in references if each.kind == kind]
        if of_kind:
            yield [(title, "bold")]
            yield from ([(f"  {each.type:{widest}}", "cyan"), (f"  {each.summary}", "")] for each in of_kind)
            yield []


def page(reference: Reference) -> Iterator[Line]:
    """All about one processor."""
    yield [(reference.type, "bold"), (f"  {reference.kind}", "dim")]
    yield []
    yield from _wrapped(f"{reference.summary}\n\n{reference.description}", "  ")
    if reference.settings:
        yield [("Settings", "bold")]
        for each in reference.settings:
            yield [(f"  {each.name}", "cyan"), (f"  {_kind_of(each)}", "dim")]
            yield from _wrapped(each.description, "      ", blank=False)
            if each.examples:
                yield from _wrapped(f"such as {', '.join(each.examples)}", "      ", blank=False)
        yield []
    yield [("Relationships", "bold")]
    for way in reference.relationships:
        yield [(f"  {way.name}", "cyan"), (f"  {way.unconnected}", "dim")]
        yield from _wrapped(way.description, "      ", blank=False)
    yield []
    if reference.example:
        yield [("Example", "bold")]
        yield from ([(f"  {line}", "")] for line in reference.example.splitlines())
        yield []


def markdown(references: Iterable[Reference], *, level: int = 2) -> str:
    """A heading for each processor: what it does, an example, its settings, its relationships."""
    return "\n".join(part for each in references for part in _markdown(each, "#" * level))


def _markdown(reference: Reference, heading: str) -> Iterator[str]:
    yield f"{heading} `{reference.type}`\n"
    yield reference.summary + "\n"
    if reference.description:
        yield reference.description + "\n"
    if reference.example:
        yield f"```yaml\n{reference.example}\n```\n"
    if reference.settings:
        yield settings_table(reference.settings) + "\n"
    ways = [(f"`{way.name}`", way.description, way.unconnected) for way in reference.relationships]
    yield table(("relationship", "what leaves by it", ""), ways) + "\n"


def settings_table(settings: Iterable[Setting]) -> str:
    """Settings as a Markdown table."""
    rows = [
        (
            f"`{each.name}`",
            each.type,
            "required" if each.required else f"`{each.default}`" if each.default is not None else "",
            " ".join(filter(None, [each.description, _such_as(each)])),
        )
        for each in settings
    ]
    return table(("setting", "takes", "default", "what it means"), rows)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table, or nothing where it has no rows."""
    if not rows:
        return ""
    cells = [[cell.replace("\n", " ").replace("|", "\\|") for cell in row] for row in [head, *rows]]
    lines = ["| " + " | ".join(row) + " |" for row in cells]
    return "\n".join([lines[0], "|" + "---|" * len(head), *lines[1:]])


def _such_as(setting: Setting) -> str:
    return f"Such as {', '.join(f'`{each}`' for each in setting.examples)}." if setting.examples else ""


def _kind_of(setting: Setting) -> str:
    if setting.required:
        return f"{setting.type}; required"
    return setting.type + (f"; default {setting.default}" if setting.default is not None else "")


def _wrapped(text: str, indent: str, *, blank: bool = True) -> Iterator[Line]:
    """Paragraphs at the width of the page; lines that are indented already stay as they are."""
    for paragraph in filter(None, text.strip().split("\n\n")):
        if paragraph.startswith(("    ", "- ")):
            yield from ([(indent + line, "")] for line in paragraph.splitlines())
        else:
            flat = " ".join(paragraph.split())
            yield from (
                [(line, "")] for line in textwrap.wrap(flat, WIDTH, initial_indent=indent, subsequent_indent=indent)
            )
        if blank:
            yield []
