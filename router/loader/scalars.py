"""Plain scalars as YAML 1.2's core schema reads them: dates, ``12:30``, ``1_000``, ``on`` and ``no`` are text."""

from __future__ import annotations

import math
import re

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEX = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_INFINITY = re.compile(r"([-+]?)\.(?:inf|Inf|INF)")
_NAN = frozenset({".nan", ".NaN", ".NAN"})
_LONGEST = 4000  # digits; Python itself refuses a little more


def resolve(text: str) -> str | bool | int | float | None:
    """Read a plain scalar.

    Raises:
        ValueError: a number no machine number can hold.
    """
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    if text[0] not in "-+.0123456789":
        return text
    return _number(text)


def _number(text: str) -> str | int | float:
    if _INT.fullmatch(text) or _OCTAL.fullmatch(text) or _HEX.fullmatch(text):
        if len(text) > _LONGEST:
            raise ValueError(f"a number of {len(text):,} digits is too long; put it in quotes if it is a text")
        return int(text, 8 if text[:2] == "0o" else 16 if text[:2] == "0x" else 10)
    if _FLOAT.fullmatch(text):
        number = float(text)
        if math.isinf(number):
            raise ValueError(f"{text} is beyond what a number can be; put it in quotes if it is a text")
        return number
    if sign := _INFINITY.fullmatch(text):
        return -math.inf if sign[1] == "-" else math.inf
    return math.nan if text in _NAN else text
