"""docs/tutorial.md, followed to the letter: every file saved, every command typed, every output compared."""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

TUTORIAL = Path(__file__).resolve().parents[1] / "docs" / "tutorial.md"
FENCE = re.compile(r"^(?P<lead>[^\n]*)\n+```(?P<language>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
SAVED = re.compile(r"[Ss]ave (?:this )?as `([^`]+)`")


@dataclass
class Step:
    """One block of the page: a file to save, commands to type, or what they print."""

    line: int
    kind: str
    text: str
    file: str = ""


def steps() -> Iterator[Step]:
    page = TUTORIAL.read_text()
    for found in FENCE.finditer(page):
        line = page.count("\n", 0, found.start("language")) + 1
        saved = SAVED.search(found["lead"])
        kind = "save" if saved else {"sh": "type", "text": "see"}.get(found["language"], "read")
        yield Step(line, kind, found["text"], saved[1] if saved else "")


def typed(commands: str, folder: Path) -> str:
    """What a shell prints for these commands, all of which must succeed."""
    programs = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "XDG_STATE_HOME": str(folder / "state")}
    for name in ("CI", "PYTEST_ADDOPTS"):
        environment.pop(name, None)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{commands}\n{done.stdout}"
    return done.stdout


def test_the_tutorial_has_files_commands_and_outputs() -> None:
    assert {step.kind for step in steps()} >= {"save", "type", "see"}


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_tutorial_works_as_it_is_written(tmp_path: Path) -> None:
    printed = ""
    for step in steps():
        if step.kind == "save":
            (tmp_path / step.file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / step.file).write_text(step.text)
        elif step.kind == "type":
            printed = typed(step.text, tmp_path)
        elif step.kind == "see":
            as_written = doctest.OutputChecker().check_output(
                step.text, printed, doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
            )
            assert as_written, f"{TUTORIAL.name}:{step.line}: the page says\n{step.text}\nbut it was\n{printed}"
