"""Every method of Batch against a plain list of records, whatever form the batch holds them in."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.ack import Ack
from router.batch import Batch, Origin
from router.codec import JSON, RAW, TEXT, Projection
from router.errors import DecodeError, EncodeError

FIELDS = ("a", "b")
ROWS: list[dict[str, Any]] = [
    {}, {"a": 1}, {"a": None, "b": "x"}, {"b": 1.5}, {"c": [1, {"d": None}]}, {"a": "é😀", "b": True, "c": 10**23},
]  # fmt: skip


@dataclass(frozen=True)
class Rec:
    """A record as the model knows it: its row, whose it is, what lies beside it, its bytes while untouched."""

    row: dict[str, Any]
    owners: tuple[int, ...]
    columns: dict[str, Any] = field(default_factory=dict)
    line: bytes | None = None


@dataclass
class Pair:
    """A batch and what the model says of it."""

    batch: Batch
    recs: list[Rec]
    is_merged: bool = False
    attributes: dict[int, dict[str, Any]] = field(default_factory=dict)


def names(recs: list[Rec]) -> list[str]:
    return sorted({name for rec in recs for name in rec.columns})


class World:
    """Makes batches with origins of their own, and applies the same steps to batch and model."""

    def __init__(self, data: st.DataObject) -> None:
        self.data = data
        self.acks: dict[Ack, int] = {}

    def draw(self, strategy: st.SearchStrategy[Any]) -> Any:
        return self.data.draw(strategy)

    def rows(self, count: int) -> list[dict[str, Any]]:
        return [*map(dict, self.draw(st.lists(st.sampled_from(ROWS), min_size=count, max_size=count)))]

    def base(self) -> Pair:
        count = self.draw(st.integers(1, 5))
        rows = self.rows(count)
        lines = [json.dumps(row).encode() for row in rows]
        is_raw = self.draw(st.booleans())
        attributes = {"topic": self.draw(st.sampled_from("pq"))}
        number = len(self.acks)
        ack = Ack(number, lambda _: None)
        self.acks[ack] = number
        batch = (Batch.raw(lines, **attributes) if is_raw else Batch.of(rows, **attributes)).owned_by([ack])
        recs = [Rec(row, (number,), {}, line if is_raw else None) for row, line in zip(rows, lines, strict=True)]
        pair = Pair(batch, recs, attributes={number: attributes})
        if self.draw(st.booleans()):
            pair = self.with_columns(pair, "index", list(range(count)))
        if is_raw and self.draw(st.booleans()):
            pair.batch.project_with(Projection(FIELDS))
            if self.draw(st.booleans()):
                pair.batch.values("a")
        if self.draw(st.booleans()):
            assert pair.batch.rows == rows  # from now on both forms are held
        return pair

    # -- one method each ------------------------------------------------------------------------

    def with_columns(self, pair: Pair, name: str, values: list[Any]) -> Pair:
        recs = [
            replace(rec, columns={**rec.columns, name: value}) for rec, value in zip(pair.recs, values, strict=True)
        ]
        return replace(pair, batch=pair.batch.with_columns(**{name: values}), recs=recs)

    def slice(self, pair: Pair) -> Pair:
        start, stop = self.draw(st.integers(-6, 6)), self.draw(st.integers(-6, 6))
        return replace(pair, batch=pair.batch.slice(start, stop), recs=pair.recs[start:stop])

    def select(self, pair: Pair) -> Pair:
        chosen = self.draw(st.lists(st.integers(0, len(pair.recs) - 1), max_size=6)) if pair.recs else []
        return replace(pair, batch=pair.batch.select(chosen), recs=[pair.recs[i] for i in chosen])

    def partition(self, pair: Pair) -> Pair:
        labels = [self.draw(st.sampled_from([None, "x", "y", "z", "u", "v"])) for _ in pair.recs]
        parts = pair.batch.partition(labels)
        assert {name: len(part) for name, part in parts.items()} == {
            name: labels.count(name) for name in labels if name is not None
        }
        kept = [(label, rec) for label, rec in zip(labels, pair.recs, strict=True) if label is not None]
        order = list(dict.fromkeys(label for label, _ in kept))
        if not order:
            return pair
        recs = [rec for name in order for label, rec in kept if label == name]
        return replace(pair, batch=Batch.concat([parts[name] for name in order]), recs=recs)

    def with_rows(self, pair: Pair) -> Pair:
        rows = self.rows(len(pair.recs))
        recs = [replace(rec, row=row, line=None) for rec, row in zip(pair.recs, rows, strict=True)]
        return replace(pair, batch=pair.batch.with_rows(rows), recs=recs)

    def with_content(self, pair: Pair) -> Pair:
        rows = self.rows(len(pair.recs))
        lines = [json.dumps(row, indent=1).encode() for row in rows]
        recs = [replace(rec, row=row, line=line) for rec, row, line in zip(pair.recs, rows, lines, strict=True)]
        return replace(pair, batch=pair.batch.with_content(lines), recs=recs)

    def with_fields(self, pair: Pair) -> Pair:
        values = [self.draw(st.integers(0, 3)) for _ in pair.recs]
        recs = [
            replace(rec, row={**rec.row, "d": value}, line=None) for rec, value in zip(pair.recs, values, strict=True)
        ]
        return replace(pair, batch=pair.batch.with_fields(d=values), recs=recs)

    def mark(self, pair: Pair) -> Pair:
        return self.with_columns(pair, "mark", [self.draw(st.integers(0, 2)) for _ in pair.recs])

    def unmark(self, pair: Pair) -> Pair:
        recs = [
            replace(rec, columns={name: each for name, each in rec.columns.items() if name != "mark"})
            for rec in pair.recs
        ]
        return replace(pair, batch=pair.batch.with_columns(mark=None), recs=recs)

    def with_attributes(self, pair: Pair) -> Pair:
        value = self.draw(st.sampled_from("st"))
        attributes = {number: {**each, "host": value} for number, each in pair.attributes.items()}
        return replace(pair, batch=pair.batch.with_attributes(host=value), attributes=attributes)

    def expand(self, pair: Pair) -> Pair:
        lists = [self.rows(self.draw(st.integers(0, 2))) for _ in pair.recs]
        recs = [replace(rec, row=row, line=None) for rec, rows in zip(pair.recs, lists, strict=True) for row in rows]
        return replace(pair, batch=pair.batch.expand(lists), recs=recs)

    def group(self, pair: Pair) -> Pair:
        if not pair.recs:
            return pair
        indices = st.lists(st.integers(0, len(pair.recs) - 1), min_size=1, max_size=3, unique=True)
        groups: list[list[int]] = self.draw(st.lists(indices, min_size=1, max_size=3))
        rows = self.rows(len(groups))
        recs = [self._grouped([pair.recs[i] for i in group], row) for group, row in zip(groups, rows, strict=True)]
        return replace(pair, batch=pair.batch.group(groups, rows), recs=recs, is_merged=True)

    def _grouped(self, members: list[Rec], row: dict[str, Any]) -> Rec:
        owners = tuple(dict.fromkeys(owner for rec in members for owner in rec.owners))
        columns: dict[str, Any] = {}
        for name in members[0].columns:
            values = [rec.columns[name] for rec in members]
            columns[name] = values[0] if all(value == values[0] for value in values) else None
        if "index" in columns:
            columns["index"] = tuple(
                distinct([index for rec in members for index in indexes_of(rec, owner)]) for owner in owners
            )
        return Rec(row, owners, columns)

    def derive(self, pair: Pair) -> Pair:
        rows = self.rows(self.draw(st.integers(1, 3)))
        owners = tuple(dict.fromkeys(owner for rec in pair.recs for owner in rec.owners))
        if not owners:
            return pair
        return replace(pair, batch=pair.batch.derive(rows), recs=[Rec(row, owners) for row in rows], is_merged=True)

    def concat(self, pair: Pair) -> Pair:
        other = self.base()
        columns = names([*pair.recs, *other.recs])
        recs = [
            replace(rec, columns={name: rec.columns.get(name) for name in columns}) for rec in (*pair.recs, *other.recs)
        ]
        batch = Batch.concat([pair.batch, other.batch])
        return Pair(batch, recs, pair.is_merged or other.is_merged, {**pair.attributes, **other.attributes})

    def check(self, pair: Pair) -> None:
        batch, recs = pair.batch, pair.recs
        owners = [tuple(self.acks[o.ack] for o in each if o.ack) for each, n in batch.origin_runs() for _ in range(n)]
        assert owners == [rec.owners for rec in recs]
        assert batch.is_merged == pair.is_merged
        if recs:
            assert {self.acks[ack] for ack in batch.acks()} == {owner for rec in recs for owner in rec.owners}
            assert len(batch.acks()) == len(set(batch.acks()))
            assert {name: batch.columns[name] for name in batch.columns} == {
                name: [rec.columns.get(name) for rec in recs] for name in batch.columns
            }
            assert set(names(recs)) <= set(batch.columns)
        for name in ("topic", "host"):
            assert batch.meta(name) == [common([pair.attributes[o].get(name) for o in rec.owners]) for rec in recs]
        self.check_forms(batch, recs)

    def check_forms(self, batch: Batch, recs: list[Rec]) -> None:
        rows = [rec.row for rec in recs]
        assert len(batch) == len(recs)
        assert [batch.values(name) for name in FIELDS] == [[row.get(name) for row in rows] for name in FIELDS]
        if batch.has_content:
            assert [line for line, rec in zip(batch.content, recs, strict=True) if rec.line is not None] == [
                rec.line for rec in recs if rec.line is not None
            ]
        assert [json.loads(line) for line in batch.content] == rows
        assert batch.rows == rows
        assert batch.nbytes >= 2 * len(recs)


def indexes_of(rec: Rec, owner: int) -> tuple[int, ...]:
    index = rec.columns["index"]
    if owner not in rec.owners:
        return ()
    if index is None:
        return (0,)
    return index[rec.owners.index(owner)] if isinstance(index, tuple) else (index,)


def distinct(values: list[int]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(values))


def common(values: list[Any]) -> Any:
    return values[0] if values and all(value == values[0] for value in values) else None


STEPS = (
    "slice", "select", "partition", "with_rows", "with_content", "with_fields", "mark", "unmark", "with_attributes",
    "expand", "group", "derive", "concat",
)  # fmt: skip


@settings(max_examples=300)
@given(st.data(), st.lists(st.sampled_from(STEPS), max_size=6))
def test_every_method_agrees_with_a_list_of_records(data: st.DataObject, steps: list[str]) -> None:
    world = World(data)
    pair = world.base()
    for step in steps:
        before = pair
        pair = getattr(world, step)(pair)
        world.check(before)  # nothing was changed in place
    world.check(pair)


@given(st.data())
def test_runs_are_neighbours_of_one_origin(data: st.DataObject) -> None:
    world = World(data)
    pair = world.concat(world.concat(world.base()))
    runs = list(pair.batch.runs())
    assert [row for run in runs for row in run.rows] == [rec.row for rec in pair.recs]
    assert [len(run.acks()) for run in runs] == [1, 1, 1]
    assert [dict(run.attributes) for run in runs] == list(pair.attributes.values())


@given(st.lists(st.sampled_from([b'{"a":1}', b'{"a":"x"}', b"[1]", b"{", b"", b'{"a":"\xff"}', b"nul"]), max_size=8))
def test_decoding_and_projecting_set_the_same_records_aside(lines: list[bytes]) -> None:
    projected = Batch.raw(lines)
    projected.project_with(Projection(["a"]))
    good, failures = projected.projected(frozenset(["a"]))
    decoded, undecodable = Batch.raw(lines).decoded()
    assert [index for index, _ in failures] == [index for index, _ in undecodable]
    assert all(isinstance(error, DecodeError) for _, error in failures)
    assert good.content == [line for line in lines if line.startswith(b'{"a"') and b"\xff" not in line]
    assert good.values("a") == [row["a"] for row in decoded.rows]


def test_what_decoding_and_encoding_set_aside_is_counted_in_terms_of_all_records() -> None:
    batch = Batch.raw([b"{", b'{"text":"good"}', b'{"text":1}', b"[", b'{"text":"bad"}'])
    good, failures = batch.encoded(TEXT)
    assert good.content == [b"good", b"bad"]
    assert [(index, type(error)) for index, error in failures] == [(0, DecodeError), (2, EncodeError), (3, DecodeError)]


def test_rows_join_content_that_cannot_be_decoded_in_its_format() -> None:
    joined = Batch.concat([Batch.raw([b"{broken"]), Batch.of([{"a": 1}])])
    assert joined.content == [b"{broken", b'{"a":1}']


def test_forms_that_cannot_be_joined_say_so() -> None:
    with pytest.raises(DecodeError, match="joins no other form"):
        Batch.concat([Batch.raw([b"{broken"]), Batch.of([{"a": float("nan")}])])


def test_a_grouped_row_keeps_an_attribute_that_is_equal_but_not_the_same_object() -> None:
    first, second = (Batch.of([{}], path=["a"]) for _ in range(2))
    assert Batch.concat([first, second]).group([[0, 1]], [{}]).meta("path") == [["a"]]


def test_joining_what_was_parted_makes_one_run_again() -> None:
    batch = Batch.of([{"n": n} for n in range(9)], topic="p")
    for _ in range(5):
        batch = Batch.concat([batch.slice(0, 4), batch.slice(4, 9)])
    assert len(batch.origin_runs()) == 1


def test_a_part_with_the_one_large_record_knows_its_size() -> None:
    batch = Batch.raw([b"x" * (3 << 20), *[b"y"] * 99], format=RAW)
    assert batch.nbytes > 3 << 20
    assert batch.partition(["big", *["small"] * 99])["big"].nbytes > 3 << 20


@pytest.mark.parametrize(
    "change",
    [
        lambda batch: batch.with_rows([{}]),
        lambda batch: batch.with_content([b""]),
        lambda batch: batch.with_fields(a=[1]),
        lambda batch: batch.with_columns(a=[1]),
        lambda batch: batch.partition(["x"]),
        lambda batch: batch.expand([[]]),
        lambda batch: batch.group([[0]], []),
    ],
)
def test_a_wrong_number_of_values_is_refused(change: Any) -> None:
    with pytest.raises(ValueError, match=r"got 1|got 0|1 groups"):
        change(Batch.of([{}, {}]))


def test_records_without_an_ack_are_given_those_they_came_with_and_keep_their_attributes() -> None:
    acks = [Ack(number, lambda _: None) for number in range(2)]
    owned = Batch.of([{}], path="p").owned_by([*acks, *acks])
    assert owned.acks() == tuple(acks)
    assert owned.attributes == {"path": "p"}
    assert owned.owned_by([]) is owned


def test_an_origin_knows_its_attributes_and_its_ack() -> None:
    assert Origin({"path": "p"}).attributes == {"path": "p"}
    assert Batch.raw([b""], format=JSON).acks() == ()


def test_what_a_batch_was_read_as_is_known_as_long_as_its_content_is_that() -> None:
    batch = Batch.raw([b"{}", b'{"a":1}'])
    batch.whole = [b'{}\n{"a":1}\n']
    assert batch.nbytes == Batch.raw(batch.content).nbytes + len(batch.whole[0])
    same = [batch.with_columns(n=[1, 2]), batch.slice(0, 2), batch.decoded()[0], batch.with_attributes(path="a")]
    other = [batch.slice(0, 1), batch.select([1, 0]), batch.with_rows([{}, {}]), batch.encoded(TEXT)[0]]
    other += [batch.split([True, False])[0], batch.with_fields(a=[1, 2]), Batch.concat([batch, batch])]
    assert [bool(each.whole) for each in [*same, *other]] == [True] * 4 + [False] * 7
