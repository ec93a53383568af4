"""`router run`: what it prints, what it leaves behind, its exit codes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from router.cli.data_folder import DataFolder
from tests.letters import letters_in

TEN = {"type": "count_up", "count": 10}
KEEP = {"type": "keep"}


def test_a_flow_that_is_done_exits_with_0_and_says_what_it_did(router: Any, flow: Any, folder: Path) -> None:
    done = router("run", flow("ten", TEN, KEEP))
    assert (done.returncode, done.stdout) == (0, "")
    assert "ten: done; 10 records in " in done.stderr
    assert "10  success → step1" in done.stderr
    assert (folder / "kept").read_text().split() == [str(n) for n in range(10)]


def test_json_prints_the_report_as_one_line_and_no_summary(router: Any, flow: Any) -> None:
    done = router("run", flow("ten", TEN, {"type": "odd"}, KEEP), "--json")
    report = json.loads(done.stdout)
    seconds = report.pop("seconds")
    assert seconds > 0
    assert "done" not in done.stderr
    assert report == {
        "flow": "ten",
        "outcome": "done",
        "processors": {
            "step0": {"in": 0, "out": {"success": 10}},
            "step1": {"in": 10, "out": {"success": 5, "failure": 5}},
            "step2": {"in": 5, "out": {"success": 5, "failure": 0}},
        },
        "dead_letters": 5,
        "exit": 0,
    }


def test_what_connections_dropped_is_counted_in_the_end(router: Any, flow: Any) -> None:
    queue = {"records": 1, "when_full": "drop_newest"}
    first = {
        "type": "generate",
        "count": 50,
        "record": {"n": "meta.number"},
        "to": {"processor": "step1", "queue": queue},
    }
    file = flow("ten", first, {"type": "same"}, KEEP)
    dropped = json.loads(router("run", file, "--json").stdout)["dropped"]["step0.success>step1"]["full"]
    assert dropped > 0
    said = router("run", file).stderr
    assert re.search(r"\n\d+ records dropped by step0.success>step1, which was full\n", said), said


def test_dead_letters_are_named_with_one_example_that_cannot_steer_the_terminal(
    router: Any, flow: Any, folder: Path
) -> None:
    done = router("run", flow("ten", TEN, {"type": "odd"}, KEEP), "--data", "data")
    assert "5 dead letters; look at them with: router dead-letters list data\n" in done.stderr
    assert "step1  ValueError: even: \\x1b[31m0" in done.stderr
    assert '{"n": 0}' in done.stderr
    assert len(letters_in(folder / "data")) == 5


def test_the_example_is_a_dead_letter_of_this_run(router: Any, flow: Any) -> None:
    router("run", flow("ten", {"type": "count_up", "count": 1}, {"type": "odd"}, KEEP))
    done = router("run", flow("ten", {"type": "generate", "count": 1, "record": {"n": "4"}}, {"type": "odd"}, KEEP))
    assert ('{"n": 0}' in done.stderr, '{"n": 4}' in done.stderr) == (False, True)
    assert "1 dead letter; look at them with: router dead-letters list ten\n" in done.stderr


@pytest.mark.parametrize(("options", "code"), [([], 0), (["--strict"], 1)])
def test_dead_letters_are_an_error_only_with_strict(router: Any, flow: Any, options: list[str], code: int) -> None:
    assert router("run", flow("ten", TEN, {"type": "odd"}, KEEP), *options).returncode == code


def test_quiet_says_nothing(router: Any, flow: Any) -> None:
    done = router("run", flow("ten", TEN, {"type": "odd"}, KEEP), "-q")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("options", [[], ["-q"]])
def test_a_processor_that_cannot_start_is_exit_code_1_and_no_traceback(
    router: Any, flow: Any, options: list[str]
) -> None:
    done = router("run", flow("bad", {"type": "broken"}, KEEP), *options)
    assert done.returncode == 1
    assert "processor 'step0' could not start: no such device" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_flow_that_fails_does_not_keep_another_from_being_done(router: Any, flow: Any, folder: Path) -> None:
    done = router("run", flow("bad", {"type": "broken"}, KEEP), flow("ten", TEN, KEEP), "--json")
    outcomes = {report["flow"]: report["outcome"] for report in map(json.loads, done.stdout.splitlines())}
    assert (done.returncode, outcomes) == (1, {"bad": "failed", "ten": "done"})


def test_of_several_flows_a_bad_one_keeps_all_from_starting(router: Any, flow: Any, folder: Path) -> None:
    bad = flow("bad", {"type": "cuont_up"}, {"type": "keeep"})
    done = router("run", flow("ten", TEN, KEEP), bad, "missing.yaml")
    assert done.returncode == 2
    assert "no processor type 'cuont_up' (did you mean 'count_up'?)" in done.stderr
    assert "no processor type 'keeep' (did you mean 'keep'?)" in done.stderr
    assert "missing.yaml: no such file" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (folder / "kept").exists()
    assert not (folder / "state").exists()


def test_two_flows_of_one_name_are_refused(router: Any, flow: Any, folder: Path) -> None:
    path = flow("ten", TEN, KEEP)
    done = router("run", path, path)
    assert (done.returncode, done.stderr) == (2, "ten.yaml: the name 'ten' is taken by another flow of this command\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "Missing argument 'FLOW...'"),
        (("ten.yaml", "--sett", "a=1"), "--sett"),
        (("ten.yaml", "--set", "a"), "'a' is not NAME=VALUE"),
        (("ten.yaml", "--drain", "5 parsecs"), "a duration is a number with a unit"),
        (("ten.yaml", "--log-level", "loud"), "'loud' is not one of"),
        (("ten.yaml", "--set", "cuont=1"), "cuont"),
        (("ten.yaml", "--plugin", "missing.py"), "missing.py"),
        ((".",), "."),
    ],
)
def test_wrong_usage_is_exit_code_2(router: Any, flow: Any, arguments: Any, said: str) -> None:
    flow("ten", TEN, KEEP)
    done = router("run", *arguments)
    assert (done.returncode, said in done.stderr, "Traceback" in done.stderr) == (2, True, False), done.stderr


def test_set_fills_a_parameter(router: Any, flow: Any, folder: Path) -> None:
    path = flow("ten", {"type": "count_up", "count": "${count}"}, KEEP, parameters={"count": 10})
    done = router("run", path, "--set", "count=3", "--json")
    assert json.loads(done.stdout)["processors"]["step0"]["out"] == {"success": 3}


def test_secrets_are_looked_up_in_their_folder(router: Any, flow: Any, folder: Path) -> None:
    (folder / "hidden").mkdir()
    (folder / "hidden" / "FILE").write_text("from_secret\n")
    path = flow("ten", TEN, {"type": "keep", "file": "${secret:FILE}"})
    assert router("validate", path).returncode == 2
    assert router("run", path, "--secrets", "hidden").returncode == 0
    assert (folder / "from_secret").exists()


@pytest.mark.parametrize(("level", "is_logged"), [("warning", True), ("error", False)])
def test_the_log_begins_at_its_level(router: Any, flow: Any, level: str, *, is_logged: bool) -> None:
    path = flow("stops", TEN, {"type": "odd"}, KEEP, run={"on_dead_letter": "stop"})
    done = router("run", path, "--log-level", level)
    assert (done.returncode, " WARNING " in done.stderr, "stops: failed" in done.stderr) == (1, is_logged, True)


def test_data_is_kept_in_the_state_folder_by_the_name_of_the_flow(router: Any, flow: Any, folder: Path) -> None:
    router("run", flow("ten", TEN, {"type": "odd"}, KEEP))
    assert (folder / "state" / "router" / "ten" / "flow.db").exists()


def test_with_several_flows_each_has_its_folder_in_data(router: Any, flow: Any, folder: Path) -> None:
    done = router("run", flow("a", TEN, KEEP), flow("b", TEN, KEEP), "--data", "data")
    assert (done.returncode, sorted(each.name for each in (folder / "data").iterdir())) == (0, ["a", "b"])


def test_a_locked_data_folder_is_exit_code_2_and_nothing_is_started(router: Any, flow: Any, folder: Path) -> None:
    with DataFolder(folder / "data", "ten"):
        done = router("run", flow("ten", TEN, KEEP), "--data", "data")
    assert (done.returncode, (folder / "kept").exists()) == (2, False)
    assert done.stderr == (
        f"data folder 'data' is in use by process {os.getpid()}; stop that one, or name another folder with --data\n"
    )


def test_a_database_that_is_not_ours_is_exit_code_2_and_stays_as_it_is(router: Any, flow: Any, folder: Path) -> None:
    (folder / "data").mkdir()
    (folder / "data" / "flow.db").write_text("no database, " * 100)
    done = router("run", flow("ten", TEN, KEEP), "--data", "data")
    assert (done.returncode, (folder / "kept").exists()) == (2, False)
    assert "'data/flow.db' cannot be opened: file is not a database; it is left as it is" in done.stderr
    assert (folder / "data" / "flow.db").read_text() == "no database, " * 100


def test_until_idle_ends_a_source_that_has_no_end_with_0(router: Any, flow: Any, folder: Path) -> None:
    done = router("run", flow("few", {"type": "few"}, KEEP), "--until-idle", "--json")
    assert (done.returncode, json.loads(done.stdout)["outcome"]) == (0, "stopped")
    assert (folder / "kept").read_text().split() == ["0", "1", "2"]


def test_bulletins_are_logged_as_json_lines_where_asked(router: Any, flow: Any) -> None:
    done = router("run", flow("bad", {"type": "loop_not"}), "--log-json")
    assert done.returncode == 2
    path = flow("slow", TEN, {"type": "odd", "to": "step2"}, KEEP, run={"on_dead_letter": "stop"})
    done = router("run", path, "--log-json", "--json")
    lines = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    assert done.returncode == 1
    assert {line["level"] for line in lines} == {"warning"}
    assert [line["flow"] for line in lines] == ["slow"] * len(lines)


@pytest.mark.parametrize("arguments", [["run", "ten.yaml", "--json", "-q"], ["processors", "--json"], ["schema"]])
def test_a_reader_that_goes_away_is_no_error(flow: Any, folder: Path, arguments: Any) -> None:
    flow("ten", TEN, KEEP)
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "router", *arguments]
    done = subprocess.run(command, cwd=folder, stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr.replace("kept the first\n", "")) == (0, "")


@pytest.mark.parametrize(
    "command", ["processors --json", "schema", "version", "--help", "status --help", "graph ten.yaml"]
)
def test_a_disk_that_is_too_full_for_what_is_printed_is_told(flow: Any, folder: Path, command: str) -> None:
    flow("ten", TEN, KEEP)
    script = f'exec "$0" -m router {command} > /dev/full'
    done = subprocess.run(["sh", "-c", script, sys.executable], cwd=folder, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "stdout cannot be written: no space left on device\n")


@pytest.mark.parametrize("command", ["status --json", "graph ten.yaml", "processors --json"])
def test_a_stdout_that_is_closed_is_no_error(flow: Any, folder: Path, command: str) -> None:
    flow("ten", TEN, KEEP)
    script = f'exec "$0" -m router {command} >&-'
    done = subprocess.run(["sh", "-c", script, sys.executable], cwd=folder, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("closed", ["2>&-", "1>&-", "0<&- 1>&- 2>&-"])
def test_standard_files_that_are_closed_stop_nothing(flow: Any, folder: Path, closed: str) -> None:
    command = f'exec "$0" -m router run {flow("ten", TEN, {"type": "odd"}, KEEP)} {closed}'
    done = subprocess.run(["sh", "-c", command, sys.executable], cwd=folder, capture_output=True, check=False)
    assert (done.returncode, b"Traceback" in done.stderr) == (0, False)
    assert (folder / "kept").read_text().split() == ["1", "3", "5", "7", "9"]


def test_a_small_flow_needs_nothing_heavy(flow: Any, folder: Path, router: Any) -> None:
    program = (
        "import sys, runpy\n"
        f"sys.argv = ['router', 'run', {flow('ten', TEN, KEEP)!r}, '-q']\n"
        "try:\n    runpy.run_module('router', run_name='__main__')\n"
        "except SystemExit as end:\n    assert not end.code, end.code\n"
        "print(*sorted({'aiohttp', 'fastavro', 'numpy', 'onnxruntime', 'rich', 'textual'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "", "kept the first\n")
