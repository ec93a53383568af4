from __future__ import annotations

from collections.abc import Callable
from typing import Any

from router import Batch

Read = Callable[..., Any]
Write = Callable[..., tuple[bytes, list[tuple[int, str]]]]


def test_a_stream_is_one_record(read: Read) -> None:
    assert read("raw", b"\x00\n\xff\r\n", step=2).records == [b"\x00\n\xff\r\n"]


def test_a_stream_above_the_limit_fails_as_its_first_bytes(read: Read) -> None:
    found = read("raw", b"x" * ((64 << 20) + 1))
    text = "67,108,865 bytes are too long for one document; at most 67,108,864 are read"
    assert (found.records, found.misread) == ([], [(b"x" * 1024, text)])


def test_bytes_are_written_behind_each_other(write: Write) -> None:
    assert write("raw", Batch.raw([b"a", b"\n"], "raw"), existing=b"x") == (b"xa\n", [])
