"""What the tests of the command line share: a folder with a plugin, and the command as a real process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest
import yaml

PLUGIN = '''
import asyncio, sys, threading
from pathlib import Path
from router import Batch, Config, Processor, ProcessorError, RetryableError, Source, processor, sink

class CountConfig(Config):
    count: int | None = None

class Count(Source):
    """Give numbers, without end if no count is given."""
    type_name = "count_up"
    config: CountConfig

    async def produce(self, context):
        number = 0
        while self.config.count is None or number < self.config.count:
            yield Batch.of([{"n": number}]), number
            number += 1
            if self.config.count is None:
                await context.sleep(0.001)

class Broken(Source):
    """Cannot start."""
    type_name = "broken"

    async def start(self, context):
        raise ProcessorError("no such device")

    async def produce(self, context):
        yield Batch.of([{}]), None

class Later(Source):
    """Cannot start yet."""
    type_name = "later"

    async def start(self, context):
        raise RetryableError("refused")

    async def produce(self, context):
        yield Batch.of([{}]), None

class Few(Source):
    """Give three numbers, then wait for ever."""
    type_name = "few"

    async def produce(self, context):
        yield Batch.of([{"n": 0}, {"n": 1}, {"n": 2}]), 0
        await asyncio.get_running_loop().create_future()

@processor
def odd(record: dict) -> dict:
    """Refuse even numbers."""
    if record["n"] % 2 == 0:
        raise ValueError("even: \\x1b[31m" + str(record["n"]))
    return record

@processor
def same(record: dict) -> dict:
    """Change nothing."""
    return record

@processor
def loop(record: dict) -> dict:
    """Never return."""
    print("looping", file=sys.stderr, flush=True)
    while True:
        pass

@processor
def wait(record: dict) -> dict:
    """Never return, and do nothing."""
    print("waiting", file=sys.stderr, flush=True)
    threading.Event().wait()

@processor
async def stay(record: dict) -> dict:
    """Never return, and let others run."""
    print("staying", file=sys.stderr, flush=True)
    await asyncio.get_running_loop().create_future()

@sink
def keep(record, *, file: str = "kept"):
    """Append numbers to a file."""
    with Path(file).open("a") as kept:
        kept.write(f"{record['n']}\\n")
    if record["n"] == 0:
        print("kept the first", file=sys.stderr, flush=True)
'''


class Command(Protocol):
    """Runs `router` with arguments to its end."""

    def __call__(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]: ...


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, with a plugin in `plugins/` and a home of its own."""
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "stock.py").write_text(PLUGIN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    return tmp_path


@pytest.fixture
def flow(folder: Path) -> Callable[..., str]:
    """Write a flow file: a chain of processors, each given by its settings."""

    def write(name: str, *chain: dict[str, Any], **top: Any) -> str:
        steps = {f"step{number}": dict(each) for number, each in enumerate(chain)}
        for number in range(len(chain) - 1):
            steps[f"step{number}"].setdefault("to", f"step{number + 1}")
        (folder / f"{name}.yaml").write_text(yaml.safe_dump({"flow": name, "processors": steps, **top}))
        return f"{name}.yaml"

    return write


@pytest.fixture
def router(folder: Path) -> Command:
    """The command, run to its end."""

    def run(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "router", *arguments]
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, **options)

    return run


class Started:
    """The command while it runs."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def until(self, text: str) -> str:
        """Read stderr up to a line that holds this; the lines read."""
        assert self.process.stderr is not None
        read = ""
        for line in self.process.stderr:
            read += line
            if text in line:
                return read
        raise AssertionError(f"{text!r} never came; stderr was:\n{read}")

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self) -> tuple[int, str]:
        """The exit code, and what was left of stderr."""
        _, left = self.process.communicate(timeout=30)
        return self.process.returncode, left


@pytest.fixture
def start(folder: Path) -> Iterator[Callable[..., Started]]:
    """The command, started."""
    started: list[subprocess.Popen[str]] = []

    def run(*arguments: str, **options: Any) -> Started:
        options = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, **options}
        command = [sys.executable, "-m", "router", *arguments]
        started.append(subprocess.Popen(command, cwd=folder, text=True, env=dict(os.environ), **options))
        return Started(started[-1])

    yield run
    for process in started:
        process.kill()
        process.communicate()
