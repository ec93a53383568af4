"""Small processors, and a way to load a text as a flow of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, TypeAlias

import pytest

from router.authoring import Context, Processor, Produced, Result, Source
from router.batch import Batch
from router.config import Config, Field, FilePath, Rate, Size
from router.errors import FlowError
from router.expression import Expression, PathTemplate
from router.flow import Flow
from router.functions import processor
from router.loader import load_flow
from router.plugins import Registry
from router.relationship import FAILURE, Relationship, Unconnected

Load: TypeAlias = Callable[..., Flow]
Problems: TypeAlias = Callable[..., list[str]]


class ReadConfig(Config):
    path: FilePath | list[FilePath] = Field(description="Where to read.")
    rate: Rate = Field(0.0, description="Records a second.")
    loop: bool = Field(False, description="Whether to begin again.")
    token: str = Field("", description="A password.")
    header: dict[str, str] = Field({}, description="More passwords.")
    values: dict[str, Any] = Field({}, description="Literals.")


class Read(Source):
    """Read something."""

    type_name = "read"
    config: ReadConfig

    async def produce(self, context: Context) -> AsyncIterator[Produced]:
        yield Batch.of([{}]), 0


class Step(Processor):
    """Base of processors that are only looked at."""

    def process(self, batch: Batch, context: Context) -> Result:
        return batch


class RouteConfig(Config):
    when: dict[str, Expression] = Field(min_length=1, description="Relationship: condition.")
    match: Literal["first", "all"] = Field("first", description="Which of the conditions count.")


class Route(Step):
    """Send records where their values say."""

    type_name = "route"
    config: RouteConfig

    @classmethod
    def relationships_for(cls, config: RouteConfig) -> tuple[Relationship, ...]:
        return (*map(Relationship, config.when), Relationship("unmatched"), FAILURE)


class DedupeConfig(Config):
    key: Expression = Field(description="What makes two records the same.")
    window: timedelta = Field(timedelta(minutes=1), gt=timedelta(0), description="How long a key is remembered.")
    size: Size = Field(1024, description="How much to keep.")
    least: int = Field(1, description="A bound.")
    most: int = Field(10, description="Another.")


class Dedupe(Step):
    """Tell first records from those that repeat them."""

    type_name = "dedupe"
    config: DedupeConfig
    keyed_state = True
    relationships = (Relationship("unique"), Relationship("duplicate"), FAILURE)

    @classmethod
    def check(cls, config: DedupeConfig) -> Iterable[str]:
        if config.least > config.most:
            yield f"'least' ({config.least}) is above 'most' ({config.most})"


class WriteConfig(Config):
    path: PathTemplate = Field(description="Where to write.")
    mode: Literal["append", "replace"] = Field("append", description="What becomes of a file that is there.")


class Write(Step):
    """Write something."""

    type_name = "write"
    config: WriteConfig
    is_sink = True
    relationships = (Relationship("success", "Written.", Unconnected.DELIVERED), FAILURE)


class Join(Step):
    """Bring two sides together."""

    type_name = "join"

    @classmethod
    def inputs_for(cls, config: Config) -> tuple[str, ...]:
        return ("left", "right")


class Wait(Step):
    """An async one."""

    type_name = "wait"

    async def process(self, batch: Batch, context: Context) -> Result:  # type: ignore[override]
        return batch


@processor
def shout(record: dict[str, Any], *, suffix: str = "!") -> dict[str, Any]:
    """Upper-case the text of a post."""
    return {**record, "text": record["text"].upper() + suffix}


KINDS: tuple[type[Processor], ...] = (Read, Route, Dedupe, Write, Join, Wait, shout)


@pytest.fixture
def registry() -> Registry:
    made = Registry()
    for kind in KINDS:
        made.processor(kind)
    return made


@pytest.fixture
def load(tmp_path: Path, registry: Registry) -> Load:
    """Load a text as the file flow.yaml."""

    def load(text: str, /, parameters: Mapping[str, object] | None = None, **more: Any) -> Flow:
        path = tmp_path / "flow.yaml"
        path.write_text(text)
        more = {"environment": {}, "registry": registry, **more}
        return load_flow(path, parameters, **more)

    return load


@pytest.fixture
def problems(load: Load, tmp_path: Path) -> Problems:
    """The problems of a text, as a person sees them; none where there are none."""

    def problems(text: str, /, parameters: Mapping[str, object] | None = None, **more: Any) -> list[str]:
        try:
            load(text, parameters, **more)
        except FlowError as error:
            return [str(each).replace(f"{tmp_path}/", "") for each in error.problems]
        return []

    return problems
