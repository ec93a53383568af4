"""Add fields to undecoded JSON objects by their bytes: a fraction of decoding, copying and encoding them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import repeat
from typing import Any

from router.codec import JSON, encode_values

__all__ = ["splice"]

_PLAIN = re.compile(r"[\w .-]+")
_RARE = 4  # where more than one line in so many is not plain, rows are the better way for all


def splice(content: Sequence[bytes], values: Mapping[str, Sequence[Any]]) -> list[bytes] | None:
    """Add fields to objects that are known to be whole, one value a record by field name.

    A field goes to the end of a line that nowhere holds its name. The few lines that do, or
    that begin or end in another way than most, are decoded, changed and encoded.

    Returns:
        The lines; None where rows are the better way: a value that JSON cannot say, a name that
        would have to be escaped, or too many lines that are not plain.
    """
    if not all(map(_PLAIN.fullmatch, values)):
        return None
    keys = [f'"{name}"'.encode() for name in values]
    if any(key in content[0] for key in keys):
        return None
    odd = _not_plain(content, keys, hidden=b"\\u00" if "".join(values).isascii() else b"\\u")
    if len(odd) * _RARE > len(content):
        return None
    pieces: list[Any] = [[line[:-1] for line in content]]
    for key, column in zip(keys, values.values(), strict=True):
        try:
            pieces += [repeat(b"," + key + b":"), encode_values(column)]
        except Exception:  # noqa: BLE001 - rows can hold it; who encodes them tells which value it is
            return None
    lines = list(map(b"".join, zip(*pieces, repeat(b"}"))))
    for index in odd:
        changed = {name: column[index] for name, column in values.items()}
        lines[index] = JSON.encode({**JSON.decode(content[index]), **changed})
    return lines


def _not_plain(content: Sequence[bytes], keys: Sequence[bytes], hidden: bytes) -> set[int]:
    """Find the lines behind whose last field no other can be put, or that may hold one of the keys already.

    What no line has is found out for all at once; a key may hide behind an escape.
    """
    odd: set[int] = set()
    if {line[:2] for line in content} != {b'{"'} or {line[-1] for line in content} != {ord("}")}:
        odd |= {index for index, line in enumerate(content) if line[:2] != b'{"' or line[-1:] != b"}"}
    whole = b"\n".join(content)
    for part in (hidden, *keys) if b"\\" in whole else keys:
        if part in whole:
            odd |= {index for index, line in enumerate(content) if part in line}
    return odd
