"""Read from a batch what a window needs of it: keys, times, and the values of each aggregate."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import accumulate
from typing import Any

from router import Batch, Expression, RecordError
from router_processors.window.cells import View
from router_processors.window.compute import Aggregate

SECOND = 1_000_000
_FARTHEST = 100_000_000_000  # seconds: thousands of years; what lies beyond was no seconds
_KEYS = frozenset({str, int})
_TIMES = frozenset({int, float})

Failures = list[tuple[int, BaseException]]


class Reader:
    """Evaluates the expressions of a window over batches."""

    def __init__(self, compute: Mapping[str, Aggregate], key: Expression | None, time: Expression | None) -> None:
        self._compute = compute
        self._key = key
        self._time = time
        expressions = [key, time, *(each.argument for each in compute.values())]
        self.expressions = [each for each in expressions if each is not None]

    def read(self, batch: Batch, mark: int, lateness: int) -> tuple[View, Failures]:
        """Give the records as columns, and what is wrong with those that are left out.

        Args:
            mark: Up to when time has come: the time of all records, if they say none themselves.
        """
        labels = self._key.over(batch) if self._key is not None else [None] * len(batch)
        keys, failures = _hashable(labels) if self._key is not None else (labels, [])
        times: Sequence[Any] = [mark] * len(batch)
        if self._time is not None:
            times, wrong = _microseconds(self._time.over(batch))
            failures += wrong
        columns: list[Sequence[Any]] = []
        for each in self._compute.values():
            values: Sequence[Any] = []
            if each.argument is not None:
                values, bad = each.kind.usable(each.argument.over(batch))
                failures += [(index, RecordError(f"{each}: {text}")) for index, text in bad]
            columns.append(values)
        view = View(batch, keys, labels, times, times, columns)
        if failures:
            first = dict(reversed(failures))  # of each record the first that is wrong with it
            failures = sorted(first.items())
            view = view.select([index for index in range(len(batch)) if index not in first])
        if self._time is None:
            return view, failures
        marks = list(accumulate((time - lateness for time in view.times), max, initial=mark))[1:]
        return View(view.batch, view.keys, view.labels, view.times, marks, view.columns), failures


def _hashable(labels: Sequence[Any]) -> tuple[Sequence[Hashable], Failures]:
    if set(map(type, labels)) <= _KEYS:
        return labels, []
    keys: list[Hashable] = []
    failures: Failures = []
    for index, label in enumerate(labels):
        keys.append(_key(label))
        if label is None:
            failures.append((index, RecordError("the key is missing")))
        elif label != label:  # noqa: PLR0124 - NaN is no key: it is not even the same as itself
            failures.append((index, RecordError(f"the key {label!r} is no value that can be compared")))
    return keys, failures


def _key(label: Any) -> Hashable:
    """Make of a key what a dict can find: True is another one than 1."""
    if isinstance(label, list):
        return ("list", *map(_key, label))
    if isinstance(label, dict):
        return ("object", frozenset((name, _key(value)) for name, value in label.items()))
    if isinstance(label, bool):
        return ("boolean", label)
    made: Hashable = label
    return made


def key_of(label: Any) -> Hashable:
    """The key of a label that was stored."""
    return _key(label)


def _microseconds(values: Sequence[Any]) -> tuple[Sequence[int], Failures]:
    if set(map(type, values)) <= _TIMES:
        try:
            times = [round(value * SECOND) for value in values]
        except (ValueError, OverflowError):  # NaN, infinity
            pass
        else:
            if times and min(times) > -_FARTHEST * SECOND and max(times) < _FARTHEST * SECOND:
                return times, []
    found: list[int] = []
    failures: Failures = []
    for index, value in enumerate(values):
        try:
            found.append(_moment(value))
        except (ValueError, OverflowError, RecordError) as error:
            found.append(0)
            text = str(error) if isinstance(error, RecordError) else f"{value!r:.80} is no time"
            failures.append((index, RecordError(text)))
    return found, failures


def _moment(value: Any) -> int:
    if value is None:
        raise RecordError("the time is missing")
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if isinstance(value, datetime):
        value = (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise RecordError(f"a time is in seconds since 1970, or ISO 8601; got {value!r:.80}")
    if not -_FARTHEST < value < _FARTHEST:
        raise RecordError(f"a time is in seconds since 1970; got {value!r:.80}")
    return round(value * SECOND)
