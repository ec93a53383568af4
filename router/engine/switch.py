"""Whether a processor works: an operator may stop it, let it work once, start it again; a reload holds it."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Switch"]


class Switch:
    """On, off, or off with some turns left; held, whatever it is. ``on_change`` is called when it was moved."""

    __slots__ = ("_on_change", "_turns", "is_held", "is_off", "may_work")

    def __init__(self, on_change: Callable[[], None]) -> None:
        self.may_work = True
        """True if the next call may begin."""
        self.is_off = False
        """True if an operator has stopped it, but for turns he may have given it since."""
        self.is_held = False
        """True while the flow is changed, and it must stand still for that."""
        self._turns = 0
        self._on_change = on_change

    def stop(self) -> None:
        """Begin no more; what is under way goes on."""
        self.is_off, self._turns = True, 0
        self._look()

    def start(self) -> None:
        """Work as ever."""
        self.is_off, self._turns = False, 0
        self._look()
        self._on_change()

    def once(self) -> None:
        """Stop, but for one call."""
        self.is_off = True
        self._turns += 1
        self._look()
        self._on_change()

    def hold(self) -> None:
        """Begin no more until it is let go; what is under way goes on."""
        self.is_held = True
        self._look()

    def let_go(self) -> None:
        """Work again, if an operator lets it."""
        self.is_held = False
        self._look()
        self._on_change()

    def take_over(self, other: Switch) -> None:
        """Be as an operator left another one."""
        self.is_off, self._turns = other.is_off, other._turns
        self._look()

    def worked(self) -> None:
        """Count a call that was let through."""
        if self._turns:
            self._turns -= 1
            self._look()

    def _look(self) -> None:
        self.may_work = not self.is_held and (not self.is_off or self._turns > 0)
