"""Records as JSON for people and other programs, whatever they hold."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from reprlib import Repr
from typing import Any

import msgspec

from router.batch import Batch

__all__ = ["LONGEST_WORDS", "as_json", "in_words", "of_record"]

LONGEST_WORDS = 64 << 10
_DEEPEST = 50
_encode = msgspec.json.Encoder(decimal_format="number", enc_hook=repr).encode


def of_record(one: Batch) -> dict[str, Any]:
    """A record decoded where it can be; else, or where nobody looks into it, its bytes as text or base64."""
    good, failures = one.decoded()
    if not failures and one.format != "raw":
        return {"record": good.rows[0]}
    content = one.content[0]
    try:
        return {"record": None, "content": content.decode()}
    except UnicodeDecodeError:
        return {"record": None, "content_base64": base64.b64encode(content).decode()}


def as_json(value: Mapping[str, Any]) -> bytes:
    """An object as JSON, with words for what JSON cannot say."""
    try:
        text = _encode(value)
    except Exception:  # noqa: BLE001 - whatever it holds, the rest is worth reading
        return _encode(_sayable(value))
    return _encode(_sayable(value)) if b"null" in text else text  # it may stand for a NaN


def _sayable(value: Any, depth: int = 0) -> Any:
    """The same value, with words for what in it JSON cannot say."""
    if isinstance(value, Mapping | list | tuple) and depth < _DEEPEST:
        if isinstance(value, Mapping):
            return {in_words(name): _sayable(item, depth + 1) for name, item in value.items()}
        return [_sayable(item, depth + 1) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    try:
        _encode(value)
    except Exception:  # noqa: BLE001 - it may refuse anything
        return in_words(value)
    return value


def in_words(value: object) -> str:
    """A value as Python shows it: cut, or where it is too deep, in outline; a text as it is."""
    try:
        text = value if isinstance(value, str) else repr(value)
    except Exception:  # noqa: BLE001 - objects of an author's may refuse anything, to be shown too
        try:
            text = Repr().repr(value)
        except Exception:  # noqa: BLE001 - same
            text = f"<{type(value).__name__}>"
    return text[:LONGEST_WORDS].encode("utf-8", "backslashreplace").decode()
