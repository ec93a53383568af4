"""Puts what was answered into the records that asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from router import Batch
from router_processors.call_http.call import Answer, Call
from router_processors.call_http.config import CallHttpConfig

__all__ = ["Merger"]

_FIELDS = {"text": "text", "raw": "content"}


class Merger:
    """Knows what becomes of an answer."""

    def __init__(self, config: CallHttpConfig) -> None:
        self._response = config.answered
        self._into = config.into
        self._field = _FIELDS.get(config.format)
        outputs = config.outputs
        self._fields = {name: each for name, each in outputs.items() if not name.startswith("meta.")}
        self._columns = {name[5:]: each for name, each in outputs.items() if name.startswith("meta.")}

    def merged(self, batch: Batch, calls: Sequence[Call]) -> Batch:
        """The records with their answers; ``calls`` are those that asked about them, all answered."""
        values = _in_order(calls, [call.values for call in calls])
        fields = {name: self._found(each, calls) for name, each in self._fields.items()}
        columns = {name: self._found(each, calls) for name, each in self._columns.items()}
        if self._response == "replace":
            made = batch.with_rows([{self._field: value} for value in values] if self._field else values)
        elif self._response == "ignore":
            made = batch
        elif self._into is not None:
            made, fields = batch, {self._into: values, **fields}
        elif self._field:
            made, fields = batch, {self._field: values, **fields}
        else:
            made = batch.with_rows([row | value for row, value in zip(batch.rows, values, strict=True)])
        if columns:
            made = made.with_columns(**columns)
        return made.with_fields(**fields) if fields else made

    def _found(self, source: str, calls: Sequence[Call]) -> list[Any]:
        found = [[_of(call.answer, source)] * len(call.records) for call in calls if call.answer is not None]
        return _in_order(calls, found)


def _in_order(calls: Sequence[Call], values: Sequence[Sequence[Any]]) -> list[Any]:
    """Values of calls in the order of the records."""
    if len(calls) == 1:
        return list(values[0])
    placed = {
        index: value
        for call, several in zip(calls, values, strict=True)
        for index, value in zip(call.records, several, strict=True)
    }
    return [placed[index] for index in sorted(placed)]


def _of(answer: Answer, source: str) -> Any:
    if source == "status":
        return answer.status
    if source == "seconds":
        return round(answer.seconds, 6)
    return answer.headers.get(source.removeprefix("headers."))
