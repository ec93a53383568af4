"""The unit that moves: an immutable, ordered group of records, each still knowing whose it is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, compress
from operator import not_
from typing import Any, TypeVar, final

from router.ack import Ack
from router.codec import JSON, Codec, Failures, Record, are_finite, codec, decode_all, encode_all, merged_failures
from router.errors import DecodeError
from router.forms import Chooser, Columns, Forms, as_list, checked_rows, joined_columns
from router.lineage import derived_columns, grouped_columns
from router.origins import (
    Origin,
    Owners,
    Runs,
    acks_of,
    attribute_of,
    chosen,
    common_attributes,
    distinct,
    grouped_owners,
    joined,
    owned_anew,
    owned_by,
    owners_of,
    run_length,
    unowned,
    with_attributes,
)  # fmt: skip
from router.splice import splice

__all__ = ["Batch", "Origin", "Record"]

_Label = TypeVar("_Label", bound=Hashable)

COLUMN_COST = 64
_FEW_LABELS = 4


@final
class Batch(Forms):
    """An immutable, ordered group of records.

    Records are held as undecoded ``content``, as decoded ``rows``, or both; each form
    is made on demand and kept. Beside them lie ``columns``, values aligned with the
    records (``key``, ``timestamp``, ``headers``, ``error``, ...), and their origins.
    No method changes a batch: each returns a new one that shares what it can, so
    never change a row, a list or a column that a batch gave you.

    A batch owns no acknowledgement: dropping one leaks nothing, and what is not
    returned from ``process`` counts as dropped by the flow's own words.

    Example:
        >>> batch = Batch.of([{"text": "good"}, {"text": "bad"}], topic="posts")
        >>> batch.select([1]).rows, batch.attributes
        ([{'text': 'bad'}], {'topic': 'posts'})
    """

    __slots__ = ("_columns", "_runs", "is_merged")

    def __init__(
        self,
        count: int,
        runs: Runs,
        *,
        content: list[bytes] | None = None,
        rows: list[Record] | None = None,
        codec: Codec = JSON,
        columns: Columns | None = None,
    ) -> None:
        """Internal; authors use ``Batch.of`` and ``Batch.raw``."""
        super().__init__(count, content, rows, codec)
        self._runs = runs
        self._columns = columns
        self.is_merged = False  # records of several origins became fewer: none of them need be lost

    # -- making ---------------------------------------------------------------------------------

    @staticmethod
    def of(rows: Iterable[Record], /, **attributes: Any) -> Batch:
        """Make a batch of decoded records."""
        listed = checked_rows(list(rows))
        return Batch(len(listed), unowned(len(listed), attributes), rows=listed)

    @staticmethod
    def raw(content: Iterable[bytes], /, format: str | Codec = "json", **attributes: Any) -> Batch:
        """Make a batch of undecoded records, each one's bytes in ``format``.

        Raises:
            ConfigError: ``format`` is a name that router does not know.
        """
        listed = list(content)
        return Batch(len(listed), unowned(len(listed), attributes), content=listed, codec=codec(format))

    @staticmethod
    def concat(batches: Sequence[Batch]) -> Batch:
        """Join batches in order; a column that one of them lacks is None for its records.

        Raises:
            DecodeError: content that cannot be decoded beside rows that its format cannot say.
        """
        if len(batches) == 1:
            return batches[0]
        runs = joined(batch._runs for batch in batches)
        made = Batch(
            sum(batch._count for batch in batches),
            runs,
            columns=joined_columns([(batch.columns, len(batch)) for batch in batches]),
        )
        made.is_merged = any(batch.is_merged for batch in batches)
        try:
            made._join_forms(batches)
        except DecodeError:
            made._join_as_content(batches)
        return made

    # -- reading --------------------------------------------------------------------------------

    @property
    def columns(self) -> Mapping[str, list[Any]]:
        """Values beside the data, aligned with the records: name to list."""
        return self._columns or {}

    @property
    def attributes(self) -> Mapping[str, Any]:
        """What is true of every record's origin."""
        return common_attributes(self._runs)

    def meta(self, name: str) -> list[Any]:
        """The column ``name``, or where there is none, that attribute of each record's origin."""
        if self._columns is not None and name in self._columns:
            return self._columns[name]
        return attribute_of(self._runs, name)

    def runs(self) -> Iterator[Batch]:
        """Split into neighbours that share their origin, and so their attributes."""
        start = 0
        for _, count in self._runs:
            if count:
                yield self.slice(start, start + count)
            start += count

    @property
    def nbytes(self) -> int:
        """What the batch costs in memory in the forms it holds: an estimate, in bytes."""
        return self.form_bytes + (COLUMN_COST * self._count * len(self._columns) if self._columns else 0)

    # -- choosing records -----------------------------------------------------------------------

    def slice(self, start: int, stop: int) -> Batch:
        """Take the records from ``start`` up to, not including, ``stop``."""
        first, last, _ = slice(start, stop).indices(self._count)
        if first == 0 and last == self._count:
            return self
        indices = range(first, max(first, last))
        return self._chosen(len(indices), chosen(self._runs, indices), lambda values: values[first:last])

    def select(self, indices: Sequence[int]) -> Batch:
        """Take records by position, in the order given."""
        return self._selected(indices, chosen(self._runs, indices))

    def partition(self, labels: Sequence[_Label | None]) -> dict[_Label, Batch]:
        """Part the records by label, keeping their order; a record labelled None is dropped.

        Raises:
            ValueError: there are more or fewer labels than records.
        """
        self._check_length("labels", labels)
        found = dict.fromkeys(labels)
        if len(found) == 1:
            return {label: self for label in found if label is not None}
        owners = owners_of(self._runs) if len(self._runs) > 1 else None
        if len(found) <= _FEW_LABELS:
            return {
                label: self._where([each == label for each in labels], owners) for label in found if label is not None
            }
        indices: defaultdict[_Label | None, list[int]] = defaultdict(list)
        for index, each in enumerate(labels):
            indices[each].append(index)
        return {
            label: self._selected(picked, chosen(self._runs, picked, owners))
            for label, picked in indices.items()
            if label is not None
        }

    def split(self, mask: Sequence[bool]) -> tuple[Batch, Batch]:
        """Part the records in two, keeping their order: those whose place in the mask is true, and the others.

        Raises:
            ValueError: the mask is longer or shorter than the batch.
        """
        self._check_length("mask", mask)
        if (count := sum(mask)) in (0, self._count):
            nothing = Batch(0, ((self._runs[0][0] if self._runs else (), 0),), codec=self._codec)
            return (self, nothing) if count else (nothing, self)
        owners = owners_of(self._runs) if len(self._runs) > 1 else None
        return self._where(list(mask), owners), self._where(list(map(not_, mask)), owners)

    def _where(self, mask: list[bool], owners: list[Owners] | None) -> Batch:
        """Take the records whose place in the mask is true: cheaper than ``select`` for a few large parts."""
        count = sum(mask)
        runs = ((self._runs[0][0], count),) if owners is None else run_length(compress(owners, mask))
        return self._chosen(count, runs, lambda values: list(compress(values, mask)))

    def _selected(self, indices: Sequence[int], runs: Runs) -> Batch:
        return self._chosen(len(indices), runs, lambda values: list(map(values.__getitem__, indices)))

    def _chosen(self, count: int, runs: Runs, choose: Chooser) -> Batch:
        made = Batch(count, runs, codec=self._codec)
        made._take_forms(self, choose)
        if self._columns is not None:
            made._columns = {name: choose(values) for name, values in self._columns.items()}
        made.is_merged = self.is_merged
        return made

    # -- changing records -----------------------------------------------------------------------

    def with_rows(self, rows: Sequence[Record]) -> Batch:
        """Put new records in place of these, one for one.

        Raises:
            ValueError: there are more or fewer rows than records; use ``expand``, ``group`` or ``derive``.
        """
        self._check_length("rows", rows)
        made = Batch(self._count, self._runs, rows=checked_rows(rows), columns=self._columns)
        made.is_merged = self.is_merged
        return made

    def with_content(self, content: Sequence[bytes], format: str | Codec = "json") -> Batch:
        """Put new content in place of these records, one for one."""
        self._check_length("contents", content)
        made = Batch(self._count, self._runs, content=as_list(content), codec=codec(format), columns=self._columns)
        made.is_merged = self.is_merged
        return made

    def with_fields(self, /, **values: Sequence[Any]) -> Batch:
        """Add or replace fields: one value a record, by field name."""
        for name, column in values.items():
            self._check_length(f"values of {name!r}", column)
        if self.splices and self._structs and self._content is not None:  # projected: every line is an object
            lines = splice(self._content, values)
            if lines is not None:
                changed = self.with_content(lines)
                changed._projection, changed.splices = self._projection, True
                return changed
        made = list(map(dict.copy, self.rows))
        for name, column in values.items():
            for row, value in zip(made, column, strict=True):
                row[name] = value
        changed = self.with_rows(made)
        changed._is_finite = self._is_finite and all(map(are_finite, values.values()))
        return changed

    def with_columns(self, **columns: Sequence[Any] | None) -> Batch:
        """Add or replace columns; None takes one away."""
        kept = dict(self._columns or {})
        for name, column in columns.items():
            if column is None:
                kept.pop(name, None)
            else:
                self._check_length(f"values of column {name!r}", column)
                kept[name] = as_list(column)
        made = self._copy()
        made._columns = kept or None
        return made

    def with_attributes(self, **attributes: Any) -> Batch:
        """Add or replace attributes of every record's origin, for who comes behind."""
        return self._with_runs(with_attributes(self._runs, attributes))

    def expand(self, lists: Sequence[Sequence[Record]]) -> Batch:
        """Put any number of records in place of each (1:n); columns and origins are copied.

        Raises:
            ValueError: there are more or fewer lists than records.
        """
        self._check_length("lists", lists)
        parents = [index for index, rows in enumerate(lists) for _ in rows]
        rows = checked_rows(list(chain.from_iterable(lists)))
        made = Batch(len(rows), chosen(self._runs, parents), rows=rows)
        made._columns = self._columns and {name: [values[i] for i in parents] for name, values in self._columns.items()}
        made.is_merged = self.is_merged
        return made

    def group(self, groups: Sequence[Sequence[int]], rows: Sequence[Record]) -> Batch:
        """Put one record in place of several (n:1): row ``i`` has the origins of the records ``groups[i]``.

        A column stays where it is equal over the group; ``index`` becomes the indexes
        of all its records, so that a reply reaches each of them.

        Raises:
            ValueError: there are more or fewer rows than groups.
        """
        if len(groups) != len(rows):
            raise ValueError(f"a group gives one row; got {len(groups)} groups and {len(rows)} rows")
        owners, merged = grouped_owners(self._runs, groups)
        columns = grouped_columns(self.columns, merged, owners, groups)
        made = Batch(len(rows), run_length(merged), rows=checked_rows(rows), columns=columns or None)
        made.is_merged = True
        return made

    def derive(self, rows: Sequence[Record]) -> Batch:
        """Make records that depend on all of these (n:m); columns do not carry over.

        Only where that is so: each row keeps every origin of the batch waiting.
        """
        columns = derived_columns(self.columns, len(rows))
        made = Batch(len(rows), ((distinct(self._runs), len(rows)),), rows=checked_rows(rows), columns=columns)
        made.is_merged = True
        return made

    # -- for the engine and for formats ---------------------------------------------------------

    def decoded(self) -> tuple[Batch, Failures]:
        """Decode now: the batch of what could be decoded, and the index and error of the rest."""
        if self._rows is not None:
            return self, []
        rows, failures = decode_all(self._codec, self._content or [])
        good = self._without(failures)
        good._rows, good._is_finite = rows, self._codec is JSON
        return good, failures

    def projected(self, fields: frozenset[str]) -> tuple[Batch, Failures]:
        """Decode ``fields`` now, the cheapest way: what could be decoded, and the index and error of the rest."""
        if self._rows is not None:
            return self, []
        if self._projection is None or not fields <= self._projection.fields:
            return self.decoded()
        if self._structs is not None:
            return self, []
        structs, failures = self._projection.decode(self._content or [])
        good = self._without(failures)
        good._structs = structs
        return good, failures

    def encoded(self, codec: Codec) -> tuple[Batch, Failures]:
        """Have content in ``codec`` now: what could be encoded, and the index and error of the rest."""
        if self._content is not None and self._codec is codec:
            return self, []
        decoded, undecodable = self.decoded()
        content, failures = encode_all(codec, decoded.rows, is_finite=decoded._is_finite)
        good = decoded._without(failures)._copy()
        good._say(content, codec)
        return good, merged_failures(undecodable, failures, len(self))

    def acks(self) -> tuple[Ack, ...]:
        """Every ack these records wait for, once each."""
        return acks_of(self._runs)

    def origin_runs(self) -> Runs:
        """The origins, run-length: ``((origins, records), ...)``."""
        return self._runs

    def owned_by(self, acks: Sequence[Ack]) -> Batch:
        """Give records without an ack the acks they are to keep waiting; the attributes stay."""
        runs = owned_by(self._runs, acks)
        return self if runs is self._runs else self._with_runs(runs)

    def owned_anew(self, ack: Ack) -> Batch:
        """Give the records to one new ack: who waited for them until now waits no more."""
        return self._with_runs(owned_anew(self._runs, ack))

    def _with_runs(self, runs: Runs) -> Batch:
        made = self._copy()
        made._runs = runs
        return made

    def _copy(self) -> Batch:
        made = Batch(
            self._count, self._runs, content=self._content, rows=self._rows, codec=self._codec, columns=self._columns
        )
        made._projection, made._structs, made._size = self._projection, self._structs, self._size
        made.splices, made._is_finite, made.whole = self.splices, self._is_finite, self.whole
        made.is_merged = self.is_merged
        return made

    def _join_as_content(self, batches: Sequence[Batch]) -> None:
        """Where some content cannot be decoded, write the rows beside it in its format."""
        self._codec = next(batch._codec for batch in batches if batch._rows is None)
        content: list[bytes] = []
        for batch in batches:
            encoded, failures = batch.encoded(self._codec)
            if failures:
                raise DecodeError("content that cannot be decoded joins no other form") from failures[0][1]
            content += encoded.content
        self._content = content

    def _without(self, failures: Failures) -> Batch:
        if not failures:
            return self
        bad = {index for index, _ in failures}
        return self.select([index for index in range(self._count) if index not in bad])

    def _check_length(self, what: str, given: Sequence[Any]) -> None:
        if len(given) != self._count:
            raise ValueError(f"one for each of {self._count} records; got {len(given)} {what}")
