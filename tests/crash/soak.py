"""A flow over two disk queues for a long time: memory and files must not grow. ``python -m tests.crash.soak --help``."""

from __future__ import annotations

import argparse
import json
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.crash.lives import environment, size_of

__all__ = ["Soak", "growth", "soak"]

FLOW = """
flow: soak
processors:
  make:
    type: generate
    rate: {rate}
    record: {{n: meta.number, key: meta.number % 1000, text: "'as many words as a post may have, and then some'"}}
    to: {{processor: work, queue: disk}}
  work:
    type: set_fields
    set: {{double: n * 2}}
    to: {{processor: first, queue: disk}}
  first:
    type: dedupe
    key: n
    within: 5s
    to: {{success: keep, duplicate: drop}}
  keep:
    type: write_file
    path: /dev/null
    format: json_lines
"""
MiB = 1 << 20


@dataclass(frozen=True, slots=True)
class Look:
    """The process at one moment."""

    seconds: float
    rss: int
    files: int
    """Bytes in its data folder."""


@dataclass(frozen=True, slots=True)
class Soak:
    """What was seen, and how many records passed."""

    looks: Sequence[Look]
    records: int
    seconds: float

    @property
    def rate(self) -> float:
        return self.records / self.seconds


def growth(values: Sequence[int]) -> int:
    """By how much the last quarter lies above the second, in the middle."""
    quarter = len(values) // 4
    return round(statistics.median(values[-quarter:]) - statistics.median(values[quarter : 2 * quarter]))


def soak(folder: Path, seconds: float, rate: int, tell: Callable[[Look], None] = lambda _: None) -> Soak:
    """Run it for so long, looking every half second."""
    (folder / "flow.yaml").write_text(FLOW.format(rate=rate))
    command = [sys.executable, "-m", "router", "run", "flow.yaml", "--data", "data", "--json", "--log-level", "error"]
    began, looks = time.monotonic(), []
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, env=environment(folder)) as process:
        while (now := time.monotonic() - began) < seconds and process.poll() is None:
            looks.append(Look(now, _rss(process.pid), size_of((folder / "data").glob("*"))))
            tell(looks[-1])
            time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        said = process.communicate()[0]
    assert said, f"it ended with {process.returncode}"
    report = json.loads(said)
    assert report["outcome"] == "stopped", report
    return Soak(looks, report["processors"]["keep"]["in"], report["seconds"])


def _rss(pid: int) -> int:
    fields = Path(f"/proc/{pid}/statm").read_text().split()
    return int(fields[1]) * 4096


def main() -> None:
    parser = argparse.ArgumentParser(description="Run records over two disk queues; say how memory and files grow.")
    parser.add_argument("--seconds", type=float, default=1800)
    parser.add_argument("--rate", type=int, default=20_000, help="records a second")
    options = parser.parse_args()

    def tell(look: Look) -> None:
        if look.seconds % 10 < 0.5:
            say(f"{look.seconds:6.0f} s  RSS {look.rss / MiB:6.1f} MiB  files {look.files / MiB:6.1f} MiB")

    with tempfile.TemporaryDirectory() as folder:
        seen = soak(Path(folder), options.seconds, options.rate, tell)
    rss, files = growth([look.rss for look in seen.looks]), growth([look.files for look in seen.looks])
    say(f"{seen.records:,} records, {seen.rate:,.0f} a second")
    say(f"RSS grew by {rss / MiB:.1f} MiB, files by {files / MiB:.1f} MiB")
    sys.exit(rss > 8 * MiB or files > 16 * MiB)


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
