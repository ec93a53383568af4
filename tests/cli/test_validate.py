"""`router validate` and `router graph`: what a flow is, without starting it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

CHAIN = ({"type": "count_up"}, {"type": "odd"}, {"type": "keep"})


def test_a_good_flow_is_summed_up(router: Any, flow: Any, folder: Path) -> None:
    done = router("validate", flow("good", *CHAIN))
    assert (done.returncode, done.stderr, (folder / "kept").exists()) == (0, "", False)
    assert done.stdout.splitlines()[:2] == [
        "good.yaml: nothing is wrong with flow 'good'",
        "  3 processors, 2 connections; what waits, waits in memory",
    ]
    assert "  dead letters: what fails in step1, step2" in done.stdout


def test_disk_queues_are_told_with_what_they_promise(router: Any, folder: Path) -> None:
    (folder / "kept.yaml").write_text(
        """
        flow: kept
        processors:
          first: {type: count_up, to: {processor: set, queue: disk}}
          set: {type: set_fields, set: {m: n}, to: {processor: answer, queue: disk, name: answers}}
          answer: {type: respond, to: drop}
        """
    )
    said = router("validate", "kept.yaml").stdout
    assert "3 processors, 2 connections; what waits, waits on disk" in said
    assert "a crash loses nothing that has come to first.success>set, answers" in said
    assert "set: exactly once" in said
    assert "answer: nobody waits for its answers" in said


HOLDS = "hour: holds records for 1:00:00: above 28 a second first waits for it, by its max_uncommitted of 100,000"


@pytest.mark.parametrize(
    ("first", "is_told"),
    [("rate: 0, to: hour", True), ("rate: 20, to: hour", False), ("to: {processor: hour, queue: disk}", False)],
)
def test_a_source_that_will_wait_for_what_is_held_long_is_told_of(
    router: Any, folder: Path, first: str, is_told: bool
) -> None:
    (folder / "held.yaml").write_text(
        f"""
        flow: held
        processors:
          first: {{type: generate, record: {{n: meta.number}}, {first}}}
          hour: {{type: window, size: 1h, compute: {{n: count()}}, to: log}}
          log: {{type: log}}
        """
    )
    done = router("validate", "held.yaml")
    assert (done.returncode, HOLDS in done.stdout) == (0, is_told)


def test_every_problem_of_every_flow_is_printed_and_exit_code_is_2(router: Any, flow: Any) -> None:
    first = flow("first", {"type": "count_up", "cuont": 1}, {"type": "kep"})
    second = flow("second", {"type": "count_up", "to": "nowhere"})
    done = router("validate", first, second, flow("good", *CHAIN))
    assert (done.returncode, done.stdout) == (2, "")
    assert "no setting 'cuont' (did you mean 'count'?)" in done.stderr
    assert "no processor type 'kep' (did you mean 'keep'?)" in done.stderr
    assert "'nowhere'" in done.stderr
    assert [line for line in done.stderr.splitlines() if not line.startswith(("first.yaml:", "second.yaml:"))] == []


def test_a_broken_plugin_that_is_not_needed_is_told_of_and_no_more(router: Any, flow: Any, folder: Path) -> None:
    (folder / "plugins" / "broken.py").write_text("import nothing_of_that_name\n")
    done = router("validate", flow("good", *CHAIN))
    assert (done.returncode, done.stderr.count("nothing_of_that_name")) == (0, 1)


@pytest.mark.parametrize("command", ["validate", "graph"])
@pytest.mark.parametrize("name", ["missing.yaml", "."])
def test_what_is_no_file_is_said_in_a_line(router: Any, folder: Path, command: str, name: str) -> None:
    done = router(command, name)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)


def test_graph_draws_boxes_and_arrows(router: Any, flow: Any) -> None:
    done = router("graph", flow("good", *CHAIN))
    assert done.stdout == (
        "┌─────────────────┐\n"
        "│ step0  count_up │\n"
        "└─┬───────────────┘\n"
        "  │\n"
        "┌─▼──────────┐\n"
        "│ step1  odd │\n"
        "└─┬──────────┘\n"
        "  │\n"
        "┌─▼───────────┐\n"
        "│ step2  keep │\n"
        "└─────────────┘\n"
    )


def test_graph_draws_with_letters_where_the_terminal_has_no_others(router: Any, flow: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    done = router("graph", flow("good", *CHAIN))
    assert done.stdout.splitlines()[:5] == [
        "+-----------------+",
        "| step0  count_up |",
        "+-+---------------+",
        "  |",
        "+-v----------+",
    ]


def test_mermaid_names_nodes_relationships_and_endings(router: Any, flow: Any) -> None:
    path = flow("good", CHAIN[0], {"type": "odd", "to": {"success": "step2", "failure": "drop"}}, CHAIN[2])
    assert sorted(router("graph", path, "--mermaid").stdout.splitlines()) == sorted(
        [
            "flowchart TD",
            '    step0["step0<br/>count_up"]',
            '    step1["step1<br/>odd"]',
            '    step2["step2<br/>keep"]',
            "    step0 --> step1",
            "    step1 --> step2",
            '    step1 -->|"failure"| DROP',
            '    DROP(["drop"])',
        ]
    )
