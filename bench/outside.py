"""What is measured from outside: the start of a small flow, and memory."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import time
from typing import Any

from bench.children import FLOWS, ROOT, emptied, run_flow
from bench.posts import DATA, made
from bench.workloads import OUT, linked

Row = dict[str, Any]


def start(rounds: int) -> list[Row]:
    """From the command to the first record on the screen, and the memory that takes."""
    times, sizes = [], []
    for _ in range(rounds):
        began = time.perf_counter()
        command = [sys.executable, "-m", "router", "run", str(FLOWS / "first.yaml")]
        child = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
        assert child.stderr is not None
        while (line := child.stderr.readline()) and '"number"' not in line:
            pass
        times.append(time.perf_counter() - began if line else float("inf"))
        child.stderr.read()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        sizes.append(usage.ru_maxrss / (1024 * 1024 if sys.platform == "darwin" else 1024))
    if max(times) == float("inf"):
        raise SystemExit("bench: the first record was not seen")
    first, size = statistics.median(times), statistics.median(sizes)
    return [
        {
            "name": "start",
            "what": "from the command to its first record",
            "value": round(first, 2),
            "bar": "< 0.7 s",
            "met": first < 0.7,
        },
        {"name": "rss", "what": "memory of a small flow", "value": round(size), "bar": "< 70 MB", "met": size < 70},
    ]


def memory(records: int) -> list[Row]:
    """The memory that a flow takes for so many records, and for three times as many."""
    source = made("posts", records)
    sizes = []
    for times in (1, 3):
        out = emptied(OUT / "ours")
        cost = run_flow("route", {"records": linked(source, times) / "*.jsonl", "out": out})
        sizes.append(cost.rss)
    shutil.rmtree(OUT)
    shutil.rmtree(DATA / "linked")
    growth = sizes[1] / sizes[0]
    what = f"{sizes[0]} MiB for {records:,} posts through route, {sizes[1]} MiB for three times as many"
    return [{"name": "memory", "what": what, "value": round(growth, 2), "bar": "flat: <= 1.1", "met": growth <= 1.1}]
