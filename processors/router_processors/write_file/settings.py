"""What a flow says of the files it writes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, TypeAlias

from router import Config, Field, Format, PathTemplate, Size

Sync: TypeAlias = Literal["never", "close", "always"]


class Roll(Config):
    """When a file is closed and the next begun: ``roll``."""

    records: int | None = Field(None, gt=0, description="It has so many records.")
    nbytes: Size | None = Field(None, gt=0, alias="bytes", description="It has so many bytes.")
    after: timedelta | None = Field(None, gt=timedelta(0), description="Its first record came so long ago.")


class WriteFileConfig(Config):
    """Settings of ``write_file``."""

    path: PathTemplate = Field(
        description="The file; made from the record, it may be many. Missing folders are made.",
        examples=["out/alerts.jsonl", "out/{{ lang }}.avro"],
    )
    format: Format = Field(
        None,
        validate_default=True,
        description="How records lie in the file; left out: told by the end of its name, else `json_lines`.",
    )
    mode: Literal["append", "replace"] = Field(
        "append",
        description="What becomes of a file that is there when the flow starts, and of its numbered ones where there "
        "are such: it goes on, or is emptied and they are taken away.",
    )
    atomic: bool = Field(
        False,
        description="Hold records until their file is closed, and give it its name only then: nobody sees half of it.",
    )
    sync: Sync = Field(
        "never", description="When to wait for the disk: `never`, when a file is `close`d, or `always`, each batch."
    )
    roll: Roll | None = Field(
        None,
        description="When a file is closed, numbered (`posts.000001.jsonl`) and the next begun: at so many `records`, "
        "so many `bytes`, so long `after` its first record; whichever comes first.",
        examples=[{"records": 100_000, "after": "10m"}, {"bytes": "256MiB"}],
    )
    max_open: int = Field(
        64, gt=0, description="How many files are kept open without `atomic`; the one unused longest is closed."
    )

    @property
    def is_held(self) -> bool:
        """Whether records wait until their file is closed."""
        return self.atomic or not self.format.is_appendable

    @property
    def is_numbered(self) -> bool:
        """Whether every file that is held has a number."""
        return self.roll is not None or not self.format.is_appendable


@dataclass(frozen=True, slots=True)
class Limits:
    """What bounds the files."""

    most_open: int
    records: int | None
    nbytes: int | None
    after: float | None

    @classmethod
    def of(cls, config: WriteFileConfig) -> Limits:
        """The limits that settings say."""
        roll = config.roll or Roll()
        return cls(
            config.max_open, roll.records, roll.nbytes, None if roll.after is None else roll.after.total_seconds()
        )
