"""Another flow in place of the one that runs: what is the same works on."""

from __future__ import annotations
