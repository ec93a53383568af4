"""What the control API does not do, and how it says so."""

from __future__ import annotations

from router.errors import RouterError

__all__ = ["NotThereError", "RefusedError"]


class RefusedError(RouterError):
    """A request that is not granted, with its status in HTTP."""

    def __init__(self, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class NotThereError(RefusedError):
    """A request about something that there is not."""

    def __init__(self, message: str) -> None:
        super().__init__(message, status=404)
