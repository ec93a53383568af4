"""A workshop of flows: files in a folder of their own, and `router` as a real process on them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, TypeAlias

import pytest

from tests.letters import letters_in

DEADLINE = 45.0

# A source that writes down what it is told of its batches: a hundred numbers each, `n` from 0 on.
TOLD = """
from router import Batch, Config, Source

class ToldConfig(Config):
    batches: int | None = None

class Told(Source):
    'Give numbers, and keep what became of them.'
    type_name = "told"
    config: ToldConfig

    async def produce(self, context):
        number = 0
        while number != self.config.batches:
            yield Batch.of([{"n": number * 100 + each} for each in range(100)]), number
            number += 1

    def settled(self, ack):
        with open("told", "a") as file:
            print(ack.token, ack.outcome.name, file=file)
"""

Letter: TypeAlias = tuple[str, str, str, Any]
"""Of a dead letter: processor, type and message of its error, and the record or what is left of it."""


class Lines:
    """What a process says on one of its streams, read as it comes, so that it never waits for us."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._lines: list[str] = []
        self._looked_at = 0
        self._is_over = False
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        for line in self._stream:
            self._add(line)
        self._add(None)

    def _add(self, line: str | None) -> None:
        with self._news:
            self._lines += [] if line is None else [line]
            self._is_over = line is None
            self._news.notify_all()

    def until(self, text: str) -> None:
        """Wait for a line that holds this, behind those that were waited for before."""
        with self._news:
            while True:
                for line in self._lines[self._looked_at :]:
                    self._looked_at += 1
                    if text in line:
                        return
                came = not self._is_over and self._news.wait(DEADLINE)
                assert came, f"{text!r} never came after:\n{''.join(self._lines[-20:])}"

    @property
    def text(self) -> str:
        """All of it so far."""
        with self._news:
            return "".join(self._lines)

    def close(self) -> None:
        self._reader.join()
        self._stream.close()


class Run:
    """One `router`, started."""

    def __init__(self, arguments: tuple[str, ...], options: dict[str, Any]) -> None:
        command = [sys.executable, "-m", "router", *arguments]
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        self.process = subprocess.Popen(command, text=True, **{**pipes, **options})
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self._out, self._err = Lines(self.process.stdout), Lines(self.process.stderr)

    @property
    def written(self) -> str:
        """What it has written to stdout."""
        return self._out.text

    @property
    def said(self) -> str:
        """What it has said on stderr."""
        return self._err.text

    def until(self, text: str) -> None:
        """Wait for a line on stderr that holds this."""
        self._err.until(text)

    def until_written(self, text: str) -> None:
        """Wait for a line on stdout that holds this."""
        self._out.until(text)

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self) -> int:
        """Wait for its end; the exit code. Nobody who runs a flow is ever shown a traceback."""
        self.process.wait(DEADLINE)
        self.close()
        assert "Traceback" not in self.said, self.said
        return self.process.returncode

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self._out.close()
        self._err.close()


class Workshop:
    """A folder with flows in it, where `router` is run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.runs: list[Run] = []
        self.file("plugins/told.py", TOLD)

    def file(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def flow(self, processors: str, name: str = "flow", top: str = "") -> str:
        """Write a flow of these processors, a line each; its file's name."""
        body = "\n".join(f"  {line}" for line in processors.strip().splitlines())
        return self.file(f"{name}.yaml", f"flow: {name}\n{top}processors:\n{body}\n").name

    def start(self, *arguments: str, **options: Any) -> Run:
        environment = {**os.environ, "XDG_STATE_HOME": str(self.folder / "state"), "HOME": str(self.folder)}
        run = Run(arguments, {"cwd": self.folder, "env": environment, **options})
        self.runs.append(run)
        return run

    def run(self, *arguments: str, **options: Any) -> Run:
        """Run it to its end; its exit code is `run.process.returncode`."""
        run = self.start("run", *arguments, **options)
        run.end()
        return run

    def lines(self, name: str) -> list[str]:
        """The lines of a file; each of them has its end."""
        text = (self.folder / name).read_bytes().decode()
        assert text.endswith("\n") or not text, f"{name} ends within a line: {text[-80:]!r}"
        return text.split("\n")[:-1]

    def numbers(self, name: str) -> list[int]:
        """The field `n` of each line of JSON."""
        return [json.loads(line)["n"] for line in self.lines(name)]

    def told(self) -> dict[int, str]:
        """What the source `told` has heard: the outcome of each batch, by its number."""
        return {int(number): outcome for number, outcome in map(str.split, self.lines("told"))}

    def letters(self, flow: str = "flow") -> list[Letter]:
        """The dead letters of a flow, in order."""
        return [letter_of(found) for found in letters_in(self.folder / "state" / "router" / flow)]


def letter_of(found: dict[str, Any]) -> Letter:
    left = found["record"] if found["record"] is not None else found.get("content", found.get("content_base64"))
    return found["processor"], found["error"]["type"], found["error"]["message"], left


@pytest.fixture
def workshop(tmp_path: Path) -> Iterator[Workshop]:
    """An empty folder to run flows in; what is still running at the end is killed."""
    made = Workshop(tmp_path)
    yield made
    for run in made.runs:
        run.close()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Workshop]]:
    """Makes workshops that live as long as the module: one run, many looks at what it did."""
    made: list[Workshop] = []

    def make() -> Workshop:
        made.append(Workshop(tmp_path_factory.mktemp("shared")))
        return made[-1]

    yield make
    for run in [run for each in made for run in each.runs]:
        run.close()
