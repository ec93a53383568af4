"""The parts of a running flow, by name: what everybody looks into who works with them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from router.connections.base import Gauge
from router.connections.bounded import Connection
from router.connections.disk import DiskConnection
from router.connections.rows import Numbers
from router.engine.runner import Runner
from router.engine.source_runner import SourceRunner

__all__ = ["Machine"]

_Part = TypeVar("_Part")


@dataclass(slots=True)
class Machine:
    """A flow put together. A reload changes what is in it; it stays the same object to the end of the run."""

    connections: dict[str, Connection] = field(default_factory=dict)
    runners: dict[str, Runner] = field(default_factory=dict)
    sources: dict[str, SourceRunner] = field(default_factory=dict)
    upstream_first: tuple[str, ...] = ()
    """Names of all processors, producers before consumers."""
    order: tuple[str, ...] = ()
    """Names of all processors, as the flow has them."""
    numbers: Numbers = field(default_factory=Numbers)
    """The numbers of rows in disk connections."""
    memory: Gauge = field(default_factory=Gauge)
    """All that waits in memory, in bytes."""

    @property
    def durable(self) -> Iterator[DiskConnection]:
        """The connections whose records are on disk."""
        return (each for each in self.connections.values() if isinstance(each, DiskConnection))

    def of(self, name: str) -> Runner | SourceRunner:
        """Who runs a processor."""
        return self.runners.get(name) or self.sources[name]

    def put(self, name: str, each: Runner | SourceRunner) -> None:
        """Have a processor run by this one."""
        self.take_out(name)
        if isinstance(each, SourceRunner):
            self.sources[name] = each
        else:
            self.runners[name] = each

    def take_out(self, name: str) -> None:
        """Have a processor run by nobody."""
        self.runners.pop(name, None)
        self.sources.pop(name, None)

    def sort(self, names: list[str], upstream_first: list[str]) -> None:
        """Put all in the order of the flow."""
        self.order, self.upstream_first = tuple(names), tuple(upstream_first)
        _sort(self.runners, names)
        _sort(self.sources, names)


def _sort(parts: dict[str, _Part], names: list[str]) -> None:
    ordered = {name: parts[name] for name in names if name in parts}
    parts.clear()
    parts.update(ordered)
