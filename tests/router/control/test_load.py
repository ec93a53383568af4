"""A real run under two hundred clients, most of them ill-behaved: records move on, and memory stays what it was."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from router.control.client import Client
from tests.router.control.served import until
from tests.router.control.test_fuzz import Run, run  # noqa: F401 - a fixture

EDGE = "odd.success%3Elog"
LOOK = b"GET /api/flows/fuzzed HTTP/1.1\r\nHost: x\r\n\r\n"
LARGE = f"GET /api/flows/fuzzed/connections/{EDGE}/records?limit=1000 HTTP/1.1\r\nHost: x\r\n\r\n".encode()
TAP = f"GET /api/flows/fuzzed/connections/{EDGE}/tap HTTP/1.1\r\nHost: x\r\n\r\n".encode()
HALF = b"GET /api/flows/fuz"


def memory(process: int) -> int:
    """MiB that it holds."""
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 20


async def ask_on(path: Path, request: bytes, *, reads: bool) -> None:
    """A client that asks without end, or asks without end and reads nothing."""
    reader, writer = await asyncio.open_unix_connection(str(path))
    try:
        while True:
            writer.write(request)
            await writer.drain()
            if reads and not await reader.read(1 << 16):
                return
            await asyncio.sleep(0 if reads else 0.01)
    except ConnectionError:
        return
    finally:
        writer.transport.abort()


async def stay_silent(path: Path) -> None:
    _, writer = await asyncio.open_unix_connection(str(path))
    try:
        writer.write(HALF)
        await asyncio.get_running_loop().create_future()
    finally:
        writer.transport.abort()


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from /proc")
async def test_two_hundred_clients_slow_ones_and_silent_ones_change_nothing_in_the_flow(run: Run) -> None:  # noqa: F811
    async with Client(run.path.parent) as client:
        flow = client.flow("fuzzed")
        await flow.stop_processor("log")  # there is something to list
        await until(lambda: waiting(flow, 1000))
        await asyncio.gather(*(flow.records(EDGE.replace("%3E", ">"), limit=1000) for _ in range(4)))
        before, moved = memory(run.process.pid), await given(flow)
        clients = [ask_on(run.path, LOOK, reads=True) for _ in range(50)]
        clients += [ask_on(run.path, LARGE, reads=False) for _ in range(60)]
        clients += [ask_on(run.path, TAP, reads=False) for _ in range(30)]
        clients += [stay_silent(run.path) for _ in range(50)]
        tasks = [asyncio.ensure_future(each) for each in clients]
        seen, most = list[int](), 0
        for _ in range(10):
            await asyncio.sleep(0.5)
            seen.append(await given(flow))
            most = max(most, memory(run.process.pid))
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0.1)  # the transports let go of their sockets
        await flow.start_processor("log")
    steps = [after - earlier for earlier, after in zip([moved, *seen], seen, strict=False)]
    assert min(steps) > 0.2 * 0.5 * 500  # a fifth of its rate, on whatever machine this runs
    assert most - before < 100


async def waiting(flow: Any, least: int) -> bool:
    return bool((await flow.connection(EDGE.replace("%3E", ">"))).records >= least)


async def given(flow: Any) -> int:
    return int((await flow.processor("make")).records_out)
