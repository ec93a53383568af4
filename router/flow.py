"""A flow as frozen data: its processors, their settings, and the connections between them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, Self

from pydantic import field_validator, model_validator

from router.authoring import Processor, Source
from router.codec import Projection
from router.config import Config, Field, Size
from router.expression import Expression
from router.provenance import Level, ProvenanceOptions
from router.relationship import FAILURE, Relationship, Unconnected

__all__ = [
    "BatchOptions",
    "CircuitOptions",
    "ConnectionSpec",
    "Ending",
    "Flow",
    "FlowRun",
    "HoldOptions",
    "ProcessorSpec",
    "QueueOptions",
    "RetryOptions",
    "RunOptions",
]

MiB = 1 << 20
PROJECTED = 8  # above about this many fields a projection is as dear as decoding whole records


class Ending(Enum):
    """Reserved targets in ``to``: where a record may end without a processor."""

    DROP = "drop"
    DEAD_LETTERS = "dead_letters"
    REJECT = "reject"


class QueueOptions(Config):
    """What belongs to a connection: ``queue:`` of a target."""

    kind: Literal["memory", "disk"] = Field(
        "memory",
        alias="type",
        description="Where records wait. `memory`: their source hears of their end. `disk`: they are safe at their "
        "commit, their source hears so, and they come back after a crash.",
    )
    records: int | None = Field(
        None,
        gt=0,
        description="The most records that wait; a hard limit. Left out: 10,000, on disk 1,000,000.",
    )
    nbytes: Size | None = Field(
        None,
        alias="bytes",
        gt=0,
        description="The most bytes that wait, as they cost in memory; a hard limit. Left out: 8 MiB, on disk 1 GiB.",
    )
    expire: timedelta | None = Field(
        None, gt=timedelta(0), description="Drop records that have waited this long, counted and told."
    )
    when_full: Literal["block", "drop_oldest", "drop_newest"] = Field(
        "block", description="What a full connection does: make the producer wait, or drop, counted and told."
    )
    order: Literal["fifo", "newest"] = Field(
        "fifo", description="Disk only. Which record is taken first: the one that has waited longest, or the newest."
    )
    priority: Expression | None = Field(
        None, description="Disk only. Records for which this is highest are taken first; those without a number last."
    )

    @model_validator(mode="after")
    def _suits_its_kind(self) -> Self:
        if not self.is_durable:
            for name in ("order", "priority"):
                if name in self.model_fields_set:
                    raise ValueError(f"{name!r} is for disk queues; add 'type: disk', or leave it out")
        if self.order != "fifo" and self.priority is not None:
            raise ValueError("'order' and 'priority' both say what comes first; name one of them")
        return self

    @property
    def max_records(self) -> int:
        """The limit in records."""
        return self.records or (1_000_000 if self.is_durable else 10_000)

    @property
    def max_bytes(self) -> int:
        """The limit in bytes."""
        return self.nbytes or (1024 * MiB if self.is_durable else 8 * MiB)

    @property
    def is_durable(self) -> bool:
        """True if records wait on disk."""
        return self.kind == "disk"


class BatchOptions(Config):
    """How much a processor is given in one call: ``run.batch``."""

    records: int = Field(1000, gt=0, description="The most records in a call.")
    nbytes: Size = Field(
        4 * MiB, alias="bytes", gt=0, description="The most bytes in a call; one record may be larger."
    )
    wait: timedelta = Field(
        timedelta(0), ge=timedelta(0), description="How long to wait for a fuller batch; ends when producers are idle."
    )


class HoldOptions(Config):
    """How much a processor may hold beyond its calls: ``run.hold``."""

    records: int = Field(100_000, gt=0, description="The most records held; one batch may overshoot.")
    nbytes: Size = Field(64 * MiB, alias="bytes", gt=0, description="The most bytes held; one batch may overshoot.")


class RetryOptions(Config):
    """When retries end: ``run.retry``. Without it they never do."""

    attempts: int | None = Field(None, gt=0, description="How many calls in all, then `unavailable`.")
    within: timedelta | None = Field(
        None, gt=timedelta(0), description="How long from the first call, then `unavailable`."
    )


class CircuitOptions(Config):
    """When a processor rests whose every record fails: ``run.circuit``. Without it it never does."""

    failures: int = Field(gt=0, description="How many records may fail in a row, none succeeding, before it rests.")
    rest: timedelta = Field(
        timedelta(seconds=30),
        gt=timedelta(0),
        description="How long it rests before it tries again; doubled while that fails, up to five minutes.",
    )


class RunOptions(Config):
    """The engine's settings of a processor: ``run:``."""

    concurrency: int = Field(1, ge=1, le=1024, description="How many calls may overlap.")
    ordered: bool | Expression = Field(
        True,
        description="true: outputs leave in order; an expression: in order for each key; false: as they finish.",
    )
    execution: Literal["inline", "thread", "process"] = Field(
        "inline", description="Where a plain `def` runs: on the event loop, in a thread, in a worker process."
    )
    batch: BatchOptions = Field(BatchOptions(), description="How much one call is given.")
    hold: HoldOptions = Field(HoldOptions(), description="How much may be held beyond a call.")
    timeout: timedelta | None = Field(None, gt=timedelta(0), description="How long one call may take.")
    retry: RetryOptions | None = Field(None, description="When retries of the world's faults end.")
    circuit: CircuitOptions | None = Field(None, description="When it rests because every record fails.")
    max_rounds: int = Field(1000, gt=0, description="How often a record may go round a cycle before it fails.")
    max_uncommitted: int = Field(
        100_000, gt=0, description="The most records a source may have given that are not safe."
    )
    max_record: Size = Field(
        16 * MiB, gt=0, description="A larger record goes to `failure`, as its first KiB and its size."
    )

    @field_validator("ordered", mode="before")
    @classmethod
    def _read_ordered(cls, value: object) -> object:
        return value if isinstance(value, bool | Expression) else Expression(value)  # type: ignore[arg-type]


class FlowRun(Config):
    """The engine's settings of a whole flow: ``run:`` at the top level."""

    memory: Size = Field(256 * MiB, gt=0, description="The most bytes waiting in all connections; gates sources only.")
    drain: timedelta = Field(
        timedelta(seconds=20), ge=timedelta(0), description="How long a stop waits for records under way."
    )
    on_dead_letter: Literal["continue", "stop"] = Field("continue", description="Whether a dead letter stops the flow.")
    provenance: Level | ProvenanceOptions = Field(
        "counts",
        description="How much is written down of what happens to records: `off`, `counts`, `sample`, `full`, or a mapping.",
    )
    defaults: dict[str, Any] = Field(default_factory=dict, description="`run` settings for every processor.")


@dataclass(frozen=True, slots=True)
class ConnectionSpec:
    """One connection: from a relationship of a producer to a consumer, with its queue."""

    id: str
    producer: str
    relationship: str
    consumer: str
    input: str | None = None
    queue: QueueOptions = field(default_factory=QueueOptions)


@dataclass(frozen=True, slots=True)
class ProcessorSpec:
    """One processor of a flow: its class, checked settings, and where its relationships lead.

    ``routes`` names, for every relationship, the connections and endings its records go
    to; a relationship that leads nowhere is not in it and follows its ``unconnected``.
    """

    name: str
    kind: type[Processor]
    config: Config
    relationships: tuple[Relationship, ...]
    routes: Mapping[str, tuple[ConnectionSpec | Ending, ...]]
    run: RunOptions = field(default_factory=RunOptions)
    description: str = ""
    inputs: tuple[str, ...] = ()

    @property
    def is_source(self) -> bool:
        """True if it has no input and produces records."""
        return issubclass(self.kind, Source)

    def make(self) -> Processor:
        """A new instance with these settings."""
        return self.kind(self.config)

    def unconnected(self, relationship: str) -> Unconnected:
        """What becomes of records of a relationship that leads nowhere; ``unavailable`` follows ``failure``."""
        for each in self.relationships:
            if each.name == relationship:
                return each.unconnected
        return Unconnected.DEAD_LETTERS if relationship in (FAILURE.name, "unavailable") else Unconnected.ERROR


@dataclass(frozen=True)
class Flow:
    """A graph of processors joined by connections; frozen, with nothing started.

    Made by ``load_flow`` and ``build_flow``, given to an ``Engine``.
    """

    name: str
    processors: Mapping[str, ProcessorSpec]
    run: FlowRun = field(default_factory=FlowRun)
    version: str = ""
    description: str = ""
    file: Path | None = field(default=None, compare=False)
    registry: Any = field(default=None, compare=False, repr=False)
    secrets: frozenset[str] = field(default=frozenset(), compare=False, repr=False)
    """What was filled in for ``${secret:NAME}``: never to be told."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "processors", MappingProxyType(dict(self.processors)))

    @cached_property
    def connections(self) -> tuple[ConnectionSpec, ...]:
        """Every connection, in the order the flow names them."""
        return tuple(
            target
            for spec in self.processors.values()
            for targets in spec.routes.values()
            for target in targets
            if isinstance(target, ConnectionSpec)
        )

    @cached_property
    def projection(self) -> Projection | None:
        """The fields all expressions of the flow read, decoded together; None where whole records are cheaper."""
        fields: frozenset[str] = frozenset()
        for spec in self.processors.values():
            fields |= spec.make().fields()
            if isinstance(spec.run.ordered, Expression):
                fields |= spec.run.ordered.fields
        for each in self.connections:
            if each.queue.priority is not None:
                fields |= each.queue.priority.fields
        return Projection(fields) if 0 < len(fields) <= PROJECTED else None

    @cached_property
    def components(self) -> tuple[frozenset[str], ...]:
        """The strongly connected components, upstream first; a cycle is one of several members, or of one with a loop."""
        return tuple(_components(list(self.processors), self._successors))

    @cached_property
    def component_of(self) -> Mapping[str, int]:
        """The position in ``components`` of each processor."""
        return {name: number for number, members in enumerate(self.components) for name in members}

    def is_cycle(self, members: frozenset[str]) -> bool:
        """True if records can go round within these processors."""
        return len(members) > 1 or any(name in self._successors[name] for name in members)

    def inputs_of(self, name: str) -> tuple[ConnectionSpec, ...]:
        """The connections that lead to a processor."""
        return tuple(each for each in self.connections if each.consumer == name)

    def downstream_of(self, name: str) -> frozenset[str]:
        """Every processor that records of this one can reach."""
        found: set[str] = set()
        waiting = [name]
        while waiting:
            for each in self._successors[waiting.pop()]:
                if each not in found:
                    found.add(each)
                    waiting.append(each)
        return frozenset(found)

    @cached_property
    def _successors(self) -> Mapping[str, Sequence[str]]:
        found: dict[str, list[str]] = {name: [] for name in self.processors}
        for each in self.connections:
            found[each.producer].append(each.consumer)
        return found


def _components(names: Iterable[str], successors: Mapping[str, Sequence[str]]) -> Iterable[frozenset[str]]:
    """Tarjan's strongly connected components (SIAM J. Comput. 1972), without recursion, upstream first."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    path: list[str] = []
    on_path: set[str] = set()
    found: list[frozenset[str]] = []
    for root in names:
        if root in index:
            continue
        work = [(root, iter(successors[root]))]
        index[root] = low[root] = len(index)
        path.append(root)
        on_path.add(root)
        while work:
            name, rest = work[-1]
            following = next(rest, None)
            if following is None:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[name])
                if low[name] == index[name]:
                    cut = path.index(name)
                    found.append(frozenset(path[cut:]))
                    on_path.difference_update(path[cut:])
                    del path[cut:]
            elif following not in index:
                index[following] = low[following] = len(index)
                path.append(following)
                on_path.add(following)
                work.append((following, iter(successors[following])))
            elif following in on_path:
                low[name] = min(low[name], index[following])
    return reversed(found)
