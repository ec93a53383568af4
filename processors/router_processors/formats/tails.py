"""Look at the end of what was written before."""

from __future__ import annotations

import os
from typing import BinaryIO


def size_of(stream: BinaryIO | None) -> int:
    """How many bytes a stream holds; none is empty."""
    return 0 if stream is None else stream.seek(0, os.SEEK_END)


def end_line(stream: BinaryIO | None) -> bytes:
    """What must be written first so that the next record begins on a line of its own."""
    size = size_of(stream)
    if stream is None or not size:
        return b""
    stream.seek(size - 1)
    return b"" if stream.read(1) == b"\n" else b"\n"
