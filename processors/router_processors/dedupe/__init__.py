"""Tell the first record with a key from those that repeat it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Literal

from router import (
    FAILURE,
    SUCCESS,
    Batch,
    Config,
    Context,
    Expression,
    Field,
    Processor,
    RecordError,
    Relationship,
    Unconnected,
    failed,
)
from router_processors.dedupe.index import Index

DUPLICATE = Relationship(
    "duplicate", "Records whose key was seen before, within the time.", unconnected=Unconnected.DROPPED
)

_KEYS, _THERE = "keys/", "there/"
_TELL = 60.0  # seconds between two bulletins that say the same


class DedupeConfig(Config):
    """Settings of ``dedupe``."""

    key: Expression = Field(
        description="What makes two records the same; several values are a list.",
        examples=["order_id", "[user, day]"],
    )
    within: timedelta = Field(
        gt=timedelta(0),
        description="How long a key is remembered, from the first record that had it.",
        examples=["10m"],
    )
    max_keys: int = Field(
        10_000_000, ge=1, description="How many keys are remembered at most, 24 bytes each; then the oldest go early."
    )


class Dedupe(Processor):
    """Let the first record with a key pass, and set its repeats aside.

    A key is forgotten `within` the given time after its first record; repeats do not prolong that.
    Keys are kept in the flow's state and in memory, each as 16 bytes that depend on its value alone. Like all
    state they are safe when what the call gave is safe: after a crash a record that had not
    arrived is given again, and is no repeat of itself. Between disk connections taken records, keys
    and outputs commit together, and nothing is lost or doubled. Two runs of a flow share its
    keys: what the first has seen is a duplicate to the second, as long as `within` says.

    Repeats are dropped unless `duplicate` is connected. A record without a key leaves by `failure`.

    Example:
        once: {type: dedupe, key: order_id, within: 10m, to: {success: store, duplicate: log}}
    """

    type_name = "dedupe"
    config: DedupeConfig
    keyed_state = True
    relationships = (SUCCESS, DUPLICATE, FAILURE)
    reads: Literal["rows", "content", "any"] = "any"

    def __init__(self, config: DedupeConfig) -> None:
        super().__init__(config)
        self._hashed = Expression(f"hash({config.key.source}\n)")
        self._index: Index
        self._now = 0.0
        self._told = float("-inf")
        if config.key.whole:
            self.reads = "rows"  # `record` is all of it

    def fields(self) -> frozenset[str]:
        """What the key reads."""
        return self.config.key.fields

    async def start(self, context: Context) -> None:
        """Learn the keys that were seen before."""
        self._index = Index()
        for name, (time, digests) in sorted((await context.state.scan(_KEYS)).items()):
            self._index.add(int(name.removeprefix(_KEYS)), time, digests)

    async def process(self, batch: Batch, context: Context) -> dict[str, Batch]:
        """Look all keys up at once, and remember those that are new."""
        keys = self._hashed.over(batch)
        unseen = set(await self._new([key for key in dict.fromkeys(keys) if key is not None], context))
        labels: list[str] = []
        for key in keys:
            if key in unseen:
                unseen.discard(key)
                labels.append(SUCCESS.name)
            else:
                labels.append(FAILURE.name if key is None else DUPLICATE.name)
        routes = batch.partition(labels)
        if (lost := routes.get(FAILURE.name)) is not None:
            problems: list[tuple[int, BaseException]] = [(index, _no_key()) for index in range(len(lost))]
            routes[FAILURE.name] = failed(lost, problems, context.name)
        return routes

    async def _new(self, keys: Sequence[str], context: Context) -> list[str]:
        """Those of different keys that were not seen; they are seen from now on."""
        self._now = max(self._now, context.now())
        self._index.drop_before(self._now - self.config.within.total_seconds())
        digests = list(map(bytes.fromhex, keys))
        numbers = self._index.find(digests)
        seen = await self._still_there(set(numbers) - {-1}, context)
        new = [place for place, number in enumerate(numbers) if number not in seen]
        if new:
            await self._remember(b"".join([digests[place] for place in new]), context)
        return [keys[place] for place in new]

    async def _still_there(self, numbers: set[int], context: Context) -> set[int]:
        """Blocks of keys that the state still knows: what a call put that was undone, or rejected, is gone from there."""
        if not numbers:
            return numbers
        names = {f"{_THERE}{number:012d}": number for number in numbers}
        found = {names[name] for name in await context.state.get_many(names)}
        self._index.forget(numbers - found)
        return found

    async def _remember(self, digests: bytes, context: Context) -> None:
        number = self._index.next_number
        self._index.add(number, self._now, digests)
        name = f"{number:012d}"
        seconds = self.config.within.total_seconds()
        await context.state.put_many({_KEYS + name: [self._now, digests], _THERE + name: True}, expire=seconds)
        if gone := self._index.drop_beyond(self.config.max_keys):
            await context.state.delete([f"{kind}{each:012d}" for each in gone for kind in (_KEYS, _THERE)])
            if self._now - self._told >= _TELL:
                self._told = self._now
                text = "more keys than 'max_keys' came within the time; the oldest were forgotten early"
                context.bulletin(text, max_keys=self.config.max_keys)


def _no_key() -> RecordError:
    return RecordError("the key is missing, or no value that can be compared")
