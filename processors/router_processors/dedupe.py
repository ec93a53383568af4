"""Tell the first record with a key from those that repeat it."""

from __future__ import annotations

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

DUPLICATE = Relationship(
    "duplicate", "Records whose key was seen before, within the time.", unconnected=Unconnected.DROPPED
)


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


class Dedupe(Processor):
    """Let the first record with a key pass, and set its repeats aside.

    A key is forgotten `within` the given time after its first record; repeats do not prolong that.
    Keys are kept in the flow's state, each as 32 digits that depend on its value alone. Like all
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
        if config.key.whole:
            self.reads = "rows"  # `record` is all of it

    def fields(self) -> frozenset[str]:
        """What the key reads."""
        return self.config.key.fields

    async def process(self, batch: Batch, context: Context) -> dict[str, Batch]:
        """Look all keys up at once, and remember those that are new."""
        keys = self._hashed.over(batch)
        seen = set(await context.state.get_many(dict.fromkeys(key for key in keys if key is not None)))
        new: dict[str, bool] = {}
        labels: list[str] = []
        for key in keys:
            if key is None:
                labels.append(FAILURE.name)
            elif key in seen:
                labels.append(DUPLICATE.name)
            else:
                labels.append(SUCCESS.name)
                seen.add(key)
                new[key] = True
        if new:
            await context.state.put_many(new, expire=self.config.within.total_seconds())
        routes = batch.partition(labels)
        if (lost := routes.get(FAILURE.name)) is not None:
            problems: list[tuple[int, BaseException]] = [(index, _no_key()) for index in range(len(lost))]
            routes[FAILURE.name] = failed(lost, problems, context.name)
        return routes


def _no_key() -> RecordError:
    return RecordError("the key is missing, or no value that can be compared")
