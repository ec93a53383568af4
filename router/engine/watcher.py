"""Who looks at the whole flow, as the processors at work see it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from router.ack import Ack

if TYPE_CHECKING:
    from router.engine.runner import Runner

__all__ = ["Watcher"]


class Watcher(Protocol):
    """Who looks at the whole flow when one processor has nothing to do."""

    def quiet(self, runner: Runner) -> None:
        """Hear that a runner has nothing to take and nothing running."""

    def waits(self, change: int) -> None:
        """Hear that a runner waits for room, or does so no more."""

    def paused(self, change: int) -> None:
        """Hear that a runner waits for room in the dead letters, or does so no more."""

    def new_ack(self) -> Ack:
        """An origin of the engine's own."""
