"""A processor's one logical input over all the connections that lead to it."""

from __future__ import annotations

from collections.abc import Sequence

from router.connections.base import Taken
from router.connections.bounded import Connection
from router.flow import BatchOptions, ConnectionSpec

__all__ = ["Inlet"]


class Inlet:
    """Takes from whichever connection has something, the one served least first; never waits for a particular one."""

    def __init__(self, options: BatchOptions) -> None:
        self._records, self._nbytes = options.records, options.nbytes
        self.take_from(())

    def take_from(self, inputs: Sequence[tuple[ConnectionSpec, Connection]]) -> None:
        """Take from these connections from now on."""
        self._inputs = [(spec.input, connection) for spec, connection in inputs]
        self._served = [0] * len(self._inputs)
        self._only = self._inputs[0][1] if len(self._inputs) == 1 and self._inputs[0][0] is None else None

    @property
    def records(self) -> int:
        """Records that wait."""
        if self._only is not None:
            return self._only.due
        return sum(connection.due for _, connection in self._inputs)

    @property
    def is_full_batch(self) -> bool:
        """True if what waits fills one call."""
        return any(
            connection.records >= self._records or connection.nbytes >= self._nbytes for _, connection in self._inputs
        )

    def take(self) -> Taken | None:
        """Take a batch, at most as large as one call may be; None: nothing waits."""
        if self._only is not None:
            return self._only.take(self._records, self._nbytes)
        ready = [number for number, (_, connection) in enumerate(self._inputs) if len(connection)]
        while ready:
            chosen = min(ready, key=self._served.__getitem__)
            name, connection = self._inputs[chosen]
            taken = connection.take(self._records, self._nbytes)
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
