"""The real `router ui` in tmux, against a flow that really runs in another process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.services.server import program, provide
from tests.ui.tmux import DEADLINE, Tmux

pytestmark = [pytest.mark.needs("tmux"), pytest.mark.slow, pytest.mark.timeout(300)]

PLUGIN = '''
from pathlib import Path
from router import Batch, Source, processor, sink

class Numbers(Source):
    """Give numbers, a hundred a second, on from where the last run ended."""
    type_name = "numbers"

    async def produce(self, context):
        number = sum(1 for _ in Path("kept").open()) if Path("kept").exists() else 0
        while True:
            yield Batch.of([{"n": number, "text": f"the number {number}"}]), number
            number += 1
            await context.sleep(0.01)

@processor
def check(record: dict) -> dict:
    """Refuse the number 3 until it is said that that was mended."""
    if record["n"] == 3 and not Path("mended").exists():
        raise ValueError("three is broken")
    return record

@sink
def keep(record):
    """Append numbers to a file."""
    with Path("kept").open("a") as kept:
        kept.write(f"{record['n']}\\n")
'''
FLOW = """
flow: numbered
processors:
  read: {type: numbers, to: {processor: work, queue: {type: memory, records: 40}}}
  work: {type: check, run: {retry: {attempts: 1}}, to: store}
  store: {type: keep}
"""


class Run:
    """`router run` in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        command = [sys.executable, "-m", "router", "run", "numbered.yaml"]
        with (folder / "log").open("a") as log:
            self.process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, start_new_session=True)

    def kept(self) -> list[int]:
        path = self._folder / "kept"
        return [int(line) for line in path.read_text().split("\n")[:-1]] if path.exists() else []

    def until(self, is_so: Callable[[list[int]], bool]) -> list[int]:
        """Wait until something is true of what arrived."""
        end = time.monotonic() + DEADLINE
        while not is_so(kept := self.kept()):
            assert self.process.poll() is None, (self._folder / "log").read_text()
            assert time.monotonic() < end, f"it never came; {len(kept)} arrived, the last {kept[-3:]}"
            time.sleep(0.05)
        return kept

    def goes_on(self) -> None:
        """See that a hundred more arrive."""
        count = len(self.kept())
        self.until(lambda kept: len(kept) >= count + 100)

    def stop(self) -> None:
        """End it in good order."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        self.process.wait(DEADLINE)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "numbers.py").write_text(PLUGIN)
    (tmp_path / "numbered.yaml").write_text(FLOW)
    for name, value in {"XDG_STATE_HOME": tmp_path / "state", "XDG_RUNTIME_DIR": tmp_path, "TMPDIR": tmp_path}.items():
        monkeypatch.setenv(name, str(value))
    return tmp_path


@pytest.fixture
def run(folder: Path) -> Iterator[Callable[[], Run]]:
    runs: list[Run] = []

    def begin() -> Run:
        runs.append(Run(folder))
        runs[-1].until(lambda kept: len(kept) >= 5)
        return runs[-1]

    yield begin
    for each in runs:
        each.process.kill()
        each.process.wait()


@pytest.fixture
def terminal(folder: Path) -> Iterator[Callable[[], Tmux]]:
    provide(Tmux)
    binary, made = program(Tmux.pattern, Tmux.packages), list[Tmux]()

    def begin() -> Tmux:
        made.append(Tmux(binary, [sys.executable, "-m", "router", "ui", "numbered"], folder))
        made[-1].until("work", "store", "running")
        return made[-1]

    yield begin
    for each in made:
        each.remove()


def test_a_queue_fills_while_its_processor_is_stopped_and_drains_when_it_is_started(
    run: Callable[[], Run], terminal: Callable[[], Tmux]
) -> None:
    flow, window = run(), terminal()
    window.press("2")
    window.until("read.success>work", "work.success>store")
    window.press("3", "n")
    window.until("work", "check")
    window.press("s")
    window.until("stopped")
    window.press("2", "Enter")
    window.until("40 of 40 records", "100%", "'read' waits", " 1 of 40")
    stood = len(flow.kept())
    window.press("Enter")
    window.until("record 1 of 40 in read.success>work", '"text": "the number ')
    window.press("Escape")
    window.until("1 of 40", but_not="record 1 of 40")
    assert len(flow.kept()) == stood
    window.press("3", "s")
    window.until("work", but_not="stopped")
    window.press("2")
    window.until("0 of 40 records", but_not="'read' waits")
    kept = flow.until(lambda kept: len(kept) > stood + 100)
    assert kept == [number for number in range(len(kept) + 1) if number != 3]


def test_a_dead_letter_is_read_and_tried_again(
    run: Callable[[], Run], terminal: Callable[[], Tmux], folder: Path
) -> None:
    flow, window = run(), terminal()
    window.press("4")
    window.until("ValueError: three is broken", "1 of 1")
    window.press("Enter")
    window.until("dead letter 1", "three is broken", '"n": 3')
    window.press("Escape")
    window.until("1 of 1", but_not="dead letter 1,")
    (folder / "mended").touch()
    window.press("r")
    window.until("Try 1 dead letter again")
    window.press("Enter")
    window.until("1 dead letter will be tried again")
    flow.until(lambda kept: 3 in kept)
    window.until("no dead letters: nothing has failed")
    assert flow.kept().count(3) == 1


def test_the_end_of_the_terminal_changes_nothing_in_the_flow(
    run: Callable[[], Run], terminal: Callable[[], Tmux]
) -> None:
    flow, window = run(), terminal()
    window.press("2", "Enter")
    window.until("read.success>work", "filter")
    window.press("t")
    window.until("tapping")
    window.kill()
    flow.goes_on()
    flow.stop()
    kept = flow.kept()
    assert (flow.process.returncode, kept) == (130, [number for number in range(len(kept) + 1) if number != 3])


def test_a_terminal_that_is_put_aside_holds_nothing_and_goes_on_later(
    run: Callable[[], Run], terminal: Callable[[], Tmux]
) -> None:
    flow, window = run(), terminal()
    window.press("2", "Enter")
    window.until("read.success>work", "filter")
    window.press("t")
    window.until("tapping")
    os.kill(window.process, signal.SIGSTOP)
    flow.goes_on()
    flow.goes_on()
    os.kill(window.process, signal.SIGCONT)
    window.press("4")
    window.until("ValueError: three is broken")


def test_a_flow_that_is_started_again_is_found_again(run: Callable[[], Run], terminal: Callable[[], Tmux]) -> None:
    flow, window = run(), terminal()
    window.press("6")
    window.until("logged from")
    flow.stop()
    window.until("⚠")
    run().goes_on()
    window.until("running", but_not="⚠")
    window.press("2", "Enter")
    window.until("read.success>work", "filter")
