"""Parts of the flows that are killed."""

from __future__ import annotations

__all__ = ["DISK", "SOURCE", "WAITING"]

WAITING = 2000
"""What the connection in front of a sink holds at most: so much may come again after one kill."""
SOURCE = "read: {type: numbered, books: books, run: {max_uncommitted: 2000}, to: %s}"
DISK = f"{{processor: %s, queue: {{type: disk, records: {WAITING}}}}}"
