"""Records as rows of a table: their fields are its columns."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from router.control.messages import RecordView
from router_ui.figures import size
from router_ui.widgets.record_lines import excerpt, in_line
from router_ui.widgets.records_table import Column, Row

__all__ = ["RecordColumns"]

_MOST = 24  # fields that get a column
_LOOKED_AT = 50  # records whose fields are taken
_NUMBER = Column("#", 12, is_right=True)


class RecordColumns:
    """The columns that some records have: the fields of the first of them, and what cannot be decoded as it is.

    Each keeps its place while more records come; what is new comes behind.
    """

    def __init__(self) -> None:
        self._fields: dict[str, bool] = {}  # and whether all their values are numbers
        self._has_key = self._has_content = self._has_error = False
        self._looked = 0

    def learn(self, records: Iterable[RecordView]) -> None:
        """Take the fields of records, of the first that are seen at all."""
        for record in records:
            if self._looked >= _LOOKED_AT:
                return
            self._looked += 1
            self._has_key |= record.columns.get("key") is not None
            self._has_error |= record.columns.get("error") is not None
            if isinstance(record.record, dict):
                for name, value in record.record.items():
                    if name in self._fields or len(self._fields) < _MOST:
                        self._fields[name] = self._fields.get(name, True) and _is_number(value)
            else:
                self._has_content = True

    @property
    def columns(self) -> list[Column]:
        """The columns now."""
        found = [_NUMBER]
        if self._has_key:
            found.append(Column("meta.key", 24))
        if self._has_error:
            found.append(Column("meta.error", 40))
        found += [Column(name, 40, is_right=is_number) for name, is_number in self._fields.items()]
        if self._has_content or not self._fields:
            found.append(Column("content", 60))
        return [*found, Column("size", 8, is_right=True)]

    def row(self, record: RecordView, number: int) -> Row:
        """A record as a row of these columns."""
        fields = record.record if isinstance(record.record, dict) else None
        cells, tones = [f"{number + 1:,}"], ["dim"]
        if self._has_key:
            cells.append(in_line(record.columns.get("key", "")))
            tones.append("")
        if self._has_error:
            cells.append(_error(record.columns.get("error")))
            tones.append("bad")
        for name in self._fields:
            there = fields is not None and name in fields
            cells.append(in_line(fields[name]) if fields is not None and there else "")
            tones.append("dim" if fields is not None and there and fields[name] is None else "")
        if self._has_content or not self._fields:
            cells.append("" if fields is not None and self._fields else excerpt(record))
            tones.append("")
        return Row((record.id, number), [*cells, size(record.size)], [*tones, "dim"])


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _error(error: Any) -> str:
    if not isinstance(error, dict):
        return "" if error is None else str(error)
    return f"{error.get('type', '')}: {error.get('message', '')}"
