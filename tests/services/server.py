"""A real server for tests: on a free port of loopback, its files in a folder of its own, ended with the session."""

from __future__ import annotations

import fcntl
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol, TypeVar

import pytest

from tests.services.certificates import write_certificates

_Server = TypeVar("_Server", bound="Server")
STARTING = 60.0
NOBODY = "nobody"  # these servers refuse to run as root


class Server(ABC):
    """One server process, with the processes it starts itself."""

    name: str
    pattern: str
    packages: tuple[str, ...]

    def __init__(self) -> None:
        self.binary = program(self.pattern, self.packages)
        self.folder = Path(tempfile.mkdtemp(prefix=f"router-{self.name}-"))
        self.data = self.folder / "data"
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        write_certificates(self.folder)
        self.identity = owner_of(self.folder)

    @abstractmethod
    def set_up(self) -> None:
        """Make its data and start it."""

    @abstractmethod
    def command(self) -> list[str]:
        """What runs the server."""

    @abstractmethod
    def is_ready(self) -> bool:
        """Whether it answers a real request; raises while it does not."""

    def start(self) -> None:
        """Start it, on the data it has, and return when it answers."""
        end = time.monotonic() + STARTING
        while not self._answers():
            assert time.monotonic() < end, f"{self.name} did not start:\n{self.log()}"
            if self.process is None or self.process.poll() is not None:
                # What is left of one that was killed may stand in the way for a moment.
                self.process = self._launched()
            time.sleep(0.05)

    def stop(self) -> None:
        """End it in good order."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """End it with all its processes at once, as a crash does."""
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        """Let it do nothing, with its connections open."""
        send(signal.SIGSTOP, self._family())

    def resume(self) -> None:
        """Let it go on."""
        send(signal.SIGCONT, self._family())

    def remove(self) -> None:
        """End it and delete its files."""
        self.resume()
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def log(self) -> str:
        """The end of what it printed."""
        path = self.folder / "log"
        return path.read_text(errors="replace")[-2000:] if path.exists() else ""

    def run(self, *command: str, given: str = "") -> None:
        """Run a program of the server's to its end, as the server's user."""
        done = subprocess.run(command, input=given.encode(), capture_output=True, check=False, **self.identity)
        assert done.returncode == 0, (done.stdout + done.stderr).decode()[-2000:]

    def _launched(self) -> subprocess.Popen[bytes]:
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                self.command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self.identity,
            )

    def _answers(self) -> bool:
        try:
            return self.process is not None and self.is_ready()
        except Exception:  # noqa: BLE001 - a driver says in many ways that nobody is there
            return False

    def _family(self) -> list[int]:
        if self.process is None or self.process.poll() is not None:
            return []
        listed = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [self.process.pid, *map(int, listed.split())]

    def _end(self, number: signal.Signals) -> None:
        family = self._family()
        send(number, family if number is signal.SIGKILL else family[:1])
        if self.process is not None:
            self.process.wait(STARTING)
            self.process = None


def send(number: signal.Signals, processes: Sequence[int]) -> None:
    """Signal processes; those that ended meanwhile need none."""
    for each in processes:
        with suppress(ProcessLookupError):
            os.kill(each, number)


@contextmanager
def running(server: _Server) -> Iterator[_Server]:
    """Set a server up, and leave nothing of it."""
    try:
        server.set_up()
        yield server
    finally:
        server.remove()


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def owner_of(folder: Path) -> dict[str, Any]:
    """Give a folder, with what is in it, to whom a server runs as; how to start a process as that user."""
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam(NOBODY)
    for each in (folder, *folder.iterdir()):
        os.chown(each, user.pw_uid, user.pw_gid)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": [], "cwd": folder}


def program(pattern: str, packages: Sequence[str]) -> str:
    """Find a program, the newest."""
    found = [*Path("/").glob(pattern)]
    if not found:
        pytest.skip(f"no program /{pattern}; on Debian it comes with: apt-get install {' '.join(packages)}")
    return str(max(found))


class Packaged(Protocol):
    """A program of Debian's packages."""

    @property
    def pattern(self) -> str: ...

    @property
    def packages(self) -> tuple[str, ...]: ...


def provide(*programs: Packaged) -> None:
    """Install what is missing of Debian's packages; only root in CI does, anybody else is told by a skipped test."""
    if not _missing(programs) or not os.environ.get("CI") or os.geteuid() != 0:
        return
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with (Path(tempfile.gettempdir()) / "router-tests-install.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests run in several processes
        if missing := _missing(programs):
            subprocess.run(["apt-get", "update", "-qq"], check=True, env=environment)
            command = ["apt-get", "install", "-qq", "-y", "--no-install-recommends", *missing]
            subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)


def _missing(programs: Sequence[Packaged]) -> list[str]:
    return [each for program in programs if not any(Path("/").glob(program.pattern)) for each in program.packages]
