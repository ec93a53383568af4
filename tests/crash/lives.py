"""One flow that lives many times in one folder: started as a real process, killed, started again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from random import Random

from tests.crash.books import Books, Found, read_lines, read_table

DEADLINE = 60.0
POLL = 0.002
PARTS = Path(__file__).with_name("parts.py")


def until(is_so: Callable[[], object], what: Callable[[], str], deadline: float = DEADLINE) -> None:
    """Look again and again until it is so."""
    end = time.monotonic() + deadline
    while not is_so():
        assert time.monotonic() < end, what()
        time.sleep(POLL)


def size_of(paths: Iterable[Path]) -> int:
    """How many bytes files have; SQLite takes its logs away now and then."""
    found = 0
    for path in paths:
        with suppress(FileNotFoundError):
            found += path.stat().st_size
    return found


def environment(home: Path) -> dict[str, str]:
    """That of the tests, with compiled modules kept: a life is short, and compiling them takes longer."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    if len(kept) < len(os.environ):
        kept["PYTHONPYCACHEPREFIX"] = str(Path(tempfile.gettempdir()) / "router-crash-bytecode")
    return {**kept, "HOME": str(home)}


class Life:
    """One process of `router`, in a process group of its own."""

    def __init__(self, command: Sequence[str], folder: Path, log: Path) -> None:
        self.log = log
        self._file = log.open("wb")
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._file,
            start_new_session=True,
            env=environment(folder),
        )

    @property
    def said(self) -> str:
        """What it has said on stderr."""
        return self.log.read_text()

    @property
    def is_over(self) -> bool:
        return self.process.poll() is not None

    def until(self, is_so: Callable[[], object], what: str) -> None:
        """Wait until something is so, which it must be before the process ends."""
        until(lambda: is_so() or self.is_over, lambda: f"{what}: never came; it said:\n{self.said[-3000:]}")
        assert is_so(), f"{what}: it ended before with {self.process.returncode}:\n{self.said[-3000:]}"

    def until_said(self, text: str) -> None:
        self.until(lambda: text in self.said, text)

    def send(self, number: signal.Signals) -> None:
        os.killpg(self.process.pid, number)

    def stop(self) -> None:
        """Ask it to end."""
        self.send(signal.SIGTERM)

    @property
    def state(self) -> str:
        """One letter of the kernel's for what it does."""
        return Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()[0]

    def kill(self) -> None:
        """SIGKILL to all of it, and wait until it is gone."""
        if not self.is_over:
            self.send(signal.SIGKILL)
        self.process.wait(DEADLINE)
        self.close()

    def end(self) -> int:
        """Wait for its own end; its exit code."""
        try:
            self.process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it does not end; it said:\n{self.said[-3000:]}") from None
        self.close()
        assert "Traceback" not in self.said, self.said
        return self.process.returncode

    def close(self) -> None:
        self._file.close()


class Place:
    """The folder of one flow: its file, its data, its lives."""

    def __init__(self, folder: Path, seed: str) -> None:
        self.folder = folder
        self.dice = Random(seed)
        self.kills = 0
        self.lives: list[Life] = []
        self.books = Books(folder / "books")
        self.data = folder / "data"

    def flow(self, processors: str, top: str = "") -> None:
        """Write the flow: a line for each processor."""
        body = "\n".join(f"  {line}" for line in processors.strip().splitlines())
        (self.folder / "flow.yaml").write_text(f"flow: flow\n{top}processors:\n{body}\n")

    def command(self, *arguments: str) -> list[str]:
        """A command line of `router`."""
        return [sys.executable, "-m", "router", *arguments]

    def start(self, *options: str, before: Sequence[str] = ()) -> Life:
        """Begin a life."""
        run = self.command("run", "flow.yaml", "--data", str(self.data), "--plugin", str(PARTS), *options)
        life = Life([*before, *run], self.folder, self.folder / f"life{len(self.lives)}.log")
        self.lives.append(life)
        return life

    def size(self, *names: str) -> int:
        """How many bytes some files have, those that are there."""
        return size_of(path for name in names for path in self.folder.glob(name))

    def kill_often(
        self, kills: int, *watched: str, spread: int = 500_000, before: Callable[[], object] = lambda: None
    ) -> None:
        """Live and die: killed when the files watched have grown by so many bytes, drawn anew each time.

        Every sixth is killed at any moment of its start instead. ``before`` is called before each life.
        """
        for _ in range(kills):
            before()
            self.live_and_die(watched, spread)

    def live_and_die(self, watched: Sequence[str], spread: int, *, may_end: bool = False) -> bool:
        """Live once, and be killed; False: it has ended by itself, which it must only where it may."""
        begun, life = self.size(*watched), self.start()
        if not may_end and self.dice.random() < 1 / 6:  # what may end would do so before a kill that watches nothing
            looks = iter(range(self.dice.randrange(600)))
            life.until(lambda: next(looks, None) is None, "its start")
        else:
            due = begun + int(spread ** self.dice.random())  # as often before the thousandth byte as after it
            life.until(lambda: self.size(*watched) >= due or (may_end and life.is_over), f"{watched} of {due} bytes")
        if life.is_over:
            return life.end() != 0
        life.kill()
        self.kills += 1
        return True

    def finish(self, *options: str, books: Sequence[Books] = ()) -> None:
        """Live once more, to the end: all that was given arrives."""
        for each in books or [self.books]:
            each.enough()
        life = self.start(*options)
        assert life.end() == 0, life.said

    def found(self, name: str) -> Found:
        """The records in a file of JSON lines; a kill may leave part of a line."""
        found = read_lines(self.folder / name)
        assert found.torn <= self.kills, f"{found.torn} torn lines after {self.kills} kills"
        return found

    def tally(self, acknowledged: int, doubled: int, *, a_kill: int = 0) -> None:
        """Hold what is doubled against what a kill may double; `pytest -rP` shows the figures."""
        assert doubled <= self.kills * a_kill
        print(f"{self.kills} kills, {acknowledged:,} acknowledged, 0 missing, {doubled:,} doubled")  # noqa: T201

    def table(self, name: str) -> Found:
        """The records in a table `kept`, as they came."""
        return read_table(self.folder / name, "SELECT * FROM kept ORDER BY rowid")

    def close(self) -> None:
        for life in self.lives:
            life.kill()
