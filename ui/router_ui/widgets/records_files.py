"""What is saved from here to files: always new ones, and whole or not at all."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO

import msgspec

from router.control.messages import RecordView
from router_ui.widgets.record_lines import bytes_of

__all__ = ["as_file", "as_line", "export", "file_name", "save"]

_SUFFIXES = {"json": "json", "json_lines": "json", "csv": "csv", "text": "txt"}
_IMAGES = {b"\x89PNG": "png", b"GIF8": "gif", b"\xff\xd8\xff": "jpg", b"RIFF": "webp"}


def file_name(*words: str, suffix: str) -> str:
    """A name for a file about these, without what shells and file systems take amiss."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", "-".join(words)).strip("-.") + f".{suffix}"


def as_line(record: RecordView) -> bytes:
    """A record as a line of JSON, as `router queue show` prints it."""
    said: dict[str, object] = {"record": record.record}
    for name in ("content", "content_base64"):
        if (value := getattr(record, name)) is not None:
            said[name] = value
    return msgspec.json.encode(said | {"columns": record.columns, "attributes": record.attributes}) + b"\n"


def as_file(record: RecordView) -> tuple[str, bytes]:
    """The content of a record, with the suffix of a file of it; what is decoded becomes JSON."""
    content = bytes_of(record)
    if content is None:
        return "json", msgspec.json.format(msgspec.json.encode(record.record), indent=2) + b"\n"
    image = next((suffix for head, suffix in _IMAGES.items() if content.startswith(head)), None)
    return image or _SUFFIXES.get(record.format, "txt" if record.content is not None else "bin"), content


async def export(path: str, pieces: AsyncIterator[bytes]) -> int:
    """Write pieces of JSON lines to a new file; how many lines that were.

    Raises:
        OSError: it cannot be written, or is there already; nothing is left of it.
        ValueError: no path is named.
    """
    target, lines = _target(path), 0
    with _made(target) as file:
        try:
            async for piece in pieces:
                file.write(piece)
                lines += piece.count(b"\n")
        except BaseException:
            target.unlink()
            raise
    return lines


def save(path: str, data: bytes) -> Path:
    """Write a new file.

    Raises:
        OSError: it cannot be written, or is there already.
        ValueError: no path is named.
    """
    target = _target(path)
    with _made(target) as file:
        file.write(data)
    return target


def _target(path: str) -> Path:
    if not path:
        raise ValueError("a path of a new file is wanted")
    return Path(path).expanduser()


def _made(target: Path) -> BinaryIO:
    # Records may be nobody else's business.
    target.touch(mode=0o600, exist_ok=False)
    return target.open("wb")
