"""Watch and steer running flows in a terminal; a client of the control API like any other."""

from __future__ import annotations
