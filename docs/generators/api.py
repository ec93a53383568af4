"""The page of the public API, from the docstrings of what `router` exports."""

from __future__ import annotations

import dataclasses
import enum
import inspect
from collections.abc import Iterator

from pydantic import BaseModel

import router
import router.testing
from docs.generators import markdown

INTRODUCTION = """\
# The public API

Everything here is imported from `router`, and `TestRunner` from `router.testing`; what is not here may change without
notice. All of it is typed. Nothing changes signal handlers, logging or the garbage collector of the program it is used in.
"""

SECTIONS = {
    "Write a processor": (
        "processor", "source", "sink", "DROP", "To", "Processor", "Source", "Context", "Held", "State", "Why", "Config",
        "Field", "Expression", "Relationship", "Unconnected",
    ),
    "Records": ("Batch", "Record", "Outcome", "Ack", "Reply", "Watermark"),
    "Run flows": ("load_flow", "build_flow", "Flow", "Engine", "Report", "Inbox", "Outbox"),
    "Plugins": ("hookimpl", "Registry", "Format", "ModelRuntime", "Codec"),
}  # fmt: skip


def page() -> str:
    """Write the page: the named sections, then errors, then what is left."""
    left = {name: getattr(router, name) for name in router.__all__}
    parts = [INTRODUCTION]
    errors = sorted(name for name, value in left.items() if inspect.isclass(value) and issubclass(value, Exception))
    for title, names in {**SECTIONS, "Errors": errors}.items():
        present = [name for name in names if name in left]
        if title == "Errors":
            parts.append(f"## {title}\n\n{markdown.docstring(router.errors)}\n")
        elif present:
            parts.append(f"## {title}\n")
        parts.extend(entry(name, left.pop(name)) for name in present)
    if left:
        parts.append("## Also\n")
        parts.extend(entry(name, value) for name, value in left.items())
    parts.append("## Test\n")
    parts.append(entry("TestRunner", router.testing.TestRunner))
    return "\n".join(parts)


def entry(name: str, value: object) -> str:
    """One exported name, under its own heading."""
    if not (inspect.isclass(value) or inspect.isroutine(value)):
        return f"### `{name}`\n\n{_constant(name, value)}\n"
    lines = [f"### `{markdown.signature(name, value) if _is_called(value) else name}`\n"]
    text = markdown.docstring(value)
    if text:
        lines.append(text + "\n")
    if inspect.isclass(value):
        lines.extend(_members(value))
    return "\n".join(lines)


def _is_called(value: object) -> bool:
    """True where making one, or calling it, is how it is used."""
    if inspect.isclass(value):
        special = (enum.Enum, BaseModel, BaseException)
        return not (issubclass(value, special) or getattr(value, "_is_protocol", False)) and bool(
            value.__init__.__doc__ is None or not value.__init__.__doc__.startswith("Internal")
        )
    return True


def _constant(name: str, value: object) -> str:
    described = {
        "DROP": "What a function processor returns for a record that goes no further.",
        "Record": "A decoded record: `dict[str, Any]`.",
    }
    return described.get(name) or markdown.docstring(value) or f"`{value!r}`"


def _members(kind: type) -> Iterator[str]:
    if issubclass(kind, enum.Enum):
        yield "\n".join(f"- `{kind.__name__}.{each.name}`" for each in kind) + "\n"
        return
    if dataclasses.is_dataclass(kind):
        yield "Fields: " + ", ".join(f"`{each.name}`" for each in dataclasses.fields(kind)) + "\n"
    rows = [
        (f"`{_shown(name, value)}`", markdown.first_sentence(_described(value)))
        for name, value in vars(kind).items()
        if not name.startswith("_") and markdown.first_sentence(_described(value))
    ]
    if rows and not issubclass(kind, BaseModel | BaseException):
        yield markdown.table(("member", "what it does"), rows) + "\n"


def _described(value: object) -> object:
    if isinstance(value, staticmethod | classmethod):
        return value.__func__
    return value if inspect.isfunction(value) or isinstance(value, property) else None


def _shown(name: str, value: object) -> str:
    called = _described(value)
    if not inspect.isfunction(called):
        return name
    shown = markdown.signature(name, called)
    return f"await {shown}" if inspect.iscoroutinefunction(called) else shown
