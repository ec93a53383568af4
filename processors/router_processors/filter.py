"""Keep the records that match, drop the others."""

from __future__ import annotations

from typing import Literal

from router import Batch, Config, Context, Expression, Field, Processor


class FilterConfig(Config):
    """Settings of ``filter``."""

    where: Expression = Field(
        description="Which records to keep: those for which it is true, not those for which it is false or missing.",
        examples=['lang == "en" and followers > 100'],
    )


class Filter(Processor):
    """Keep the records for which `where` is true; the others are dropped.

    Dropped is settled: to a source such a record is done with. To send the others
    somewhere use `route`. Content that was not decoded before is not decoded here.

    Example:
        english: {type: filter, where: lang == "en", to: score}
    """

    type_name = "filter"
    config: FilterConfig
    reads: Literal["rows", "content", "any"] = "any"

    def __init__(self, config: FilterConfig) -> None:
        super().__init__(config)
        if config.where.whole:
            self.reads = "rows"  # `record` is all of it

    def fields(self) -> frozenset[str]:
        """What the condition reads."""
        return self.config.where.fields

    def process(self, batch: Batch, context: Context) -> Batch | None:
        """Return the records that match."""
        kept = [index for index, value in enumerate(self.config.where.over(batch)) if value is True]
        if len(kept) == len(batch):
            return batch
        return batch.select(kept) if kept else None
