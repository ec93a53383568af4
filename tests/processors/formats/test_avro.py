from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router import Batch, DecodeError

Read = Callable[..., Any]
Write = Callable[..., tuple[bytes, list[tuple[int, str]]]]
Problems = Callable[..., list[str]]
SCHEMA = {"type": "record", "name": "post", "fields": [{"name": "id", "type": "long"}]}


def container(*blocks: list[dict[str, Any]], codec: str = "null") -> bytes:
    """A file of one block for each list of records."""
    stream = io.BytesIO()
    for rows in blocks:
        fastavro.writer(stream, SCHEMA, rows, codec=codec)
        stream = io.BytesIO(stream.getvalue()) if stream.seek(0, 2) else stream
        stream.seek(0, 2)
    return stream.getvalue()


def rows_of(data: bytes) -> list[Any]:
    return list(fastavro.reader(io.BytesIO(data)))


@pytest.mark.parametrize("codec", ["null", "deflate"])
@pytest.mark.parametrize("step", [1, 7, 100_000])
def test_records_of_whole_blocks_are_given(read: Read, codec: str, step: int) -> None:
    data = container([{"id": 1}, {"id": 2}], [{"id": 3}], codec=codec)
    assert read("avro", data, step=step).records == [{"id": 1}, {"id": 2}, {"id": 3}]


def test_a_block_that_is_cut_off_fails_and_those_before_live(read: Read) -> None:
    data = container([{"id": 1}], [{"id": 2}])
    found = read("avro", data[:-1])
    ((_, error),) = found.misread
    assert (found.records, error) == ([{"id": 1}], "the file ends within a block; 18 bytes follow the last whole one")


def test_a_block_with_a_broken_marker_fails_and_those_behind_live(read: Read) -> None:
    first, second = container([{"id": 1}]), container([{"id": 1}], [{"id": 2}], [{"id": 3}])
    data = bytearray(second)
    data[len(first) - 1] ^= 0xFF
    found = read("avro", bytes(data), step=9)
    assert (found.records, [error for _, error in found.misread]) == (
        [{"id": 3}],
        ["the end of a block is not where it says"],
    )


def test_a_record_that_cannot_be_read_costs_the_rest_of_its_block(read: Read) -> None:
    header = container([])
    body = bytearray(container([{"id": 1}, {"id": 2}], [{"id": 3}])[0:])
    body[len(header) + 3] = 0xFF  # the number of the second record goes on for ever
    found = read("avro", bytes(body))
    ((_, error),) = found.misread
    assert found.records in ([{"id": 1}, {"id": 3}], [{"id": 3}])
    assert "of the 2 records of a block cannot be read" in error


@pytest.mark.parametrize("data", [b"no avro at all", b'{"a":1}\n' * 1000, b"Obj\x01", b"Ob"])
def test_what_is_no_avro_file_fails_once(read: Read, data: bytes) -> None:
    found = read("avro", data, step=50)
    ((content, error),) = found.misread
    assert (found.records, content, error[:10]) == ([], data[:1024], "not avro: ")


@given(data=st.binary(max_size=300), at=st.integers(0, 400))
def test_no_bytes_raise(read: Read, data: bytes, at: int) -> None:
    good = container([{"id": 1}], [{"id": 2}], [{"id": 3}])
    found = read("avro", good[:at] + data + good[at + len(data) :], step=64)
    assert all(isinstance(row, dict) for row in found.records)


def test_the_schema_is_inferred_from_the_first_batch(write: Write) -> None:
    at = datetime(2024, 6, 7, tzinfo=UTC)
    rows: list[dict[str, Any]] = [
        {
            "i": 1,
            "f": 1,
            "s": "x",
            "b": True,
            "n": None,
            "l": ["a", None],
            "o": {"k": [{"z": 1}]},
            "at": at,
            "by": b"\0",
        },
        {"i": None, "f": 2.5, "e": [], "m": 1},
        {"m": "one"},
    ]
    data, failures = write("avro", Batch.of(rows), Batch.of([{"i": 7}]))
    found = rows_of(data)
    assert (failures, found[0]) == ([], {**rows[0], "e": None, "m": None})
    assert ([row["f"] for row in found], [row["m"] for row in found]) == (
        [1.0, 2.5, None, None],
        [None, 1, "one", None],
    )
    assert found[3] == {**dict.fromkeys(found[0]), "i": 7}


def test_misfits_fail_alone(write: Write) -> None:
    rows: list[dict[str, Any]] = [{"id": "x"}, {"id": 2**70}, {"id": 1, "new": 1}, {"id": True}, {"id": 2}]
    data, failures = write("avro", Batch.of([{"id": 1}]), Batch.of(rows))
    assert (rows_of(data), [index for index, _ in failures]) == ([{"id": 1}, {"id": 2}], [0, 1, 2, 3])
    assert failures[2][1] == "does not fit the Avro schema: record contains more fields than the schema specifies: new"


def test_a_field_without_an_avro_name_fails_its_record(write: Write) -> None:
    data, failures = write("avro", Batch.of([{"a-b": 1}, {"id": 1}]))
    assert (rows_of(data), [index for index, _ in failures]) == ([{"id": 1}], [0])


def test_a_first_batch_of_misfits_makes_no_schema(write: Write) -> None:
    data, failures = write("avro", Batch.of([{"a-b": 1}]), Batch.of([{"id": 1}]))
    assert (rows_of(data), [index for index, _ in failures]) == ([{"id": 1}], [0])


def test_nothing_written_leaves_an_empty_file(write: Write) -> None:
    assert write("avro", Batch.of([{"a-b": 1}]))[0] == b""


def test_a_schema_is_a_mapping_or_a_file(write: Write, tmp_path: Path) -> None:
    (tmp_path / "post.avsc").write_text(json.dumps(SCHEMA))
    for schema in (SCHEMA, str(tmp_path / "post.avsc")):
        data, failures = write("avro", Batch.of([{"id": 1}, {}]), schema=schema, compression="deflate")
        assert (rows_of(data), [index for index, _ in failures]) == ([{"id": 1}], [1])


@pytest.mark.parametrize(
    ("schema", "problem"),
    [
        ({"type": "string"}, "an Avro schema of records is a mapping with type: record"),
        ({"type": "record", "name": "x", "fields": [{"name": "a", "type": "lng"}]}, "UnknownType: lng"),
        ("nowhere.avsc", "No such file"),
    ],
)
def test_a_schema_that_is_none_is_refused(problems: Problems, schema: Any, problem: str) -> None:
    (found,) = problems("write_file", path="x.avro", format={"type": "avro", "schema": schema})
    assert problem in found


@pytest.mark.parametrize("cut", [1, 10, 17])
def test_appending_cuts_a_torn_block_and_goes_on_with_the_schema(write: Write, cut: int) -> None:
    existing = container([{"id": 1}], [{"id": 2}])
    data, failures = write("avro", Batch.of([{"id": 3}, {"other": 1}]), existing=existing[:-cut])
    assert (rows_of(data), [index for index, _ in failures]) == ([{"id": 1}, {"id": 3}], [1])


def test_appending_cuts_a_tail_that_was_never_written(write: Write) -> None:
    data, _ = write("avro", Batch.of([{"id": 2}]), existing=container([{"id": 1}]) + b"\0" * 100)
    assert rows_of(data) == [{"id": 1}, {"id": 2}]


def test_appending_to_a_torn_header_begins_anew(write: Write) -> None:
    data, _ = write("avro", Batch.of([{"x": 2}]), existing=container([])[:40])
    assert rows_of(data) == [{"x": 2}]


def test_appending_to_a_file_damaged_within_is_refused(write: Write) -> None:
    first, data = container([{"id": 1}]), bytearray(container([{"id": 1}], [{"id": 2}]))
    data[len(first) - 1] ^= 0xFF
    with pytest.raises(DecodeError, match="is damaged, and others follow it; nothing is appended"):
        write("avro", existing=bytes(data))


def test_appending_to_another_kind_of_file_is_refused(write: Write) -> None:
    with pytest.raises(DecodeError, match="not avro: a file begins with"):
        write("avro", existing=b'{"a":1}\n')
