"""The real command under load: what it took it answers, and what it answered is in the file."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
from pathlib import Path

from tests.processors.serve_http.serving import Client, post

CLIENTS = 16
FLOW = """
flow: taken
processors:
  in: {type: serve_http, listen: "127.0.0.1:0", to: out}
  out: {type: write_file, path: out.jsonl, format: json_lines}
"""


async def run(folder: Path) -> tuple[asyncio.subprocess.Process, int]:
    """The command, and the port it says."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "router", "run", "taken.yaml", cwd=folder,
        env={**os.environ, "XDG_STATE_HOME": str(folder / "state")}, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr is not None
    while line := await process.stderr.readline():
        if found := re.search(rb"listens \(url=http://127\.0\.0\.1:([0-9]+)/in\)", line):
            return process, int(found[1])
    raise AssertionError("it never listened")


async def send_on(port: int, number: int, answered: list[int]) -> list[int]:
    """Send records until the server has no more to say; the numbers of those that were turned away."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    client, turned_away = Client(reader, writer), []
    while True:
        try:
            response = await client.ask(post({"n": number}))
        except (ConnectionError, asyncio.IncompleteReadError):
            break  # the socket was closed before it was read: nobody said that it was taken
        if response.status == 200:
            answered.append(number)
        else:
            assert response.status == 503
            turned_away.append(number)
            break
        number += CLIENTS
    writer.close()
    return turned_away


async def test_sigterm_during_requests_answers_what_was_taken(tmp_path: Path) -> None:
    (tmp_path / "taken.yaml").write_text(FLOW)
    process, port = await run(tmp_path)
    answered: list[int] = []
    async with asyncio.TaskGroup() as group:
        clients = [group.create_task(send_on(port, n, answered)) for n in range(CLIENTS)]
        while len(answered) < 500:  # noqa: ASYNC110 - the clients count, and tell nobody
            await asyncio.sleep(0.001)
        process.send_signal(signal.SIGTERM)
    assert process.stderr is not None
    said = (await process.stderr.read()).decode()
    assert (await process.wait(), "taken: stopped" in said) == (0, True)
    written = [json.loads(line)["n"] for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert sorted(written) == sorted(answered)
    assert not {n for client in clients for n in client.result()} & set(written)
