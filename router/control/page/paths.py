"""Which paths belong to the web page."""

from __future__ import annotations

__all__ = ["PREFIX", "is_page"]

PREFIX = "/page/"


def is_page(path: str) -> bool:
    """True of what belongs to the page: it says nothing of the flows, and asks for the token itself."""
    return path == "/" or path.startswith(PREFIX)
