"""Whether a processor works: an operator may stop it, let it work once, start it again."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Switch"]


class Switch:
    """On, off, or off with some turns left; ``on_change`` is called when it was moved."""

    __slots__ = ("_on_change", "_turns", "is_off", "may_work")

    def __init__(self, on_change: Callable[[], None]) -> None:
        self.may_work = True
        """True if the next call may begin."""
        self.is_off = False
        """True if an operator has stopped it, but for turns he may have given it since."""
        self._turns = 0
        self._on_change = on_change

    def stop(self) -> None:
        """Begin no more; what is under way goes on."""
        self.is_off, self._turns, self.may_work = True, 0, False

    def start(self) -> None:
        """Work as ever."""
        self.is_off, self._turns, self.may_work = False, 0, True
        self._on_change()

    def once(self) -> None:
        """Stop, but for one call."""
        self.is_off, self.may_work = True, True
        self._turns += 1
        self._on_change()

    def worked(self) -> None:
        """Count a call that was let through."""
        if self._turns:
            self._turns -= 1
            self.may_work = not self.is_off or self._turns > 0
