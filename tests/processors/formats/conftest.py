"""What tests of formats share: reading a stream in pieces, writing batches to one."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from router import Batch, DecodeError, Format, RecordError, load_registry

REGISTRY = load_registry()


@dataclass
class Found:
    """What a reader gave: records, and content and error of what is none."""

    records: list[Any] = field(default_factory=list)
    misread: list[tuple[bytes, str]] = field(default_factory=list)


Read = Callable[..., Found]
Write = Callable[..., tuple[bytes, list[tuple[int, str]]]]


def make(name: str, settings: dict[str, Any]) -> Format:
    kind = REGISTRY.formats[name]
    return kind(kind.config_class().model_validate(settings, context={"registry": REGISTRY, "folder": None}))


@pytest.fixture(scope="session")
def read() -> Read:
    """``read("csv", data, step=3, header=False)`` feeds a stream in pieces."""

    def feed(name: str, data: bytes, *, step: int = 1 << 20, error: str = "", **settings: Any) -> Found:
        reader, found = make(name, settings).reader(), Found()
        pieces = [data[start : start + step] for start in range(0, len(data), step)]
        parts = [*map(reader.feed, pieces), reader.end(DecodeError(error) if error else None)]
        assert reader.pending == 0
        for part in parts:
            found.records += [*part.content, *part.rows]
            found.misread += [(each.content, str(each.error)) for each in part.misread]
        return found

    return feed


@pytest.fixture(scope="session")
def write() -> Write:
    """``write("csv", batch, batch, existing=b"...")`` gives what the stream then holds, and what failed."""

    def say(name: str, *batches: Batch, existing: bytes = b"", **settings: Any) -> tuple[bytes, list[tuple[int, str]]]:
        stream, failures = io.BytesIO(existing), []
        writer = make(name, settings).writer(stream)
        for batch in batches:
            data, failed = writer.write(batch)
            stream.seek(0, io.SEEK_END)
            stream.write(data)
            failures += [(index, _text(error)) for index, error in failed]
        stream.write(writer.end())
        return stream.getvalue(), failures

    return say


def _text(error: BaseException) -> str:
    assert isinstance(error, RecordError)
    return str(error)
