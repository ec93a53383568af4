from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from router import Batch, DecodeError

Read = Callable[..., Any]
Write = Callable[..., tuple[bytes, list[tuple[int, str]]]]


@pytest.mark.parametrize(
    ("document", "records"),
    [
        (b' [1.10, {"a": 12345678901234567890123},\n "x"] ', [b"1.10", b'{"a":12345678901234567890123}', b'"x"']),
        (b'\xef\xbb\xbf{"a": [1, 2]}', [b'{"a": [1, 2]}']),
        (b'{\n "a": 1\n}\n', [b'{"a":1}']),
        (b"[]", []),
        (b" \n", []),
        (b"", []),
    ],
)
def test_an_array_gives_its_elements_all_else_is_one_record(read: Read, document: bytes, records: list[bytes]) -> None:
    assert read("json", document, step=3).records == records


@pytest.mark.parametrize("document", [b'[{"a":1},', b'[{"a":1} {}]', b"[1]\nx", b"[" * 5000 + b"\n"])
def test_a_broken_document_fails_as_a_whole(read: Read, document: bytes) -> None:
    found = read("json", document)
    ((content, error),) = found.misread
    assert (found.records, content, error[:10]) == ([], document.strip()[:1024], "not json: ")


def test_a_document_above_the_limit_is_not_kept(read: Read) -> None:
    found = read("json", b"[" + b"1," * 5000 + b"1]", step=100, max_size="1kB")
    assert found.misread == [
        (b"[" + b"1," * 511 + b"1", "10,003 bytes are too long for one document; at most 1,000 are read")
    ]


def test_a_truncated_document_is_no_record(read: Read) -> None:
    assert read("json", b"[1]", error="cut").misread == [(b"[1]", "cut")]


def test_a_document_that_ends_in_the_middle_says_so_in_lower_case(read: Read) -> None:
    assert read("json", b'[{"a": 1}, {"a"').misread == [(b'[{"a": 1}, {"a"', "not json: input data was truncated")]


def test_records_are_written_as_one_array(write: Write, read: Read) -> None:
    data, failures = write("json", Batch.raw([b'{"a":1}', b"2"]), Batch.raw([b"3"]))
    assert (data, failures) == (b'[\n{"a":1},\n2,\n3\n]\n', [])
    assert read("json", data).records == [b'{"a":1}', b"2", b"3"]


def test_no_records_are_an_empty_array(write: Write) -> None:
    assert write("json") == (b"[]\n", [])


def test_a_broken_element_fails_alone(write: Write) -> None:
    data, failures = write("json", Batch.raw([b"{", b"1"]), Batch.raw([b"]"]))
    assert (data, [index for index, _ in failures]) == (b"[\n1\n]\n", [0, 0])


@pytest.mark.parametrize("existing", [b"[1,2]", b"[\n1,\n2\n]\n", b"[\n1,\n2", b"[\n1,\n2,\n", b'[\n1,\n2,\n{"a'])
def test_appending_goes_on_behind_the_last_whole_element(write: Write, read: Read, existing: bytes) -> None:
    data, _ = write("json", Batch.raw([b"3"]), existing=existing)
    assert read("json", data).records == [b"1", b"2", b"3"]


@pytest.mark.parametrize("existing", [b"[]", b"[", b'[\n{"a'])
def test_appending_to_an_empty_or_torn_array_begins_it(write: Write, read: Read, existing: bytes) -> None:
    data, _ = write("json", Batch.raw([b"3"]), existing=existing)
    assert read("json", data).records == [b"3"]


def test_appending_to_what_is_no_array_is_refused(write: Write) -> None:
    with pytest.raises(DecodeError, match="no array of JSON that could go on"):
        write("json", existing=b'{"a":1}')
