"""What the processors of a random flow do that crashes: each record says by its ``uid`` what becomes of it."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Iterable
from random import Random
from typing import Any, ClassVar, cast

from router.ack import Ack
from router.authoring import Context, Held, Processor, Source, Why
from router.batch import Batch
from router.errors import RetryableError
from router.relationship import FAILURE, RETRY, SUCCESS, Relationship, Unconnected
from tests.crash.lineage import Row, Token, World, arrived, parts

OTHER = Relationship("other")
DELIVERED = Relationship("success", unconnected=Unconnected.DELIVERED)


def odds(text: str, sides: int) -> int:
    return zlib.crc32(text.encode()) % sides


class Given(Source):
    """Gives each token until it has heard that it is safe."""

    type_name = "given"
    relationships = (SUCCESS,)

    def __init__(self, name: str, seed: int, world: World, tokens: int) -> None:
        super().__init__()
        self.name, self.world, self.life, self.tokens = name, world, world.life, tokens
        self.dice = Random(f"{seed} {world.life}")

    async def produce(self, context: Context) -> AsyncIterator[Any]:
        together = []
        for number in range(self.tokens):
            token = (self.name, number)
            if self.world.is_safe(token):
                continue
            together.append(self.batch(token))
            if self.dice.random() < 0.3:
                continue
            if self.dice.random() < 0.8:
                await context.sleep(self.dice.choice([0.1, 1]))
            yield together if len(together) > 1 else together[0]
            together = []
        if together:
            yield together

    def batch(self, token: tuple[str, int]) -> tuple[Batch, object]:
        size = odds(str(token), 7)
        self.world.given[token] = size
        giving = self.world.number(str(token))
        rows = [self.row(f"{token[0]}.{token[1]}.{index}", giving) for index in range(size)]
        batch = Batch.of(rows, source=self.name)
        return (Batch.raw(batch.content) if self.dice.random() < 0.5 else batch), (token, giving)

    def row(self, root: str, giving: int) -> Row:
        of = [[root, "0", "1", [[self.name, giving]]]]
        return {"uid": root, "key": odds(root, 3), "of": of, "via": [self.name, "success"]}

    def settled(self, ack: Ack) -> None:
        token, giving = cast("tuple[Token, int]", ack.token)
        self.world.tell(self.life, token, giving, ack.outcome.name)


class Step(Processor):
    """Does one thing with records, the same in every life."""

    type_name = "step"
    relationships: ClassVar[tuple[Relationship, ...]] = (SUCCESS, FAILURE, OTHER)
    is_safe: ClassVar[bool] = False
    """True if none of its records ever fails."""

    def __init__(self, name: str, seed: int, world: World) -> None:
        super().__init__()
        self.name, self.world, self.life = name, world, world.life
        self.dice = Random(f"{seed} {world.life}")
        self.reads = Random(seed).choice(["rows", "any", "content"])

    async def start(self, context: Context) -> None:
        if context.is_exactly_once:
            self.world.exact.add(self.name)

    def come(self, batch: Batch) -> list[Row]:
        errors = batch.meta("error")
        targets = self.world.targets
        return [arrived(row, error, self.name, targets) for row, error in zip(batch.rows, errors, strict=True)]

    def call(self) -> int:
        return self.world.number("calls")

    def made(self, row: Row, call: int, relationship: str = "success", child: str = "") -> Row:
        of = [[root, low, high, [*calls, [self.name, call]]] for root, low, high, calls in row["of"]]
        return {**row, "uid": f"{row['uid']}/{self.name}{child}", "of": of, "via": [self.name, relationship]}

    def dropped(self, rows: Iterable[Row]) -> None:
        self.world.put(self.life, "dropped", rows)

    def odds(self, row: Row, sides: int) -> int:
        return odds(f"{row['uid']}|{self.name}", sides)


class Pass(Step):
    is_safe = True

    def process(self, batch: Batch, context: Context) -> Any:
        call = self.call()
        return batch.with_rows([self.made(row, call) for row in self.come(batch)])


class Route(Step):
    """One of two ways, or dropped."""

    def process(self, batch: Batch, context: Context) -> Any:
        rows, call = self.come(batch), self.call()
        has_other = (self.name, "other") in self.world.targets
        ways = [
            ("other" if has_other and self.odds(row, 2) else "success") if self.odds(row, 7) else None for row in rows
        ]
        self.dropped(row for row, way in zip(rows, ways, strict=True) if way is None)
        made = batch.with_rows([self.made(row, call, way or "") for row, way in zip(rows, ways, strict=True)])
        return made.partition(ways)


class Split(Step):
    """Each record becomes none to three."""

    is_safe = True

    def process(self, batch: Batch, context: Context) -> Any:
        rows, call = self.come(batch), self.call()
        counts = [self.odds(row, 4) for row in rows]
        self.dropped(row for row, count in zip(rows, counts, strict=True) if not count)
        return batch.expand([
            [self.made({**row, "of": parts(row["of"], child, count)}, call, child=f".{child}") for child in range(count)]
            for row, count in zip(rows, counts, strict=True)
        ])  # fmt: skip


class Group(Step):
    """Neighbours become one record."""

    is_safe = True

    def process(self, batch: Batch, context: Context) -> Any:
        rows, call = self.come(batch), self.call()
        size = 1 + odds(rows[0]["uid"], 4)
        groups = [range(start, min(start + size, len(rows))) for start in range(0, len(rows), size)]
        return batch.group(
            [list(group) for group in groups], [self.one([rows[i] for i in group], call) for group in groups]
        )

    def one(self, rows: list[Row], call: int) -> Row:
        made = [self.made(row, call) for row in rows]
        return {
            **made[0],
            "uid": "+".join(row["uid"] for row in made),
            "of": [each for row in made for each in row["of"]],
            "counts": [each for row in made for each in row.get("counts", ())],
        }


class Poison(Step):
    """Raises while a bad record is in the batch."""

    def process(self, batch: Batch, context: Context) -> Any:
        rows, call = self.come(batch), self.call()
        if bad := [row["uid"] for row in rows if self.odds(row, 6) == 0]:
            raise ValueError(bad[0])
        return batch.with_rows([self.made(row, call) for row in rows])


class Outage(Step):
    """The world fails now and then; sometimes a part of the batch had got through."""

    is_safe = True

    def process(self, batch: Batch, context: Context) -> Any:
        rows, call = self.come(batch), self.call()
        if self.dice.random() < 0.2:
            raise RetryableError("down", after=self.dice.choice([None, 0.0, 7.0]))
        through = [self.dice.random() < 0.8 for _ in rows]
        made = batch.with_rows([self.made(row, call) for row in rows])
        again = [index for index, each in enumerate(through) if not each]
        done = [index for index, each in enumerate(through) if each]
        return {"success": made.select(done), RETRY.name: batch.select(again)}


class Sleeper(Step):
    """An async call that takes its time, and gives what it has piece by piece."""

    is_safe = True

    async def process(self, batch: Batch, context: Context) -> Any:
        call = self.call()
        made = batch.with_rows([self.made(row, call) for row in self.come(batch)])
        for start in range(0, len(made), 2):
            yield made.slice(start, start + 2)
            await context.sleep(self.dice.choice([0.0, 0.0, 0.5]))


class Tally(Step):
    """Counts by key in its state."""

    is_safe = True

    async def process(self, batch: Batch, context: Context) -> Any:
        rows, call = self.come(batch), self.call()
        counts = await context.state.get_many([str(row["key"]) for row in rows])
        made = []
        for row in rows:
            key = str(row["key"])
            counts[key] = counts.get(key, 0) + 1
            said = [self.name, key, counts[key], f"{row['uid']} in {call}"]
            made.append({**self.made(row, call), "counts": [*row.get("counts", ()), said]})
        await context.state.put_many(counts)
        return batch.with_rows(made)


class Holder(Step):
    """Keeps batches, and gives them on when it has enough, when time is up, or when it must."""

    is_safe = True

    def __init__(self, name: str, seed: int, world: World) -> None:
        super().__init__(name, seed, world)
        self.kept: list[Held] = []
        self.enough = self.dice.choice([1, 3, 20])

    def process(self, batch: Batch, context: Context) -> Any:
        self.kept.append(context.hold(batch))
        if self.dice.random() < 0.5:
            context.wake_at(context.now() + 4)
        return self.given() if len(self.kept) >= self.enough else None

    async def wake(self, context: Context, why: Why) -> Any:
        return None if why is Why.STOPPING else self.given()

    def given(self) -> Any:
        going, self.kept = self.kept, []
        if not going:
            return None
        call = self.call()
        for held in going:
            held.release()
        batch = Batch.concat([held.batch for held in going])
        return batch.with_rows([self.made(row, call) for row in self.come(batch)])


class Sink(Step):
    """Where records should be."""

    type_name = "sink"
    is_sink = True
    is_safe = True
    relationships = (DELIVERED, FAILURE)

    async def process(self, batch: Batch, context: Context) -> Any:
        if self.dice.random() < 0.1:
            raise RetryableError("disk full", after=0.5)
        if self.dice.random() < 0.3:
            await context.sleep(0.1)
        self.world.put(self.life, self.name, self.come(batch))
        return batch


STEPS: tuple[type[Step], ...] = (
    Pass, Route, Split, Group, Poison, Poison, Outage, Sleeper, Tally, Tally, Holder,
)  # fmt: skip
