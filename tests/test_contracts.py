"""The import contracts of pyproject.toml catch what they are there to catch."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# Where a violation is planted, the line that is one, and the contract that must name it.
PLANTED = [
    ("router/errors.py", "from router.batch import Batch", "A module imports only from the layers below it"),
    ("router/plan.py", "", "A module imports only from the layers below it"),
    ("router/batch.py", "from router import load_flow", "Nothing inside router imports its public face"),
    ("router/engine/__init__.py", "import router_processors", "The engine knows no processor"),
    (
        "processors/router_processors/filter.py",
        "import router.engine",
        "The built-in processors reach only the public API",
    ),
    (
        "processors/router_processors/filter.py",
        "from router_processors import throttle",
        "The built-in processors do not know each other",
    ),
]


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": f"{folder}:{folder / 'processors'}", "COLUMNS": "200"}
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of everything the contracts look at."""
    unseen = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "router", tmp_path / "router", ignore=unseen)
    shutil.copytree(ROOT / "processors", tmp_path / "processors", ignore=unseen)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_tree_keeps_its_contracts(tree: Path) -> None:
    done = lint_imports(tree)
    assert (done.returncode, "0 broken" in done.stdout) == (0, True), done.stdout


@pytest.mark.parametrize(("file", "line", "contract"), PLANTED)
def test_a_planted_violation_is_caught(tree: Path, file: str, line: str, contract: str) -> None:
    with (tree / file).open("a") as module:
        module.write(f"\n{line}\n")
    done = lint_imports(tree)
    assert (done.returncode, f"{contract} BROKEN" in done.stdout) == (1, True), done.stdout
