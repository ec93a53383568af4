"""Schemathesis finds nothing between the API and its document that does not fit."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.router.control.test_fuzz import FLOW

TOKEN = "a-token-that-nobody-guesses"
OPTIONS = [
    "--phases=examples,coverage,fuzzing",
    "--max-examples=5",
    "--exclude-path=/api/flows/{flow}/stop",  # it would end what is tried
    "--exclude-path-regex=tap$",  # it has no end
    "--exclude-checks=positive_data_acceptance",  # no schema says what an expression is
    "--suppress-health-check=all",
    f"--header=Authorization: Bearer {TOKEN}",
]


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """A run that listens."""
    (tmp_path / "fuzzed.yaml").write_text(yaml.safe_dump(FLOW))
    command = [sys.executable, "-m", "router", "run", "fuzzed.yaml", "--data", "d", "--listen", "127.0.0.1:0"]
    environment = {**os.environ, "ROUTER_TOKEN": TOKEN}
    process = subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    found = next(match[0] for line in process.stderr if (match := re.search(r"http://\S+", line)))
    while not (tmp_path / "d" / "control.sock").exists():
        assert process.poll() is None
        time.sleep(0.05)
    yield found
    process.kill()
    process.communicate()


@pytest.mark.slow
def test_schemathesis_finds_nothing(url: str, tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("schemathesis")
    seed = ["--seed=1"] if os.environ.get("CI") else []
    command = [str(program), "run", f"{url}/api/openapi.json", *OPTIONS, *seed]
    environment = {**os.environ, "NO_PROXY": "*", "COLUMNS": "200", "NO_COLOR": "1"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
