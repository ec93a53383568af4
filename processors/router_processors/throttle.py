"""Let records pass at a rate."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any, Literal

from router import (
    FAILURE,
    SUCCESS,
    Batch,
    Config,
    Context,
    Expression,
    Field,
    Processor,
    Rate,
    RecordError,
    Relationship,
    failed,
)

EXCESS = Relationship("excess", "Records that came faster than the rate.")

_TOGETHER = 0.005  # seconds: what is due this soon goes now; waiting takes about as long
_KEYS = 10_000


class ThrottleConfig(Config):
    """Settings of ``throttle``."""

    rate: Rate = Field(gt=0, description="How many records a second may pass.", examples=["100", "10/m"])
    key: Expression | None = Field(
        None,
        description="What the rate is counted by, each value for itself; left out: all together.",
        examples=["user"],
    )
    burst: int = Field(1, ge=1, description="How many may pass at once after a pause.")
    excess: Literal["wait", "drop", "route"] = Field(
        "wait", description="What becomes of those above the rate: they wait, are dropped, or leave by `excess`."
    )


class Throttle(Processor):
    """Let records pass at a rate, evenly, each key at its own.

    With `excess: wait` records are delayed, and so are those that come behind: within a
    batch a key that has to wait lets the others go first, between batches it does not.
    With `drop` and `route` nothing waits. Rates are kept in memory; a restart begins anew.

    Example:
        slowly: {type: throttle, rate: 10/m, key: user, burst: 3, excess: route, to: {success: notify, excess: digest}}
    """

    type_name = "throttle"
    config: ThrottleConfig
    keyed_state = True
    reads: Literal["rows", "content", "any"] = "any"

    def __init__(self, config: ThrottleConfig) -> None:
        super().__init__(config)
        self._free: dict[Any, float] = {}  # when the next record of a key may pass at the latest
        if config.key is not None and config.key.whole:
            self.reads = "rows"  # `record` is all of it

    @classmethod
    def relationships_for(cls, config: ThrottleConfig) -> tuple[Relationship, ...]:
        """With ``excess: route`` there is a way out for the excess."""
        return (SUCCESS, EXCESS, FAILURE) if config.excess == "route" else (SUCCESS, FAILURE)

    def fields(self) -> frozenset[str]:
        """What the key reads."""
        return self.config.key.fields if self.config.key is not None else frozenset()

    async def process(self, batch: Batch, context: Context) -> AsyncIterator[dict[str, Batch]]:
        """Give the batch in parts, when their time has come."""
        self._forget_before(context.now())
        keys = self.config.key.over(batch) if self.config.key is not None else [""] * len(batch)
        failures: list[tuple[int, BaseException]] = [
            (index, _no_key(key)) for index, key in enumerate(keys) if not isinstance(key, str | int | float)
        ]
        if failures:
            yield {FAILURE.name: failed(batch, failures, context.name)}
        wrong = {index for index, _ in failures}
        good = [index for index in range(len(batch)) if index not in wrong]
        if self.config.excess == "wait":
            async for part in self._paced(batch, good, keys, context):
                yield part
        else:
            labels: list[str | None] = [None] * len(batch)
            now = context.now()
            other = EXCESS.name if self.config.excess == "route" else None
            for index in good:
                labels[index] = SUCCESS.name if self._passes(keys[index], now) else other
            if routes := batch.partition(labels):
                yield routes

    async def _paced(
        self, batch: Batch, indices: Sequence[int], keys: Sequence[Any], context: Context
    ) -> AsyncIterator[dict[str, Batch]]:
        now = context.now()
        due = sorted([(self._reserve(keys[index], now), index) for index in indices])
        start = 0
        while start < len(due):
            now = context.now()
            stop = start
            while stop < len(due) and due[stop][0] <= now + _TOGETHER:
                stop += 1
            if stop > start:
                yield {SUCCESS.name: batch.select([index for _, index in due[start:stop]])}
                start = stop
            else:
                await context.sleep(due[start][0] - now)

    def _reserve(self, key: object, now: float) -> float:
        """Take the next place of a key; return when it is (GCRA: a leaky bucket that keeps one moment a key)."""
        step = 1 / self.config.rate
        free = max(self._free.get(key, 0.0), now)
        self._free[key] = free + step
        return free - (self.config.burst - 1) * step

    def _passes(self, key: object, now: float) -> bool:
        step = 1 / self.config.rate
        free = max(self._free.get(key, 0.0), now)
        if free - (self.config.burst - 1) * step > now:
            return False
        self._free[key] = free + step
        return True

    def _forget_before(self, now: float) -> None:
        if len(self._free) > _KEYS:
            self._free = {key: free for key, free in self._free.items() if free > now}


def _no_key(key: object) -> RecordError:
    if key is None:
        return RecordError("the key is missing")
    return RecordError(f"a key is a text or a number; got {key!r:.80}")
