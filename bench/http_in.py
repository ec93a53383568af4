"""HTTP in: a flow that is served, against a bare handler that does the same work, each asked by 32 clients in turn."""

from __future__ import annotations

import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.children import FLOWS, ROOT, emptied
from bench.http_client import CLIENTS, load
from bench.posts import post_lines
from bench.workloads import OUT

Row = dict[str, Any]
SIDES = ("ours", "plain")


@dataclass(frozen=True, slots=True)
class Comparison:
    """One flow against one handler of ``bench.http_servers``."""

    name: str
    what: str
    flow: Path
    plain: str
    path: str
    bar: float
    moonshot: float | None = None
    sync: str = "never"
    writes: bool = True


COMPARISONS = (
    Comparison("http", "requests to a file", FLOWS / "http.yaml", "write", "/in", 0.7, 1.2),
    Comparison("http-sync", "requests to the disk", FLOWS / "http.yaml", "sync", "/in", 1.0, sync="always"),
    Comparison("score-http", "posts scored", ROOT / "flows" / "score-http.yaml", "score", "/score", 0.8, writes=False),
)


def measure(work: Comparison, seconds: float, rounds: int) -> list[Row]:
    """Ask both sides in turn, each round in the other order."""
    body = next(post_lines(1)).strip()
    found: dict[str, list[dict[str, float]]] = {side: [] for side in SIDES}
    outs = {side: emptied(OUT / side) for side in SIDES}
    with served(_our_command(work, outs["ours"])) as ours, served(_plain_command(work, outs["plain"])) as plain:
        for number in range(rounds):
            for side, server in (("ours", ours), ("plain", plain))[:: 1 if number % 2 else -1]:
                before = server.cpu()
                once = load(server.url + work.path, body, seconds)
                found[side].append({**once, "cpu": server.cpu() - before})
                print(".", end="", file=sys.stderr, flush=True)
    for side in SIDES:
        if not _is_whole(found[side], outs[side], body, writes=work.writes):
            raise SystemExit(f"bench: {work.name}: {side}: what was answered is not what was done: {found[side]}")
    shutil.rmtree(OUT)
    return _rows(work, found)


def _rows(work: Comparison, found: dict[str, list[dict[str, float]]]) -> list[Row]:
    rate, cpu, p99 = ({side: _median(found[side], name) for side in SIDES} for name in ("rate", "cpu", "p99"))
    ratio = rate["ours"] / rate["plain"]
    what = f"{work.what}: {rate['ours']:,.0f} a second, the bare handler {rate['plain']:,.0f}"
    if cpu["ours"]:
        what += f"; CPU {cpu['ours'] * 1e6:.0f} and {cpu['plain'] * 1e6:.0f} us a request"
    bar = f">= {work.bar}" + (f" ({work.moonshot})" if work.moonshot else "")
    rows: list[Row] = [
        {"name": work.name, "what": what, "value": round(ratio, 2), "bar": bar, "met": ratio >= work.bar}
    ]
    if work.writes:
        times = f"99 % answered in {p99['ours'] * 1e3:.1f} ms, by the bare handler in {p99['plain'] * 1e3:.1f} ms"
        late = p99["ours"] / p99["plain"]
        rows.append(
            {"name": f"{work.name}-p99", "what": times, "value": round(late, 2), "bar": "<= 2", "met": late <= 2}
        )
    rows[0]["rounds"] = found
    return rows


def _median(rounds: Sequence[dict[str, float]], name: str) -> float:
    if name == "p99":
        return statistics.median(each["p99"] for each in rounds)
    parts = ("requests", "seconds") if name == "rate" else ("cpu", "requests")
    return statistics.median(each[parts[0]] / each[parts[1]] for each in rounds)


def _is_whole(rounds: Sequence[dict[str, float]], out: Path, body: str, *, writes: bool) -> bool:
    """True if nothing failed, and every answered request is in the file; some may be there whose answer came too late."""
    asked = sum(each["requests"] for each in rounds)
    if any(each["failures"] for each in rounds) or not asked:
        return False
    if not writes:
        return True
    lines = (out / "all.jsonl").read_text(encoding="utf-8").splitlines()
    return asked <= len(lines) <= asked + len(rounds) * CLIENTS and set(lines) == {body}


# -- servers ------------------------------------------------------------------------------------


class Server:
    """A process that serves."""

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self._stat = Path(f"/proc/{process.pid}/stat")
        self.url = url

    def cpu(self) -> float:
        """Seconds of processor time so far; 0 where the system does not say."""
        if not self._stat.exists():
            return 0.0
        fields = self._stat.read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _our_command(work: Comparison, out: Path) -> list[str]:
    command = [sys.executable, "-m", "router", "run", str(work.flow), "--data", str(out / "data")]
    given = {"out": out, "sync": work.sync} if work.writes else {"listen": "127.0.0.1:0"}
    return [*command, *(part for name, value in given.items() for part in ("--set", f"{name}={value}"))]


def _plain_command(work: Comparison, out: Path) -> list[str]:
    return [sys.executable, "-m", "bench.http_servers", work.plain, str(out)]


@contextmanager
def served(command: Sequence[str]) -> Iterator[Server]:
    """Run what serves until the end of the block; it says on stderr where."""
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        for line in process.stderr:
            if found := re.search(r"http://127\.0\.0\.1:[0-9]+", line):
                yield Server(process, found[0])
                return
        raise SystemExit(f"bench: {' '.join(command)} does not serve")
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate()
