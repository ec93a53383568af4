"""What provenance costs: the flow of ``route`` at each level, against the same without any."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from typing import Any

from bench.children import Cost, emptied, run_flow
from bench.posts import made
from bench.workloads import OUT

Row = dict[str, Any]

LEVELS: Mapping[str, tuple[float, str]] = {
    "counts": (0.02, "totals by the minute"),
    "sample": (0.05, "1% followed, with its content"),
    "full": (0.30, "every record followed, with its content"),
}


def provenance(records: int, rounds: int) -> list[Row]:
    """What each level adds to the time of the flow: by the clock, and of the processor; least of interleaved rounds.

    The least, for what others take of the machine is no cost of provenance. The writer
    is a thread beside the flow: its processor time is the flow's only where there is one core.
    """
    source, nothing = made("posts", records), made("posts", 0)
    idle = {name: _run(name, nothing).cpu for name in ("off", *LEVELS)}
    costs: dict[str, list[Cost]] = {name: [] for name in idle}
    for number in range(rounds):
        for name in list(costs) if number % 2 == 0 else reversed(costs):
            costs[name].append(_run(name, source))
            print(".", end="", file=sys.stderr, flush=True)
    shutil.rmtree(OUT)
    seconds = {name: min(each.seconds for each in several) for name, several in costs.items()}
    cpu = {name: min(each.cpu for each in several) - idle[name] for name, several in costs.items()}
    return [_row(name, seconds[name] / seconds["off"] - 1, cpu[name] / cpu["off"] - 1) for name in LEVELS]


def _run(level: str, source: object) -> Cost:
    out = emptied(OUT / "ours")
    return run_flow("provenance", {"records": source, "out": out, "provenance": level})


def _row(name: str, clock: float, cpu: float) -> Row:
    bar, means = LEVELS[name]
    return {
        "name": f"provenance-{name}",
        "what": f"{means}: {clock:+.1%} by the clock, {cpu:+.1%} processor time",
        "value": round(clock, 3),
        "bar": f"<= {bar:.0%}",
        "met": clock <= bar,
    }
