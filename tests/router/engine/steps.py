"""What the processors of a random flow do, and the books that every record is entered in."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from random import Random
from typing import Any, ClassVar

from router.ack import Ack, Outcome
from router.authoring import Context, Held, Processor, Source, Why
from router.batch import Batch, Record
from router.errors import RetryableError
from router.relationship import FAILURE, RETRY, SUCCESS, Relationship, Unconnected

OTHER, AGAIN = Relationship("other"), Relationship("again")
DELIVERED = Relationship("success", unconnected=Unconnected.DELIVERED)


@dataclass
class Books:
    """Where every share went, and what the sources were told."""

    given: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Root to token."""
    places: dict[str, Counter[str]] = field(default_factory=dict)
    shares: dict[str, Fraction] = field(default_factory=dict)
    settled: dict[tuple[str, int], list[Outcome]] = field(default_factory=dict)
    disorder: list[str] = field(default_factory=list)

    def put(self, place: str, rows: Iterable[Record]) -> None:
        for row in rows:
            for root, share in row["of"]:
                self.shares[root] = self.shares.get(root, Fraction()) + Fraction(share)
                self.places.setdefault(root, Counter())[place] += 1

    def unsettled(self) -> dict[tuple[str, int], list[Outcome]]:
        return {token: outcomes for token, outcomes in self.settled.items() if len(outcomes) != 1}

    def amiss(self, *, lossy: bool) -> dict[str, str]:
        """Roots whose shares do not add up, though their source was not told to give them again."""
        found = {}
        for root, token in self.given.items():
            share, outcome = self.shares.get(root, Fraction()), self.settled[token][0]
            is_lost = lossy and share < 1 and outcome >= Outcome.DROPPED
            if outcome is not Outcome.REJECTED and share != 1 and not is_lost:
                found[root] = f"{share} of it in {dict(self.places.get(root, {}))}, told {outcome.name}"
        return found

    def worst(self, token: tuple[str, int]) -> set[str]:
        """The kinds of places where records of a token ended."""
        roots = [root for root, each in self.given.items() if each == token]
        return {place for root in roots for place in self.places.get(root, ())}


def chance(text: str, sides: int) -> int:
    return zlib.crc32(text.encode()) % sides


def scaled(row: Record, share: Fraction, uid: str) -> Record:
    return {**row, "uid": uid, "of": [[root, str(Fraction(each) * share)] for root, each in row["of"]]}


class Given(Source):
    """Gives numbered batches, some as rows, some as content, with pauses and an outage."""

    type_name = "given"
    relationships = (SUCCESS,)

    def __init__(self, name: str, seed: int, books: Books, batches: int, copies: int) -> None:
        super().__init__()
        self.name, self.books, self.batches, self.copies = name, books, batches, copies
        self.dice = Random(seed)
        self.number = 0
        self.outages = self.dice.choice([0, 0, 1, 2])

    async def produce(self, context: Context) -> AsyncIterator[Any]:
        while self.number < self.batches:
            if self.dice.random() < 0.2:
                await context.sleep(self.dice.choice([0.1, 3]))
            if self.outages and self.dice.random() < 0.3:
                self.outages -= 1
                raise RetryableError("an outage")
            self.number += 1
            token = (self.name, self.number)
            rows = [self.row(token, index) for index in range(self.dice.choice([0, 1, 1, 2, 5, 12]))]
            self.books.settled[token] = []
            batch = Batch.of(rows, source=self.name)
            yield (Batch.raw(batch.content, source=self.name) if self.dice.random() < 0.5 else batch), token

    def row(self, token: tuple[str, int], index: int) -> Record:
        root = f"{token[0]}.{token[1]}.{index}"
        self.books.given[root] = token
        number = chance(root, 25)
        return {
            "uid": root,
            "key": number % 5 if number else None,
            "of": [[root, str(Fraction(1, self.copies))]],
            "hops": 0,
        }

    def settled(self, ack: Ack) -> None:
        assert isinstance(ack.token, tuple)
        self.books.settled[ack.token].append(ack.outcome)


class Step(Processor):
    """Does one thing with records, chosen by what they are, so that a second call decides the same."""

    type_name = "step"
    relationships: ClassVar[tuple[Relationship, ...]] = (SUCCESS, FAILURE, OTHER, AGAIN)
    keeps_order: ClassVar[bool] = True

    def __init__(self, name: str, seed: int, books: Books, copies: dict[str, int], *, order: str) -> None:
        super().__init__()
        self.name, self.books, self.copies, self.order = name, books, copies, order
        self.dice = Random(seed)
        self.reads = self.dice.choice(["rows", "rows", "any", "content"])
        self.ranks: dict[str, int] = {}
        self.newest: dict[tuple[str, ...], int] = {}
        self.tries: Counter[str] = Counter()

    # -- what every step does -------------------------------------------------------------------

    def see(self, batch: Batch) -> None:
        """Note the order in which records arrive, and hold who gave them to theirs."""
        for row, error in zip(batch.rows, batch.meta("error"), strict=True):
            if row["uid"] in self.ranks:
                continue
            self.ranks[row["uid"]] = len(self.ranks)
            if error is not None or (by := row.get("by")) is None:
                continue  # a record that failed still says who gave it to where it failed
            who, relationship, rank, promised = by
            keyed = "key" in (promised, self.order)
            place = (who, relationship, str(row["key"])) if keyed else (who, relationship)
            if promised != "none":
                if rank < self.newest.get(place, -1):
                    self.books.disorder.append(f"{row['uid']} reached {self.name} late from {place}")
                self.newest[place] = rank

    def made(self, row: Record, relationship: str, child: str = "", share: Fraction = Fraction(1)) -> Record:
        """A record on its way out, stamped with its place in the order."""
        copies = self.copies.get(relationship, 1) or 1
        promised = self.order if self.keeps_order else "none"
        by = [self.name, relationship, self.ranks.get(row["uid"], -1), promised]
        return {**scaled(row, share / copies, f"{row['uid']}/{self.name}{child}"), "by": by}

    def out(self, batch: Batch, rows: list[Record], relationship: str = "success") -> Batch:
        return batch.with_rows([self.made(row, relationship) for row in rows])

    def dropped(self, rows: Iterable[Record]) -> None:
        self.books.put("dropped", rows)

    def odds(self, row: Record, sides: int) -> int:
        return chance(f"{row['uid']}|{self.name}", sides)


class Pass(Step):
    def process(self, batch: Batch, context: Context) -> Any:
        self.see(batch)
        return self.out(batch, batch.rows)


class Route(Step):
    """One of two ways, or once more round, or dropped."""

    def process(self, batch: Batch, context: Context) -> Any:
        self.see(batch)
        labels = [self.way(row) for row in batch.rows]
        self.dropped(row for row, label in zip(batch.rows, labels, strict=True) if label is None)
        return {
            name: self.out(part, self.hopped(part.rows) if name == "again" else part.rows, name)
            for name, part in batch.partition(labels).items()
        }

    def way(self, row: Record) -> str | None:
        if self.copies.get("again") and row["hops"] < 4 and self.odds(row, 3) == 0:
            return "again"
        if self.odds(row, 7) == 1:
            return None
        return "other" if self.copies.get("other") and self.odds(row, 2) else "success"

    def hopped(self, rows: list[Record]) -> list[Record]:
        return [{**row, "hops": row["hops"] + 1} for row in rows]


class Split(Step):
    """Each record becomes none to three."""

    def process(self, batch: Batch, context: Context) -> Any:
        self.see(batch)
        counts = [self.odds(row, 4) for row in batch.rows]
        self.dropped(row for row, count in zip(batch.rows, counts, strict=True) if not count)
        return batch.expand(
            [
                [self.made(row, "success", f".{child}", Fraction(1, count)) for child in range(count)]
                for row, count in zip(batch.rows, counts, strict=True)
            ]
        )


class Group(Step):
    """Neighbours become one record."""

    keeps_order = False

    def process(self, batch: Batch, context: Context) -> Any:
        self.see(batch)
        size = 1 + chance(batch.rows[0]["uid"], 4)
        groups = [list(range(start, min(start + size, len(batch)))) for start in range(0, len(batch), size)]
        return batch.group(groups, [self.one([batch.rows[i] for i in group]) for group in groups])

    def one(self, rows: list[Record]) -> Record:
        parts = [self.made(row, "success") for row in rows]
        return {
            **parts[0],
            "uid": "+".join(part["uid"] for part in parts),
            "of": [o for part in parts for o in part["of"]],
        }


class Derive(Group):
    """Two records that depend on all of the batch."""

    def process(self, batch: Batch, context: Context) -> Any:
        self.see(batch)
        row = self.one(batch.rows)
        return batch.derive([scaled(row, Fraction(1, 2), f"{row['uid']}.{half}") for half in range(2)])


class Poison(Step):
    """Raises while a bad record is in the batch."""

    def process(self, batch: Batch, context: Context) -> Any:
        self.see(batch)
        bad = [row["uid"] for row in batch.rows if self.odds(row, 6) == 0]
        if bad:
            error: type[BaseException] = self.dice.choice([ValueError, SystemExit, StopIteration])
            raise error(bad[0])
        return self.out(batch, batch.rows)


class Outage(Step):
    """The world fails a few times; sometimes part of the batch had got through."""

    keeps_order = False

    def process(self, batch: Batch, context: Context) -> Any:
        self.see(batch)
        left = [row for row in batch.rows if self.tries[row["uid"]] < self.odds(row, 3)]
        self.tries.update(row["uid"] for row in left)
        if len(left) == len(batch) and self.odds(left[0], 2):
            raise RetryableError("down", after=self.dice.choice([None, 0.0, 7.0]))
        labels = [RETRY.name if row in left else "success" for row in batch.rows]
        parts = batch.partition(labels)
        return {name: part if name == RETRY.name else self.out(part, part.rows) for name, part in parts.items()}


class Sleeper(Step):
    """An async call that takes its time."""

    async def process(self, batch: Batch, context: Context) -> Any:
        self.see(batch)
        await context.sleep(self.dice.choice([0.0, 0.5, 2.0]))
        if any(self.odds(row, 12) == 0 for row in batch.rows):
            raise ValueError("bad")
        return self.out(batch, batch.rows)


class Generator(Step):
    """Gives its output piece by piece."""

    async def process(self, batch: Batch, context: Context) -> Any:
        self.see(batch)
        for start in range(0, len(batch), 2):
            part = batch.slice(start, start + 2)
            yield self.out(part, part.rows)
            if self.dice.random() < 0.2:
                await context.sleep(0.3)


class Holder(Step):
    """Keeps batches, and gives them on when it has enough, when time is up, or when it must."""

    keeps_order = False

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.kept: list[Held] = []
        self.enough = self.dice.choice([1, 3, 20, 10**6])
        self.patience = self.dice.choice([None, None, 0.0, 4.0])

    def process(self, batch: Batch, context: Context) -> Any:
        self.see(batch)
        if any(self.odds(row, 15) == 0 for row in batch.rows) and len(batch) > 1:
            self.hold(batch, context)
            self.kept.pop()
            raise ValueError("undone")
        self.hold(batch, context)
        if self.patience is not None:
            context.wake_at(context.now() + self.patience)
        if sum(len(held.batch) for held in self.kept) >= self.enough:
            return self.given()
        return None

    def hold(self, batch: Batch, context: Context) -> None:
        self.kept.append(context.hold(batch))

    async def wake(self, context: Context, why: Why) -> Any:
        if why is Why.STOPPING:
            return None
        if why is Why.FULL and len(self.kept) > 1 and self.dice.random() < 0.5:
            return self.given(1)
        return self.given()

    def given(self, count: int | None = None) -> Any:
        going = self.kept[:count]
        self.kept = self.kept[len(going) :]
        for held in going:
            held.release()
        rows = [row for held in going for row in held.batch.rows]
        return self.out(Batch.concat([held.batch for held in going]), rows) if going else None


class Sink(Step):
    """Where records should be."""

    type_name = "sink"
    is_sink = True
    relationships = (DELIVERED, FAILURE)

    def process(self, batch: Batch, context: Context) -> Any:
        self.see(batch)
        if self.dice.random() < 0.05:
            raise RetryableError("disk full")
        self.books.put("sink", batch.rows)
        return batch


STEPS: tuple[type[Step], ...] = (
    Pass, Route, Route, Split, Group, Derive, Poison, Outage, Sleeper, Generator, Holder, Holder,
)  # fmt: skip
PLAIN = (Pass, Route, Poison, Outage, Sleeper, Generator, Holder, Sink)
"""Steps that make no record of several, and none of none: what they drop, every origin hears."""
