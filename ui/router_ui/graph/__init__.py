"""Lay a flow out on a grid of cells and draw it; pure, nothing of a terminal in it."""

from __future__ import annotations
