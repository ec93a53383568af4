"""Kill -9 at any moment: no half file has a name, no settled record is missing, only the last files come twice."""

from __future__ import annotations

import contextlib
import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml

TOTAL, BATCH, PART, KILLS = 10_000, 50, 200, 3
DEADLINE = 60.0

SOURCE = '''
import json, os
from router import Batch, Config, Field, Outcome, Source, Watermark


class NumbersConfig(Config):
    total: int = Field(description="How many.")
    batch: int = Field(description="How many at a time.")


class Numbers(Source):
    """Count, and remember on the disk how far every number is safe."""

    type_name = "numbers"
    config: NumbersConfig

    async def produce(self, context):
        self._mark = Watermark()
        try:
            at = int(open("position").read())
        except FileNotFoundError:
            at = 0
        while at < self.config.total:
            stop = min(self.config.total, at + self.config.batch)
            self._mark.sent(None, stop)
            yield Batch.of([{"n": n, "k": n // 10 % 2} for n in range(at, stop)]), stop
            at = stop

    def settled(self, ack):
        assert ack.outcome is Outcome.DELIVERED, ack.outcome
        if (safe := self._mark.settled(None, ack.token)) is not None:
            with open("position.new", "w") as file:
                file.write(str(safe))
            os.replace("position.new", "position")
'''


def run(folder: Path) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "XDG_STATE_HOME": str(folder / "state")}
    command = [sys.executable, "-m", "router", "run", "flow.yaml", "-q"]
    return subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE)


def parts(folder: Path) -> list[Path]:
    return sorted((folder / "out").glob("[!.]*"))


def read(path: Path) -> list[int]:
    if path.suffix == ".parquet":
        return [row["n"] for row in pq.ParquetFile(path).read().to_pylist()]
    return [json.loads(line)["n"] for line in path.read_bytes().splitlines()]


def kill_after(process: subprocess.Popen[bytes], folder: Path, files: int, moment: float) -> None:
    """Kill it when so many more files have their names, and a moment later."""
    wanted, until = len(parts(folder)) + files, time.monotonic() + DEADLINE
    while len(parts(folder)) < wanted and process.poll() is None:
        assert time.monotonic() < until, "the flow gets nowhere"
        has_ended(process, 0.001)
    has_ended(process, moment)
    process.kill()
    process.communicate()


def has_ended(process: subprocess.Popen[bytes], seconds: float) -> bool:
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
    return process.returncode is not None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "settings"),
    [("out/x{{ k }}.parquet", {"sync": "close"}), ("out/x.jsonl", {"atomic": True})],
)
def test_a_flow_killed_again_and_again_loses_nothing_and_leaves_no_half_file(
    tmp_path: Path, path: str, settings: dict[str, Any]
) -> None:
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "numbers.py").write_text(SOURCE)
    write = {"type": "write_file", "path": path, "roll": {"records": PART}, **settings}
    source = {"type": "numbers", "total": TOTAL, "batch": BATCH, "to": "write"}
    (tmp_path / "flow.yaml").write_text(yaml.safe_dump({"flow": "f", "processors": {"read": source, "write": write}}))
    dice = random.Random(path)  # the same moments in every run
    for _ in range(KILLS):
        kill_after(run(tmp_path), tmp_path, dice.randrange(1, 12), dice.random() * 0.01)
        found = {number for part in parts(tmp_path) for number in read(part)}
        settled = int((tmp_path / "position").read_text()) if (tmp_path / "position").exists() else 0
        assert [number for number in range(settled) if number not in found] == []
    last = run(tmp_path)
    assert (last.communicate(timeout=DEADLINE)[1], last.returncode) == (b"", 0)
    everything = Counter(number for part in parts(tmp_path) for number in read(part))
    hidden = [path.name for path in (tmp_path / "out").iterdir() if path.name.startswith(".")]
    assert (len(everything), hidden) == (TOTAL, [])
    # Of each kill and path, the file that got its name just then, and the one before it, are not settled.
    assert everything.total() <= TOTAL + KILLS * 2 * 2 * PART
