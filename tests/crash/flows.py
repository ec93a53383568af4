"""Parts of the flows that are killed, and how often that is done."""

from __future__ import annotations

import os

__all__ = ["DISK", "KILLS", "SOURCE", "WAITING"]

KILLS = int(os.environ.get("ROUTER_KILLS", "100"))
"""How many kills there are in all, about; random flows are tried in proportion."""

WAITING = 2000
"""What the connection in front of a sink holds at most: so much may come again after one kill."""
SOURCE = "read: {type: numbered, books: books, run: {max_uncommitted: 2000}, to: %s}"
DISK = f"{{processor: %s, queue: {{type: disk, records: {WAITING}}}}}"
