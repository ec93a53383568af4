"""Settings of a processor as plain data that may be shown: no secret among them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from enum import Enum
from pathlib import PurePath
from typing import Any

from router.choice import Choice
from router.config import Config, Secret, settings_of, write_duration
from router.secrecy import HIDDEN
from router.storage.sayable import in_words

__all__ = ["shown", "shown_setting", "shown_settings"]

_SENSITIVE = re.compile(
    r"(^|_)(password|passwd|secret|token|credentials?|access_key|api_key|passphrase)$", re.IGNORECASE
)
_USER = re.compile(r"(?<=://)([^/?#@\s:]*):[^/?#@\s]*@")
_DEEPEST = 8


def shown_settings(config: Config) -> dict[str, Any]:
    """Settings by name, as a flow file would have them."""
    found = {}
    for name, value in settings_of(config).items():
        alias = type(config).model_fields[name].alias
        found[alias or name] = _named(name, value, 0)
    return found


def shown_setting(name: str, value: Any) -> Any:
    """One setting by its name, as a flow file would have it; what its name calls a secret is hidden too."""
    return _named(name, value, 0)


def shown(value: Any, depth: int = 0) -> Any:
    """A setting as a flow file would have it; a secret as ``***``."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Secret):
        return HIDDEN
    if isinstance(value, str):
        return _USER.sub(rf"\1:{HIDDEN}@", value)
    if depth >= _DEEPEST:
        return "..."
    if isinstance(value, Mapping):
        return {in_words(name): _named(str(name), each, depth) for name, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [shown(each, depth + 1) for each in value]
    return _object(value, depth)


def _named(name: str, value: Any, depth: int) -> Any:
    return HIDDEN if value is not None and _SENSITIVE.search(name) else shown(value, depth + 1)


def _object(value: Any, depth: int) -> Any:
    if isinstance(value, Enum):
        return shown(value.value, depth + 1)
    if isinstance(value, timedelta):
        return write_duration(value)
    if isinstance(value, PurePath):
        return shown(str(value))
    if isinstance(value, Choice):
        settings = _config(value.config, depth)
        return {"type": value.type_name, **settings} if settings else value.type_name
    if isinstance(value, Config):
        return _config(value, depth, whole=True)
    source = getattr(value, "source", None)  # of an expression or a template
    return shown(source) if isinstance(source, str) else shown(in_words(value)[:1000])


def _config(config: Config, depth: int, *, whole: bool = False) -> dict[str, Any]:
    given = {name: value for name, value in settings_of(config).items() if whole or name in config.model_fields_set}
    return {type(config).model_fields[name].alias or name: _named(name, value, depth) for name, value in given.items()}
