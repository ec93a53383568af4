"""What the README shows is what one gets."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from router.plugins import load_registry

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()


def block(language: str, part: str) -> str:
    """The block of code that holds a text."""
    blocks: list[str] = re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    return next(each for each in blocks if part in each)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A place with a copy of `flows/`, in which a flow may write."""
    shutil.copytree(ROOT / "flows", tmp_path / "flows", ignore=shutil.ignore_patterns("out"))
    return tmp_path


def run(*command: str, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env={**os.environ, "XDG_STATE_HOME": str(folder / "state")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_a_run_prints_the_figures_of_the_readme(folder: Path) -> None:
    printed = run("-m", "router", "run", "flows/tweets.yaml", folder=folder)
    _, *shown = block("text", "tweets: done").splitlines()  # the first line holds times
    assert [line for line in shown if line not in printed] == []


def test_the_processor_of_the_readme_is_found_in_its_file(tmp_path: Path) -> None:
    (tmp_path / "shout.py").write_text(block("python", "@processor"))
    registry = load_registry(folder=tmp_path)
    assert (registry.problems, "shout" in registry.processors) == ([], True)


def test_the_program_of_the_readme_pushes_a_record_into_a_file(folder: Path) -> None:
    assert run("-c", block("python", "Inbox"), folder=folder).endswith("DELIVERED\n")
