"""Tells whether two sides have written the same records, in whatever order and with whatever spaces."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec

_decode = msgspec.json.Decoder().decode
_canonical = msgspec.json.Encoder(order="sorted").encode


def digest(folder: Path, rounded: str | None = None) -> dict[str, tuple[int, int]]:
    """For every file the number of records, and a sum over all of them that no order changes.

    Args:
        rounded: A field of floats to compare to four digits: a model's answers differ in the last ones
            with the size of a batch.
    """
    return {path.name: _of_file(path, _shorten(rounded) if rounded else None) for path in sorted(folder.iterdir())}


def _of_file(path: Path, change: Callable[[dict[str, Any]], None] | None) -> tuple[int, int]:
    count = total = 0
    with path.open("rb") as lines:
        for line in lines:
            record = _decode(line)
            if change is not None:
                change(record)
            total += int.from_bytes(blake2b(_canonical(record), digest_size=8).digest(), "big")
            count += 1
    return count, total % 2**64


def _shorten(field: str) -> Callable[[dict[str, Any]], None]:
    def change(record: dict[str, Any]) -> None:
        record[field] = [f"{value:.4f}" for value in record[field]]

    return change
