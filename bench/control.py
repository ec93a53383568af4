"""What it costs a flow to be watched: the same run, now with a client that asks twice a second, now without."""

from __future__ import annotations

import asyncio
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.children import FLOWS, ROOT
from bench.posts import made
from router.control.client import Client, FlowClient, UnreachableError

Row = dict[str, Any]
Ratios = tuple[list[float], list[float]]
"""Of each pair of spans: by the clock, and by the processor."""
HERTZ = 2.0
EDGE = "read.success>by_language"
BAR = 0.98


@dataclass(frozen=True, slots=True)
class Mark:
    """How far the flow had come at one moment."""

    records: int
    seconds: float
    cpu: float


def measure(records: int, seconds: float, pairs: int) -> list[Row]:
    """Watched and unwatched spans in turn, each pair in the other order."""
    source = made("posts", records)
    ratios = asyncio.run(_measured(source, seconds, pairs))
    return [row("control", f"status and records are asked for {HERTZ:g} times a second", ratios)]


def row(name: str, meanwhile: str, ratios: Ratios) -> Row:
    """What the flow kept of its speed meanwhile."""
    wall, cpu = ratios
    ratio = statistics.median(wall)
    spread = f"{min(wall):.2f} to {max(wall):.2f}, CPU ratio {statistics.median(cpu):.2f}"
    what = f"route while {meanwhile}, against route alone: {spread}"
    return {
        "name": name, "what": what, "value": round(ratio, 3), "bar": f">= {BAR}", "met": ratio >= BAR,
        "rounds": {"wall": wall, "cpu": cpu},
    }  # fmt: skip


async def _measured(source: Path, seconds: float, pairs: int) -> Ratios:
    async with running(source) as (flow, pid):
        return await in_turn(lambda watched: _span(flow, pid, seconds, watched=watched), pairs)


async def in_turn(span: Callable[[bool], Awaitable[tuple[Mark, Mark]]], pairs: int) -> Ratios:
    """Spans with and without, each pair in the other order."""
    wall, cpu = [], []
    await span(True)  # HTTP has been imported, and the caches are warm
    for number in range(pairs):
        order = (True, False) if number % 2 else (False, True)
        spans = {each: await span(each) for each in order}
        wall.append(_rate(spans[True], "seconds") / _rate(spans[False], "seconds"))
        cpu.append(_rate(spans[True], "cpu") / _rate(spans[False], "cpu"))
        print(".", end="", file=sys.stderr, flush=True)
    return wall, cpu


async def _span(flow: FlowClient, pid: int, seconds: float, *, watched: bool) -> tuple[Mark, Mark]:
    before, end = await mark(flow, pid), time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if watched:
            await asyncio.gather(flow.look(), flow.records(EDGE))
        await asyncio.sleep(min(left, 1 / HERTZ) if watched else left)  # noqa: TID251 - a client belongs to no flow
    return before, await mark(flow, pid)


async def mark(flow: FlowClient, pid: int) -> Mark:
    """How far the flow has come now."""
    view = await flow.look()
    read = next(each for each in view.processors if each.name == "read")
    return Mark(read.records_out, view.seconds, _cpu(pid))


def _rate(span: tuple[Mark, Mark], by: str) -> float:
    """Records a second, of the clock or of the processor."""
    before, after = span
    passed: float = getattr(after, by) - getattr(before, by)
    return (after.records - before.records) / max(0.01, passed)


def _cpu(pid: int) -> float:
    """Seconds of processor time so far; where the system does not say, those of the clock."""
    stat = Path(f"/proc/{pid}/stat")
    if not stat.exists():
        return time.monotonic()
    fields = stat.read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@asynccontextmanager
async def running(source: Path) -> AsyncIterator[tuple[FlowClient, int]]:
    """The flow in a process of its own, with that process's number."""
    with tempfile.TemporaryDirectory() as data:
        command = [sys.executable, "-m", "router", "run", str(FLOWS / "control.yaml"), "-q", "--data", data]
        process = subprocess.Popen([*command, "--set", f"records={source}"], cwd=ROOT)  # noqa: ASYNC220 - at once
        try:
            async with Client(Path(data)) as client:
                flow = client.flow("bench_control")
                await _until_it_answers(flow, process)
                yield flow, process.pid
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()


async def _until_it_answers(flow: FlowClient, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        try:
            await flow.look()
        except UnreachableError:
            await asyncio.sleep(0.1)  # noqa: TID251 - same
        else:
            return
    raise SystemExit("bench: the flow that was to be watched has ended")
