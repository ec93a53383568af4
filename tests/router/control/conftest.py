"""Every test has a runtime folder of its own."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def own_runtime(runtime: Path) -> None:
    """Use it, asked for or not."""
