"""Which part of which record: so that what several crashes left can be laid over what was given.

A record carries ``of = [[root, low, high, calls], ...]``: the stretch of each root record it is made of, and
every call it came through. Who splits a record splits its stretches, and where a relationship leads to several
consumers, each of them has its own part. So a root is safe where the stretches that lie in sinks, on disk,
in dead letters, or were dropped on purpose, cover all of it; and it was worked on twice where two of them overlap
that came through different calls.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import combinations
from typing import Any, TypeAlias

Row: TypeAlias = dict[str, Any]
Targets: TypeAlias = Mapping[tuple[str, str], Sequence[str]]
Token: TypeAlias = tuple[str, int]
Call: TypeAlias = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Stretch:
    """Part of a root, where it ended, and how it came there."""

    low: Fraction
    high: Fraction
    calls: tuple[Call, ...]
    place: str

    @property
    def giving(self) -> int:
        """Which of its source's givings it comes from."""
        return self.calls[0][1]


def arrived(row: Row, error: Mapping[str, Any] | None, consumer: str, targets: Targets) -> Row:
    """The part of a record that is this consumer's; what failed is the part of who failed."""
    consumers = targets[tuple(row["via"])]
    failed = error["processor"] if error is not None else None
    number = consumers.index(failed if failed in consumers else consumer)
    return {**row, "of": parts(row["of"], number, len(consumers))}


def parts(of: Iterable[Sequence[Any]], number: int, count: int) -> list[list[Any]]:
    """One of several equal parts of each stretch."""
    found = []
    for root, low, high, calls in of:
        start, size = Fraction(low), (Fraction(high) - Fraction(low)) / count
        found.append([root, str(start + number * size), str(start + (number + 1) * size), calls])
    return found


@dataclass
class World:
    """What outlives a crash: sinks, and what the sources were told; and what the test knows of the flow."""

    targets: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    exact: set[str] = field(default_factory=set)
    """Processors that say they work exactly once."""
    rows: list[tuple[str, Row]] = field(default_factory=list)
    """What lies in sinks or was dropped on purpose, with the place."""
    given: dict[Token, int] = field(default_factory=dict)
    """How many records each token has."""
    told: dict[tuple[Token, int], list[str]] = field(default_factory=dict)
    """What was heard of each giving of a token."""
    numbers: Counter[str] = field(default_factory=Counter)
    life: int = 0

    def number(self, of: str) -> int:
        """The next number of a call, of a giving."""
        self.numbers[of] += 1
        return self.numbers[of]

    def put(self, life: int, place: str, rows: Iterable[Row]) -> None:
        """Note where records are for good; who was killed puts nothing."""
        if life == self.life:
            self.rows += [(place, row) for row in rows]

    def tell(self, life: int, token: Token, giving: int, outcome: str) -> None:
        """Note what a source hears."""
        if life == self.life:
            self.told.setdefault((token, giving), []).append(outcome)

    def is_safe(self, token: Token) -> bool:
        """True if its source was told, in any life, that it need not give it again."""
        return any(each == token and set(outcomes) - {"REJECTED"} for (each, _), outcomes in self.told.items())

    # -- what must be true ----------------------------------------------------------------------

    def unsafe(self, waiting: Iterable[tuple[str, Row]]) -> dict[str, str]:
        """Roots that were settled, and of which something is nowhere; ``waiting`` lies on disk."""
        found = stretches([*self.rows, *waiting])
        lost = {}
        for (token, giving), outcomes in self.told.items():
            if set(outcomes) == {"REJECTED"}:
                continue
            for index in range(self.given[token]):
                root = f"{token[0]}.{token[1]}.{index}"
                those = [each for each in found.get(root, ()) if each.giving == giving]
                if gap := uncovered(those):
                    lost[root] = f"giving {giving} told {outcomes}, from {gap} on it is nowhere: {those}"
        return lost

    def told_twice(self) -> dict[tuple[Token, int], list[str]]:
        """Givings that were settled more than once."""
        return {each: outcomes for each, outcomes in self.told.items() if len(outcomes) > 1}

    def worked_twice(self, waiting: Iterable[tuple[str, Row]] = ()) -> list[str]:
        """Records that one processor, which says exactly once, has worked on in two calls that both count."""
        found = []
        for root, several in stretches([*self.rows, *waiting]).items():
            for one, other in combinations(set(several), 2):
                if one.low < other.high and other.low < one.high:
                    parted = next(
                        (pair for pair in zip(one.calls, other.calls, strict=False) if pair[0] != pair[1]), None
                    )
                    if parted is not None and parted[0][0] == parted[1][0] in self.exact:
                        found.append(f"{root}: {one} and {other}")
        return found

    def counted_twice(self, waiting: Iterable[tuple[str, Row]] = ()) -> list[str]:
        """Counts of a processor, which says exactly once, that two records have, or none."""
        counts: dict[tuple[str, Any], dict[int, set[str]]] = {}
        for _, row in [*self.rows, *waiting]:
            for name, key, count, uid in row.get("counts", ()):
                if name in self.exact:
                    counts.setdefault((name, key), {}).setdefault(count, set()).add(uid)
        doubled = [
            f"{of} {count}: {uids}" for of, each in counts.items() for count, uids in each.items() if len(uids) > 1
        ]
        gaps = [f"{of}: {sorted(each)}" for of, each in counts.items() if sorted(each) != list(range(1, len(each) + 1))]
        return doubled + gaps


def stretches(rows: Iterable[tuple[str, Row]]) -> dict[str, list[Stretch]]:
    """All stretches of each root."""
    found: dict[str, list[Stretch]] = {}
    for place, row in rows:
        for root, low, high, calls in row["of"]:
            path = tuple((name, number) for name, number in calls)
            found.setdefault(root, []).append(Stretch(Fraction(low), Fraction(high), path, place))
    return found


def uncovered(found: Iterable[Stretch]) -> Fraction | None:
    """Where the first gap between 0 and 1 begins; None: there is none."""
    reached = Fraction()
    for each in sorted(found, key=lambda one: one.low):
        if each.low > reached:
            return reached
        reached = max(reached, each.high)
    return None if reached >= 1 else reached
