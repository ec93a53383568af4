"""The readers of heads and bodies: all that is legal is read, and where a body is cut makes no difference."""

from __future__ import annotations

import gzip
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router_processors.serve_http.body import Chunked, Inflated, Kept, Sized
from router_processors.serve_http.head import objection, parse
from router_processors.serve_http.refused import Refused


def test_most_of_what_people_send_is_read() -> None:
    data = b"POST /in?a=b HTTP/1.1\r\nHost: [::1]:80\r\nUser-Agent: x\r\nAccept: */*\r\nX: a\r\nx: b \r\nContent-Length: 05\r\n\r\n"
    head = parse(data)
    assert (head.path, head.query, head.length, head.keeps_open) == ("/in", "a=b", 5, True)
    assert (head.headers["x"], head.headers["host"]) == ("a, b", "[::1]:80")


@given(st.binary(max_size=200))
def test_bytes_of_any_kind_are_read_or_refused(data: bytes) -> None:
    objection(data)
    with suppress(Refused):
        parse(data + b"\r\n\r\n")


def cut(data: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({place % (len(data) + 1) for place in places})
    return [data[start:end] for start, end in zip([0, *ends], [*ends, len(data)], strict=True)]


def fed(body: Sized | Chunked, pieces: list[bytes]) -> tuple[bytes, bytes]:
    """The body, and what comes behind it."""
    for number, piece in enumerate(pieces):
        rest = body.feed(piece)
        if rest is not None:
            return body.sink.end(), rest + b"".join(pieces[number + 1 :])
    raise AssertionError("the end never came")


CHUNKS = st.lists(st.binary(min_size=1, max_size=40), max_size=8)
PLACES = st.lists(st.integers(0, 10_000), max_size=20)


@given(CHUNKS, PLACES, st.binary(max_size=9), st.booleans())
def test_a_chunked_body_is_the_same_wherever_it_is_cut(
    chunks: list[bytes], places: list[int], behind: bytes, has_trailer: bool
) -> None:
    counted: list[int] = []
    said = b"".join(b"%x;a=b\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n"
    data = said + (b"X-Sum: 1\r\n\r\n" if has_trailer else b"\r\n") + behind
    whole = b"".join(chunks)
    assert fed(Chunked(Kept(1000, counted.append)), cut(data, places)) == (whole, behind)
    assert sum(counted) == len(whole)


@given(st.binary(max_size=300), PLACES, st.binary(max_size=9))
def test_a_sized_body_is_the_same_wherever_it_is_cut(body: bytes, places: list[int], behind: bytes) -> None:
    assert fed(Sized(len(body), Kept(1000, lambda _: None)), cut(body + behind, places)) == (body, behind)


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=3), PLACES)
def test_a_gzip_body_is_the_same_wherever_it_is_cut(parts: list[bytes], places: list[int]) -> None:
    counted: list[int] = []
    data, whole = b"".join(map(gzip.compress, parts)), b"".join(parts)
    assert fed(Sized(len(data), Inflated(1000, counted.append)), cut(data, places)) == (whole, b"")
    assert sum(counted) == len(whole)


@given(st.integers(0, 400), PLACES)
def test_a_gzip_body_never_becomes_larger_than_its_limit(size: int, places: list[int]) -> None:
    counted: list[int] = []
    data = gzip.compress(b"\0" * size)
    body = Sized(len(data), Inflated(200, counted.append))
    if size <= 200:
        assert fed(body, cut(data, places)) == (b"\0" * size, b"")
    else:
        with pytest.raises(Refused, match="larger than 200 bytes"):
            fed(body, cut(data, places))
    assert sum(counted) <= 200
