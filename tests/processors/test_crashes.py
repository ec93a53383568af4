"""Checkpoints, dedupe and windows when their process is killed, as real processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml

pytestmark = pytest.mark.slow

DEADLINE = 60.0
TOTAL = 30_000
KEYS = 7


class Folder:
    """A flow over a file of numbered records, killed again and again."""

    def __init__(self, path: Path, processors: dict[str, Any]) -> None:
        self.path = path
        self.processes: list[subprocess.Popen[bytes]] = []
        lines = (f'{{"id":{n},"key":{n % KEYS},"t":{n / 100}}}\n' for n in range(TOTAL))
        (path / "in.jsonl").write_text("".join(lines))
        (path / "flow.yaml").write_text(yaml.safe_dump({"flow": "flow", "processors": processors}))

    def start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "router", "run", "flow.yaml", "--data", "data", "-q"]
        log = (self.path / "log").open("ab")
        self.processes.append(subprocess.Popen(command, cwd=self.path, stderr=log, stdout=log))
        log.close()
        return self.processes[-1]

    def kill_when_it_has_moved(self, output: str, step: int) -> bool:
        """Start it, and kill it when so much more has come out; False: it ended before that."""
        process = self.start()
        wanted, end = self.size(output) + step, time.monotonic() + DEADLINE
        while self.size(output) < wanted and process.poll() is None:
            assert time.monotonic() < end, (self.path / "log").read_text()[-3000:]
            time.sleep(0.002)
        was_running = process.poll() is None
        assert not process.returncode, (self.path / "log").read_text()[-3000:]
        process.send_signal(signal.SIGKILL)
        process.wait(DEADLINE)
        return was_running

    def finish(self) -> None:
        assert self.start().wait(DEADLINE) == 0, (self.path / "log").read_text()[-3000:]

    def size(self, output: str) -> int:
        return sum(each.stat().st_size for each in self.path.glob(output))

    def rows(self, output: str) -> list[Any]:
        """The lines that are whole: a kill may tear one, and then it comes again."""
        found = []
        for line in (self.path / output).read_bytes().splitlines():
            try:
                found.append(json.loads(line))
            except ValueError:
                continue
        return found

    def close(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                os.kill(process.pid, signal.SIGKILL)
                process.wait()


@pytest.fixture
def dice(request: pytest.FixtureRequest) -> Random:
    return Random(request.node.name)


@pytest.fixture
def folders(tmp_path: Path) -> Iterator[list[Folder]]:
    made: list[Folder] = []
    yield made
    for each in made:
        each.close()


def test_a_file_is_copied_whole_however_often_its_reader_is_killed(
    tmp_path: Path, folders: list[Folder], dice: Random
) -> None:
    read = {"type": "read_file", "path": "in.jsonl", "checkpoint": True, "rate": 40_000, "to": "write"}
    folder = Folder(tmp_path, {"read": read, "write": {"type": "write_file", "path": "out.jsonl"}})
    folders.append(folder)
    assert folder.kill_when_it_has_moved("out.jsonl", 1)
    for _ in range(3):
        folder.kill_when_it_has_moved("out.jsonl", dice.randint(1, 150_000))
    folder.finish()
    ids = [row["id"] for row in folder.rows("out.jsonl")]
    assert set(ids) == set(range(TOTAL))
    assert len(ids) - TOTAL <= 4 * 12_000, "what comes again was in flight"
    folder.finish()
    assert len(folder.rows("out.jsonl")) == len(ids), "a further run reads nothing again"


def test_between_disk_connections_each_record_is_counted_once(
    tmp_path: Path, folders: list[Folder], dice: Random
) -> None:
    def to(name: str) -> dict[str, Any]:
        return {"success": {"processor": name, "queue": "disk"}}

    compute = {"n": "count()", "first": "min(id)", "ids": "distinct(id)"}
    steps: dict[str, Any] = {
        "read": {"type": "read_file", "path": "in.jsonl", "checkpoint": True, "rate": 20_000, "to": to("once")},
        "once": {"type": "dedupe", "key": "id", "within": "1h", "to": to("sum")},
        "sum": {"type": "window", "size": "10s", "time": "t", "key": "key", "compute": compute, "to": to("write")},
        "write": {"type": "write_file", "path": "out.jsonl"},
    }
    folder = Folder(tmp_path, steps)
    folders.append(folder)
    assert folder.kill_when_it_has_moved("out.jsonl", 1)
    for _ in range(3):
        folder.kill_when_it_has_moved("out.jsonl", dice.randint(1, 3000))
    folder.finish()
    found = {(row["window_start"], row["key"]): (row["n"], row["first"]) for row in folder.rows("out.jsonl")}
    right: dict[tuple[float, int], list[int]] = {}
    for n in range(TOTAL):
        right.setdefault((n // 1000 * 10.0, n % KEYS), []).append(n)
    assert found == {place: (len(ids), min(ids)) for place, ids in right.items()}


def test_elsewhere_a_killed_window_loses_no_record(tmp_path: Path, folders: list[Folder], dice: Random) -> None:
    compute = {"n": "count()", "ids": "list(id)"}
    steps = {
        "read": {"type": "read_file", "path": "in.jsonl", "checkpoint": True, "rate": 40_000, "to": "sum"},
        "sum": {"type": "window", "size": "3s", "time": "t", "key": "key", "compute": compute, "to": "write"},
        "write": {"type": "write_file", "path": "out.jsonl"},
    }
    folder = Folder(tmp_path, steps)
    folders.append(folder)
    assert folder.kill_when_it_has_moved("out.jsonl", 1)
    for _ in range(2):
        folder.kill_when_it_has_moved("out.jsonl", dice.randint(1, 80_000))
    folder.finish()
    ids = [n for row in folder.rows("out.jsonl") for n in row["ids"]]
    assert set(ids) == set(range(TOTAL))
