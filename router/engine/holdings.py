"""What one processor holds beyond its calls, against its limit."""

from __future__ import annotations

from collections.abc import Callable

from router.ack import Outcome
from router.connections.base import Gauge
from router.engine.context import HeldBatch
from router.flow import HoldOptions

__all__ = ["Holdings"]


class Holdings:
    """Counts what is held, oldest first; ``on_release`` is called each time something was let go of."""

    def __init__(self, limits: HoldOptions, on_release: Callable[[], None]) -> None:
        self.records = 0
        self.inside: Gauge | None = None
        self._limits = limits
        self._nbytes = 0
        self._held: dict[HeldBatch, int] = {}
        self._told_full = False
        self._on_release = on_release

    @property
    def since(self) -> float | None:
        """When the oldest was held."""
        return next(iter(self._held)).time if self._held else None

    @property
    def is_full(self) -> bool:
        """True if no more may come before something is let go of."""
        return self.records >= self._limits.records or self._nbytes >= self._limits.nbytes

    @property
    def batches(self) -> list[HeldBatch]:
        """All that is held, oldest first."""
        return list(self._held)

    def must_tell(self) -> bool:
        """True once each time the limit is crossed."""
        must, self._told_full = not self._told_full, True
        return must

    def held(self, held: HeldBatch) -> None:
        """Count records that are held from now on."""
        nbytes = self._held[held] = held.batch.nbytes
        self._charge(len(held.batch), nbytes)

    def let_go(self, held: HeldBatch) -> None:
        """Count them no more."""
        nbytes = self._held.pop(held, None)
        if nbytes is None:
            return
        self._charge(-len(held.batch), -nbytes)
        if not self.is_full:
            self._told_full = False
        self._on_release()

    def reject(self) -> None:
        """Give everything back."""
        for held in self.batches:
            held.settle(Outcome.REJECTED)

    def _charge(self, records: int, nbytes: int) -> None:
        self.records += records
        self._nbytes += nbytes
        if self.inside is not None:
            self.inside.add(records)
