"""What runs on and on does not grow: a short look at it; `make soak` takes half an hour."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash.soak import MiB, growth, soak

pytestmark = pytest.mark.slow
SECONDS, RATE = 60.0, 20_000


def test_memory_and_files_stay_as_they_are_while_records_pass(tmp_path: Path) -> None:
    seen = soak(tmp_path, SECONDS, RATE)
    assert seen.rate > RATE / 4
    assert growth([look.rss for look in seen.looks]) < 8 * MiB
    assert growth([look.files for look in seen.looks]) < 16 * MiB
