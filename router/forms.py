"""The forms records are held in: undecoded content, a projection of a few fields, rows; each made on demand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Any, TypeAlias

from router.codec import (
    JSON,
    Codec,
    Failures,
    Projection,
    Record,
    attribute,
    decode_all,
    encode_all,
    estimated_size,
)

__all__ = ["EVEN", "Chooser", "Columns", "Forms", "Whole", "as_list", "checked_rows", "joined_columns"]

Whole: TypeAlias = Sequence[bytes | memoryview]
Columns: TypeAlias = dict[str, list[Any]]
Chooser: TypeAlias = Callable[[list[Any]], list[Any]]
"""Takes some of the values that lie beside the records of a batch."""

ROW_COST = 5  # a decoded record takes about five times its line: 240 B + 33 as bytes, +824 as a dict
_SAMPLED = 4
EVEN = 1 << 20  # a batch below this holds no record that a share of its size could hide


class Forms:
    """Records as ``content``, as ``rows``, or both, and projected to a few fields; the base of Batch."""

    __slots__ = (
        "_codec", "_content", "_count", "_is_finite", "_projection", "_rows", "_size", "_structs", "splices", "whole",
    )  # fmt: skip

    def __init__(self, count: int, content: list[bytes] | None, rows: list[Record] | None, codec: Codec) -> None:
        self._count = count
        self._content = content
        self._rows = rows
        self._codec = codec
        self._projection: Projection | None = None
        self._structs: list[Any] | None = None
        self._size: int | None = None
        self._is_finite = False  # the rows came from JSON, so they hold no NaN that encoding had to look for
        self.splices = False
        """A hint: whoever takes this batch on wants bytes, so ``with_fields`` had better change the bytes."""
        self.whole: Whole = ()
        """``content`` in a few pieces, where its source has read it so: each record with a line break behind it.

        None of them has a line break in it. Whoever writes all of it need not put it together.
        """

    def __len__(self) -> int:
        return self._count

    def __repr__(self) -> str:
        forms = [self.format] * self.has_content + ["rows"] * self.has_rows
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

    def private_rows(self) -> tuple[list[Record], Failures]:
        """Records whose top level is the caller's own to change, and what could not be decoded."""
        if self._rows is not None:
            return [row.copy() for row in self._rows], []
        return decode_all(self._codec, self._content or [])

    def project_with(self, projection: Projection | None) -> None:
        """Use the flow's projection from now on; a hint, the records stay what they are."""
        if self._rows is None and self._codec is JSON and self._projection is None:
            self._projection = projection

    # -- size -----------------------------------------------------------------------------------

    @property
    def record_bytes(self) -> int:
        """What the records of the batch take in one form, about."""
        if self._size is None:
            self._size = self._measure()
        return self._size

    @property
    def form_bytes(self) -> int:
        """What they take in the forms held now."""
        forms = (self._content is not None) + ROW_COST * (self._rows is not None)
        return self.record_bytes * forms + sum(map(len, self.whole))

    def sizes(self) -> list[int]:
        """How large each record is as content, exact where content is held."""
        if self._content is not None:
            return list(map(len, self._content))
        return list(map(estimated_size, self._rows or []))

    def _measure(self) -> int:
        if self.whole:
            return sum(map(len, self.whole)) + 32 * self._count
        if self._content is not None:
            return sum(map(len, self._content)) + 33 * self._count
        rows = self._rows or []
        sample = rows[:: max(1, len(rows) // _SAMPLED)]
        return sum(map(estimated_size, sample)) * len(rows) // len(sample) if sample else 0

    # -- for Batch ------------------------------------------------------------------------------

    def _say(self, content: list[bytes], codec: Codec) -> None:
        """Hold the records as other content, and nothing that was made of the old."""
        self._content, self._codec, self.whole = content, codec, ()
        self._structs, self._projection, self._size = None, None, None

    def _take_forms(self, source: Forms, choose: Chooser) -> None:
        """Hold some of another's records, in every form that it holds them in."""
        if source._content is not None:
            self._content = choose(source._content)
        if source._rows is not None:
            self._rows = choose(source._rows)
        if source._structs is not None:
            self._structs = choose(source._structs)
        if source._size is not None and source._size < EVEN:
            self._size = source._size * self._count // max(1, source._count)
        self._projection, self.splices, self._is_finite = source._projection, source.splices, source._is_finite

    def _join_forms(self, sources: Sequence[Forms]) -> None:
        """Hold the records of all, in a form that all hold, or as rows.

        Raises:
            DecodeError: there is no such form, and some content cannot be decoded.
        """
        if sources and all(each._content is not None and each._codec is sources[0]._codec for each in sources):
            self._content = [line for each in sources for line in each._content or ()]
            self._codec, self._projection = sources[0]._codec, sources[0]._projection
            if all(each._structs is not None for each in sources):
                self._structs = [struct for each in sources for struct in each._structs or ()]
        if self._content is None or all(each._rows is not None for each in sources):
            self._rows = [row for each in sources for row in each.rows]
            self._is_finite = all(each._is_finite for each in sources)


def checked_rows(rows: Sequence[Record]) -> list[Record]:
    """Refuse what is no record: it would be written as null, or as something nobody asked for."""
    for kind in set(map(type, rows)):
        if not issubclass(kind, dict):
            raise TypeError(f"a record is a dict; got {kind.__name__}")
    return as_list(rows)


def as_list(values: Sequence[Any]) -> list[Any]:
    """The values themselves where they are a list."""
    return values if isinstance(values, list) else list(values)


def joined_columns(parts: Sequence[tuple[Mapping[str, list[Any]], int]]) -> Columns | None:
    """The columns of batches one after the other: columns and count of each; None where one lacks a column."""
    names = dict.fromkeys(name for columns, count in parts if count for name in columns)
    if not names:
        return None
    return {
        name: [value for columns, count in parts for value in columns.get(name) or [None] * count] for name in names
    }
