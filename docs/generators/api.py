"""The page of the public API, from the docstrings of what `router` exports."""

from __future__ import annotations

import dataclasses
import enum
import functools
import inspect
import sys
from collections.abc import Iterator

from pydantic import BaseModel

import router
import router.testing
from docs.generators import markdown
from router.cli.reference_pages import table

INTRODUCTION = """\
# The public API

Everything here is imported from `router`, and `TestRunner` from `router.testing`; what is not here may change without
notice. All of it is typed. Nothing changes signal handlers, logging or the garbage collector of the program it is used in.
"""

SECTIONS = {
    "Write a processor": (
        "processor", "source", "sink", "DROP", "To", "Processor", "Source", "Context", "Held", "State", "Why", "Result",
        "Routes", "Produced", "Relationship", "Unconnected", "SUCCESS", "FAILURE", "RETRY", "failed",
    ),
    "Settings": (
        "Config", "Field", "Expression", "Template", "PathTemplate", "UrlTemplate", "FilePath", "Size", "Rate",
        "FromWorkingDirectory", "Choice", "Secret",
    ),
    "Records": ("Batch", "Record", "Outcome", "Ack", "Reply", "Watermark"),
    "Run flows": (
        "load_flow", "build_flow", "Flow", "Engine", "Report", "ProcessorReport", "Status", "ProcessorStatus", "DeadLetter", "Bulletin",
        "Clock", "Inbox", "Outbox", "Difference", "PartChange", "Setting", "flow_schema",
    ),
    "Plugins": ("hookimpl", "Registry", "load_registry"),
    "Formats": (
        "Format", "RecordReader", "RecordWriter", "Part", "Misread", "Codec", "JSON", "TEXT", "RAW", "Failures", "resumable",
    ),
    "Models": ("ModelRuntime", "Model", "ModelField", "ModelColumn", "Answer"),
}  # fmt: skip
BORROWED = {
    "Field": "pydantic's [Field](https://docs.pydantic.dev/latest/concepts/fields/): the default of a setting, its bounds, its "
    "`description`, which the reference shows, and `examples`.",
    "hookimpl": "Marks a function or method of a plugin as its version of a hook: `register(registry)`, `flow_starting(flow)`, "
    "`flow_stopped(report)`.",
}  # fmt: skip
MADE_BY_AUTHORS = {"Relationship", "Reply"}


def page() -> str:
    """Write the page: the named sections, then errors, then what is left."""
    left = {name: getattr(router, name) for name in router.__all__}
    parts = [INTRODUCTION]
    errors = sorted(name for name, value in left.items() if inspect.isclass(value) and issubclass(value, Exception))
    for title, names in {**SECTIONS, "Errors": errors, "Also": sorted(left)}.items():
        parts.append(f"## {title}\n")
        if title == "Errors":
            parts.append(markdown.docstring(router.errors) + "\n")
        parts.extend(entry(name, left.pop(name)) for name in names if name in left)
    parts.append("## Test\n")
    parts.append(entry("TestRunner", router.testing.TestRunner))
    return "\n".join(parts)


def entry(name: str, value: object) -> str:
    """One exported name, under its own heading."""
    if name in BORROWED:
        return f"### `{name}`\n\n{BORROWED[name]}\n"
    if not (inspect.isclass(value) or inspect.isroutine(value)):
        return f"### `{name}`\n\n{_constant(name, value)}\n"
    lines = [
        f"### `{markdown.signature(name, value) if _is_called(value) else name}`\n",
        markdown.docstring(value) + "\n",
    ]
    if inspect.isclass(value):
        lines.extend(_members(value))
    return "\n".join(lines)


def _is_called(value: object) -> bool:
    """True where making one, or calling it, is how it is used."""
    if not inspect.isclass(value):
        return True
    if issubclass(value, enum.Enum | BaseModel | BaseException) or getattr(value, "_is_protocol", False):
        return False
    if dataclasses.is_dataclass(value):
        return value.__name__ in MADE_BY_AUTHORS
    return not (value.__init__.__doc__ or "").startswith("Internal")


def _constant(name: str, value: object) -> str:
    """What the module that assigns it says of it, or what it says of itself."""
    if isinstance(value, router.Relationship):
        return f"The relationship `{value.name}`: {value.description}"
    modules = [module for path, module in sorted(sys.modules.items()) if path.startswith("router.")]
    found = (markdown.described_names(module).get(name) for module in modules)
    return next(filter(None, found), "") or markdown.docstring(type(value))


def _members(kind: type) -> Iterator[str]:
    if issubclass(kind, BaseModel | BaseException):
        return
    said = markdown.described_names(kind)
    if issubclass(kind, enum.Enum):
        yield "\n".join(f"- `{each.name}`: {said.get(each.name, '')}" for each in kind) + "\n"
        return
    rows = [(f"`{name}`", text) for name, text in said.items()]
    if dataclasses.is_dataclass(kind):
        names = [each.name for each in dataclasses.fields(kind)]
        yield (
            f"Holds {', '.join(f'`{each}`' for each in names if each not in said)}.\n" if set(names) - set(said) else ""
        )
    for name, value in vars(kind).items():
        sentence = markdown.first_sentence(_described(value))
        if sentence and not name.startswith("_"):
            rows.append((f"`{_shown(name, value)}`", sentence))
    yield table(("member", "what it is"), rows) + "\n"


def _described(value: object) -> object:
    if isinstance(value, staticmethod | classmethod):
        return value.__func__
    return value if inspect.isfunction(value) or isinstance(value, property | functools.cached_property) else None


def _shown(name: str, value: object) -> str:
    called = _described(value)
    if not inspect.isfunction(called):
        return name
    shown = markdown.signature(name, called)
    return f"await {shown}" if inspect.iscoroutinefunction(called) else shown
