"""`router ui` and `router run --ui`, as real processes on a real pseudo-terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ENDLESS = {"type": "count_up"}
KEEP = {"type": "keep"}
DEADLINE = 60.0
ESCAPES = re.compile(r"\x1b(\[[0-9;?<>=$]*[ -/]*[@-~]|[()][A-Z0-9]|[PX^_\]].*?(\x1b\\|\x07)|[=>78M])")


class OnTerminal:
    """The command, with a terminal for all it reads and writes."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "router", *arguments],
            cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        )  # fmt: skip
        os.close(theirs)
        self.written = ""

    def until(self, text: str) -> None:
        """Read until the terminal was given this, escape sequences apart."""
        deadline = time.monotonic() + DEADLINE
        while text not in ESCAPES.sub("", self.written):
            ready, _, _ = select.select([self.ours], [], [], max(0.0, deadline - time.monotonic()))
            more = self._more() if ready else b""
            assert more, f"{text!r} never came; the terminal was given:\n{ESCAPES.sub('', self.written)}"
            self.written += more.decode(errors="replace")

    def press(self, keys: str) -> None:
        os.write(self.ours, keys.encode())

    def end(self) -> tuple[int, str]:
        """The exit code, and all that was written."""
        while more := self._more():
            self.written += more.decode(errors="replace")
        return self.process.wait(DEADLINE), ESCAPES.sub("", self.written)

    def _more(self) -> bytes:
        try:
            return os.read(self.ours, 65536)
        except OSError:  # Linux says so when the last writer has gone
            return b""


@pytest.fixture
def on_terminal(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., OnTerminal]]:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setenv("TERM", "xterm-256color")
    made: list[OnTerminal] = []

    def run(*arguments: str) -> OnTerminal:
        made.append(OnTerminal(folder, *arguments))
        return made[-1]

    yield run
    for each in made:
        each.process.kill()
        each.process.wait()
        os.close(each.ours)
    for process in running(folder):
        os.kill(process, signal.SIGKILL)


def running(folder: Path) -> list[int]:
    """The processes that say they run flows."""
    return [
        int(found)
        for path in folder.glob("router/*.json")
        for found in re.findall(r'"process": (\d+)', path.read_text())
    ]


def lines(folder: Path) -> int:
    kept = folder / "kept"
    return len(kept.read_text().splitlines()) if kept.exists() else 0


def until(is_so: Callable[[], bool], why: str) -> None:
    deadline = time.monotonic() + DEADLINE
    while not is_so():
        assert time.monotonic() < deadline, why
        time.sleep(0.02)


def test_q_stops_the_flow_that_was_run_and_gives_its_exit_code(on_terminal: Any, flow: Any, folder: Path) -> None:
    shown = on_terminal("run", flow("endless", ENDLESS, KEEP), "--ui")
    shown.until("1 Graph")
    shown.press("q")
    code, written = shown.end()
    assert (code, "endless: stopped" in written, running(folder)) == (0, True, [])


def test_a_flow_that_was_run_outlives_its_terminal(on_terminal: Any, flow: Any, folder: Path) -> None:
    shown = on_terminal("run", flow("endless", ENDLESS, KEEP), "--ui")
    shown.until("1 Graph")
    shown.process.send_signal(signal.SIGHUP)
    shown.process.wait(DEADLINE)
    before = lines(folder)
    until(lambda: lines(folder) > before + 100, "the flow has not gone on")
    assert len(running(folder)) == 1


def test_a_stopped_terminal_does_not_stop_the_flow(on_terminal: Any, flow: Any, folder: Path) -> None:
    shown = on_terminal("run", flow("endless", ENDLESS, KEEP), "--ui")
    shown.until("1 Graph")
    shown.process.send_signal(signal.SIGSTOP)
    before = lines(folder)
    until(lambda: lines(folder) > before + 100, "the flow has not gone on")
    shown.written = ""
    shown.process.send_signal(signal.SIGCONT)
    shown.until("1 Graph")  # all is drawn again, and keys are read from then on
    shown.press("3")
    shown.until("settings")
    shown.press("q")
    assert shown.end()[0] == 0


def test_a_bad_flow_is_refused_as_without_the_interface(on_terminal: Any, flow: Any) -> None:
    shown = on_terminal("run", flow("bad", {"type": "count_upp"}, KEEP), "--ui")
    code, written = shown.end()
    assert (code, "did you mean 'count_up'?" in written) == (2, True)


def test_a_flow_that_ends_stays_in_sight_until_q(on_terminal: Any, flow: Any, folder: Path) -> None:
    shown = on_terminal("run", flow("endless", ENDLESS, KEEP), "--ui")
    shown.until("1 Graph")
    os.kill(running(folder)[0], signal.SIGTERM)
    shown.until("exit code 0")
    shown.press("q")
    code, written = shown.end()
    assert (code, "endless: stopped" in written) == (0, True)


def test_ui_finds_the_flow_that_runs_and_leaves_it_running(
    on_terminal: Any, start: Any, flow: Any, folder: Path
) -> None:
    run = start("run", flow("endless", ENDLESS, KEEP))
    run.until("kept the first")
    shown = on_terminal("ui")
    shown.until("step1")
    shown.press("q")
    code, _ = shown.end()
    before = lines(folder)
    until(lambda: lines(folder) > before + 10, "the flow has not gone on")
    run.send(signal.SIGINT)
    assert (code, run.end()[0]) == (0, 130)


def test_a_flow_is_found_by_its_file(on_terminal: Any, start: Any, flow: Any) -> None:
    file = flow("endless", ENDLESS, KEEP)
    run = start("run", file)
    run.until("kept the first")
    shown = on_terminal("ui", file)
    shown.until("step1")
    shown.press("q")
    assert shown.end()[0] == 0
    run.send(signal.SIGINT)
    run.end()


def test_a_flow_is_shown_over_tcp(on_terminal: Any, start: Any, flow: Any, folder: Path) -> None:
    (folder / "token").write_text("a-token-of-32-characters-at-least")
    run = start("run", flow("endless", ENDLESS, KEEP), "--listen", "127.0.0.1:0", "--token-file", "token")
    address = re.search(r"control API on (http://\S+)", run.until("kept the first"))
    assert address is not None
    shown = on_terminal("ui", "--url", address[1], "--token-file", "token")
    shown.until("step1")
    shown.press("q")
    assert shown.end()[0] == 0
    run.send(signal.SIGINT)
    run.end()


@pytest.mark.parametrize("arguments", [("ui",), ("run", "endless.yaml", "--ui")], ids=["ui", "run"])
def test_where_there_is_no_terminal_other_commands_are_named(
    router: Any, flow: Any, arguments: tuple[str, ...]
) -> None:
    flow("endless", ENDLESS, KEEP)
    done = router(*arguments)
    said = "this is no terminal; for files and pipes there are: router top --once, router status --json\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", said)


def test_ui_and_no_control_exclude_each_other(on_terminal: Any, flow: Any) -> None:
    code, written = on_terminal("run", flow("endless", ENDLESS, KEEP), "--ui", "--no-control").end()
    assert (code, "--no-control serves nothing, and --ui asks for it" in written) == (2, True)


def test_ui_that_listens_is_given_its_token(on_terminal: Any, flow: Any) -> None:
    code, written = on_terminal("run", flow("endless", ENDLESS, KEEP), "--ui", "--listen", "127.0.0.1:0").end()
    assert (code, "--ui hides the token that --listen would print" in written) == (2, True)


def test_the_interface_is_imported_only_where_it_is_drawn() -> None:
    code = "import sys, router.cli, router.cli.ui, router.cli.run; print([n for n in sys.modules if 'textual' in n])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
