"""What a flow has done, at its end and while it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from router.connections.base import ConnectionStats
from router.engine.meter import CallStats

__all__ = ["Bulletin", "ProcessorReport", "ProcessorStatus", "Report", "Status"]


@dataclass(frozen=True, slots=True)
class Bulletin:
    """What a processor, or the engine about it, told the operator."""

    time: float
    processor: str
    text: str
    data: Mapping[str, object] = field(default_factory=dict)
    number: int = 0
    """Counts the bulletins of a run, from 1."""

    def __str__(self) -> str:
        data = ", ".join(f"{name}={value}" for name, value in self.data.items())
        return f"{self.processor}: {self.text}" + (f" ({data})" if data else "")


@dataclass(frozen=True, slots=True)
class ProcessorReport:
    """How many records a processor took, and gave by each relationship."""

    records_in: int
    out: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Report:
    """The end of a run.

    ``outcome``: ``done``, all sources ended and every record settled; ``stopped``, by
    ``stop`` after a full drain; ``cut_off``, records were given back to their sources;
    ``failed``, see ``error``.
    """

    flow: str
    outcome: Literal["done", "stopped", "cut_off", "failed"]
    seconds: float
    processors: Mapping[str, ProcessorReport]
    dead_letters: int
    error: str | None = None
    dropped: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """What connections dropped because they were ``full`` (``when_full: drop_*``) or records had ``expired``."""

    def to_dict(self) -> dict[str, Any]:
        """The report as plain data, as ``router run --json`` prints it."""
        return {
            "flow": self.flow,
            "outcome": self.outcome,
            "seconds": round(self.seconds, 6),
            "processors": {
                name: {"in": each.records_in, "out": dict(each.out)} for name, each in self.processors.items()
            },
            "dead_letters": self.dead_letters,
            **({"dropped": {id_: dict(counts) for id_, counts in self.dropped.items()}} if self.dropped else {}),
            **({"error": self.error} if self.error is not None else {}),
        }


@dataclass(frozen=True, slots=True)
class ProcessorStatus:
    """A processor at one moment.

    ``state``: ``running``, ``waiting`` (for records), ``blocked`` (by a full connection),
    ``retrying``, ``resting`` (every record fails), ``paused`` (the dead letters are full),
    ``stopped`` (by an operator), ``ended``.
    """

    records_in: int
    out: Mapping[str, int]
    errors: int
    state: str
    held: int = 0
    progress: tuple[int, int | None] | None = None
    retrying: str | None = None
    is_stopped: bool = False
    """An operator let it begin no more calls; some may be under way."""
    concurrency: int = 1
    calls: CallStats | None = None
    """How long its calls took; None for a source."""


@dataclass(frozen=True, slots=True)
class Status:
    """A flow at one moment."""

    seconds: float
    processors: Mapping[str, ProcessorStatus]
    connections: Mapping[str, ConnectionStats]
    dead_letters: int
    outstanding: int
    """Acks that have not settled."""
    is_stopping: bool = False
    dead_letters_kept: int = 0
    """Those of earlier runs too."""
    is_starting: bool = False
    """Not all of its processors have started yet; what keeps one from it stands in its ``retrying``."""
