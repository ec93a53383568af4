from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router import Batch, load_registry

Read = Callable[..., Any]
Write = Callable[..., tuple[bytes, list[tuple[int, str]]]]
LINES = st.lists(st.binary(min_size=1, max_size=30).filter(lambda line: b"\n" not in line and line[-1:] != b"\r"))


def test_lines_are_given_byte_for_byte(read: Read) -> None:
    assert read("json_lines", b'{"a": 1.10 }\nno json\n\xff\n').records == [b'{"a": 1.10 }', b"no json", b"\xff"]


def test_a_last_line_needs_no_end(read: Read) -> None:
    assert read("json_lines", b"{}\n{1", step=1).records == [b"{}", b"{1"]


def test_an_empty_stream_holds_no_line(read: Read) -> None:
    assert (read("json_lines", b"").records, read("text", b"").records) == ([], [])


@pytest.mark.parametrize("step", [1, 2, 3, 100])
def test_byte_order_mark_and_returns_are_taken_off(read: Read, step: int) -> None:
    assert read("json_lines", b"\xef\xbb\xbf{}\r\n[]\r\n", step=step).records == [b"{}", b"[]"]


def test_only_a_newline_ends_a_line(read: Read) -> None:
    line = "a\x0bb\x0cc\x1cd\x85e\u2028f".encode()
    assert read("text", line + b"\n").records == [line]


def test_blank_lines_are_records_of_text_and_none_of_json(read: Read) -> None:
    data = b"\n{}\n\n\r\n"
    assert (read("text", data).records, read("json_lines", data).records) == ([b"", b"{}", b"", b""], [b"{}"])


@given(st.lists(st.binary(max_size=40)))
def test_what_lines_were_read_as_is_just_these_lines(pieces: list[bytes]) -> None:
    reader = load_registry().formats["text"]().reader()
    for part in map(reader.feed, pieces):
        if part.whole:
            assert b"".join(part.whole) == b"".join(line + b"\n" for line in part.content)


def test_most_of_a_long_stream_is_known_as_it_was_read() -> None:
    reader = load_registry().formats["json_lines"]().reader()
    data = b'{"n":1}\n' * 1000
    parts = [reader.feed(data[at : at + 100]) for at in range(0, len(data), 100)]
    assert [bool(part.whole) for part in parts] == [False, *[True] * (len(parts) - 1)]


def test_a_line_without_end_is_skipped_without_being_kept(read: Read) -> None:
    registry = load_registry()
    reader = registry.formats["json_lines"]().reader()
    piece = b"x" * (1 << 20)
    tracemalloc.start()
    for _ in range(200):
        reader.feed(piece)
    part = reader.feed(b"\n{}\n")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    (misread,) = part.misread
    assert (part.content, misread.index, misread.content) == ([b"{}"], 0, b"x" * 1024)
    assert str(misread.error) == "a line of 209,715,200 bytes is too long; at most 67,108,864 are read"
    assert misread.error.head_of == 209_715_200
    assert peak < 80 << 20


def test_a_long_last_line_without_end_is_skipped(read: Read) -> None:
    found = read("text", b"a\n" + b"x" * (65 << 20))
    assert (found.records, [content for content, _ in found.misread]) == ([b"a"], [b"x" * 1024])


def test_what_is_cut_off_is_no_record(read: Read) -> None:
    found = read("json_lines", b'{"a":1}\n{"a":', error="the file ends within its gzip data")
    assert (found.records, found.misread) == ([b'{"a":1}'], [(b'{"a":', "the file ends within its gzip data")])


def test_pending_counts_what_is_not_given_yet() -> None:
    reader = load_registry().formats["json_lines"]().reader()
    reader.feed(b"{}\n{")
    assert reader.pending == 1


@given(lines=LINES, step=st.integers(1, 7))
def test_lines_come_back_however_they_are_fed(read: Read, write: Write, lines: list[bytes], step: int) -> None:
    data, failures = write("json_lines", Batch.raw(lines))
    # A mark at the very beginning of a stream belongs to the stream.
    expected = [line for line in [*(each.removeprefix(b"\xef\xbb\xbf") for each in lines[:1]), *lines[1:]] if line]
    assert (read("json_lines", data, step=step).records, failures) == (expected, [])


def test_json_of_several_lines_is_written_on_one(write: Write) -> None:
    batch = Batch.raw([b'{\n "id": 12345678901234567890123,\n "x": 1.10\n}', b"{}"])
    assert write("json_lines", batch) == (b'{"id":12345678901234567890123,"x":1.10}\n{}\n', [])


def test_a_line_break_in_what_is_no_json_fails_alone(write: Write) -> None:
    data, failures = write("json_lines", Batch.raw([b"{}", b"{\n", b"[]"]))
    assert (data, failures) == (b"{}\n[]\n", [(1, r"a line has no line break in it; got b'{\n'")])


def test_a_line_break_in_text_fails_alone(write: Write) -> None:
    data, failures = write("text", Batch.raw([b"a\nb", b"c"], "text"))
    assert (data, failures) == (b"c\n", [(0, r"a line has no line break in it; got b'a\nb'")])


@pytest.mark.parametrize("name", ["json_lines", "text"])
def test_after_a_torn_last_line_a_new_one_is_begun(write: Write, name: str) -> None:
    batches = [Batch.raw([b"{\n"]), Batch.raw([b"[]"]), Batch.raw([b"{}"])]
    assert write(name, *batches, existing=b'{"a')[0] == b'{"a\n[]\n{}\n'


def test_after_a_whole_last_line_nothing_is_put(write: Write) -> None:
    assert write("json_lines", Batch.raw([b"{}"]), existing=b"[]\n")[0] == b"[]\n{}\n"


def test_nothing_written_leaves_a_stream_as_it_was(write: Write) -> None:
    assert write("json_lines", existing=b"torn") == (b"torn", [])


def test_rows_are_written_as_json(write: Write) -> None:
    data, _ = write("json_lines", Batch.of([{"a": "ü\n"}]))
    assert json.loads(data) == {"a": "ü\n"}
