"""Settings: what a processor, a format or a model runtime may be told, checked and described by its class."""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, WithJsonSchema, field_validator

__all__ = [
    "Config",
    "Field",
    "FilePath",
    "FromWorkingDirectory",
    "Rate",
    "Secret",
    "Size",
    "parse_duration",
    "parse_size",
    "place",
]

_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(ms|s|m|h|d)")
DURATION_PATTERN = f"^{_DURATION.pattern}$"
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([kKMGT]i?)?B?")
_BYTES = {"": 1, "k": 10**3, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_BYTES |= {"ki": 2**10, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
_RATE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(?:/\s*(s|m|h|d))?")


def parse_duration(value: object) -> timedelta:
    """Read ``500ms``, ``5s``, ``2m``, ``1h``, ``7d``; zero needs no unit.

    Raises:
        ValueError: anything else.
    """
    if isinstance(value, timedelta):
        return value
    if value in (0, "0") and not isinstance(value, bool):
        return timedelta(0)
    found = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"a duration is a number with a unit, such as 500ms, 5s, 2m or 1h; got {value!r}")
    return timedelta(seconds=float(found[1]) * _SECONDS[found[2]])


def write_duration(value: timedelta) -> str:
    """Write a duration as a flow file has it: ``1m``, ``1.5s``, ``20ms``."""
    seconds = value.total_seconds()
    for unit in ("d", "h", "m"):
        if seconds and seconds % _SECONDS[unit] == 0:
            return f"{seconds / _SECONDS[unit]:g}{unit}"
    return f"{seconds:g}s" if seconds >= 1 or not seconds else f"{seconds * 1000:g}ms"


def parse_size(value: object) -> int:
    """Read ``1024``, ``10MB``, ``8MiB``: a number of bytes.

    Raises:
        ValueError: anything else.
    """
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    found = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"a size is a number of bytes, such as 65536, 10MB or 8MiB; got {value!r}")
    return int(float(found[1]) * _BYTES[found[2] or ""])


def parse_rate(value: object) -> float:
    """Read ``200`` (a second), ``10/m``, ``0`` (no limit): records a second.

    Raises:
        ValueError: anything else.
    """
    if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
        return float(value)
    found = _RATE.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"a rate is a number of records a second, or such as 10/m; 0 is no limit; got {value!r}")
    return float(found[1]) / _SECONDS[found[2] or "s"]


class FromWorkingDirectory(str):
    """Text that a person typed in a shell: as a whole path it starts at the working directory, not at the flow."""

    __slots__ = ()


class Secret(str):
    """Text that is shown to nobody: what ``${secret:NAME}`` stands for, and every text that holds it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


def place(value: str | Path, info: ValidationInfo) -> Path:
    """Put a relative path where it belongs: beside the flow, or in the working directory of who typed it."""
    if isinstance(value, FromWorkingDirectory):
        return Path.cwd() / value
    base = (info.context or {}).get("folder")
    return Path(base) / value if base is not None else Path(value)


def _place_path(value: object, info: ValidationInfo) -> Path:
    if not isinstance(value, str | Path) or not str(value):
        raise ValueError(f"a path is a text; got {value!r}")
    if "\0" in str(value):
        raise ValueError("a path has no NUL in it")
    return place(value, info)


FilePath = Annotated[
    Path,
    BeforeValidator(_place_path),
    WithJsonSchema({"type": "string", "description": "A path; a relative one starts at the flow's folder."}),
]
"""A path setting; a relative one starts at the flow's folder, or where a person typed it."""

Size = Annotated[
    int,
    BeforeValidator(parse_size),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": f"^{_SIZE.pattern}$"}]}),
]
"""A number of bytes: ``65536``, ``10MB``, ``8MiB``."""

Rate = Annotated[
    float,
    BeforeValidator(parse_rate),
    WithJsonSchema({"anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": f"^{_RATE.pattern}$"}]}),
]
"""Records a second: ``200``, ``10/m``; 0 is no limit."""


class Config(BaseModel):
    """Base of settings: closed, frozen, each field described.

    A ``timedelta`` field reads ``500ms``, ``5s``, ``2m``, ``1h``; ``Size`` reads ``10MB``,
    ``Rate`` reads ``10/m``, ``FilePath`` starts at the flow's folder. The names ``type``,
    ``to``, ``description`` and ``run`` belong to router.

    Example:
        >>> class DedupeConfig(Config):
        ...     window: timedelta = Field(timedelta(minutes=1), description="How long a key is remembered.")
        >>> DedupeConfig(window="10m").window
        datetime.timedelta(seconds=600)
    """

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True, protected_namespaces=())

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        taken = {"type", "to", "description", "run"} & set(cls.model_fields)
        if taken:
            raise TypeError(f"{cls.__name__}: the setting {min(taken)!r} belongs to router; choose another name")

    @field_validator("*", mode="before")
    @classmethod
    def _read_duration(cls, value: object, info: ValidationInfo) -> object:
        field = cls.model_fields.get(info.field_name or "")
        if value is None or field is None or not _is_duration(field.annotation):
            return value
        return parse_duration(value)

    @field_validator("*", mode="wrap")
    @classmethod
    def _keep_secret(cls, value: object, handler: Callable[[object], object]) -> object:
        return _marked(handler(value), value)


def _marked(made: Any, given: Any) -> Any:
    """Mark texts that were secrets before they were validated."""
    if isinstance(given, Secret) and type(made) is str:
        return Secret(made)
    if isinstance(given, list) and type(made) is list and len(made) == len(given):
        return [_marked(each, was) for each, was in zip(made, given, strict=True)]
    if isinstance(given, dict) and type(made) is dict:
        return {key: _marked(each, given.get(key)) for key, each in made.items()}
    return made


def _is_duration(annotation: object) -> bool:
    if get_origin(annotation) in (Union, types.UnionType):
        return any(_is_duration(each) for each in get_args(annotation))
    return annotation is timedelta


def settings_of(config: Config) -> Mapping[str, Any]:
    """The settings as they were given or defaulted, by name."""
    return {name: getattr(config, name) for name in type(config).model_fields}
