from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.codec import JSON
from router.splice import splice

NAMES = st.sampled_from(["a", "user", "len", "x y"])
TEXTS = st.text(max_size=6) | st.sampled_from(["user", '"user"', '"a":1', "a\\u0061", "}", "{}", "\\", "é", "/"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)


@st.composite
def written(draw: st.DrawFn) -> bytes:
    """An object as some program might write it: spaces, escapes, blanks around it."""
    record = draw(st.dictionaries(NAMES | TEXTS.filter(bool), VALUES, max_size=4))
    separators = draw(st.sampled_from([(",", ":"), (", ", ": "), (" ,", " : ")]))
    text = json.dumps(record, ensure_ascii=draw(st.booleans()), separators=separators)
    if draw(st.booleans()):
        text = text.replace('"user"', '"us\\u0065r"', 1)
    if text == "{}":
        text = draw(st.sampled_from(["{}", "{ }", "{\t}"]))
    return (text + draw(st.sampled_from(["", "", " ", "\r"]))).encode()


@given(st.lists(written(), min_size=1, max_size=8), st.dictionaries(NAMES, VALUES, min_size=1, max_size=3), st.data())
def test_bytes_say_what_rows_would(content: list[bytes], new: dict[str, Any], data: st.DataObject) -> None:
    values = {
        name: [value, *data.draw(st.lists(VALUES, min_size=len(content) - 1, max_size=len(content) - 1))]
        for name, value in new.items()
    }
    rows = [JSON.decode(line) for line in content]
    lines = splice(content, values)
    if lines is not None:
        wanted = [row | {name: column[index] for name, column in values.items()} for index, row in enumerate(rows)]
        assert [JSON.decode(line) for line in lines] == wanted
        assert all(
            len(set(keys(line))) == len(keys(line))
            for line, old in zip(lines, content, strict=True)
            if len(set(keys(old))) == len(keys(old))
        )


def keys(line: bytes) -> list[str]:
    """The names at the top of an object, each as often as it stands there."""
    pairs: list[tuple[str, Any]] = json.loads(line, object_pairs_hook=lambda pairs: pairs)
    return [name for name, _ in pairs]


def test_what_is_not_changed_stays_byte_for_byte() -> None:
    lines = splice([b'{"n": 1.10,"user":"ada" , "id":12345678901234567890123}'] * 2, {"len": [3, 4]})
    assert lines == [b'{"n": 1.10,"user":"ada" , "id":12345678901234567890123,"len":%d}' % number for number in (3, 4)]


def test_a_line_that_is_less_plain_is_written_anew() -> None:
    content = [b'{"n":1}'] * 4 + [b'{"n":1,"us\\u0065r":2} ']
    assert splice(content, {"user": [0, 1, 2, 3, 4]})[-1:] == [b'{"n":1,"user":4}']  # type: ignore[index]


@pytest.mark.parametrize(
    ("content", "values"),
    [
        ([b'{"a":1}'], {"a": [2]}),
        ([b'{"a":1}'], {"b": [float("nan")]}),
        ([b'{"a":1}'], {'"': [1]}),
        ([b"{}"], {"a": [1]}),
    ],
)
def test_rows_are_better_where_bytes_do_not_suffice(content: list[bytes], values: dict[str, list[Any]]) -> None:
    assert splice(content, values) is None
