"""Limits of a connection as somebody types them."""

from __future__ import annotations

import re

__all__ = ["limits_of", "limits_text"]

_WORD = re.compile(r"(?P<number>\d[\d_,]*(?:\.\d+)?)(?P<unit>[a-zA-Z]*)")
_UNITS = {"b": 1, "kb": 1000, "mb": 1000**2, "gb": 1000**3, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30}


def limits_of(text: str) -> tuple[int | None, int | None]:
    """Read ``20000``, ``16MiB`` or both; what is not said is None.

    Raises:
        ValueError: it says neither, or one of them twice.
    """
    records: int | None = None
    nbytes: int | None = None
    for word in text.replace(" of ", " ").split():
        found = _WORD.fullmatch(word)
        unit = found["unit"].lower() if found is not None else None
        number = float(found["number"].replace("_", "").replace(",", "")) if found is not None else 0.0
        if unit == "" and records is None and number.is_integer():
            records = int(number)
        elif unit in _UNITS and nbytes is None:
            nbytes = int(number * _UNITS[unit])
        else:
            raise ValueError(f"records as a number, bytes with a unit, such as '20000 16MiB'; got {text!r}")
    if records is None and nbytes is None:
        raise ValueError("records as a number, bytes with a unit, such as '20000 16MiB'; nothing is said")
    return records, nbytes


def limits_text(records: int, nbytes: int) -> str:
    """Limits as they would be typed, to the byte."""
    for unit, factor in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if nbytes % factor == 0:
            return f"{records} {nbytes // factor}{unit}"
    return f"{records} {nbytes}B"
