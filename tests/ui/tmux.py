"""A terminal of tmux's for tests: real keys go in, and what a person would see is read."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from shutil import rmtree

__all__ = ["Tmux"]

DEADLINE = 90.0


class Tmux:
    """A server of tmux's own, with one window that runs a command."""

    pattern = "usr/bin/tmux"
    packages = ("tmux",)

    def __init__(self, binary: str, command: Sequence[str], folder: Path, size: tuple[int, int] = (120, 40)) -> None:
        self._place = Path(tempfile.mkdtemp(prefix="router-tmux-"))  # a socket's path must be short
        self._tmux = [binary, "-u", "-f", "/dev/null", "-S", str(self._place / "socket")]
        environment = {name: value for name, value in os.environ.items() if name not in {"TMUX", "NO_COLOR"}}
        environment |= {"TERM": "xterm-256color", "LANG": "C.UTF-8", "TEXTUAL_ANIMATIONS": "none"}
        window = ["new-session", "-d", "-x", str(size[0]), "-y", str(size[1]), *command]
        subprocess.run([*self._tmux, *window], check=True, cwd=folder, env=environment, timeout=DEADLINE)

    @property
    def process(self) -> int:
        """The number of the process that runs in the window."""
        return int(self._ask("display-message", "-p", "#{pane_pid}"))

    def press(self, *keys: str) -> None:
        """Press keys, by tmux's names of them."""
        self._ask("send-keys", *keys)

    def screen(self) -> str:
        """What the window shows."""
        return self._ask("capture-pane", "-p")

    def until(self, *texts: str, but_not: str | None = None) -> str:
        """Wait until the window shows all of these; what it shows."""
        return self.wait(
            lambda shown: all(text in shown for text in texts) and (but_not or "\0") not in shown, f"{texts}"
        )

    def wait(self, is_so: Callable[[str], bool], what: str) -> str:
        """Wait until something is true of what the window shows."""
        end = time.monotonic() + DEADLINE
        while not is_so(shown := self.screen()):
            assert time.monotonic() < end, f"{what} never came; the window shows:\n{shown}"
            time.sleep(0.1)
        return shown

    def kill(self) -> None:
        """End the server and all that runs in it, as a machine does that goes down."""
        self._run("kill-server")

    def remove(self) -> None:
        """End it, if it has not ended, and delete its files."""
        self.kill()
        rmtree(self._place)

    def _ask(self, *words: str) -> str:
        done = self._run(*words)
        assert done.returncode == 0, f"tmux {' '.join(words)}: {done.stderr}"
        return done.stdout

    def _run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*self._tmux, *words], check=False, capture_output=True, text=True, timeout=DEADLINE)
