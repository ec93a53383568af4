"""What one processor holds beyond its calls, against its limit."""

from __future__ import annotations

from collections.abc import Callable

from router.ack import Outcome
from router.connections.base import Gauge
from router.engine.context import HeldBatch
from router.engine.tracing.trail import Trail
from router.flow import HoldOptions

__all__ = ["Holdings"]


class Holdings:
    """Counts what is held, oldest first; ``on_release`` is called each time something was let go of."""

    def __init__(self, limits: HoldOptions, on_release: Callable[[], None]) -> None:
        self.records = 0
        self.changes = 0
        """How often something was held or let go of: what tells one state from another."""
        self.inside: Gauge | None = None
        self.trail: Trail | None = None
        self._limits = limits
        self._nbytes = 0
        self._held: dict[HeldBatch, int] = {}
        self._asked_in_vain: int | None = None
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

    @property
    def level(self) -> tuple[int, int]:
        """How many records are held, and how many bytes."""
        return self.records, self._nbytes

    @property
    def may_ask(self) -> bool:
        """True if something is held, other than what was asked for in vain."""
        return bool(self._held) and self._asked_in_vain != self.changes

    def asked(self, before: tuple[int, int]) -> bool:
        """Note that something was asked for with FULL when the level was ``before``; False if that was in vain."""
        if not self._held or self.level[0] < before[0] or self.level[1] < before[1]:
            return True
        self._asked_in_vain = self.changes
        return False

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
        if self.trail is not None:
            self.trail.let_go(held)
        self._on_release()

    def reject(self) -> None:
        """Give everything back."""
        self.trail = None  # it comes again, and ends then
        for held in self.batches:
            held.settle(Outcome.REJECTED)

    def _charge(self, records: int, nbytes: int) -> None:
        self.changes += 1
        self.records += records
        self._nbytes += nbytes
        if self.inside is not None:
            self.inside.add(records)
