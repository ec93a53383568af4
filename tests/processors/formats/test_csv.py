from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router import Batch, ConfigError, load_registry

Read = Callable[..., Any]
Write = Callable[..., tuple[bytes, list[tuple[int, str]]]]
Problems = Callable[..., list[str]]
STEPS = pytest.mark.parametrize("step", [1, 2, 5, 1000])
CELLS = st.text(st.characters(codec="utf-8"), max_size=6)


@STEPS
def test_the_first_line_names_the_columns(read: Read, step: int) -> None:
    data = b'\xef\xbb\xbfid,text\r\n1,"a, ""b""\nc"\r\n\r\n2,\r\n3,last'
    assert read("csv", data, step=step).records == [
        {"id": "1", "text": 'a, "b"\nc'},
        {"id": "2", "text": ""},
        {"id": "3", "text": "last"},
    ]


@STEPS
def test_a_broken_record_fails_alone_as_the_line_it_came_from(read: Read, step: int) -> None:
    data = b'a,b\n1,2\n3\n4,5,6\n7,"8"x\n\xff,9\n10,11\n'
    found = read("csv", data, step=step)
    assert found.records == [{"a": "1", "b": "2"}, {"a": "10", "b": "11"}]
    assert found.misread == [
        (b"3", "line 3: 1 values for 2 columns"),
        (b"4,5,6", "line 4: 3 values for 2 columns"),
        (b'7,"8"x', "line 5: ',' expected after '\"'"),
        (b"\xff,9", "line 6: byte 0xff is not UTF-8"),
    ]


@STEPS
def test_a_quote_that_is_never_closed_takes_no_neighbour_with_it(read: Read, step: int) -> None:
    found = read("csv", b'a,b\n1,"2\n3,4\n5,6\n', step=step)
    assert (found.records, [content for content, _ in found.misread]) == (
        [{"a": "3", "b": "4"}, {"a": "5", "b": "6"}],
        [b'1,"2'],
    )


def test_a_stray_quote_does_not_swallow_a_large_file(read: Read) -> None:
    data = b'a,b\n1,"2\n' + b"3,4\n" * 200_000
    found = read("csv", data, step=65536)
    assert (len(found.records), [content for content, _ in found.misread]) == (200_000, [b'1,"2'])


def test_values_are_read_by_type(read: Read) -> None:
    data = b"n,i,ok,at,t\n1.10,12345678901234567890123,Yes,2024-06-07T12:00:00Z,007\n,,,,\n"
    types = {"n": "number", "i": "integer", "ok": "boolean", "at": "datetime", "t": "text"}
    at = datetime(2024, 6, 7, 12, tzinfo=UTC)
    assert read("csv", data, types=types).records == [
        {"n": 1.1, "i": 12345678901234567890123, "ok": True, "at": at, "t": "007"},
        {"n": None, "i": None, "ok": None, "at": None, "t": ""},
    ]


@pytest.mark.parametrize(
    ("kind", "cell"),
    [
        ("number", "abc"),
        ("number", "nan"),
        ("number", "1e400"),
        ("number", "1_0"),
        ("integer", "1.0"),
        ("integer", "1_0"),
        ("boolean", "maybe"),
        ("datetime", "yesterday"),
    ],
)
def test_a_value_that_does_not_fit_its_type_fails_its_record(read: Read, kind: str, cell: str) -> None:
    found = read("csv", f"x,y\n{cell},1\n".encode(), types={"x": kind})
    assert found.misread == [(f"{cell},1".encode(), f"line 2: column 'x' is {kind}; got {cell!r}")]


def test_a_value_that_does_not_fit_leaves_its_neighbours(read: Read) -> None:
    found = read("csv", b"x\n1\ntwo\n3\n", types={"x": "integer"})
    assert (found.records, len(found.misread)) == ([{"x": 1}, {"x": 3}], 1)


def test_without_a_header_the_settings_name_the_columns(read: Read) -> None:
    assert read("csv", b"1;2\n", header=False, columns=["a", "b"], delimiter=";").records == [{"a": "1", "b": "2"}]


def test_columns_replace_the_names_of_a_header(read: Read) -> None:
    assert read("csv", b"x,y\n1,2\n", columns=["a", "b"]).records == [{"a": "1", "b": "2"}]


def test_without_a_quote_nothing_is_quoted(read: Read) -> None:
    assert read("csv", b'a\tb\n"1\t2"\n', delimiter="\t", quote=None).records == [{"a": '"1', "b": '2"'}]


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        (b"a,a", "the header says 'a' twice"),
        (b"a,pric", "'types' names 'price', which the header lacks (did you mean 'pric'?)"),
        (b'"a"x,b', "the header is b'\"a\"x,b': ',' expected after '\"'"),
    ],
)
def test_every_record_below_a_broken_header_fails(read: Read, header: bytes, problem: str) -> None:
    found = read("csv", header + b"\n1,2\n3,4\n", types={"price": "number"} if b"pric" in header else {})
    assert found.misread == [(line, f"the columns have no names: {problem}") for line in (b"1,2", b"3,4")]


def test_a_cut_record_is_none(read: Read) -> None:
    assert read("csv", b'a\n1\n"2\n3', error="cut").misread == [(b'"2\n3', "cut")]


def test_an_empty_stream_holds_nothing(read: Read) -> None:
    assert (read("csv", b"").records, read("csv", b"a,b\n").records) == ([], [])


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"delimiter": ";;"}, """'delimiter': it is one character, such as ";" or "\\t", got ';;'"""),
        ({"columns": ["a", "a"]}, "two columns have the same name"),
        ({"columns": ["a"], "types": {"b": "number"}}, "'types' names 'b', which is not in 'columns'"),
        ({"delimiter": '"'}, "'delimiter' and 'quote' are the same character"),
        ({"types": {"a": "float"}}, "'types.a': input should be 'text', 'number', 'integer', 'boolean' or 'datetime'"),
        ({"delimitr": ";"}, "no setting 'delimitr' (did you mean 'delimiter'?)"),
    ],
)
def test_settings_that_cannot_be_are_refused(problems: Problems, settings: dict[str, Any], problem: str) -> None:
    (found,) = problems("read_file", path="x", format={"type": "csv", **settings})
    assert f"format 'csv': {problem}" in found


def test_reading_without_names_is_refused() -> None:
    kind = load_registry().formats["csv"]
    with pytest.raises(ConfigError, match="without a header the columns need names"):
        kind(kind.config_class().model_validate({"header": False})).reader()


def test_the_first_batch_names_the_columns(write: Write) -> None:
    data, failures = write("csv", Batch.of([{"a": 1}, {"b": None, "a": True}]), Batch.of([{"c": 1}, {"b": 'x,"\n'}]))
    assert data == b'a,b\n1,\ntrue,\n,"x,""\n"\n'
    assert failures == [(0, "no column holds the field 'c'")]


def test_values_are_written_as_text(write: Write) -> None:
    at = datetime(2024, 6, 7, tzinfo=UTC)
    row = {"i": 10**22, "f": 1.5, "d": Decimal("1.10"), "at": at, "list": [1, {"a": None}], "r": "a\rb"}
    data, _ = write("csv", Batch.of([row]), header=False)
    cells = next(csv.reader(io.StringIO(data.decode(), newline="")))
    assert cells == ["1" + "0" * 22, "1.5", "1.10", "2024-06-07T00:00:00+00:00", '[1,{"a":null}]', "a\rb"]


def test_what_no_cell_can_hold_fails_alone(write: Write) -> None:
    data, failures = write("csv", Batch.of([{"a": b"x"}, {"a": "\ud800"}, {"a": 1}]))
    assert (data, [index for index, _ in failures]) == (b"a\n1\n", [0, 1])


def test_without_a_quote_a_delimiter_cannot_be_written(write: Write) -> None:
    data, failures = write("csv", Batch.of([{"a": "1,2"}, {"a": "3"}]), quote=None)
    assert (data, failures) == (b"a\n3\n", [(0, "cannot be written as csv: need to escape, but no escapechar set")])


@pytest.mark.parametrize("existing", [b"b,a\n1,2\n", b"b,a\n1,2"])
def test_appending_goes_on_with_the_columns_that_are_there(write: Write, existing: bytes) -> None:
    assert write("csv", Batch.of([{"a": "x"}]), existing=existing)[0] == b"b,a\n1,2\n,x\n"


@given(rows=st.lists(st.fixed_dictionaries({"a": CELLS, "ü": CELLS}), min_size=1), step=st.integers(1, 20))
def test_what_is_written_is_read(read: Read, write: Write, rows: list[dict[str, str]], step: int) -> None:
    data, failures = write("csv", Batch.of(rows))
    assert (read("csv", data, step=step).records, read("csv", data).misread, failures) == (rows, [], [])
