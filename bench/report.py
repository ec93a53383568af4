"""Prints what was measured beside the bars, and keeps it with the machine it came from."""

from __future__ import annotations

import json
import os
import platform
import re
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.workloads import Result

RESULTS = Path(__file__).parent / "results"
_PACKAGES = ("stream-router", "msgspec", "orjson", "numpy", "onnxruntime", "uvloop")


def row_of(result: Result) -> dict[str, Any]:
    """One line of the table for a comparison."""
    work = result.workload
    ours, plain = (sorted(cost.seconds for cost in side) for side in (result.ours, result.plain))
    rate = result.records / ours[len(ours) // 2]
    what = f"{work.what}: {rate / 1e6:.2f}M records a second, CPU ratio {result.cpu_ratio:.2f}"
    bar = f">= {work.bar}" + (f" ({work.moonshot})" if work.moonshot else "")
    if not result.same:
        what += "; THE OUTPUTS DIFFER"
    return {
        "name": work.name, "what": what, "value": round(result.ratio, 2), "bar": bar,
        "met": result.ratio >= work.bar and result.same,
        "rounds": {"ours": [asdict(cost) for cost in result.ours], "plain": [asdict(cost) for cost in result.plain]},
        "slowest over fastest": round(max(ours[-1] / ours[0], plain[-1] / plain[0]), 2),
    }  # fmt: skip


def table(rows: Sequence[dict[str, Any]], *, judged: bool = True) -> str:
    """The rows as Markdown; few records show that it works, not how fast, and are not judged."""
    if not judged:
        return "\n".join(
            [
                "| | measured | what |",
                "|---|---|---|",
                *(f"| {row['name']} | {row['value']} | {row['what']} |" for row in rows),
            ]
        )
    lines = ["| | measured | bar (moonshot) | | what |", "|---|---|---|---|---|"]
    lines += [
        f"| {row['name']} | {row['value']} | {row['bar']} | {'met' if row['met'] else 'MISSED'} | {row['what']} |"
        for row in rows
    ]
    return "\n".join(lines)


def machine() -> dict[str, Any]:
    """What the figures depend on."""
    return {
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "packages": {name: version(name) for name in _PACKAGES},
        "load before": round(os.getloadavg()[0], 2),
    }


def keep(rows: Sequence[dict[str, Any]], before: dict[str, Any], records: int) -> Path:
    """Write the results; return the Markdown file."""
    RESULTS.mkdir(exist_ok=True)
    moment = datetime.now(UTC)
    slug = re.sub(r"[^a-z0-9]+", "-", f"{before['cpu']}-{before['cores']}-cores".lower()).strip("-")
    path = RESULTS / f"{moment:%Y-%m-%d}-{slug}.md"
    packages = ", ".join(f"{name} {number}" for name, number in before["packages"].items())
    text = (
        f"# {moment:%Y-%m-%d}: {before['cpu']}, {before['cores']} cores\n\n"
        f"{before['system']}, Python {before['python']}, {packages}. {records:,} records, medians of interleaved rounds; "
        f"load average before the first {before['load before']}. Ratios are multiples of the plain loop's speed.\n\n"
        f"{table(rows)}\n"
    )
    path.write_text(text, encoding="utf-8")
    found = {"time": moment.isoformat(), "machine": before, "records": records, "rows": list(rows)}
    path.with_suffix(".json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return path


def _cpu() -> str:
    if sys.platform.startswith("linux"):
        names = re.findall(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
        if names:
            return str(names[0]).strip()
    return platform.processor() or platform.machine()
