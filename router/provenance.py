"""How much of what happens to records is written down: ``run.provenance`` of a flow."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ValidationInfo, WithJsonSchema, field_validator, model_validator

from router.config import Config, Field, Size

__all__ = ["Level", "ProvenanceOptions", "parse_share"]

Level = Literal["off", "counts", "sample", "full"]
_SHARE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*%")


def parse_share(value: object) -> float:
    """Read ``1%``, ``0.01``: a share of a whole.

    Raises:
        ValueError: anything else, nothing, or more than the whole.
    """
    found = _SHARE.fullmatch(value.strip()) if isinstance(value, str) else None
    share = float(found[1]) / 100 if found is not None else value
    if not isinstance(share, int | float) or isinstance(share, bool) or not 0 < share <= 1:
        raise ValueError(f"a share is above 0% and at most 100%, such as 1% or 0.01; got {value!r}")
    return float(share)


Share = Annotated[
    float,
    BeforeValidator(parse_share),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
                {"type": "string", "pattern": f"^{_SHARE.pattern}$"},
            ]
        }
    ),
]


class ProvenanceOptions(Config):
    """How much is written down, and for how long: ``run.provenance`` as a mapping."""

    level: Level = Field(
        "counts",
        description="Totals by the minute; or the course of every record, too, or of a sample; `sample` if that is given.",
    )
    sample: Share = Field(
        0.01, description="Which share of the batches that sources give is followed.", examples=["1%", 0.5]
    )
    keep: timedelta = Field(timedelta(hours=24), gt=timedelta(0), description="How long events and content are kept.")
    nbytes: Size = Field(
        1 << 30, alias="bytes", ge=1 << 20, description="The most bytes of events and content together."
    )
    content: Literal["none", "sources", "connections"] = Field(
        "sources",
        description="Which content is kept, to be looked at and replayed: none, "
        "what sources gave, or all that was put into connections.",
    )

    @model_validator(mode="before")
    @classmethod
    def _read_level(cls, value: Any) -> Any:
        return {"level": "sample", **value} if isinstance(value, dict) and "sample" in value else value

    @field_validator("sample")
    @classmethod
    def _belongs_to_its_level(cls, value: float, info: ValidationInfo) -> float:
        level = info.data.get("level", "sample")
        if level != "sample":
            raise ValueError(f"it says how much 'level: sample' follows, and the level is {level!r}")
        return value

    @property
    def share(self) -> float:
        """Which share of the batches that sources give is followed."""
        return {"full": 1.0, "sample": self.sample}.get(self.level, 0.0)

    @classmethod
    def of(cls, given: Level | ProvenanceOptions) -> ProvenanceOptions:
        """The options, where only the level may have been said."""
        return given if isinstance(given, ProvenanceOptions) else cls(level=given)
