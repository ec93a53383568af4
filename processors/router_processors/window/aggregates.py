"""What becomes of the values of many records: folded in as they come, merged, and asked for at the end."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from array import array
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Generic, TypeVar

from router_processors.window.values import UNFIT, are_numbers, as_number, hashed, rank

LISTED = 1000
KEPT = 1024
_ACCURACY = 0.01
_GAMMA = math.log((1 + _ACCURACY) / (1 - _ACCURACY))
_SMALLEST = 1e-9
_TEXTS = frozenset({str, type(None)})

S = TypeVar("S")


class Kind(ABC, Generic[S]):
    """One aggregate. Its state is plain values, so that it can be stored, and is never changed in place.

    Values are without null. Folding many at once, one by one, or in parts that are merged gives
    the same, but for the rounding of floats.
    """

    parameter: ClassVar[tuple[str, float, float] | None] = None
    """What the second argument is called, and its bounds; None: there is none."""
    default: ClassVar[float | None] = None
    """The second argument where it is left out; None: it is needed, if there is one."""
    needs_argument: ClassVar[bool] = True
    needs_times: ClassVar[bool] = False
    doc: ClassVar[str] = ""

    def __init__(self, parameter: float | None = None) -> None:
        self.given = parameter

    def usable(self, values: Sequence[Any]) -> tuple[Sequence[Any], list[tuple[int, str]]]:
        """Give the values as they can be folded, and the index of each that cannot, with what is wrong with it."""
        return values, []

    @abstractmethod
    def fold(self, state: S | None, values: Sequence[Any], times: Sequence[int]) -> S | None:
        """Take more values, and the time of each; at least one."""

    @abstractmethod
    def merge(self, one: S, other: S) -> S:
        """Join two states, the older first."""

    def result(self, state: S | None) -> Any:
        """What it has come to; ``state`` is None where there was no value."""
        return state


class _Count(Kind[int]):
    """How many records there are, or how many with a value."""

    needs_argument = False
    doc = "how many records; with an argument, those where it has a value"

    def fold(self, state: int | None, values: Sequence[Any], times: Sequence[int]) -> int:
        return (state or 0) + len(values)

    def merge(self, one: int, other: int) -> int:
        return one + other

    def result(self, state: int | None) -> int:
        return state or 0


class _Numbers(Kind[S]):
    """An aggregate of numbers."""

    def usable(self, values: Sequence[Any]) -> tuple[Sequence[Any], list[tuple[int, str]]]:
        if are_numbers(values):
            return values, []
        made = list(map(as_number, values))
        return made, [
            (index, f"{values[index]!r:.80} is no number") for index, each in enumerate(made) if each is UNFIT
        ]


class _Sum(_Numbers[float]):
    """The sum."""

    doc = "the sum"

    def fold(self, state: float | None, values: Sequence[Any], times: Sequence[int]) -> float:
        total: float = sum(values)
        return total if state is None else state + total

    def merge(self, one: float, other: float) -> float:
        return one + other


class _Avg(_Numbers[list[float]]):
    """The mean."""

    doc = "the mean"

    def fold(self, state: list[float] | None, values: Sequence[Any], times: Sequence[int]) -> list[float]:
        made: list[float] = [len(values), sum(values)]
        return made if state is None else self.merge(state, made)

    def merge(self, one: list[float], other: list[float]) -> list[float]:
        return [one[0] + other[0], one[1] + other[1]]

    def result(self, state: list[float] | None) -> float | None:
        return None if state is None else state[1] / state[0]


class _Stddev(_Numbers[list[float]]):
    """The standard deviation of a sample, by Chan's way to join parts."""

    doc = "the standard deviation of the values as a sample; null for fewer than two"

    def fold(self, state: list[float] | None, values: Sequence[Any], times: Sequence[int]) -> list[float]:
        mean = math.fsum(values) / len(values)
        made: list[float] = [len(values), mean, math.fsum((value - mean) * (value - mean) for value in values)]
        return made if state is None else self.merge(state, made)

    def merge(self, one: list[float], other: list[float]) -> list[float]:
        (n, mean, squares), (m, other_mean, other_squares) = one, other
        apart = other_mean - mean
        return [n + m, mean + apart * m / (n + m), squares + other_squares + apart * apart * n * m / (n + m)]

    def result(self, state: list[float] | None) -> float | None:
        return None if state is None or state[0] < 2 else math.sqrt(state[2] / (state[0] - 1))


class _Extreme(Kind[Any]):
    """The smallest or the largest; numbers are below texts, and those below times."""

    choose: ClassVar[Callable[..., Any]]

    def usable(self, values: Sequence[Any]) -> tuple[Sequence[Any], list[tuple[int, str]]]:
        if set(map(type, values)) <= _TEXTS or are_numbers(values):
            return values, []
        text = "is neither number, text nor time"
        bad = [(index, f"{value!r:.80} {text}") for index, value in enumerate(values) if rank(value) is None]
        return values, bad

    def fold(self, state: Any, values: Sequence[Any], times: Sequence[int]) -> Any:
        is_plain = set(map(type, values)) in ({int}, {float}, {str})
        found = type(self).choose(values) if is_plain else type(self).choose(values, key=rank)
        return found if state is None else self.merge(state, found)

    def merge(self, one: Any, other: Any) -> Any:
        return type(self).choose(one, other, key=rank)


class _Min(_Extreme):
    """The smallest."""

    choose = min
    doc = "the smallest number, text or time"


class _Max(_Extreme):
    """The largest."""

    choose = max
    doc = "the largest number, text or time"


class _First(Kind[list[Any]]):
    """The value with the oldest time, or of those the first that came."""

    needs_times = True
    doc = "the value of the oldest record that has one"

    def fold(self, state: list[Any] | None, values: Sequence[Any], times: Sequence[int]) -> list[Any]:
        oldest = times.index(min(times))
        made = [times[oldest], values[oldest]]
        return made if state is None else self.merge(state, made)

    def merge(self, one: list[Any], other: list[Any]) -> list[Any]:
        return other if other[0] < one[0] else one

    def result(self, state: list[Any] | None) -> Any:
        return None if state is None else state[1]


class _Last(_First):
    """The value with the newest time, or of those the last that came."""

    doc = "the value of the newest record that has one"

    def fold(self, state: list[Any] | None, values: Sequence[Any], times: Sequence[int]) -> list[Any]:
        newest = len(times) - 1 - times[::-1].index(max(times))
        made = [times[newest], values[newest]]
        return made if state is None else self.merge(state, made)

    def merge(self, one: list[Any], other: list[Any]) -> list[Any]:
        return one if other[0] < one[0] else other


class _Listed(Kind[list[Any]]):
    """The values, so many of them."""

    parameter = ("at most", 1, 100_000)
    default = LISTED
    doc = f"the first {LISTED:,} values as they came, or as many as the second argument says"

    def fold(self, state: list[Any] | None, values: Sequence[Any], times: Sequence[int]) -> list[Any]:
        return self.merge(state or [], list(values))

    def merge(self, one: list[Any], other: list[Any]) -> list[Any]:
        room = int(self.given or LISTED) - len(one)
        return one + other[:room] if room > 0 else one

    def result(self, state: list[Any] | None) -> list[Any]:
        return state or []


class _Distinct(Kind[bytes]):
    """How many different values there are: the smallest hashes of them tell."""

    doc = f"how many different values: exact below {KEPT:,}, beyond that within some 3 %"

    def usable(self, values: Sequence[Any]) -> tuple[Sequence[Any], list[tuple[int, str]]]:
        made = list(map(hashed, values))
        text = "is no value that can be compared"
        return made, [(index, f"{values[index]!r:.80} {text}") for index, each in enumerate(made) if each is UNFIT]

    def fold(self, state: bytes | None, values: Sequence[Any], times: Sequence[int]) -> bytes:
        return _smallest(set(values) if state is None else set(values).union(array("Q", state)))

    def merge(self, one: bytes, other: bytes) -> bytes:
        return _smallest({*array("Q", one), *array("Q", other)})

    def result(self, state: bytes | None) -> int:
        hashes = array("Q", state or b"")
        return len(hashes) if len(hashes) < KEPT else round((KEPT - 1) / ((hashes[-1] + 1) / 2**64))


class _Percentile(_Numbers[dict[int, int]]):
    """A value that so many percent are not above: counts by the logarithm, each bin 2 % wide."""

    parameter = ("percent", 0, 100)
    doc = "the value that so many percent do not exceed, within 1 % of it"

    def fold(self, state: dict[int, int] | None, values: Sequence[Any], times: Sequence[int]) -> dict[int, int]:
        made = dict(Counter(map(_bin, values)))
        return made if state is None else self.merge(state, made)

    def merge(self, one: dict[int, int], other: dict[int, int]) -> dict[int, int]:
        made = dict(one)
        for place, count in other.items():
            made[place] = made.get(place, 0) + count
        return made

    def result(self, state: dict[int, int] | None) -> float | None:
        if state is None:
            return None
        left = (self.given or 0) / 100 * (sum(state.values()) - 1)
        place = 0
        for place in sorted(state):
            left -= state[place]
            if left < 0:
                break
        return _middle(place)


KINDS: dict[str, type[Kind[Any]]] = {
    "avg": _Avg,
    "count": _Count,
    "distinct": _Distinct,
    "first": _First,
    "last": _Last,
    "list": _Listed,
    "max": _Max,
    "min": _Min,
    "percentile": _Percentile,
    "stddev": _Stddev,
    "sum": _Sum,
}
"""The aggregates by the name they are called by."""


def _smallest(hashes: set[int]) -> bytes:
    return array("Q", sorted(hashes)[:KEPT]).tobytes()


def _bin(value: float) -> int:
    """Even numbers are bins above zero, odd ones below; they rise with the value."""
    if -_SMALLEST <= value <= _SMALLEST:
        return 0
    number = math.ceil(math.log(abs(value) / _SMALLEST) / _GAMMA)
    return number if value > 0 else -number


def _middle(number: int) -> float:
    if not number:
        return 0.0
    size = _SMALLEST * math.exp(abs(number) * _GAMMA) * 2 / (math.exp(_GAMMA) + 1)
    return size if number > 0 else -size
