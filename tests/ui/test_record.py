"""Records as text: JSON with colours, images by their first bytes, what lies beside; and what a terminal must not obey."""

from __future__ import annotations

import asyncio
import base64
import json
import struct
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from router_ui.widgets.record_image import image_of
from router_ui.widgets.record_json import json_lines, plain, wrapped
from router_ui.widgets.record_lines import excerpt, head, record_lines
from router_ui.widgets.records_files import as_file, as_line, file_name
from router_ui.widgets.records_limits import limits_of, limits_text
from router_ui.widgets.records_paged import Paged, Piece
from router_ui.widgets.records_text import clean, fit, widths
from tests.ui import made

PNG = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 640, 480)
GIF = b"GIF89a" + struct.pack("<HH", 32, 16)
JPEG = (
    b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(9) + b"\xff\xc0\x00\x11\x08" + struct.pack(">HH", 300, 400) + bytes(12)
)
WEBP_X = (
    b"RIFF\x00\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00" + bytes(4) + (99).to_bytes(3, "little") + (49).to_bytes(3, "little")
)
WEBP_L = b"RIFF\x00\x00\x00\x00WEBPVP8L\x00\x00\x00\x00\x2f" + struct.pack("<I", 99 | 49 << 14)
WEBP = b"RIFF\x00\x00\x00\x00WEBPVP8 " + bytes(10) + struct.pack("<HH", 100, 50)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (PNG, "PNG image, 640 x 480"),
        (GIF, "GIF image, 32 x 16"),
        (JPEG, "JPEG image, 400 x 300"),
        (WEBP_X, "WebP image, 100 x 50"),
        (WEBP_L, "WebP image, 100 x 50"),
        (WEBP, "WebP image, 100 x 50"),
        (PNG[:12], "PNG image"),
        (b"\xff\xd8\xff\xe0\xff", "JPEG image"),
        (b"PNG", "None"),
    ],
)
def test_an_image_is_told_by_its_first_bytes(data: bytes, said: str) -> None:
    assert str(image_of(data)) == said


@given(st.sampled_from([PNG, GIF, JPEG, WEBP, WEBP_L, WEBP_X]), st.binary(max_size=40), st.integers(0, 40))
def test_no_bytes_are_too_strange_to_be_an_image(image: bytes, noise: bytes, cut: int) -> None:
    image_of(image[:cut] + noise)


@given(JSON)
def test_json_on_lines_is_still_that_json(value: Any) -> None:
    shown = "".join(plain(line) for line in json_lines(value))
    kept = json.loads(json.dumps(value, ensure_ascii=False).translate({}))
    if clean(json.dumps(value, ensure_ascii=False)) == json.dumps(value, ensure_ascii=False):
        assert json.loads(shown) == kept


def test_json_is_indented_and_what_is_small_stands_on_one_line() -> None:
    value = {"a": [1, 2.5, None], "b": {"c": "x"}, "d": {}, "e": True}
    shown = [plain(line) for line in json_lines(value)]
    assert shown == [
        "{",
        '  "a": [1, 2.5, null],',
        '  "b": {',
        '    "c": "x"',
        "  },",
        '  "d": {},',
        '  "e": true',
        "}",
    ]


def test_the_words_of_json_have_their_colours() -> None:
    (line,) = list(json_lines({"a": [1, "x", None]}))[1:2]
    tones = {text: tone for text, tone in line if text.strip(" ,[]:")}
    assert tones == {'"a"': "key", "1": "number", '"x"': "string", "null": "literal"}


def test_json_may_be_as_deep_as_it_likes() -> None:
    value: list[Any] = []
    for _ in range(5_000):
        value = [value]
    assert len(list(json_lines(value))) < 200


@given(
    st.lists(st.tuples(st.text(st.characters(codec="ascii", exclude_categories=["C"])), st.just(""))),
    st.integers(5, 40),
)
def test_what_is_wrapped_keeps_its_text_and_its_width(line: list[tuple[str, str]], width: int) -> None:
    parts = list(wrapped(line, width))
    assert all(len(plain(part)) <= width for part in parts)
    assert "".join(plain(part).replace(" ", "") for part in parts) == plain(line).replace(" ", "")


@given(st.text(), st.integers(0, 30))
def test_what_fits_a_cell_takes_just_its_width(text: str, width: int) -> None:
    shown = fit(clean(text), width)
    assert (cell_len(shown), {unicodedata.category(each) for each in shown} & {"Cc", "Cf", "Cs"}) == (width, set())


def test_columns_share_what_is_left_and_scroll_where_nothing_is() -> None:
    assert widths([5, 50, 30], [10, 20, 20], 60) == [5, 35, 20]
    assert widths([5, 50, 30], [10, 20, 20], 20) == [5, 20, 20]


def test_a_record_says_what_failed_and_what_lies_beside_it() -> None:
    record = made.record(0, content="broken\nline", columns={"key": "7", "error": {"type": "DecodeError", "message": "no JSON", "processor": "score"}})  # fmt: skip
    shown = [plain(line) for line in record_lines(record)]
    assert shown == ["broken", "line", "", "error  DecodeError", "no JSON", "processor:", "  score", "", "beside it", "{", '  "key": "7"', "}"]  # fmt: skip


def test_an_image_in_a_record_is_told_by_kind_and_size_and_saved_as_it_is() -> None:
    alone = made.record(0, content_base64=base64.b64encode(PNG).decode(), format="raw", size=len(PNG))
    inside = made.record(0, record={"photo": base64.b64encode(PNG).decode()})
    assert (head(alone), excerpt(alone)) == ("PNG image, 640 x 480, 24 B", "PNG image, 640 x 480")
    assert plain(list(record_lines(inside))[-1]) == "photo: PNG image, 640 x 480, 24 B"
    assert as_file(alone) == ("png", PNG)


def test_bytes_are_shown_as_numbers_and_letters() -> None:
    record = made.record(0, content_base64=base64.b64encode(b"\x00\x01abc" * 60).decode(), format="raw", size=300)
    shown = [plain(line) for line in record_lines(record)]
    assert shown[0] == "000000  00 01 61 62 63 00 01 61 62 63 00 01 61 62 63 00  ··abc··abc··abc·"
    assert shown[-1] == "and 44 B more"


def test_a_record_is_saved_as_json_or_as_it_is() -> None:
    decoded, text = made.record(0, record={"a": 1}), made.record(0, content="a\tb", format="text")
    assert (as_file(decoded), as_file(text)) == (("json", b'{\n  "a": 1\n}\n'), ("txt", b"a\tb"))
    assert as_line(text) == b'{"record":null,"content":"a\\tb","columns":{},"attributes":{}}\n'
    assert file_name("tweets", "route.happy>archive", suffix="jsonl") == "tweets-route.happy-archive.jsonl"


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("20000", (20_000, None)),
        ("16MiB", (None, 16 << 20)),
        ("20_000 1.5kB", (20_000, 1_500)),
        ("8B 1,000", (1_000, 8)),
    ],
)
def test_limits_are_read_as_they_are_typed(typed: str, read: tuple[int | None, int | None]) -> None:
    assert limits_of(typed) == read


@pytest.mark.parametrize("typed", ["", "many", "1 2", "1.5", "1MB 2MB", "-1", "5 parsecs"])
def test_limits_that_say_nothing_are_told_what_would(typed: str) -> None:
    with pytest.raises(ValueError, match="such as '20000 16MiB'; "):
        limits_of(typed)


@given(st.integers(1, 10**6), st.integers(1, 10**10))
def test_limits_are_shown_as_they_would_be_typed(records: int, nbytes: int) -> None:
    assert limits_of(limits_text(records, nbytes)) == (records, nbytes)


@given(st.integers(0, 500), st.lists(st.tuples(st.integers(0, 600), st.integers(0, 40)), max_size=8), st.booleans())
def test_a_list_fetched_in_pieces_is_that_list(count: int, looks: list[tuple[int, int]], is_known: bool) -> None:
    async def fetch(start: int, limit: int) -> Piece[int]:
        items = list(range(start, min(count, start + limit)))
        is_end = start + limit >= count
        return Piece(items, count if is_known or is_end else start + len(items), is_exact=is_known or is_end)

    paged = Paged(fetch, size=20, most=80)

    async def look_around() -> None:
        for first, more in [(0, 10), *looks]:
            await paged.look(first, first + more, lambda: None)
            seen = range(first, min(first + more, len(paged)))
            assert [paged[index] for index in seen] == list(seen)

    asyncio.run(look_around())
    assert len(paged.known()) <= 120


async def test_a_list_that_became_shorter_ends_where_it_ends_now() -> None:
    left = 100

    async def fetch(start: int, limit: int) -> Piece[int]:
        return Piece(list(range(start, min(left, start + limit))), max(left, 100), is_exact=True)

    paged = Paged(fetch, size=10)
    await paged.look(0, 5, lambda: None)
    left = 40
    await paged.look(90, 95, lambda: None)
    assert len(paged) <= 90
