"""The reference pages: processors, formats, model runtimes, functions, and the settings of `run:`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from pydantic_core import PydanticUndefined

from docs.generators import markdown
from router.config import Config
from router.expression.functions import reference
from router.flow import BatchOptions, FlowRun, HoldOptions, QueueOptions, RetryOptions, RunOptions
from router.plugins import load_registry

Settings = type[Config]

INTRODUCTION = """\
Each is a `type:` in a flow. `type`, `to`, `description` and `run` belong to every processor; [run settings](run.md) has
what `run:` takes. The same text is in the terminal: `router processors NAME`.
"""


def processors() -> str:
    """One heading for each built-in processor: what it does, its settings, its relationships."""
    kinds = load_registry().processors
    parts = [
        "# Processors\n",
        INTRODUCTION,
        markdown.table(("type", "what it does"), [(_link(name), _summary(kinds[name])) for name in sorted(kinds)])
        + "\n",
    ]
    for name in sorted(kinds):
        kind = kinds[name]
        parts += [f"## `{name}`\n", markdown.docstring(kind) + "\n", settings(kind.config_class())]
        ways = [(f"`{each.name}`", each.description, each.unconnected.value) for each in kind.relationships]
        parts.append(markdown.table(("relationship", "what leaves by it", "if not connected"), ways) + "\n")
    return "\n".join(parts)


def formats() -> str:
    """One heading for each format."""
    introduction = "A `format:` is a name, or a mapping with its settings: `format: {type: csv, header: false}`.\n"
    return _kinds("Formats", introduction, load_registry().formats)


def model_runtimes() -> str:
    """One heading for each model runtime."""
    introduction = "`run_model` chooses one by the suffix of the model's file, or by `runtime:`.\n"
    return _kinds("Model runtimes", introduction, load_registry().model_runtimes)


def _kinds(title: str, introduction: str, kinds: Mapping[str, Any]) -> str:
    parts = [f"# {title}\n", introduction]
    for name in sorted(kinds):
        parts += [f"## `{name}`\n", markdown.docstring(kinds[name]) + "\n"]
        parts.append(settings(kinds[name].config_class()))
    return "\n".join(parts)


def functions() -> str:
    """Every function an expression may call."""
    introduction = "A function whose argument is missing or does not fit gives `null`, and is counted.\n"
    return f"# Functions of expressions\n\n{introduction}\n{reference()}"


def run_settings() -> str:
    """What `run:` and `queue:` take."""
    sections = {
        "`run:` of a processor": RunOptions,
        "`run.batch`": BatchOptions,
        "`run.hold`": HoldOptions,
        "`run.retry`": RetryOptions,
        "`queue:` of a connection": QueueOptions,
        "`run:` of a flow": FlowRun,
    }
    parts = ["# Run settings\n", "The engine's own settings; a processor knows nothing of them.\n"]
    for title, kind in sections.items():
        parts += [f"## {title}\n", markdown.docstring(kind) + "\n", settings(kind)]
    return "\n".join(parts)


def settings(kind: Settings) -> str:
    """The table of a Config class."""
    return markdown.table(("setting", "default", "what it means"), _rows(kind)) + "\n"


def _rows(kind: Settings) -> Iterable[tuple[str, str, str]]:
    for name, field in kind.model_fields.items():
        default = "required" if field.is_required() else _value(field.get_default(call_default_factory=True))
        examples = ", ".join(f"`{each}`" for each in field.examples or ())
        yield (
            f"`{field.alias or name}`",
            default,
            (field.description or "") + (f" Such as {examples}." if examples else ""),
        )


def _value(value: object) -> str:
    if value is None or value is PydanticUndefined:
        return ""
    if isinstance(value, Config):
        return "see below"
    if isinstance(value, timedelta):
        return f"`{_duration(value)}`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value}`"


def _duration(value: timedelta) -> str:
    seconds = value.total_seconds()
    for unit, size in (("h", 3600), ("m", 60)):
        if seconds and seconds % size == 0:
            return f"{seconds / size:g}{unit}"
    return f"{seconds:g}s" if seconds >= 1 or not seconds else f"{seconds * 1000:g}ms"


def _link(name: str) -> str:
    return f"[`{name}`](#{name})"


def _summary(kind: type) -> str:
    return markdown.first_sentence(kind)
