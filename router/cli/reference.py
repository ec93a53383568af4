"""What is to be known of a processor, from its class: settings in words, ways out, guarantees, an example."""

from __future__ import annotations

import inspect
import re
import textwrap
import types
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BeforeValidator
from pydantic.fields import FieldInfo

from router.authoring import Processor, Source
from router.config import Config, Rate, Secret, Size
from router.expression import Expression, PathTemplate, Template, UrlTemplate
from router.formats import Format
from router.models import ModelRuntime
from router.relationship import Unconnected

__all__ = ["Reference", "Setting", "Way", "reference", "settings", "summary_of"]

_MiB = 1 << 20
_NAMES: dict[Any, str] = {
    Any: "any value",
    bool: "true or false",
    int: "whole number",
    float: "number",
    str: "text",
    Secret: "text",
    Path: "path",
    timedelta: "duration",
    Expression: "expression",
    Template: "template",
    PathTemplate: "path template",
    UrlTemplate: "URL template",
    Format: "format",
    ModelRuntime: "model runtime",
    dict: "mapping",
    list: "list",
    type(None): "null",
}
_PLURALS = {"any value": "values", "true or false": "truth values"}
_BOUNDS = {"gt": "above {}", "ge": "at least {}", "lt": "below {}", "le": "at most {}"}
_UNLESS_SAID = {
    Unconnected.ERROR: "must be connected",
    Unconnected.DELIVERED: "delivered if not connected",
    Unconnected.DROPPED: "dropped if not connected",
    Unconnected.DEAD_LETTERS: "dead letters if not connected",
}


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: what it takes and what it means. ``default`` is as a flow would say it; None: there is none."""

    name: str
    type: str
    required: bool
    default: str | None
    description: str
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Way:
    """One relationship, and what becomes of its records where it is not connected."""

    name: str
    description: str
    unconnected: str


@dataclass(frozen=True, slots=True)
class Reference:
    """All about one processor type."""

    type: str
    kind: Literal["source", "processor", "sink"]
    summary: str
    description: str
    settings: tuple[Setting, ...]
    relationships: tuple[Way, ...]
    example: str

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        return asdict(self)


def reference(kind: type[Processor]) -> Reference:
    """Read a processor class."""
    summary, description, example = _parts(kind)
    return Reference(
        kind.type_name,
        "source" if issubclass(kind, Source) else "sink" if kind.is_sink else "processor",
        summary,
        description,
        settings(kind.config_class()),
        tuple(Way(each.name, prose(each.description), _UNLESS_SAID[each.unconnected]) for each in kind.relationships),
        example,
    )


def settings(kind: type[Config]) -> tuple[Setting, ...]:
    """Read the fields of a Config class."""
    return tuple(_setting(field.alias or name, field) for name, field in kind.model_fields.items())


def summary_of(kind: type) -> str:
    """The line of a docstring that stands alone in a list."""
    return _parts(kind)[0]


def prose(text: str) -> str:
    """Text of a docstring as Markdown and a terminal show it: one backtick around code."""
    return re.sub(r"``(.+?)``", r"`\1`", text)


def _parts(kind: type) -> tuple[str, str, str]:
    """A docstring's first line, its prose, and its example."""
    # A class without a docstring would show that of its base.
    text = prose(inspect.cleandoc(kind.__dict__.get("__doc__") or ""))
    text, _, example = text.partition("Example:\n")
    summary, _, description = text.partition("\n")
    return summary.strip(), description.strip(), textwrap.dedent(example).strip()


def _setting(name: str, field: FieldInfo) -> Setting:
    bounds = [
        text.format(shown(getattr(each, key)))
        for each in field.metadata
        for key, text in _BOUNDS.items()
        if getattr(each, key, None) is not None
    ]
    kind = Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
    default = None if field.is_required() else field.get_default(call_default_factory=True)
    is_size = in_words(kind).startswith("size")
    return Setting(
        name,
        ", ".join([in_words(kind, is_optional=True), *bounds]),
        field.is_required(),
        None if default is None else _size(default) if is_size else shown(default),
        prose(field.description or ""),
        tuple(shown(each) for each in field.examples or ()),
    )


def in_words(kind: Any, *, is_optional: bool = False) -> str:
    """Say a type so that somebody who writes a flow knows what to write."""
    base, arguments = get_origin(kind), get_args(kind)
    if base is Annotated:
        return _annotated(arguments[0], arguments[1:], is_optional=is_optional)
    if base in (Union, types.UnionType):
        given = [each for each in arguments if each is not type(None) or not is_optional]
        return _either([in_words(each) for each in given])
    if base is Literal:
        return _either([f"`{shown(each)}`" for each in arguments])
    if base in (list, tuple, set, frozenset):
        return f"list of {_plural(in_words(arguments[0]))}" if arguments else "list"
    if base in (dict, Mapping):
        return f"mapping of names to {_plural(in_words(arguments[1]))}"
    if inspect.isclass(kind) and issubclass(kind, Config):
        inner = ", ".join(field.alias or name for name, field in kind.model_fields.items())
        return f"mapping of settings ({inner})"
    if inspect.isclass(kind) and issubclass(kind, Enum):
        return _either([f"`{each.value}`" for each in kind])
    return _NAMES.get(kind) or getattr(kind, "__name__", str(kind)).lower()


_TOLD_BY_VALIDATOR = {
    each.func: name
    for alias, name in ((Size, "size"), (Rate, "rate"))
    for each in get_args(alias)
    if isinstance(each, BeforeValidator)
}


def _annotated(kind: Any, metadata: tuple[Any, ...], *, is_optional: bool) -> str:
    for each in metadata:
        if isinstance(each, BeforeValidator) and each.func in _TOLD_BY_VALIDATOR:
            return _TOLD_BY_VALIDATOR[each.func]
    return in_words(kind, is_optional=is_optional)


def _either(words: list[str]) -> str:
    words = list(dict.fromkeys(words))
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " or " + words[-1]


def _plural(words: str) -> str:
    if " or " in words or words.startswith(("list", "mapping")):
        return _PLURALS.get(words, f"{words}")
    return _PLURALS.get(words, words + "s")


def shown(value: object) -> str:
    """A value as a flow would say it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, timedelta):
        return duration(value)
    if isinstance(value, Enum):
        return shown(value.value)
    if isinstance(value, Config):
        return shown(value.model_dump(by_alias=True))
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {shown(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list | tuple | set | frozenset):
        return "[" + ", ".join(shown(each) for each in value) + "]"
    if isinstance(value, Format):
        return type(value).type_name
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "null" if value is None else str(value) or '""'


def duration(value: timedelta) -> str:
    """``500ms``, ``90s``, ``2m``, ``1h``: with the largest unit that leaves nothing over."""
    milliseconds = round(value.total_seconds() * 1000)
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)):
        if milliseconds and milliseconds % size == 0:
            return f"{milliseconds // size}{unit}"
    return f"{milliseconds}ms" if milliseconds else "0"


def _size(value: object) -> str:
    if isinstance(value, int) and value and value % 1024 == 0:
        for unit, size in (("GiB", 1 << 30), ("MiB", _MiB), ("KiB", 1024)):
            if value % size == 0:
                return f"{value // size}{unit}"
    return shown(value)
