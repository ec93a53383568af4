"""Tells whether two sides have written the same records, in whatever order; run in a process of its own."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec

_NUMBER = re.compile(r"\.[0-9]{6}(?=\.)")
_decode = msgspec.json.Decoder().decode
_canonical = msgspec.json.Encoder(order="sorted").encode


def digest(folder: Path, rounded: str | None = None) -> dict[str, tuple[int, int]]:
    """For every file the number of records, and a sum over all of them that no order changes.

    The numbered parts of a file are one.

    Args:
        rounded: A field of floats to compare to four digits: a model's answers differ in the last ones
            with the size of a batch.
    """
    change = _shorten(rounded) if rounded else None
    found: dict[str, tuple[int, int]] = {}
    for path in sorted(folder.iterdir()):
        name = _NUMBER.sub("", path.name)
        count, total = found.get(name, (0, 0))
        more, sum_ = _of_file(path, change)
        found[name] = (count + more, (total + sum_) % 2**64)
    return found


def _of_file(path: Path, change: Callable[[dict[str, Any]], None] | None) -> tuple[int, int]:
    count = total = 0
    for record in _records(path):
        if change is not None:
            change(record)
        total += int.from_bytes(blake2b(_canonical(record), digest_size=8).digest(), "big")
        count += 1
    return count, total % 2**64


def _records(path: Path) -> Iterator[dict[str, Any]]:
    if path.suffix == ".parquet":
        import pyarrow.parquet as pq  # noqa: PLC0415 - one workload needs it

        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches():
                yield from batch.to_pylist()
        return
    with path.open("rb") as lines:
        yield from map(_decode, lines)


def _shorten(field: str) -> Callable[[dict[str, Any]], None]:
    def change(record: dict[str, Any]) -> None:
        record[field] = [f"{value:.4f}" for value in record[field]]

    return change


if __name__ == "__main__":
    print(json.dumps(digest(Path(sys.argv[1]), *sys.argv[2:])))
