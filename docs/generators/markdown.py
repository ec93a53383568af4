"""Docstrings and annotations as Markdown."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Iterable, Sequence

SECTION = re.compile(r"^(Args|Raises|Example|Examples|Returns|Yields):\s*$")


def prose(text: str) -> str:
    """Turn what stands between double backticks into code."""
    return re.sub(r"``(.+?)``", r"`\1`", text)


def docstring(value: object) -> str:
    """Render a docstring: its prose, then its sections, examples as code."""
    text = inspect.cleandoc(getattr(value, "__doc__", None) or "")
    blocks: list[tuple[str, list[str]]] = [("", [])]
    for line in text.split("\n"):
        found = SECTION.match(line)
        if found:
            blocks.append((found[1], []))
        else:
            blocks[-1][1].append(line)
    return "\n\n".join(filter(None, (_section(title, lines) for title, lines in blocks)))


def _section(title: str, lines: list[str]) -> str:
    body = textwrap.dedent("\n".join(lines)).strip("\n")
    if not body:
        return ""
    if title.startswith("Example"):
        return fence(body, "python" if ">>>" in body else "yaml")
    if title in {"Args", "Raises"}:
        return "\n".join(f"- {_entry(each)}" for each in _entries(body))
    return _indented_as_code(prose(body))


def _entries(body: str) -> Iterable[str]:
    return [" ".join(each.split()) for each in re.split(r"\n(?=\S)", body)]


def _entry(text: str) -> str:
    name, colon, rest = text.partition(":")
    return f"`{name.strip()}`: {prose(rest.strip())}" if colon else prose(text)


def _indented_as_code(text: str) -> str:
    """Fence what ``::`` announces, such as the tree of exceptions."""
    return re.sub(
        r"::\n\n((?: {4}.*\n?|\n)+)",
        lambda found: "\n" + fence(textwrap.dedent(found[1]).strip("\n"), "text") + "\n",
        text,
    ).strip("\n")


def fence(text: str, language: str) -> str:
    """A block of code."""
    return f"```{language}\n{text}\n```"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table, or nothing where it has no rows."""
    lines = ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in rows]
    if not lines:
        return ""
    return "\n".join(["| " + " | ".join(head) + " |", "|" + "---|" * len(head), *lines])


def _cell(text: str) -> str:
    return prose(text).replace("\n", " ").replace("|", "\\|")


def first_sentence(value: object) -> str:
    """The line of a docstring that stands alone in a list."""
    return prose(inspect.cleandoc(getattr(value, "__doc__", None) or "").split("\n")[0])


def signature(name: str, value: object) -> str:
    """A call as its author would write it, without ``self`` and without annotations' noise."""
    try:
        found = inspect.signature(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return name
    parameters = [each for each in found.parameters.values() if each.name not in {"self", "cls"}]
    shown = found.replace(
        parameters=[each.replace(annotation=inspect.Parameter.empty) for each in parameters],
        return_annotation=inspect.Signature.empty,
    )
    return f"{name}{shown}"
