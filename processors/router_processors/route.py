"""Send each record the way its values say."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Literal

from router import FAILURE, Batch, Config, Context, Expression, Field, Processor, Relationship

UNMATCHED = Relationship("unmatched", "Records that no condition matched.")

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_RESERVED = frozenset({"retry", "unavailable", "processor", "queue", "name"})


class RouteConfig(Config):
    """Settings of ``route``."""

    when: dict[str, Expression] = Field(
        min_length=1,
        description="Relationship: condition. Only what is true matches; what is missing does not.",
        examples=[{"angry": "sentiment < -0.5", "happy": "sentiment > 0.5"}],
    )
    match: Literal["first", "all"] = Field(
        "first",
        description="Where a record goes that several conditions match: by the first, or a copy by each of them.",
    )


class Route(Processor):
    """Send each record to the relationship whose condition it matches.

    The order in `when` counts: with `match: first` the first condition that is true wins.
    Records that match none leave by `unmatched`. Content that was not decoded before is
    not decoded here: only the fields that the conditions read are looked up, and the
    records leave as the bytes that came.

    Example:
        route:
          type: route
          when: {angry: sentiment < -0.5, happy: sentiment > 0.5}
          to: {angry: alerts, happy: archive, unmatched: drop}
    """

    type_name = "route"
    config: RouteConfig
    relationships = (UNMATCHED, FAILURE)
    reads: Literal["rows", "content", "any"] = "any"

    def __init__(self, config: RouteConfig) -> None:
        super().__init__(config)
        self._conditions = list(config.when.items())
        if any(condition.whole for _, condition in self._conditions):
            self.reads = "rows"  # `record` is all of it

    @classmethod
    def relationships_for(cls, config: RouteConfig) -> tuple[Relationship, ...]:
        """One for each condition, and what is left."""
        return (
            *(Relationship(name, f"Records for which: {each}") for name, each in config.when.items()),
            *cls.relationships,
        )

    @classmethod
    def check(cls, config: RouteConfig) -> Iterable[str]:
        """Refuse names that cannot be relationships, or that are router's own."""
        for name in config.when:
            if not _NAME.fullmatch(name):
                yield f"'when': a relationship is lower_snake, such as 'angry'; got {name!r}"
            elif name in _RESERVED or name in {each.name for each in cls.relationships}:
                yield f"'when': the relationship name {name!r} is taken; choose another"

    def fields(self) -> frozenset[str]:
        """What the conditions read."""
        return frozenset[str]().union(*(condition.fields for _, condition in self._conditions))

    def process(self, batch: Batch, context: Context) -> dict[str, Batch]:
        """Part the batch: each condition looks at what those before it have left."""
        if self.config.match == "all":
            return self._to_all(batch)
        routes: dict[str, Batch] = {}
        rest = batch
        for name, condition in self._conditions:
            matched, rest = rest.split([value is True for value in condition.over(rest)])
            routes[name] = matched
        routes[UNMATCHED.name] = rest
        return {name: part for name, part in routes.items() if len(part)}

    def _to_all(self, batch: Batch) -> dict[str, Batch]:
        routes: dict[str, Any] = {}
        unmatched = set(range(len(batch)))
        for name, condition in self._conditions:
            matched = [index for index, value in enumerate(condition.over(batch)) if value is True]
            unmatched.difference_update(matched)
            routes[name] = batch.select(matched)
        routes[UNMATCHED.name] = batch.select(sorted(unmatched))
        return {name: part for name, part in routes.items() if len(part)}
