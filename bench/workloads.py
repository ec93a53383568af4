"""The workloads: what runs, against what, on which data, and the bar of each."""

from __future__ import annotations

import os
import shutil
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.children import Cost, digest, emptied, run_flow, run_plain
from bench.models import MODELS, model_path
from bench.posts import DATA, made

# A disk that others write to shows more of itself than of the loops: BENCH_OUT=/dev/shm leaves it out.
OUT = Path(os.environ.get("BENCH_OUT", DATA)) / "router-bench-out"


@dataclass(frozen=True, slots=True)
class Workload:
    """One comparison of router with a plain loop."""

    name: str
    what: str
    flow: str
    plain: str
    """A plain loop, or ``flow:NAME``."""
    bar: float
    moonshot: float | None = None
    data: str = "posts"
    model: str | None = None
    rounded: str | None = None


@dataclass(slots=True)
class Result:
    """What one comparison gave: the costs of each round, and whether the outputs agree."""

    workload: Workload
    records: int
    ours: list[Cost] = field(default_factory=list)
    plain: list[Cost] = field(default_factory=list)
    idle: dict[str, float] = field(default_factory=dict)
    """The processor time of each side where there is nothing to do: its start."""
    same: bool = False

    @property
    def ratio(self) -> float:
        """Router's speed as a multiple of the plain loop's, by the clocks inside, medians of all rounds."""
        return _median(self.plain, "seconds") / _median(self.ours, "seconds")

    @property
    def cpu_ratio(self) -> float:
        """The same by processor time, without that of the start: steadier where others use the machine."""
        plain, ours = _median(self.plain, "cpu") - self.idle["plain"], _median(self.ours, "cpu") - self.idle["ours"]
        return plain / ours if ours > 0 else 0.0


WORKLOADS: Sequence[Workload] = (
    Workload("pass", "undecoded lines in and out, against a batched loop", "pass", "pass", 0.5, 0.9),
    Workload("route", "route and transform JSON, against a loop per record", "route", "route", 1.2, 1.5),
    Workload("route-functions", "the same by dict functions", "route_functions", "route", 0.9, 1.0),
    Workload("enrich", "a dict function counts words, against a loop per record", "enrich", "enrich", 0.95, 1.8),
    *(
        Workload(
            f"model-{name}", "JSON to ONNX to JSON, against a loop in batches of 256", "model", "model", 0.95, 1.3,
            data="features", model=name, rounded="p",
        )
        for name in MODELS
    ),
    Workload("window", "count and add by language, a thousand at a time, against a loop per record", "window", "window", 0.5, 1.0),
    Workload("parquet", "JSON to Parquet, against pyarrow in batches of 1,000", "parquet", "parquet", 0.8, 1.0),
    Workload("disk", "lines through a queue on disk, against SQLite alone with as large commits", "disk", "disk", 0.5, 0.8),
    Workload("disk-route", "route with a queue on disk, against the same flow in memory", "route_disk", "flow:route", 0.6),
)  # fmt: skip


def compare(workload: Workload, records: int, rounds: int) -> Result:
    """Run both sides in turn, each round in the other order, and compare what they wrote."""
    source, result = made(workload.data, records), Result(workload, records)
    nothing = made(workload.data, 0)
    result.idle = {side: _run(workload, side, nothing).cpu for side in ("plain", "ours")}
    for number in range(rounds):
        for side in ("plain", "ours") if number % 2 == 0 else ("ours", "plain"):
            (result.plain if side == "plain" else result.ours).append(_run(workload, side, source))
            print(".", end="", file=sys.stderr, flush=True)
    plain, ours = (digest(OUT / side, workload.rounded) for side in ("plain", "ours"))
    result.same = plain == ours
    shutil.rmtree(OUT)
    return result


def _run(workload: Workload, side: str, source: Path) -> Cost:
    out = emptied(OUT / side)
    model = [model_path(workload.model)] if workload.model else []
    kind, _, name = workload.plain.rpartition(":")
    if side == "plain" and not kind:
        return run_plain(name, [source, out, *model])
    parameters = {"records": source, "out": out} | ({"model": model[0]} if model else {})
    return run_flow(name if side == "plain" else workload.flow, parameters)


def _median(costs: Sequence[Cost], name: str) -> float:
    return float(statistics.median(getattr(cost, name) for cost in costs))


def linked(path: Path, times: int) -> Path:
    """A folder in which one file stands several times, for a flow to read one after another."""
    folder = emptied(DATA / "linked")  # a link stays on the disk of its file
    for number in range(times):
        (folder / f"{number}.jsonl").hardlink_to(path)
    return folder
