"""What it costs a flow to be shown: the same run, now with `router ui` on a terminal, now with that stopped."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bench.children import ROOT
from bench.control import Mark, Ratios, Row, in_turn, mark, row, running
from bench.posts import made
from router.control.client import FlowClient

COLUMNS, LINES = 200, 60
SETTLE = 0.5  # seconds from one state of the interface to the next


def measure(records: int, seconds: float, pairs: int) -> list[Row]:
    """Shown and unshown spans in turn, each pair in the other order."""
    ratios = asyncio.run(_measured(made("posts", records), seconds, pairs))
    return [row("ui", f"`router ui` shows its graph, {COLUMNS}x{LINES}", ratios)]


async def _measured(source: Path, seconds: float, pairs: int) -> Ratios:
    async with running(source) as (flow, process), _shown(Path((await flow.look()).data)) as shown:
        return await in_turn(lambda each: _span(flow, process, shown, seconds, is_shown=each), pairs)


async def _span(
    flow: FlowClient, process: int, shown: subprocess.Popen[bytes], seconds: float, *, is_shown: bool
) -> tuple[Mark, Mark]:
    shown.send_signal(signal.SIGCONT if is_shown else signal.SIGSTOP)
    await asyncio.sleep(SETTLE)  # noqa: TID251 - a client belongs to no flow
    before = await mark(flow, process)
    await asyncio.sleep(seconds)  # noqa: TID251 - same
    return before, await mark(flow, process)


@asynccontextmanager
async def _shown(data: Path) -> AsyncIterator[subprocess.Popen[bytes]]:
    """The interface on a terminal that is read; it has drawn the flow when it is given."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    command = [sys.executable, "-m", "router", "ui", "--data", str(data)]
    environment = {**os.environ, "TERM": "xterm-256color"}
    process = subprocess.Popen(  # noqa: ASYNC220 - at once
        command, cwd=ROOT, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True
    )
    os.close(theirs)
    has_drawn = asyncio.Event()
    loop = asyncio.get_running_loop()

    def read() -> None:
        if b"by_language" in os.read(ours, 1 << 20):
            has_drawn.set()

    loop.add_reader(ours, read)
    try:
        async with asyncio.timeout(30):
            await has_drawn.wait()
        yield process
    finally:
        loop.remove_reader(ours)
        process.kill()
        process.wait()
        os.close(ours)
