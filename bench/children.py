"""Runs one side of a comparison in a process of its own, and sees what it cost."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
FLOWS = Path(__file__).parent / "flows"


@dataclass(frozen=True, slots=True)
class Cost:
    """What a child took: its own clock for the work, and from outside the whole process."""

    seconds: float
    records: int
    wall: float
    cpu: float
    rss: int
    """The most memory it held, in MiB."""


def run_flow(name: str, parameters: Mapping[str, object]) -> Cost:
    """Run a flow of this folder as anyone would: ``router run``, every setting at its default."""
    with tempfile.TemporaryDirectory() as data:
        given = [argument for key, value in parameters.items() for argument in ("--set", f"{key}={value}")]
        command = [sys.executable, "-m", "router", "run", str(FLOWS / f"{name}.yaml"), "-q", "--json", "--data", data]
        output, wall, cpu, rss = _run([*command, *given])
    report = json.loads(output)
    if report["outcome"] != "done" or report["dead_letters"]:
        raise SystemExit(f"bench: the flow {name!r} ended with {report['outcome']}: {output}")
    records = max(sum(each["out"].values()) for each in report["processors"].values())
    return Cost(report["seconds"], records, wall, cpu, rss)


def run_plain(name: str, arguments: Sequence[object], *, module: str = "bench.plain") -> Cost:
    """Run a plain loop."""
    output, wall, cpu, rss = _run([sys.executable, "-m", module, name, *map(str, arguments)])
    report = json.loads(output)
    return Cost(report["seconds"], report["records"], wall, cpu, rss)


def digest(folder: Path, rounded: str | None = None) -> dict[str, list[int]]:
    """What a side has written; see ``bench.outputs.digest``. What reading it takes of memory is not this process's."""
    output, *_ = _run([sys.executable, "-m", "bench.outputs", str(folder), *([rounded] if rounded else [])])
    found: dict[str, list[int]] = json.loads(output)
    return found


def measured(name: str, count: int) -> list[dict[str, Any]]:
    """Run a measurement that needs heavy imports, which would count as the memory of every later child."""
    output, *_ = _run([sys.executable, "-m", "bench.inside", name, str(count)])
    rows: list[dict[str, Any]] = json.loads(output)
    return rows


def _run(command: Sequence[str]) -> tuple[str, float, float, int]:
    began = time.perf_counter()
    child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    output = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.perf_counter() - began
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"bench: {' '.join(command)} ended with {child.returncode}")
    # macOS counts bytes, Linux KiB.
    rss = usage.ru_maxrss // (1024 * 1024 if sys.platform == "darwin" else 1024)
    return output, wall, usage.ru_utime + usage.ru_stime, rss


def emptied(folder: Path) -> Path:
    """A folder with nothing in it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
