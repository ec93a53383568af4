"""One screen for each way to look at a flow."""

from __future__ import annotations
