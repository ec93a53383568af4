"""Ctrl-C and SIGTERM, in real processes; nothing sleeps, each step waits for what the last one printed."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from signal import SIGINT, SIGTERM, Signals
from typing import Any

import pytest

from router.cli.interrupts import Interrupts

ENDLESS = {"type": "count_up"}
KEEP = {"type": "keep"}


@pytest.mark.parametrize(("number", "code"), [(SIGINT, 130), (SIGTERM, 0)])
def test_the_first_signal_drains_and_its_exit_code_says_which_it_was(
    start: Any, flow: Any, folder: Path, number: Signals, code: int
) -> None:
    run = start("run", flow("endless", ENDLESS, KEEP))
    run.until("kept the first")
    run.send(number)
    ended, said = run.end()
    kept = (folder / "kept").read_text().split()
    assert (ended, "endless: stopped" in said) == (code, True)
    assert f"{len(kept):,}  success → delivered" in said
    assert kept == [str(n) for n in range(len(kept))]


@pytest.mark.parametrize("number", [SIGINT, SIGTERM])
def test_a_drain_that_is_not_full_is_exit_code_1(start: Any, flow: Any, number: Signals) -> None:
    run = start("run", flow("endless", ENDLESS, {"type": "stay"}, KEEP), "--drain", "50ms")
    run.until("staying")
    run.send(number)
    ended, said = run.end()
    assert (ended, "endless: cut off" in said) == (1, True)


def test_a_second_ctrl_c_ends_the_process_though_a_processor_never_yields(start: Any, flow: Any) -> None:
    run = start("run", flow("endless", ENDLESS, {"type": "loop"}, KEEP))
    run.until("looping")
    run.send(SIGINT)
    run.until("stopping")
    run.send(SIGINT)
    assert run.end()[0] == 1


def test_a_second_sigterm_changes_nothing(start: Any, flow: Any) -> None:
    run = start("run", flow("endless", ENDLESS, {"type": "loop"}, KEEP))
    run.until("looping")
    run.send(SIGTERM)
    run.until("stopping")
    run.send(SIGTERM)
    run.send(SIGINT)
    ended, said = run.end()
    assert (ended, said) == (1, "ended at once: what was under way was not settled\n")


def test_a_thread_that_never_returns_does_not_keep_the_process(start: Any, flow: Any) -> None:
    slow = {"type": "wait", "run": {"execution": "thread"}}
    run = start("run", flow("endless", ENDLESS, slow, KEEP), "--drain", "50ms")
    run.until("waiting")
    run.send(SIGINT)
    assert run.end()[0] == 1


@pytest.mark.parametrize(("number", "code"), [(SIGINT, 130), (SIGTERM, 0)])
def test_a_flow_that_cannot_start_yet_can_be_stopped(start: Any, flow: Any, number: Signals, code: int) -> None:
    run = start("run", flow("later", {"type": "later"}, KEEP))
    run.until("cannot start yet")
    run.send(number)
    ended, said = run.end()
    assert (ended, "later: stopped; 0 records" in said, "Traceback" in said) == (code, True, False)


def test_ctrl_c_reaches_worker_processes_too_and_disturbs_none(start: Any, flow: Any) -> None:
    beside = {"type": "same", "run": {"execution": "process"}}
    run = start("run", flow("endless", ENDLESS, beside, KEEP), start_new_session=True)
    run.until("kept the first")
    os.killpg(run.process.pid, SIGINT)  # as a terminal does
    ended, said = run.end()
    assert (ended, "Traceback" in said, "dead letter" in said) == (130, False, False), said


def test_several_flows_stop_together(start: Any, flow: Any, folder: Path) -> None:
    run = start("run", flow("a", ENDLESS, KEEP), flow("b", ENDLESS, {**KEEP, "file": "also"}))
    run.until("kept the first")
    run.until("kept the first")
    run.send(SIGINT)
    ended, said = run.end()
    assert (ended, "a: stopped" in said, "b: stopped" in said) == (130, True, True)


def test_what_is_said_in_the_middle_of_another_write_is_said_all_the_same(capfd: pytest.CaptureFixture[str]) -> None:
    def say(text: str) -> None:
        raise RuntimeError("reentrant call inside <_io.BufferedWriter name='<stderr>'>")

    loop = asyncio.new_event_loop()
    try:
        with Interrupts(loop, loop.stop, say):
            os.kill(os.getpid(), SIGTERM)
    finally:
        loop.close()
    assert capfd.readouterr().err == "stopping: what is under way is finished first; Ctrl-C again ends at once\n"
