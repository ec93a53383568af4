"""Flows that are killed: their folders, how often, and with which seed.

ROUTER_KILLS says how many kills there are in all (100), ROUTER_SEED which; a failure shows the seed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from random import SystemRandom

import pytest

from tests.crash.flows import KILLS
from tests.crash.lives import Place

SEED = os.environ.get("ROUTER_SEED") or str(SystemRandom().randrange(10**6))


@pytest.fixture
def place(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Place]:
    """A folder for one flow; what still lives in the end is killed."""
    made = Place(tmp_path, f"{SEED} {request.node.name}")
    print(f"ROUTER_SEED={SEED}")  # noqa: T201 - pytest shows it where the test fails
    yield made
    made.close()


@pytest.fixture
def share() -> Callable[[int], int]:
    """How many kills a flow gets that has a share of so many in a hundred."""
    return lambda hundredth: max(1, round(hundredth * KILLS / 100))
