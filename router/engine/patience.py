"""Whether a processor takes what is there, or waits a little for a fuller batch."""

from __future__ import annotations

from collections.abc import Callable

from router.engine.clock import Alarm, Clock
from router.engine.inlet import Inlet
from router.flow import BatchOptions

__all__ = ["Patience"]


class Patience:
    """Waits for ``run.batch.wait`` from the first record on; ``notify`` is called when that is over.

    ``is_idle`` says that nobody is left to fill it, so that waiting is in vain.
    """

    def __init__(self, options: BatchOptions, inlet: Inlet, clock: Clock, notify: Callable[[], None]) -> None:
        self.is_idle: Callable[[], bool] = lambda: False
        self._wait = options.wait.total_seconds()
        self._inlet = inlet
        self._notify = notify
        self._is_due = False
        self._alarm = Alarm(clock, self._due)

    @property
    def is_waiting(self) -> bool:
        """True while it waits."""
        return self._alarm.is_set

    @property
    def is_over(self) -> bool:
        """True if what is there is to be taken; else it waits from now on."""
        if not self._wait or self._is_due or not self._inlet.records or self._inlet.is_full_batch or self.is_idle():
            return True
        if not self._alarm.is_set:
            self._alarm.set(self._wait)
        return False

    def forget(self) -> None:
        """Something was taken: the next one is waited for anew."""
        if self._wait:
            self._is_due = False
            self._alarm.set(None)

    def _due(self) -> None:
        self._is_due = True
        self._notify()
