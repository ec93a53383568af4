"""Where flows are found: on this machine, by what they say of themselves."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from router.control.client import Client, Found, UnreachableError
from router_ui.flows import HereFlows, ThereFlows


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of those that say they run."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    folder = tmp_path / "router"
    folder.mkdir(mode=0o700)
    return folder


async def test_who_says_he_runs_and_does_not_answer_is_left_out(runtime: Path) -> None:
    said = {"flow": "silent", "data": str(runtime / "silent"), "process": os.getpid()}
    (runtime / "silent.json").write_text(json.dumps(said))
    flows = HereFlows(lambda found: found.flow == "silent")
    assert list(await flows.listed()) == []
    (runtime / "silent.json").unlink()
    assert list(await flows.listed()) == []
    await flows.close()


async def test_only_those_that_are_meant_are_asked(runtime: Path) -> None:
    asked: list[str] = []

    def is_meant(found: Found) -> bool:
        asked.append(found.flow)
        return False

    said = {"flow": "other", "data": str(runtime / "other"), "process": os.getpid()}
    (runtime / "other.json").write_text(json.dumps(said))
    flows = HereFlows(is_meant)
    assert (list(await flows.listed()), "other" in asked) == ([], True)
    await flows.close()


async def test_a_process_far_away_that_does_not_answer_is_said_so() -> None:
    flows = ThereFlows(Client("http://127.0.0.1:9", token="x" * 32), "http://127.0.0.1:9")
    with pytest.raises(UnreachableError, match="no router answers there"):
        await flows.listed()
    await flows.close()
