"""The unit that moves: an immutable, ordered group of records, each still knowing whose it is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, compress, groupby
from operator import attrgetter
from typing import Any, TypeAlias, TypeVar, final

from router.ack import Ack
from router.codec import JSON, Codec, Failures, Projection, Record, are_finite, attribute, codec, decode_all, encode_all
from router.splice import splice

__all__ = ["Batch", "Origin", "Record"]

Columns: TypeAlias = dict[str, list[Any]]
Runs: TypeAlias = "tuple[tuple[tuple[Origin, ...], int], ...]"
_Label = TypeVar("_Label", bound=Hashable)

ROW_COST = 5  # a decoded record takes about five times its line: 240 B + 33 as bytes, +824 as a dict
_SAMPLED = 4
_FEW_LABELS = 4


@final
class Origin:
    """Where records came from: what is true of all of them, and whom the engine tells their end."""

    __slots__ = ("ack", "attributes")

    def __init__(self, attributes: Mapping[str, Any], ack: Ack | None = None) -> None:
        self.attributes = attributes
        self.ack = ack


@final
class Batch:
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

    __slots__ = (
        "_codec", "_columns", "_content", "_count", "_is_finite", "_projection", "_rows", "_runs", "_size", "_structs", "is_merged", "splices",
    )  # fmt: skip

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
        self._count = count
        self._runs = runs
        self._content = content
        self._rows = rows
        self._codec = codec
        self._columns = columns
        self._projection: Projection | None = None
        self._structs: list[Any] | None = None
        self._size: int | None = None
        self._is_finite = False  # the rows came from JSON, so they hold no NaN
        self.splices = False
        """A hint: whoever takes this batch on wants bytes, so ``with_fields`` had better change the bytes."""
        self.is_merged = False  # records of several origins became fewer: none of them need be lost

    # -- making ---------------------------------------------------------------------------------

    @staticmethod
    def of(rows: Iterable[Record], /, **attributes: Any) -> Batch:
        """Make a batch of decoded records."""
        listed = list(rows)
        return Batch(len(listed), _runs(len(listed), attributes), rows=listed)

    @staticmethod
    def raw(content: Iterable[bytes], /, format: str | Codec = "json", **attributes: Any) -> Batch:
        """Make a batch of undecoded records, each one's bytes in ``format``.

        Raises:
            ConfigError: ``format`` is a name that router does not know.
        """
        listed = list(content)
        return Batch(len(listed), _runs(len(listed), attributes), content=listed, codec=codec(format))

    @staticmethod
    def concat(batches: Sequence[Batch]) -> Batch:
        """Join batches in order; a column that one of them lacks is None for its records.

        Raises:
            DecodeError: some hold rows, others content that cannot be decoded.
        """
        if len(batches) == 1:
            return batches[0]
        runs = tuple(chain.from_iterable(batch._runs for batch in batches))
        made = Batch(sum(len(batch) for batch in batches), runs, columns=_joined_columns(batches))
        if batches and all(batch._content is not None and batch._codec is batches[0]._codec for batch in batches):
            made._content = list(chain.from_iterable(batch._content or () for batch in batches))
            made._codec = batches[0]._codec
            made._projection = batches[0]._projection
            if all(batch._structs is not None for batch in batches):
                made._structs = list(chain.from_iterable(batch._structs or () for batch in batches))
        if made._content is None or all(batch._rows is not None for batch in batches):
            made._rows = list(chain.from_iterable(batch.rows for batch in batches))
        made.is_merged = any(batch.is_merged for batch in batches)
        return made

    # -- reading --------------------------------------------------------------------------------

    def __len__(self) -> int:
        return self._count

    def __repr__(self) -> str:
        forms = [self.format] * (self._content is not None) + ["rows"] * (self._rows is not None)
        return f"<Batch of {self._count} records, {' and '.join(forms)}>"

    @property
    def format(self) -> str:
        """The name of the format ``content`` is, or would be, in."""
        return self._codec.name

    @property
    def codec(self) -> Codec:
        """The codec of ``content``."""
        return self._codec

    @property
    def has_content(self) -> bool:
        """True if ``content`` need not be encoded."""
        return self._content is not None

    @property
    def has_rows(self) -> bool:
        """True if ``rows`` need not be decoded."""
        return self._rows is not None

    @property
    def content(self) -> list[bytes]:
        """The records as bytes; untouched ones are the very bytes their source read.

        Raises:
            EncodeError: a row cannot be said in the format; inside ``process`` only where
                the processor does not declare that it reads content.
        """
        if self._content is None:
            content, failures = encode_all(self._codec, self._rows or [], is_finite=self._is_finite)
            if failures:
                raise failures[0][1]
            self._content = content
        return self._content

    @property
    def rows(self) -> list[Record]:
        """The records, decoded. Shared with others: make a new dict instead of changing one.

        Raises:
            DecodeError: content that is not what its format says; never inside the
                ``process`` of a processor that reads rows, the engine has set such aside.
        """
        if self._rows is None:
            rows, failures = decode_all(self._codec, self._content or [])
            if failures:
                raise failures[0][1]
            self._rows, self._is_finite = rows, self._codec is JSON
        return self._rows

    def values(self, field: str) -> list[Any]:
        """One field of every record; None where a record has no such field."""
        structs = self.structs(frozenset((field,)))
        if structs is not None:
            return list(map(attrgetter(attribute(field)), structs))
        return [row.get(field) for row in self.rows]

    def structs(self, fields: frozenset[str]) -> list[Any] | None:
        """The records projected to the fields that the flow's expressions read, where that is cheaper than rows.

        None: read ``rows``. The attribute of a field is ``router.codec.attribute(field)``.
        """
        if self._rows is not None or self._projection is None or not fields <= self._projection.fields:
            return None
        if self._structs is None:
            structs, failures = self._projection.decode(self._content or [])
            if failures:
                raise failures[0][1]
            self._structs = structs
        return self._structs

    @property
    def columns(self) -> Mapping[str, list[Any]]:
        """Values beside the data, aligned with the records: name to list."""
        return self._columns or {}

    @property
    def attributes(self) -> Mapping[str, Any]:
        """What is true of every record's origin."""
        origins = list(dict.fromkeys(chain.from_iterable(origins for origins, _ in self._runs)))
        if not origins:
            return {}
        first, *rest = (origin.attributes for origin in origins)
        if not rest:
            return first
        return {
            name: value for name, value in first.items() if all(name in each and each[name] == value for each in rest)
        }

    def meta(self, name: str) -> list[Any]:
        """The column ``name``, or where there is none, that attribute of each record's origin."""
        if self._columns is not None and name in self._columns:
            return self._columns[name]
        values: list[Any] = []
        for origins, count in self._runs:
            found = {id(value): value for value in (origin.attributes.get(name) for origin in origins)}
            values += [next(iter(found.values())) if len(found) == 1 else None] * count
        return values

    def runs(self) -> Iterator[Batch]:
        """Split into neighbours that share their origin, and so their attributes."""
        start = 0
        for _, run in groupby(self._runs, key=lambda run: run[0]):
            stop = start + sum(count for _, count in run)
            yield self.slice(start, stop)
            start = stop

    @property
    def nbytes(self) -> int:
        """What the batch costs in memory in the forms it holds: an estimate, in bytes."""
        if self._size is None:
            self._size = self._measure()
        forms = (self._content is not None) + ROW_COST * (self._rows is not None)
        return self._size * forms + 64 * self._count * len(self._columns or ())

    # -- choosing records -----------------------------------------------------------------------

    def slice(self, start: int, stop: int) -> Batch:
        """Take the records from ``start`` up to, not including, ``stop``."""
        return self.select(range(*slice(start, stop).indices(self._count)))

    def select(self, indices: Sequence[int]) -> Batch:
        """Take records by position, in the order given."""
        if len(indices) == self._count and isinstance(indices, range) and indices.start == 0:
            return self
        made = Batch(len(indices), self._runs_of(indices), codec=self._codec, columns=self._columns_of(indices))
        if (content := self._content) is not None:
            made._content = [content[i] for i in indices]
        if (rows := self._rows) is not None:
            made._rows = [rows[i] for i in indices]
        if (structs := self._structs) is not None:
            made._structs = [structs[i] for i in indices]
        made._projection, made.splices, made._is_finite = self._projection, self.splices, self._is_finite
        made.is_merged = self.is_merged
        return made

    def partition(self, labels: Sequence[_Label | None]) -> dict[_Label, Batch]:
        """Part the records by label, keeping their order; a record labelled None is dropped.

        Raises:
            ValueError: there are more or fewer labels than records.
        """
        self._check_length("labels", labels)
        found = dict.fromkeys(labels)
        if len(found) == 1:
            return {label: self for label in found if label is not None}
        if len(found) <= _FEW_LABELS:
            return {label: self._where([each == label for each in labels]) for label in found if label is not None}
        indices: defaultdict[_Label | None, list[int]] = defaultdict(list)
        for index, each in enumerate(labels):
            indices[each].append(index)
        return {label: self.select(chosen) for label, chosen in indices.items() if label is not None}

    def _where(self, mask: list[bool]) -> Batch:
        """Take the records whose place in the mask is true: cheaper than ``select`` for a few large parts."""
        count = sum(mask)
        if len(self._runs) == 1:
            runs: Runs = ((self._runs[0][0], count),)
        else:
            runs = _run_length(compress(self._owners(), mask))
        made = Batch(count, runs, codec=self._codec)
        if self._content is not None:
            made._content = list(compress(self._content, mask))
        if self._rows is not None:
            made._rows = list(compress(self._rows, mask))
        if self._structs is not None:
            made._structs = list(compress(self._structs, mask))
        if self._columns is not None:
            made._columns = {name: list(compress(values, mask)) for name, values in self._columns.items()}
        if self._size is not None:
            made._size = self._size * count // self._count
        made._projection, made.splices, made._is_finite = self._projection, self.splices, self._is_finite
        made.is_merged = self.is_merged
        return made

    # -- changing records -----------------------------------------------------------------------

    def with_rows(self, rows: Sequence[Record]) -> Batch:
        """Put new records in place of these, one for one.

        Raises:
            ValueError: there are more or fewer rows than records; use ``expand``, ``group`` or ``derive``.
        """
        self._check_length("rows", rows)
        made = Batch(self._count, self._runs, rows=_as_list(rows), columns=self._columns)
        made.is_merged = self.is_merged
        return made

    def with_content(self, content: Sequence[bytes], format: str | Codec = "json") -> Batch:
        """Put new content in place of these records, one for one."""
        self._check_length("contents", content)
        made = Batch(self._count, self._runs, content=_as_list(content), codec=codec(format), columns=self._columns)
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
                kept[name] = _as_list(column)
        made = self._copy()
        made._columns = kept or None
        return made

    def with_attributes(self, **attributes: Any) -> Batch:
        """Add or replace attributes of every record's origin, for who comes behind."""
        renewed: dict[Origin, Origin] = {}
        for origins, _ in self._runs:
            for origin in origins:
                renewed.setdefault(origin, Origin({**origin.attributes, **attributes}, origin.ack))
        fresh = (Origin(attributes),)
        made = self._copy()
        made._runs = tuple((tuple(renewed[o] for o in origins) or fresh, count) for origins, count in self._runs)
        return made

    def expand(self, lists: Sequence[Sequence[Record]]) -> Batch:
        """Put any number of records in place of each (1:n); columns and origins are copied.

        Raises:
            ValueError: there are more or fewer lists than records.
        """
        self._check_length("lists", lists)
        parents = [index for index, rows in enumerate(lists) for _ in rows]
        rows = list(chain.from_iterable(lists))
        made = Batch(len(rows), self._runs_of(parents), rows=rows, columns=self._columns_of(parents))
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
        owners = self._owners()
        merged = [tuple(dict.fromkeys(chain.from_iterable(owners[i] for i in group))) for group in groups]
        columns = {
            name: [_common(values, group) for group in groups]
            for name, values in (self._columns or {}).items()
            if name != "index"
        }
        if self._columns is not None and (index := self._columns.get("index")) is not None:
            columns["index"] = [
                _indexes(origins, [(owners[i], index[i]) for i in group])
                for origins, group in zip(merged, groups, strict=True)
            ]
        made = Batch(len(rows), _run_length(merged), rows=_as_list(rows), columns=columns or None)
        made.is_merged = True
        return made

    def derive(self, rows: Sequence[Record]) -> Batch:
        """Make records that depend on all of these (n:m); columns do not carry over.

        Only where that is so: each row keeps every origin of the batch waiting.
        """
        origins = tuple(dict.fromkeys(chain.from_iterable(origins for origins, _ in self._runs)))
        made = Batch(len(rows), ((origins, len(rows)),), rows=_as_list(rows))
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
        if self._rows is not None or self._structs is not None:
            return self, []
        if self._projection is None or not fields <= self._projection.fields:
            return self.decoded()
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
        good._content, good._codec, good._structs, good._projection, good._size = content, codec, None, None, None
        return good, _merged_failures(undecodable, failures, len(self))

    def private_rows(self) -> tuple[list[Record], Failures]:
        """Records whose top level is the caller's own to change, and what could not be decoded."""
        if self._rows is not None:
            return [row.copy() for row in self._rows], []
        return decode_all(self._codec, self._content or [])

    def project_with(self, projection: Projection | None) -> None:
        """Use the flow's projection from now on; a hint, the records stay what they are."""
        if self._rows is None and self._codec is JSON and self._projection is None:
            self._projection = projection

    def can_join(self, other: Batch) -> bool:
        """True if both hold the same form, so that ``concat`` need decode nothing."""
        if self._content is not None and other._content is not None:
            return self._codec is other._codec
        return self._rows is not None and other._rows is not None

    def acks(self) -> tuple[Ack, ...]:
        """Every ack these records wait for, once each."""
        if len(self._runs) == 1 and len(self._runs[0][0]) == 1:
            ack = self._runs[0][0][0].ack
            return () if ack is None else (ack,)
        found = (origin.ack for origins, _ in self._runs for origin in origins)
        return tuple(dict.fromkeys(ack for ack in found if ack is not None))

    def origin_runs(self) -> Runs:
        """The origins, run-length: ``((origins, records), ...)``."""
        return self._runs

    def owned_by(self, acks: Sequence[Ack]) -> Batch:
        """Give records without an ack the acks they are to keep waiting; the attributes stay."""
        if all(origin.ack is not None for origins, _ in self._runs for origin in origins or (_NOBODY,)):
            return self
        made = self._copy()
        made._runs = tuple(
            (tuple(Origin(_shared(origins), ack) for ack in acks) if _is_unowned(origins) else origins, count)
            for origins, count in self._runs
        )
        return made

    # -- helpers --------------------------------------------------------------------------------

    def _copy(self) -> Batch:
        made = Batch(
            self._count, self._runs, content=self._content, rows=self._rows, codec=self._codec, columns=self._columns
        )
        made._projection, made._structs, made._size = self._projection, self._structs, self._size
        made.is_merged = self.is_merged
        return made

    def _without(self, failures: Failures) -> Batch:
        if not failures:
            return self
        bad = {index for index, _ in failures}
        return self.select([index for index in range(self._count) if index not in bad])

    def _check_length(self, what: str, given: Sequence[Any]) -> None:
        if len(given) != self._count:
            raise ValueError(f"one for each of {self._count} records; got {len(given)} {what}")

    def _measure(self) -> int:
        if self._content is not None:
            return sum(map(len, self._content)) + 33 * self._count
        rows = self._rows or []
        sample = rows[:: max(1, len(rows) // _SAMPLED)]
        return sum(map(_estimate, sample)) * len(rows) // len(sample) if sample else 0

    def _owners(self) -> list[tuple[Origin, ...]]:
        return list(chain.from_iterable([origins] * count for origins, count in self._runs))

    def _runs_of(self, indices: Sequence[int]) -> Runs:
        if len(self._runs) == 1:
            return ((self._runs[0][0], len(indices)),)
        owners = self._owners()
        return _run_length([owners[i] for i in indices])

    def _columns_of(self, indices: Sequence[int]) -> Columns | None:
        if self._columns is None:
            return None
        return {name: [values[i] for i in indices] for name, values in self._columns.items()}


_NOBODY = Origin({})


def _is_unowned(origins: tuple[Origin, ...]) -> bool:
    return all(origin.ack is None for origin in origins)


def _shared(origins: tuple[Origin, ...]) -> Mapping[str, Any]:
    return origins[0].attributes if origins else {}


def _runs(count: int, attributes: Mapping[str, Any]) -> Runs:
    return (((Origin(attributes),) if attributes else (), count),)


def _run_length(owners: Iterable[tuple[Origin, ...]]) -> Runs:
    return tuple((origins, sum(1 for _ in run)) for origins, run in groupby(owners)) or (((), 0),)


def _as_list(values: Sequence[Any]) -> list[Any]:
    return values if isinstance(values, list) else list(values)


def _joined_columns(batches: Sequence[Batch]) -> Columns | None:
    names = dict.fromkeys(chain.from_iterable(batch.columns for batch in batches))
    if not names:
        return None
    return {
        name: list(chain.from_iterable(batch.columns.get(name) or [None] * len(batch) for batch in batches))
        for name in names
    }


def _common(values: list[Any], group: Sequence[int]) -> Any:
    first = values[group[0]] if group else None
    return first if all(values[i] == first for i in group) else None


def _indexes(origins: tuple[Origin, ...], members: list[tuple[tuple[Origin, ...], Any]]) -> tuple[tuple[int, ...], ...]:
    """For each origin of a grouped record, the indexes of the records of it that went in."""
    found: dict[Origin, list[int]] = {origin: [] for origin in origins}
    for owners, index in members:
        for position, origin in enumerate(owners):
            found[origin] += index[position] if isinstance(index, tuple) else [index] if index is not None else []
    return tuple(tuple(found[origin]) for origin in origins)


def _merged_failures(first: Failures, second: Failures, count: int) -> Failures:
    """Put failures of the second step, counted among what passed the first, in terms of all records."""
    if not first or not second:
        return first or second
    bad = {index for index, _ in first}
    passed = [index for index in range(count) if index not in bad]
    return sorted([*first, *((passed[index], error) for index, error in second)], key=lambda failure: failure[0])


def _estimate(value: Any, depth: int = 0) -> int:
    """About how many bytes a value would take as JSON."""
    if isinstance(value, str | bytes | bytearray):
        return len(value) + 2
    if depth > 8 or not isinstance(value, dict | list | tuple):
        return 8
    if isinstance(value, dict):
        return 2 + sum(len(str(name)) + 4 + _estimate(item, depth + 1) for name, item in value.items())
    return 2 + sum(1 + _estimate(item, depth + 1) for item in value)
