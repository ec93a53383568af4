"""Flow files that are none: each problem on a line of its own, exit code 2, nothing started, nothing made."""

from __future__ import annotations

import os
from typing import Any

import pytest

GENERATE = "a: {type: generate, count: 1, record: {n: meta.number}, to: b}"
LOG = "b: {type: log}"
RATE = "a rate is a number of records a second, or such as 10/m; 0 is no limit; got '5 parsecs'"
SIZE = "a size is a number of bytes, such as 65536, 10MB or 8MiB; got '10 elephants'"
DURATION = "a duration is a number with a unit, such as 500ms, 5s, 2m or 1h; got 5"

FLOWS: dict[str, tuple[str, list[str]]] = {
    "empty": ("", ["1:1: a flow is a mapping with 'flow' and 'processors'; it is empty"]),
    "list": ("- flow: f\n", ["1:1: a flow is a mapping with 'flow' and 'processors'; it is a list"]),
    "tabs": (
        "flow: f\nprocessors:\n\ta: {type: log}\n",
        ["3:1: a tab stands where the line is indented; YAML takes spaces only"],
    ),
    "twice": (
        f"flow: f\nprocessors:\n  {GENERATE}\n  {LOG}\n  a: {{type: log}}\n",
        ["5:3: processor 'a': it stands here again, first in line 3; keep one of them"],
    ),
    "cycle": (
        f"""
flow: f
processors:
  {GENERATE}
  b: {{type: filter, where: n > 1, to: c}}
  c: {{type: set_fields, set: {{n: n + 1}}, to: b}}
""",
        ["5:3: processor 'b': nothing leaves the cycle b > c > b; send a relationship elsewhere, or to 'drop'"],
    ),
    "words": (
        f"""
flow: f
processors:
  {GENERATE}
  b: {{type: filtre, where: n > 1, to: c}}
  c: {{type: filter, wherre: n > 1, where: n > 1, to: d}}
  d: {{type: filter, where: n > 1, to: nowhere}}
""",
        [
            "5:7: processor 'b': no processor type 'filtre' (did you mean 'filter'?)",
            "6:21: processor 'c': no setting 'wherre' (did you mean 'where'?)",
            "7:39: processor 'd': no processor 'nowhere'",
        ],
    ),
    "units": (
        f"""
flow: f
processors:
  {GENERATE}
  b: {{type: throttle, rate: 5 parsecs, to: c}}
  c: {{type: write_file, path: x, roll: {{bytes: 10 elephants, after: 5}}}}
""",
        [
            f"5:23: processor 'b': 'rate': {RATE}",
            f"6:41: processor 'c': 'roll.bytes': {SIZE}",
            f"6:62: processor 'c': 'roll.after': {DURATION}",
        ],
    ),
    "unconnected": (
        f"""
flow: f
processors:
  {GENERATE}
  b: {{type: route, when: {{low: n < 1}}, to: {{low: c}}}}
  c: {{type: set_fields, set: {{n: n + 1}}}}
""",
        [
            "5:40: processor 'b': relationship 'unmatched' goes nowhere; connect it or send it to 'drop'",
            "6:3: processor 'c': relationship 'success' goes nowhere; connect it or send it to 'drop'",
        ],
    ),
    "missing": (
        """
flow: f
parameters: {posts: null}
processors:
  a: {type: read_file, path: "${posts}", to: b}
  b: {type: write_file, path: "${folder}/x", to: c}
  c: {type: write_file, path: "${secret:KEY}"}
""",
        [
            "3:14: the parameter 'posts' has no default; give it a value: --set posts=...",
            "6:32: processor 'b': no parameter and no environment variable 'folder'",
            (
                "7:32: processor 'c': the secret 'KEY' is missing: set KEY or KEY_FILE in the environment, "
                "or name a folder of secrets"
            ),
        ],
    ),
    "torn": (
        f"""
flow: f
processors:
  {GENERATE}
  b: {{type: route, when: {{a: default(x, 0) > 1}}, to: {{a: c, unmatched: drop}}}}
  c: {{type: log}}
""",
        ["5:30: processor 'b': YAML cuts 'default(x, 0) > 1' at its comma; put it in quotes: \"default(x, 0) > 1\""],
    ),
    "braces": (
        f"flow: f\nprocessors:\n  {GENERATE}\n  b:\n    type: write_file\n    path: {{{{ lang }}}}.avro\n",
        ["6:21: YAML cannot read 'path: {{ lang }}.avro'; put it in quotes: path: \"{{ lang }}.avro\""],
    ),
    "quoted": (
        f"""flow: f\nprocessors:\n  {GENERATE}\n  b:\n    type: filter\n    where: "a" == x\n    to: drop\n""",
        ["6:16: YAML cannot read 'where: \"a\" == x'; put it in quotes: where: '\"a\" == x'"],
    ),
    "plugin": (
        f"flow: f\nplugins: [broken.py]\nprocessors:\n  {GENERATE}\n  b: {{type: double}}\n",
        [
            (
                "5:7: processor 'b': no processor type 'double'; a plugin that may have it is broken: "
                "broken.py:2: SyntaxError: invalid syntax; its processors are not available"
            )
        ],
    ),
    "exits": (
        f"flow: f\nplugins: [exits.py]\nprocessors:\n  {GENERATE}\n  b: {{type: double}}\n",
        [
            (
                "5:7: processor 'b': no processor type 'double'; a plugin that may have it is broken: "
                "exits.py:2: SystemExit: 3; its processors are not available"
            )
        ],
    ),
}  # fmt: skip


def with_all(workshop: Any) -> Any:
    """The workshop with every bad flow in it, and the plugins that they name."""
    workshop.file("broken.py", "from router import processor\ndef broken(:\n")
    workshop.file("exits.py", "import sys\nsys.exit(3)\n")
    for name, (text, _) in FLOWS.items():
        workshop.file(f"{name}.yaml", text)
    return workshop


@pytest.fixture(scope="module")
def told(shared: Any) -> Any:
    """What `router validate` says of all of them at once."""
    run = with_all(shared()).start("validate", *(f"{name}.yaml" for name in FLOWS))
    assert (run.end(), run.written) == (2, "")
    return run.said.splitlines()


@pytest.mark.parametrize("name", FLOWS)
def test_each_problem_of_a_bad_flow_has_its_line(told: list[str], name: str) -> None:
    of_this = [line.removeprefix(f"{name}.yaml:") for line in told if line.startswith(f"{name}.yaml:")]
    assert of_this == FLOWS[name][1]


def test_no_line_is_about_nothing(told: list[str]) -> None:
    assert len(told) == sum(len(problems) for _, problems in FLOWS.values())


@pytest.mark.parametrize("name", ["empty", "torn", "plugin", "missing"])
def test_a_bad_flow_is_not_started(workshop: Any, name: str) -> None:
    run = with_all(workshop).run(f"{name}.yaml")
    assert run.said.splitlines() == [f"{name}.yaml:{each}" for each in FLOWS[name][1]]
    assert (run.process.returncode, run.written, (workshop.folder / "state").exists()) == (2, "", False)


def test_what_is_no_flow_file_at_all_is_told_in_a_line(workshop: Any) -> None:
    (workshop.folder / "folder").mkdir()
    os.truncate(workshop.file("large.yaml", ""), 100 << 20)
    run = workshop.run("folder", "large.yaml", "missing.yaml", "/dev/zero", "/dev/null")
    assert run.said.splitlines() == [
        "folder: this is a folder; name the flow file in it",
        "large.yaml: 104,857,600 bytes; a flow file has at most 4,194,304",
        "missing.yaml: no such file",
        "/dev/zero: 4,194,305 bytes; a flow file has at most 4,194,304",
        "/dev/null:1:1: a flow is a mapping with 'flow' and 'processors'; it is empty",
    ]
    assert (run.process.returncode, run.written) == (2, "")


def test_a_flow_may_come_through_a_pipe(workshop: Any) -> None:
    text = f"flow: f\nprocessors:\n  {GENERATE}\n  b: {{type: write_file, path: /dev/stdout}}\n"
    reading, writing = os.pipe()
    os.write(writing, text.encode())
    os.close(writing)
    run = workshop.run("/dev/stdin", stdin=reading)
    os.close(reading)
    assert (run.process.returncode, run.written) == (0, '{"n":0}\n')
