"""Ctrl-C once and twice, SIGTERM, SIGKILL, readers that go away: what a source was told is safe has been written."""

from __future__ import annotations

import json
import subprocess
import sys
from signal import SIGINT, SIGKILL, SIGTERM, Signals
from typing import Any

import pytest

ENDLESS = """
s: {type: told, to: w}
w: {type: write_file, path: /dev/stdout, format: json_lines}
"""
STUCK = """
s: {type: told, batches: 1000, to: w}
w: {type: write_file, path: out.jsonl, to: p}
p: {type: loops, run: {batch: {records: 100}}}
"""
PLUGIN = """
import sys, threading
from router import sink

def said(record):
    if record["n"] == 1050:
        print("stuck", file=sys.stderr, flush=True)
    return record["n"] == 1050

@sink
def loops(record):
    is_stuck = said(record)
    while is_stuck:
        pass

@sink
def waits(record):
    if said(record):
        threading.Event().wait()
"""


def numbers(batches: Any) -> list[int]:
    return [batch * 100 + each for batch in sorted(batches) for each in range(100)]


@pytest.mark.parametrize(("number", "code"), [(SIGINT, 130), (SIGTERM, 0)])
def test_after_one_signal_all_that_was_written_is_settled_and_all_that_is_settled_written(
    workshop: Any, number: Signals, code: int
) -> None:
    run = workshop.start("run", workshop.flow(ENDLESS))
    run.until_written('{"n":5000}')
    run.send(number)
    assert run.end() == code
    told = workshop.told()
    assert set(told.values()) == {"DELIVERED"}
    assert [json.loads(line)["n"] for line in run.written.splitlines()] == numbers(told) == list(range(len(told) * 100))


@pytest.mark.parametrize(("first", "code"), [(SIGINT, 1), (SIGTERM, 1)])
def test_a_second_ctrl_c_settles_nothing_that_is_not_safe(workshop: Any, first: Signals, code: int) -> None:
    workshop.file("plugins/stuck.py", PLUGIN)
    run = workshop.start("run", workshop.flow(STUCK))
    run.until("stuck")
    run.send(first)
    run.until("stopping: what is under way is finished first; Ctrl-C again ends at once")
    run.send(SIGINT)
    assert run.end() == code
    assert run.said.splitlines()[-1] == "ended at once: what was under way was not settled"
    assert workshop.told() == dict.fromkeys(range(10), "DELIVERED")
    assert workshop.numbers("out.jsonl")[:1100] == list(range(1100))


def test_a_drain_that_is_over_gives_back_the_rest(workshop: Any) -> None:
    workshop.file("plugins/stuck.py", PLUGIN)
    thread = STUCK.replace("loops, run: {", "waits, run: {execution: thread, ")
    run = workshop.start("run", workshop.flow(thread), "--drain", "100ms")
    run.until("stuck")
    run.send(SIGINT)
    assert run.end() == 1
    told = workshop.told()
    assert [batch for batch, outcome in told.items() if outcome == "DELIVERED"] == list(range(10))
    assert set(told.values()) == {"DELIVERED", "REJECTED"}
    assert set(numbers(told)) >= set(workshop.numbers("out.jsonl"))


def test_a_kill_leaves_whole_lines_and_nothing_settled_that_is_not_there(workshop: Any) -> None:
    both = ENDLESS.replace("to: w", "to: [w, kept]") + "kept: {type: write_file, path: out.jsonl}"
    run = workshop.start("run", workshop.flow(both))
    run.until_written('{"n":5000}')
    run.send(SIGKILL)
    assert run.end() == -SIGKILL
    written = workshop.numbers("out.jsonl")
    assert written == list(range(len(written)))
    assert set(workshop.told().values()) == {"DELIVERED"}
    assert set(numbers(workshop.told())) <= set(written)


def test_a_second_run_goes_on_behind_what_a_kill_left(workshop: Any) -> None:
    workshop.file("out.jsonl", '{"n":0}\n{"n":1')
    run = workshop.run(workshop.flow("s: {type: told, batches: 1, to: w}\nw: {type: write_file, path: out.jsonl}"))
    assert (run.process.returncode, workshop.lines("out.jsonl")[:3]) == (0, ['{"n":0}', '{"n":1', '{"n":0}'])


@pytest.mark.parametrize(
    ("arguments", "head"),
    [(("processors",), "head -n 1"), (("run", "flow.yaml", "--json", "-q"), "head -c 1"), (("schema",), "head -c 1")],
)
def test_a_reader_that_has_seen_enough_is_no_error(workshop: Any, arguments: tuple[str, ...], head: str) -> None:
    workshop.flow(
        "g: {type: generate, count: 3, record: {n: meta.number}, to: w}\nw: {type: write_file, path: out.jsonl}"
    )
    script = f'{{ "$0" -m router "$@"; echo "exit code $?" >&2; }} | {head}'
    command = ["sh", "-c", script, sys.executable, *arguments]
    done = subprocess.run(command, cwd=workshop.folder, capture_output=True, text=True, timeout=45, check=False)
    assert (done.stderr, len(done.stdout) > 0) == ("exit code 0\n", True)


def test_a_sink_whose_reader_has_gone_ends_the_flow(workshop: Any) -> None:
    flow = "g: {type: generate, record: {n: meta.number}, to: w}\nw: {type: write_file, path: /dev/stdout, format: json_lines}"
    workshop.flow(flow)
    script = '{ "$0" -m router run flow.yaml -q; echo "exit code $?" >&2; } | head -n 1'
    command = ["sh", "-c", script, sys.executable]
    done = subprocess.run(command, cwd=workshop.folder, capture_output=True, text=True, timeout=45, check=False)
    assert done.stdout == '{"n":0}\n'
    assert "whoever read '/dev/stdout' has gone" in done.stderr
    assert done.stderr.endswith("exit code 1\n")
