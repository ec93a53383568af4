"""Make records, for tests and demonstrations."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

from router import Ack, Batch, Config, Context, Expression, Field, Outcome, Rate, Source

_RECORDS = 1000  # in a batch, where no rate asks for fewer
_SECONDS = 0.1  # how much of a rate goes into one batch
_LATE = 1.0  # seconds; what was missed by more is not made up for


class GenerateConfig(Config):
    """Settings of ``generate``."""

    count: int | None = Field(None, ge=0, description="How many records; left out: without end.")
    rate: Rate = Field(0.0, description="How many records a second; 0: as fast as they are taken.")
    record: dict[str, Expression] = Field(
        default_factory=lambda: {"number": Expression("meta.number")},
        min_length=1,
        description="Field: expression. `meta.number` counts the records from 0.",
        examples=[{"id": "meta.number", "lang": '"en" if bucket(meta.number, 2) == 0 else "es"'}],
    )


class Generate(Source):
    """Make records out of expressions over their number, `meta.number`.

    Nothing is kept: after a restart it counts from 0 again, and records that were rejected
    are not made again; a bulletin says how many. With a `rate` the records come evenly; when
    the flow was too slow to take them, the pace starts anew instead of catching up.

    Example:
        posts: {type: generate, count: 100, rate: 10, record: {id: meta.number}, to: score}
    """

    type_name = "generate"
    config: GenerateConfig

    def __init__(self, config: GenerateConfig) -> None:
        super().__init__(config)
        self._made = 0
        self._rejected = 0

    @classmethod
    def check(cls, config: GenerateConfig) -> Iterable[str]:
        """Refuse expressions over fields: there is no record yet."""
        for field, expression in config.record.items():
            if expression.fields or expression.whole:
                read = min(expression.fields, default="record")
                yield f"'record.{field}': there is no record to read {read!r} from; 'meta.number' counts them"

    async def produce(self, context: Context) -> AsyncIterator[tuple[Batch, object]]:
        """Give batches until the count is reached."""
        size = min(_RECORDS, max(1, int(self.config.rate * _SECONDS))) if self.config.rate else _RECORDS
        due = context.now()
        while self.config.count is None or self._made < self.config.count:
            wanted = size if self.config.count is None else min(size, self.config.count - self._made)
            if self.config.rate:
                now = context.now()
                if due > now:
                    await context.sleep(due - now)
                due = max(due, now - _LATE) + wanted / self.config.rate
            batch = self._batch(self._made, wanted)
            self._made += wanted
            yield batch, wanted

    def settled(self, ack: Ack) -> None:
        """Count what was rejected: it cannot be given again."""
        if ack.outcome is Outcome.REJECTED and isinstance(ack.token, int):
            self._rejected += ack.token

    async def stop(self, context: Context) -> None:
        """Tell of what was rejected."""
        if self._rejected:
            context.bulletin("records were rejected; they are not made again", records=self._rejected)

    def progress(self) -> tuple[int, int | None]:
        """How many records were made, and of how many."""
        return self._made, self.config.count

    def _batch(self, first: int, count: int) -> Batch:
        numbers = Batch.of([{}] * count).with_columns(number=range(first, first + count))
        columns = [expression.over(numbers) for expression in self.config.record.values()]
        names = list(self.config.record)
        return Batch.of([dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)])
