"""A processor's one logical input over all the connections that lead to it."""

from __future__ import annotations

from collections.abc import Sequence

from router.connections.base import Taken
from router.connections.memory import MemoryConnection
from router.flow import BatchOptions, ConnectionSpec

__all__ = ["Inlet"]


class Inlet:
    """Takes from whichever connection has something, the one served least first; never waits for a particular one."""

    def __init__(self, inputs: Sequence[tuple[ConnectionSpec, MemoryConnection]], options: BatchOptions) -> None:
        self._inputs = [(spec.input, connection) for spec, connection in inputs]
        self._options = options
        self._served = [0] * len(self._inputs)

    @property
    def records(self) -> int:
        """Records that wait."""
        return sum(connection.records for _, connection in self._inputs)

    @property
    def is_full_batch(self) -> bool:
        """True if what waits fills one call."""
        return any(
            connection.records >= self._options.records or connection.nbytes >= self._options.nbytes
            for _, connection in self._inputs
        )

    def take(self) -> Taken | None:
        """Take a batch, at most as large as one call may be; None: nothing waits."""
        ready = [number for number, (_, connection) in enumerate(self._inputs) if len(connection)]
        while ready:
            chosen = min(ready, key=self._served.__getitem__)
            name, connection = self._inputs[chosen]
            taken = connection.take(self._options.records, self._options.nbytes)
            if taken is None:  # all of it had expired
                ready.remove(chosen)
                continue
            if len(ready) > 1:
                self._served[chosen] += len(taken.batch)
            else:
                self._served = [0] * len(self._inputs)  # fairness is among those that have something
            if name is not None:
                taken.batch = taken.batch.with_columns(input=[name] * len(taken.batch))
            return taken
        return None
