"""Docstrings and annotations as Markdown."""

from __future__ import annotations

import ast
import enum
import inspect
import itertools
import re
import textwrap
from collections.abc import Iterable

from router.cli.reference import prose

SECTION = re.compile(r"^(Args|Raises|Example|Examples|Returns|Yields):\s*$")


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


def first_sentence(value: object) -> str:
    """The line of a docstring that stands alone in a list."""
    return prose(inspect.cleandoc(getattr(value, "__doc__", None) or "").split("\n")[0])


def described_names(owner: object) -> dict[str, str]:
    """The names a class or module assigns and says something of, in a string right behind."""
    try:
        body = ast.parse(textwrap.dedent(inspect.getsource(owner))).body  # type: ignore[arg-type]
    except (OSError, TypeError):
        return {}
    statements = body[0].body if isinstance(body[0], ast.ClassDef) else body
    found = {}
    for statement, behind in itertools.pairwise(statements):
        name = _assigned(statement)
        if name and isinstance(behind, ast.Expr) and isinstance(behind.value, ast.Constant):
            found[name] = " ".join(prose(str(behind.value.value)).split())
    return found


def _assigned(statement: ast.stmt) -> str:
    targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
    return targets[0].id if isinstance(targets[0], ast.Name) else ""


def signature(name: str, value: object) -> str:
    """A call as its author would write it, without ``self`` and without annotations' noise."""
    try:
        found = inspect.signature(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return name
    shown = [
        each.replace(annotation=inspect.Parameter.empty, default=_default(each.default))
        for each in found.parameters.values()
        if each.name not in {"self", "cls"}
    ]
    return f"{name}{found.replace(parameters=shown, return_annotation=inspect.Signature.empty)}"


class _Written:
    """A default that shows itself as its author wrote it."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def _default(value: object) -> object:
    return _Written(f"{type(value).__name__}.{value.name}") if isinstance(value, enum.Enum) else value
