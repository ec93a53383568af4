"""HTTP out: ``call_http`` against a loop written by hand, each asking the same service, 64 requests at once."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

from bench.children import Cost, digest, emptied, run_flow, run_plain
from bench.http_in import served
from bench.posts import made
from bench.report import row_of
from bench.workloads import OUT, Result, Workload

WORK = Workload("rest", "a service asked about each post, against a loop with aiohttp", "rest", "rest", 0.9, 1.0)
MOST = 30_000  # posts: at some thousand a second more would not say more


def measure(records: int, rounds: int) -> list[dict[str, Any]]:
    """Ask from both sides in turn, each round in the other order, and compare what they wrote."""
    records = min(records, MOST)
    source, nothing, result = made("posts", records), made("posts", 0), Result(WORK, records)
    with served([sys.executable, "-m", "bench.http_servers", "answer", str(emptied(OUT))]) as service:
        result.idle = {side: _run(side, nothing, service.url).cpu for side in ("plain", "ours")}
        for number in range(rounds):
            for side in ("plain", "ours") if number % 2 == 0 else ("ours", "plain"):
                (result.plain if side == "plain" else result.ours).append(_run(side, source, service.url))
                print(".", end="", file=sys.stderr, flush=True)
    result.same = digest(OUT / "plain") == digest(OUT / "ours")
    shutil.rmtree(OUT)
    row = row_of(result)
    rates = [records / sorted(each.seconds for each in side)[len(side) // 2] for side in (result.ours, result.plain)]
    row["what"] = f"{WORK.what}: {rates[0]:,.0f} a second, the loop {rates[1]:,.0f}; CPU ratio {result.cpu_ratio:.2f}"
    if not result.same:
        raise SystemExit("bench: rest: the outputs differ")
    return [row]


def _run(side: str, source: Path, url: str) -> Cost:
    out = emptied(OUT / side)
    if side == "plain":
        return run_plain("rest", [source, out, url], module="bench.http_loop")
    return run_flow("rest", {"records": source, "out": out, "url": url})
