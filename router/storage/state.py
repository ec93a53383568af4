"""State of processors by key, in memory: a restart begins without it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

__all__ = ["MemoryState"]

_ABSENT = object()
SWEPT = 1000


class MemoryState:
    """Values by key with an optional end of life, by the flow's clock."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._values: dict[str, tuple[Any, float | None]] = {}
        self._sweep_at = SWEPT
        self._now = now

    async def get_many(self, keys: Iterable[str]) -> dict[str, Any]:
        """Look up keys; those that are absent or expired are absent in the answer."""
        found = ((key, self._get(key)) for key in keys)
        return {key: value for key, value in found if value is not _ABSENT}

    async def put_many(self, values: Mapping[str, Any], expire: float | None = None) -> None:
        """Set values; ``expire`` is how many seconds they live."""
        until = None if expire is None else self._now() + expire
        for key, value in values.items():
            self._values[key] = (value, until)
        if len(self._values) > self._sweep_at:
            self._sweep()

    async def delete(self, keys: Iterable[str]) -> None:
        """Forget keys; one that is absent is no error."""
        for key in keys:
            self._values.pop(key, None)

    async def scan(self, prefix: str = "") -> dict[str, Any]:
        """All keys that begin with ``prefix``, with their values."""
        return await self.get_many([key for key in self._values if key.startswith(prefix)])

    def _sweep(self) -> None:
        """Forget what has expired and nobody asked for again; each time twice as many as are left may come."""
        now = self._now()
        self._values = {key: each for key, each in self._values.items() if each[1] is None or each[1] > now}
        self._sweep_at = max(SWEPT, 2 * len(self._values))

    def _get(self, key: str) -> Any:
        value, until = self._values.get(key, (_ABSENT, None))
        if until is not None and until <= self._now():
            del self._values[key]
            return _ABSENT
        return value
