from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router import Batch, Part
from tests.processors.formats.conftest import make

Read = Callable[..., Any]
Write = Callable[..., tuple[bytes, list[tuple[int, str]]]]
Problems = Callable[..., list[str]]
NOW = datetime(2024, 6, 7, 8, 9, 10, 11, UTC)
EVERYTHING: dict[str, Any] = {
    "i": 1,
    "f": 2.5,
    "s": "x",
    "b": True,
    "n": None,
    "l": ["a", None],
    "o": {"k": [{"z": 1}], "e": []},
    "at": NOW,
    "local": NOW.replace(tzinfo=None),
    "by": b"\xff",
    "d": Decimal("1.10"),
}


def parts(data: bytes, **settings: Any) -> list[Part]:
    found = make("parquet", settings).parts(io.BytesIO(data))
    assert found is not None
    return list(found)


def rows_of(data: bytes) -> list[Any]:
    return [row for part in parts(data) for row in part.rows]


def errors_of(data: bytes) -> list[str]:
    return [str(each.error) for part in parts(data) for each in part.misread]


def file_of(table: pa.Table, **settings: Any) -> bytes:
    stream = io.BytesIO()
    pq.write_table(table, stream, **settings)
    return stream.getvalue()


def test_records_come_back_as_they_were(write: Write) -> None:
    data, failures = write("parquet", Batch.of([EVERYTHING, {"i": 7}]))
    assert (rows_of(data), failures) == ([EVERYTHING, {**dict.fromkeys(EVERYTHING), "i": 7}], [])


def test_pyarrow_reads_what_is_written(write: Write) -> None:
    data, _ = write("parquet", Batch.of([{"id": 1, "text": "x"}]), compression="snappy")
    file = pq.ParquetFile(io.BytesIO(data))
    assert (file.read().to_pylist(), file.metadata.row_group(0).column(0).compression) == (
        [{"id": 1, "text": "x"}],
        "SNAPPY",
    )


def test_a_time_is_kept_as_the_moment_it_is(write: Write) -> None:
    data, _ = write("parquet", Batch.of([{"at": NOW.astimezone(timezone(timedelta(hours=2)))}]))
    assert rows_of(data) == [{"at": NOW}]


@pytest.mark.parametrize(
    ("first", "misfit", "problem"),
    [
        (1, "x", "the column 'v' is of int64; got 'x'"),
        (1, True, "the column 'v' is of int64; got True"),
        (1, 1.0, "the column 'v' is of int64; got 1.0"),
        (1, 2**63, "the column 'v' is of int64: Python int too large"),
        (0.5, 2**53 + 1, "the column 'v' is of double: Integer value 9007199254740993 is outside"),
        (0.5, True, "the column 'v' is of double; got True"),
        ("x", b"x", "the column 'v' is of string; got b'x'"),
        ("x", "\ud800", "the column 'v' is of string: 'utf-8' codec can't encode"),
        (b"x", "x", "the column 'v' is of binary; got 'x'"),
        (NOW, 5, "got 5"),
        (NOW, NOW.replace(tzinfo=None), "got a time without a time zone"),
        (NOW.replace(tzinfo=None), NOW, "got a time with a time zone"),
        (Decimal("1.5"), Decimal("1.55"), "Rescaling Decimal value would cause data loss"),
        (Decimal(1), Decimal("NaN"), "NaN"),
        (["x"], "x", "got 'x'"),
        (["x"], [1], "got 1"),
        ({"a": 1}, {"a": 1, "b": 2}, "no column holds the field 'v.b'"),
        ({"a": {"b": "x"}}, {"a": {"b": 1}}, "the column 'v.a.b' is of string; got 1"),
        ([{"a": 1}], [{"b": 1}], "no column holds the field 'v.b'"),
        (None, 1, "the column 'v' is of string; got 1"),
        ({}, {}, "got {}"),
    ],
)
def test_what_does_not_fit_fails_and_nothing_is_bent(write: Write, first: Any, misfit: Any, problem: str) -> None:
    fitting = None if first == {} else first
    data, failures = write("parquet", Batch.of([{"n": 1, "v": fitting}]), Batch.of([{"n": 2, "v": misfit}, {"n": 3}]))
    ((index, error),) = failures
    assert (rows_of(data), index) == ([{"n": 1, "v": fitting}, {"n": 3, "v": None}], 0)
    assert problem in error


def test_a_field_that_the_first_batch_lacked_fails_its_record(write: Write) -> None:
    data, failures = write("parquet", Batch.of([{"text": 1}]), Batch.of([{"txt": 1}, {"text": 2}]))
    assert (rows_of(data), failures) == (
        [{"text": 1}, {"text": 2}],
        [(0, "no column holds the field 'txt' (did you mean 'text'?)")],
    )


def test_the_schema_is_inferred_from_the_whole_first_batch(write: Write) -> None:
    data, failures = write("parquet", Batch.of([{"a": 1}, {"a": 2.5, "b": []}, {"b": [None, "x"]}]))
    assert (rows_of(data), failures) == (
        [{"a": 1.0, "b": None}, {"a": 2.5, "b": []}, {"a": None, "b": [None, "x"]}],
        [],
    )


def test_a_first_batch_of_misfits_makes_no_schema(write: Write) -> None:
    data, failures = write("parquet", Batch.of([{}, {}]), Batch.of([{"v": {}}]), Batch.of([{"id": 1}]))
    assert (rows_of(data), [index for index, _ in failures]) == ([{"id": 1}], [0, 1, 0])


def test_nothing_written_is_no_file(write: Write) -> None:
    assert write("parquet", Batch.of([]), Batch.of([{}]))[0] == b""


SCHEMA = {
    "id": "integer",
    "small": "int8",
    "mood": "float32",
    "text": "text",
    "by": "bytes",
    "at": "datetime",
    "local": "local_datetime",
    "price": "decimal(5, 2)",
    "tags": ["text"],
    "user": {"age": "int32", "is_new": "boolean"},
}


def test_a_schema_is_a_mapping_or_a_file(write: Write, tmp_path: Path) -> None:
    (tmp_path / "post.json").write_text(json.dumps(SCHEMA))
    row = {"id": 1, "small": 7, "price": Decimal("1.5"), "tags": ["a"], "user": {"age": 3, "is_new": None}, "at": NOW}
    for schema in (SCHEMA, str(tmp_path / "post.json"), str(tmp_path / "old.parquet")):
        data, failures = write("parquet", Batch.of([row, {"small": 300}, {"mood": 1e39}]), schema=schema)
        (tmp_path / "old.parquet").write_bytes(data)
        assert (rows_of(data), [index for index, _ in failures]) == ([{**dict.fromkeys(SCHEMA), **row}], [1, 2])


@pytest.mark.parametrize(
    ("schema", "problem"),
    [
        ({}, "schema: a file without columns holds no records; name a field and its type"),
        ({"a": "interger"}, "schema.a: a type is one of boolean, integer"),
        ({"a": "interger"}, "got 'interger' (did you mean 'integer'?)"),
        ({"a": ["text", "integer"]}, "schema.a: a type is one of"),
        ({"a": [{"b": 1}]}, "schema.a[0].b: a type is one of"),
        ({"a": "decimal(2, 3)"}, "a decimal has 1 to 38 digits"),
        ({"a": {}}, "schema.a: a file without columns"),
        ("nowhere.json", "schema 'nowhere.json' cannot be read"),
        ("nowhere.parquet", "schema 'nowhere.parquet' cannot be read"),
    ],
)
def test_a_schema_that_is_none_is_refused(problems: Problems, schema: Any, problem: str) -> None:
    (found,) = problems("write_file", path="x.parquet", format={"type": "parquet", "schema": schema})
    assert problem in found


@pytest.mark.parametrize(
    ("settings", "groups"),
    [({"records": 4}, [4, 4, 2]), ({"records": 1}, [2] * 5), ({"bytes": 1}, [2] * 5), ({}, [10])],
)
def test_a_row_group_is_written_when_it_is_full(write: Write, settings: dict[str, int], groups: list[int]) -> None:
    batches = [Batch.of([{"n": number}, {"n": number + 1}]) for number in range(0, 10, 2)]
    data, _ = write("parquet", *batches, row_group=settings)
    metadata = pq.ParquetFile(io.BytesIO(data)).metadata
    found = [metadata.row_group(index).num_rows for index in range(metadata.num_row_groups)]
    assert (found, rows_of(data)) == (groups, [{"n": number} for number in range(10)])


def test_a_writer_tells_what_waits_in_memory() -> None:
    writer = make("parquet", {"row_group": {"records": 4}}).writer()
    sizes = []
    for _ in range(2):
        data, _ = writer.write(Batch.of([{"n": 1}, {"n": 2}]))
        sizes.append((bool(data), writer.pending))
    assert sizes == [(False, 16), (True, 0)]


def test_a_large_file_is_read_some_records_at_a_time() -> None:
    data = file_of(pa.table({"n": range(5000)}), row_group_size=2500)
    found = parts(data)
    assert [len(part.rows) for part in found] == [1000, 1000, 500, 1000, 1000, 500]
    assert [row["n"] for part in found for row in part.rows] == list(range(5000))


def test_a_damaged_row_group_fails_and_the_others_live() -> None:
    data = bytearray(file_of(pa.table({"n": range(3000)}), row_group_size=1000, compression="zstd"))
    start = pq.ParquetFile(io.BytesIO(bytes(data))).metadata.row_group(1).column(0).data_page_offset
    data[start : start + 40] = b"\xff" * 40
    (error,) = errors_of(bytes(data))
    numbers = [row["n"] for row in rows_of(bytes(data))]
    assert numbers == [*range(1000), *range(2000, 3000)]
    assert error.startswith("1,000 of the 1,000 records of row group 1 cannot be read: ")


@pytest.mark.parametrize("data", [b"no parquet at all", b"PAR1", b"PAR1" * 10, b"\0" * 5000])
def test_what_is_no_parquet_file_fails_once(data: bytes, read: Read) -> None:
    (found,) = parts(data)
    ((content, error),) = [(each.content, str(each.error)) for each in found.misread]
    assert (found.rows, content, error[:13]) == ((), data[:1024], "not parquet: ")
    assert read("parquet", data, step=7).misread == [(content, error)]


@pytest.mark.parametrize("cut", [1, 8, 300])
def test_a_file_without_its_footer_fails_once(write: Write, cut: int) -> None:
    data, _ = write("parquet", Batch.of([EVERYTHING]))
    assert (rows_of(data[:-cut]), len(errors_of(data[:-cut]))) == ([], 1)


def test_a_stream_that_cannot_seek_is_read_at_its_end(read: Read) -> None:
    data = file_of(pa.table({"n": range(2500)}), row_group_size=1000)
    assert read("parquet", data, step=100).records == [{"n": number} for number in range(2500)]


def test_a_stream_that_cannot_seek_and_is_too_long_fails(read: Read) -> None:
    data = file_of(pa.table({"n": range(2500)}))
    ((_, error),) = read("parquet", data, step=100, max_size="1kB").misread
    assert "are too long for one document; at most 1,000 are read" in error


def test_an_empty_file_holds_nothing(read: Read) -> None:
    assert (parts(b""), read("parquet", b"").misread) == ([], [])


@pytest.mark.parametrize(
    ("column", "value"),
    [
        (pa.array([1], pa.timestamp("ns", tz="UTC")), datetime(1970, 1, 1, tzinfo=UTC)),
        (pa.array([date(2024, 6, 7)]), "2024-06-07"),
        (pa.array([time(8, 9)]), "08:09:00.000000"),
        (pa.array([timedelta(seconds=1)], pa.duration("us")), 1_000_000),
        (pa.array(["x"]).dictionary_encode(), "x"),
        (pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64())), {"k": 1}),
        (pa.array([{"d": [date(2024, 6, 7)]}]), {"d": ["2024-06-07"]}),
        (pa.array([2**64 - 1], pa.uint64()), 2**64 - 1),
        (pa.array([Decimal("1.50")]), Decimal("1.50")),
        (pa.array(["x"], pa.large_string()), "x"),
        (pa.array([None], pa.null()), None),
    ],
)
def test_columns_of_other_programs_become_values_of_records(column: pa.Array, value: Any) -> None:
    assert rows_of(file_of(pa.table({"v": column}))) == [{"v": value}]


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=3)
    | st.binary(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=2),
    max_leaves=6,
)


@given(
    st.lists(st.lists(st.dictionaries(st.sampled_from("abc"), VALUES, min_size=1, max_size=3), max_size=4), max_size=4)
)
def test_every_record_is_either_written_as_it_is_or_fails(batches: list[list[dict[str, Any]]]) -> None:
    writer = make("parquet", {}).writer()
    data, written = b"", []
    for rows in batches:
        piece, failures = writer.write(Batch.of(rows))
        data += piece
        bad = {index for index, _ in failures}
        written += [row for index, row in enumerate(rows) if index not in bad]
    data += writer.end()
    assert [without_nulls(row) for row in (rows_of(data) if data else [])] == [without_nulls(row) for row in written]


def without_nulls(value: Any) -> Any:
    """Absent and null are the same to a column, and whole numbers among others floats."""
    if isinstance(value, dict):
        return {key: inner for key, each in value.items() if (inner := without_nulls(each)) is not None}
    return [without_nulls(each) for each in value] if isinstance(value, list) else value


def test_a_missing_package_names_the_extra() -> None:
    program = (
        "import sys; sys.modules['pyarrow'] = None\n"
        "from router import FlowError, build_flow\n"
        "processors = {'g': {'type': 'generate', 'to': 'w'}, 'w': {'type': 'write_file', 'path': 'x.parquet'}}\n"
        "try:\n    build_flow({'flow': 'f', 'processors': processors})\n"
        "except FlowError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "'format': format 'parquet' needs the 'pyarrow' package: pip install 'stream-router[parquet]'" in done.stdout
