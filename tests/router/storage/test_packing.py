"""What is packed comes back as it was, and what cannot be packed is named record by record."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.ack import Ack
from router.batch import Batch
from router.codec import JSON
from router.errors import DecodeError, EncodeError, StorageError
from router.storage.packing import Sealed, UnstorableError, pack, pack_value, unpack, unpack_value

ZONES = st.none() | st.just(UTC) | st.builds(lambda n: timezone(timedelta(seconds=n)), st.integers(-86399, 86399))
TEXTS = st.text(st.characters(codec=None))  # lone surrogates too
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | TEXTS
    | st.binary()
    | st.decimals(allow_nan=False)
    | st.datetimes(timezones=ZONES).map(lambda each: each.replace(fold=0))  # which of two equal hours is not kept
    | st.dates()
    | st.times().map(lambda each: each.replace(fold=0))
    | st.timedeltas()
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=8
)
ROWS = st.lists(st.dictionaries(TEXTS, VALUES, max_size=4), max_size=5)


def said(batch: Batch) -> Any:
    """All that a batch says, with what it says it in."""
    records = batch.content if batch.has_content else batch.rows
    attributes = [(dict(run.attributes), len(run)) for run in batch.runs()]
    return batch.has_content, batch.format, repr(records), repr(dict(batch.columns)), repr(attributes)


@given(VALUES)
def test_a_value_comes_back_equal_and_of_its_kind(value: Any) -> None:
    assert repr(unpack_value(pack_value(value))) == repr(value)


@given(ROWS, st.data())
def test_rows_come_back_with_their_columns_and_attributes(rows: list[dict[str, Any]], data: st.DataObject) -> None:
    batch = Batch.of(rows, **data.draw(st.dictionaries(st.sampled_from(["path", "topic", "schema"]), VALUES)))
    for name in data.draw(st.sets(st.sampled_from(["key", "timestamp", "error"]))):
        batch = batch.with_columns(**{name: data.draw(st.lists(VALUES, min_size=len(rows), max_size=len(rows)))})
    assert said(unpack(pack(batch))) == said(batch)


@given(st.lists(st.binary()), st.sampled_from(["json", "text", "raw"]))
def test_content_comes_back_byte_for_byte(content: list[bytes], name: str) -> None:
    back = unpack(pack(Batch.raw(content, format=name, path="a")))
    assert (back.content, back.format, back.attributes["path"]) == (content, name, "a")


def test_records_of_several_origins_keep_the_attributes_of_each() -> None:
    batch = Batch.concat([Batch.of([{"n": n}], topic=f"t{n // 2}") for n in range(4)])
    back = unpack(pack(batch))
    assert back.meta("topic") == ["t0", "t0", "t1", "t1"]


def test_a_place_in_a_request_or_at_a_named_input_is_not_kept() -> None:
    batch = Batch.of([{}]).with_columns(index=[((0, 1),)], input=["left"], key=["k"])
    assert dict(unpack(pack(batch)).columns) == {"key": ["k"]}


def test_what_comes_back_is_owned_by_the_ack_it_is_given() -> None:
    ack = Ack("row 7", lambda _: None)
    assert unpack(pack(Batch.of([{"n": 1}, {"n": 2}])), ack).acks() == (ack,)


@pytest.mark.parametrize("digits", [19, 20, 5000])
def test_integers_of_any_size_are_exact(digits: int) -> None:
    for value in (10**digits + 1, -(10**digits) - 1):
        assert unpack_value(pack_value(value)) == value


@pytest.mark.parametrize(
    ("value", "expected"), [(np.int64(7), 7), (np.float32(0.5), 0.5), (np.uint64(2**64 - 1), 2**64 - 1)]
)
def test_the_numbers_of_numpy_come_back_as_pythons(value: Any, expected: Any) -> None:
    back = unpack_value(pack_value(value))
    assert (back, type(back)) == (expected, type(expected))


def test_keys_that_are_no_text_come_back() -> None:
    value = {1: "a", None: "b", (1, (2, "x")): {"c": {(3,): 4}}, date(2024, 1, 1): time(1, 2)}
    assert unpack_value(pack_value(value)) == value


def deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value", [object(), {1, 2}, Fraction(1, 3), deep(5000), 1j], ids=lambda each: type(each).__name__
)
def test_what_is_no_value_is_refused(value: Any) -> None:
    with pytest.raises(EncodeError, match="cannot be kept on disk"):
        pack_value(value)


def with_itself() -> dict[str, Any]:
    row: dict[str, Any] = {}
    row["row"] = row
    return row


def bad_at(batch: Batch) -> Iterable[int]:
    with pytest.raises(UnstorableError) as caught:
        pack(batch)
    return [index for index, _ in caught.value.failures]


@pytest.mark.parametrize("bad", [object(), with_itself(), deep(5000)], ids=["object", "circle", "depth"])
def test_unstorable_records_are_found_by_their_index(bad: Any) -> None:
    rows = [{"n": bad if n in (1, 3) else n} for n in range(5)]
    assert bad_at(Batch.of(rows)) == [1, 3]
    assert bad_at(Batch.raw([b"{}"] * 3).with_columns(key=[1, bad, 3])) == [1]
    assert bad_at(Batch.concat([Batch.of([{}]), Batch.of([{}], path=bad)])) == [1]


@given(st.integers(1, 600))
def test_however_deep_what_is_packed_can_be_read_and_what_is_not_is_named(levels: int) -> None:
    batch = Batch.of([{"n": 1}, {"n": deep(levels)}])
    try:
        packed = pack(batch)
    except UnstorableError:
        assert bad_at(batch) == [1]
    else:
        assert unpack(packed).rows == batch.rows


class Upside:
    """A codec that a plugin brought, whose name is one of router's own."""

    name = "json"

    @staticmethod
    def decode(content: bytes) -> Any:
        return JSON.decode(content[::-1])

    @staticmethod
    def encode(row: dict[str, Any]) -> bytes:
        return JSON.encode(row)[::-1]


def test_content_of_a_plugins_codec_is_kept_decoded() -> None:
    back = unpack(pack(Batch.raw([b'}1:"n"{'], format=Upside())))
    assert (back.has_content, back.rows) == (False, [{"n": 1}])


def test_content_of_a_plugins_codec_that_does_not_decode_is_named_and_can_be_sealed() -> None:
    batch = Batch.raw([b"}{", b"!"], format=Upside())
    assert bad_at(batch) == [1]
    sealed = unpack(pack(batch.with_content(batch.content, Sealed("upside"))))
    assert (sealed.content, sealed.format) == ([b"}{", b"!"], "upside")
    (_, first), _ = sealed.decoded()[1]
    assert isinstance(first, DecodeError)


PACKED = pack(Batch.of([{"n": 10**30, "when": datetime(2024, 1, 1, tzinfo=UTC), "price": Decimal("1.10")}], path="a"))


@given(st.binary() | st.integers(0, len(PACKED) - 1).map(lambda size: PACKED[:size]))
def test_what_is_damaged_is_said_to_be_and_nothing_else_is_raised(packed: bytes) -> None:
    with pytest.raises(StorageError, match="a stored batch"):
        unpack(packed)


@given(st.integers(0, len(PACKED) - 1), st.integers(1, 255))
def test_a_changed_byte_is_read_as_something_or_said_to_be_damaged(place: int, change: int) -> None:
    changed = bytearray(PACKED)
    changed[place] ^= change
    try:
        unpack(bytes(changed))
    except StorageError:
        return


def test_a_batch_of_a_newer_version_is_named() -> None:
    with pytest.raises(StorageError, match="a stored batch is of version 2; 1 is known here"):
        unpack(pack_value([2, None, [], None, [], "more"]))
