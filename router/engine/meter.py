"""How long the calls of one processor take."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate

__all__ = ["CallStats", "Meter"]

_BUCKETS = 40  # doubling from a microsecond: the last is above six days
_UNIT = 1e-6


@dataclass(frozen=True, slots=True)
class CallStats:
    """The calls of one processor since it was started."""

    calls: int
    seconds: float
    """All of them together: what they waited for included."""
    records: int
    p50: float
    """Half of the calls took no longer, in seconds, to a factor of two."""
    p99: float


class Meter:
    """Counts calls by how long they took, in buckets that double: fixed in memory, cheap to add to."""

    __slots__ = ("_buckets", "records", "seconds")

    def __init__(self) -> None:
        self.records = 0
        self.seconds = 0.0
        self._buckets = [0] * _BUCKETS

    def saw(self, seconds: float, records: int) -> None:
        """Count one call."""
        self.records += records
        self.seconds += seconds
        self._buckets[min(_BUCKETS - 1, int(seconds / _UNIT).bit_length())] += 1

    def stats(self) -> CallStats:
        """All calls until now."""
        calls = sum(self._buckets)
        return CallStats(calls, self.seconds, self.records, self._quantile(calls, 0.5), self._quantile(calls, 0.99))

    def _quantile(self, calls: int, share: float) -> float:
        """The upper bound of the bucket that this share of the calls ends in."""
        if not calls:
            return 0.0
        sums = accumulate(self._buckets)
        return next(_UNIT * float(2**number) for number, total in enumerate(sums) if total >= share * calls)
