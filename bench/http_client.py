"""Clients that keep their connections: wrk where it is installed, else some of our own, in a process of their own."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

CLIENTS = 32


def load(url: str, body: str, seconds: float) -> dict[str, float]:
    """Send a body again and again: requests, seconds, failures, the 99th percentile of the time to an answer."""
    if shutil.which("wrk") is not None:
        return _wrk(url, body, seconds)
    command = [sys.executable, "-m", "bench.http_client", url, body, str(seconds)]
    done = subprocess.run(command, cwd=Path(__file__).parents[1], check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _wrk(url: str, body: str, seconds: float) -> dict[str, float]:
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        said = json.dumps(body).replace("\\/", "/")
        script.write(f'wrk.method = "POST"\nwrk.body = {said}\nwrk.headers["Content-Type"] = "application/json"\n')
        script.write(
            "done = function(s, l, r) io.write(string.format('FOUND %d %d %d %d\\n', s.requests, s.duration,"
            " s.errors.status + s.errors.read + s.errors.write + s.errors.timeout, l:percentile(99))) end\n"
        )
        script.flush()
        command = ["wrk", "-t1", f"-c{CLIENTS}", f"-d{max(1, round(seconds))}s", "-s", script.name, url]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = re.search(r"FOUND (\d+) (\d+) (\d+) (\d+)", output)
    if found is None:
        raise SystemExit(f"bench: wrk said: {output}")
    requests, duration, failures, p99 = map(int, found.groups())
    return {"requests": requests, "seconds": duration / 1e6, "failures": failures, "p99": p99 / 1e6}


async def _client(url: str, body: bytes, until: float, times: list[float]) -> int:
    where = urlsplit(url)
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    head = f"POST {where.path} HTTP/1.1\r\nHost: {where.netloc}\r\nContent-Type: application/json\r\n"
    request = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    failures, now = 0, time.perf_counter()
    while now < until:
        writer.write(request)
        answer = await reader.readuntil(b"\r\n\r\n")
        if found := re.search(rb"(?i)\r\ncontent-length: ([0-9]+)", answer):
            await reader.readexactly(int(found[1]))
        failures += not answer.startswith(b"HTTP/1.1 200 ")
        before, now = now, time.perf_counter()
        times.append(now - before)
    writer.close()
    return failures


async def _clients(url: str, body: bytes, seconds: float) -> dict[str, Any]:
    times: list[float] = []
    began = time.perf_counter()
    failures = await asyncio.gather(*(_client(url, body, began + seconds, times) for _ in range(CLIENTS)))
    took = time.perf_counter() - began
    times.sort()
    return {"requests": len(times), "seconds": took, "failures": sum(failures), "p99": times[int(len(times) * 0.99)]}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_clients(sys.argv[1], sys.argv[2].encode(), float(sys.argv[3])))))
