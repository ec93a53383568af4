"""What provenance costs: the flow of ``route`` at each level, against the same without any."""

from __future__ import annotations

import shutil
import statistics
import sys
from collections.abc import Mapping
from typing import Any

from bench.children import Cost, emptied, run_flow
from bench.posts import made
from bench.workloads import OUT

Row = dict[str, Any]

LEVELS: Mapping[str, tuple[str, float, str]] = {
    "counts": ("counts", 0.02, "totals by the minute"),
    "sample": ("sample", 0.05, "1% followed, with its content"),
    "full": ("full", 0.30, "every record followed, with its content"),
}


def provenance(records: int, rounds: int) -> list[Row]:
    """The processor time that each level adds, in shares of that of the flow; medians of interleaved rounds."""
    source, nothing = made("posts", records), made("posts", 0)
    levels = {"off": "off", **{name: level for name, (level, _, _) in LEVELS.items()}}
    idle = {name: _run(level, nothing).cpu for name, level in levels.items()}
    costs: dict[str, list[Cost]] = {name: [] for name in levels}
    for number in range(rounds):
        for name in list(levels) if number % 2 == 0 else reversed(levels):
            costs[name].append(_run(levels[name], source))
            print(".", end="", file=sys.stderr, flush=True)
    shutil.rmtree(OUT)
    return [_row(name, costs, idle) for name in LEVELS]


def _run(level: str, source: object) -> Cost:
    out = emptied(OUT / "ours")
    return run_flow("provenance", {"records": source, "out": out, "provenance": level})


def _row(name: str, costs: Mapping[str, list[Cost]], idle: Mapping[str, float]) -> Row:
    _, bar, means = LEVELS[name]
    off = statistics.median(each.cpu for each in costs["off"]) - idle["off"]
    own = statistics.median(each.cpu for each in costs[name]) - idle[name]
    wall = statistics.median(each.seconds for each in costs[name]) / statistics.median(
        each.seconds for each in costs["off"]
    )
    added = own / off - 1
    return {
        "name": f"provenance-{name}",
        "what": f"{means}: {added:+.1%} processor time, {wall - 1:+.1%} by the clock",
        "value": round(added, 3),
        "bar": f"<= {bar:.0%}",
        "met": added <= bar,
    }
