from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from router.errors import FlowError
from router.flow import Flow
from router.loader import load_flow
from router.plugins import Registry

Load = Callable[..., Flow]
Problems = Callable[..., list[str]]


def refusal(path: Path, registry: Registry) -> str:
    with pytest.raises(FlowError) as caught:
        load_flow(path, registry=registry, environment={})
    return str(caught.value).replace(f"{path.parent}/", "")


# -- the file -----------------------------------------------------------------------------------


def test_a_missing_file_is_named(tmp_path: Path, registry: Registry) -> None:
    assert refusal(tmp_path / "flow.yaml", registry) == "flow.yaml: no such file"


def test_a_folder_is_no_flow(tmp_path: Path, registry: Registry) -> None:
    (tmp_path / "flows").mkdir()
    assert refusal(tmp_path / "flows", registry) == "flows: this is a folder; name the flow file in it"


def test_a_file_of_100_mb_is_not_read(tmp_path: Path, registry: Registry) -> None:
    path = tmp_path / "flow.yaml"
    path.touch()
    os.truncate(path, 100 << 20)
    assert refusal(path, registry) == "flow.yaml: 104,857,600 bytes; a flow file has at most 4,194,304"


def test_bytes_that_are_no_text_are_named(tmp_path: Path, registry: Registry) -> None:
    path = tmp_path / "flow.yaml"
    path.write_bytes(b"flow: f\nd\xc3\xa9: \xff\n")
    assert refusal(path, registry) == "flow.yaml:2:5: the byte 0xff is not UTF-8; a flow file is text in UTF-8"
    path.write_bytes(b"\x00\x01\x02")
    assert refusal(path, registry) == (
        "flow.yaml:1:1: the character '\\x00' does not belong into a text; a flow file is text in UTF-8"
    )


def test_a_name_no_file_can_have_is_refused(registry: Registry) -> None:
    with pytest.raises(FlowError, match="embedded null byte"):
        load_flow("a\0b", registry=registry)


@pytest.mark.needs("a user who may not read everything")
@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_named(tmp_path: Path, registry: Registry) -> None:
    path = tmp_path / "flow.yaml"
    path.touch(mode=0)
    assert refusal(path, registry) == "flow.yaml: the file cannot be read: permission denied"


def test_a_byte_order_mark_and_windows_line_ends_are_no_problem(load: Load, tmp_path: Path, registry: Registry) -> None:
    path = tmp_path / "flow.yaml"
    text = "flow: f\r\nprocessors:\r\n  a: {type: read, path: x, to: drop}\r\n"
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert load_flow(path, registry=registry).name == "f"


# -- the top ------------------------------------------------------------------------------------

A = "processors: {a: {type: read, path: x, to: drop}}"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ["1:1: a flow is a mapping with 'flow' and 'processors'; it is empty"]),
        ("# nothing but this\n", ["1:1: a flow is a mapping with 'flow' and 'processors'; it is empty"]),
        ("- flow: f\n", ["1:1: a flow is a mapping with 'flow' and 'processors'; it is a list"]),
        ("flow\n", ["1:1: a flow is a mapping with 'flow' and 'processors'; it is a text"]),
        ("flow: f\n", ["1:1: 'processors' is missing: the steps of the flow"]),
        (f"{A}\n", ["1:1: 'flow' is missing: the name of the flow"]),
        (f"flow: My Flow\n{A}\n", ["1:1: a flow's name is lower_snake, such as 'tweets', got 'My Flow'"]),
        (f"flow: 5\n{A}\n", ["1:1: a flow's name is lower_snake, such as 'tweets', got 5"]),
        ("flow: f\nprocessors: {}\n", ["2:1: 'processors' is empty; a flow needs a source, such as 'generate'"]),
        ("flow: f\nprocessors: [a]\n", ["2:1: 'processors' must be a mapping, got a list"]),
        (f"flow: f\nversion: 1.10\n{A}\n", ["2:1: 'version' must be a text, got 1.1; put it in quotes"]),
        (f"flow: f\n{A}\nparams: {{}}\n", ["3:1: no key 'params' at the top of a flow (did you mean 'parameters'?)"]),
        (f"flow: f\n{A}\nproccesors: {{}}\n", ["3:1: no key 'proccesors' at the top of a flow (did you mean 'processors'?)"]),
        (f"flow: f\n{A}\ninclude: [x.yaml]\n", ["3:1: 'include' comes later: this version has no includes"]),
        (f"flow: f\n{A}\nservices: {{}}\n", ["3:1: 'services' comes later: this version has no services"]),
        (f"flow: f\n{A}\nrun: {{schedule: {{every: 5m}}}}\n", ["3:7: 'run.schedule' comes later: this version has no schedules"]),
        (f"flow: f\n{A}\nrun: {{provenance: true}}\n", ["3:7: 'run.provenance' must be 'off', 'counts', 'sample' or 'full', got true"]),
        (f"flow: f\n{A}\nrun: {{provenance: {{level: full, sample: 1%}}}}\n", ["3:33: 'run.provenance.sample': it says how much 'level: sample' follows, and the level is 'full'"]),
        (f"flow: f\n{A}\nrun: {{provenance: {{sample: 0%}}}}\n", ["3:20: 'run.provenance.sample': a share is above 0% and at most 100%, such as 1% or 0.01; got '0%'"]),
        (f"flow: f\n{A}\nrun: {{provenance: {{kep: 1h}}}}\n", ["3:20: no setting 'run.provenance.kep' (did you mean 'keep'?)"]),
        (f"flow: f\n{A}\nrun: {{drian: 5s}}\n", ["3:7: no setting 'run.drian' (did you mean 'drain'?)"]),
        (f"flow: f\n{A}\nrun: 5\n", ["3:1: 'run' must be a mapping, got 5"]),
        (f"flow: f\n{A}\nparameters: [a]\n", ["3:1: 'parameters' must be a mapping, got a list"]),
        (f"flow: f\n{A}\nplugins: mine.py\n", ["3:1: 'plugins' is a list of files, such as [./mine.py], got 'mine.py'"]),
        (f"flow: f\n{A}\nplugins: [5]\n", ["3:11: a plugin is a file, such as ./mine.py, got 5"]),
        ("flow: f\nprocessors:\n  drop: {type: read, path: x, to: drop}\n", ["3:3: processor 'drop': the name 'drop' is taken: 'to: drop' means an ending; choose another"]),
        ("flow: f\nprocessors:\n  A-b: {type: read, path: x, to: drop}\n", ["3:3: processor 'A-b': a processor's name is lower_snake, such as 'score', got 'A-b'"]),
        ("flow: f\nprocessors:\n  a: read\n", ["3:3: processor 'a': a processor is a mapping with 'type', got 'read'"]),
        ("flow: f\nprocessors:\n  a:\n", ["3:3: processor 'a': a processor is a mapping with 'type', got nothing"]),
        ("flow: f\nprocessors:\n  a: {type: flow, file: x.yaml}\n", ["3:7: processor 'a': type 'flow' comes later: this version has no groups"]),
        ("flow: f\nprocessors:\n  a: {type: input}\n", ["3:7: processor 'a': type 'input' comes later: this version has no groups"]),
        ("flow: f\nprocessors:\n  a: {type: read, path: x, to: drop, description: [x]}\n", ["3:38: processor 'a': 'description' must be a text, got a list"]),
    ],
)  # fmt: skip
def test_a_flow_that_is_none_is_told_why(problems: Problems, text: str, found: list[str]) -> None:
    assert problems(text) == [f"flow.yaml:{each}" for each in found]


def test_a_processor_that_stands_twice_is_named_with_both_places(problems: Problems) -> None:
    text = """
flow: f
processors:
  a: {type: read, path: x, to: b}
  b: {type: shout, to: drop}
  a: {type: write, path: x}
"""
    assert problems(text) == ["flow.yaml:6:3: processor 'a': it stands here again, first in line 4; keep one of them"]


def test_everything_that_is_wrong_is_told_at_once_in_the_order_of_the_file(problems: Problems) -> None:
    text = """
flow: orders
parameters: {topic: null}
processors:
  read: {type: read, path: "${topic}", rate: x, to: clean}
  clean:
    type: dedupe
    key: order_id
    key: again
    window: -5
    windw: 5s
    to: {unique: store, duplicat: drop}
  store: {type: wrte, path: "${missing}", to: read}
  alone: {type: write, path: "${secret:KEY}"}
"""
    rate = "a rate is a number of records a second, or such as 10/m; 0 is no limit; got 'x'"
    duration = "a duration is a number with a unit, such as 500ms, 5s, 2m or 1h; got -5"
    assert problems(text, {"topc": "x"}) == [
        "flow.yaml: no parameter 'topc' (did you mean 'topic'?)",
        "flow.yaml:3:14: the parameter 'topic' has no default; give it a value: --set topic=...",
        f"flow.yaml:5:40: processor 'read': 'rate': {rate}",
        "flow.yaml:9:5: processor 'clean': 'key' stands here again, first in line 8; keep one of them",
        f"flow.yaml:10:5: processor 'clean': 'window': {duration}",
        "flow.yaml:11:5: processor 'clean': no setting 'windw' (did you mean 'window'?)",
        "flow.yaml:13:11: processor 'store': no processor type 'wrte' (did you mean 'write'?)",
        "flow.yaml:13:30: processor 'store': no parameter and no environment variable 'missing'",
        "flow.yaml:13:47: processor 'store': 'read' is a source; nothing can be sent to it",
        (
            "flow.yaml:14:31: processor 'alone': the secret 'KEY' is missing: set KEY or KEY_FILE in the environment, "
            "or name a folder of secrets"
        ),
    ]


# -- plugins ------------------------------------------------------------------------------------

MINE = """
from router.functions import processor

@processor
def double(record, *, times: int = 2):
    return record
"""
USES = "flow: f\n{plugins}processors:\n  a: {{type: read, path: x, to: b}}\n  b: {{type: {type}, to: drop}}\n"


def test_a_plugin_the_flow_names_is_loaded(load: Load, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(MINE)
    flow = load(USES.format(plugins="plugins: [./mine.py]\n", type="double"))
    assert (flow.processors["b"].kind.type_name, flow.registry.problems) == ("double", [])


def test_a_plugin_file_may_be_given_beside_the_flow_and_again(load: Load, tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(MINE)
    flow = load(USES.format(plugins="plugins: [mine.py]\n", type="double"), plugins=[path])
    assert (flow.processors["b"].kind.type_name, flow.registry.problems) == ("double", [])


def test_a_broken_plugin_does_not_hurt_a_flow_without_need_of_it(load: Load, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("def broken(:\n")
    flow = load(USES.format(plugins="plugins: [mine.py]\n", type="shout"))
    assert [str(each).replace(f"{tmp_path}/", "") for each in flow.registry.problems] == [
        "mine.py:1: SyntaxError: invalid syntax; its processors are not available"
    ]


def test_a_missing_type_names_the_plugin_that_broke(problems: Problems, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("x = 1\nrecrod\n")
    assert problems(USES.format(plugins="plugins: [mine.py]\n", type="double")) == [
        (
            "flow.yaml:5:7: processor 'b': no processor type 'double'; a plugin that may have it is broken: "
            "mine.py:2: NameError: name 'recrod' is not defined; its processors are not available"
        )
    ]


def test_a_plugin_file_that_is_not_there_is_a_problem(problems: Problems, tmp_path: Path) -> None:
    text = USES.format(plugins="plugins: [mine.py]\n", type="shout")
    assert problems(text, plugins=[tmp_path / "other.py"]) == [
        "flow.yaml: no plugin file 'other.py'",
        "flow.yaml:2:11: no plugin file 'mine.py'",
    ]


def test_a_folder_of_plugins_beside_the_flow_is_loaded(tmp_path: Path) -> None:
    folder = tmp_path / "plugins"
    folder.mkdir()
    (folder / "mine.py").write_text(MINE)
    source = "from router.functions import source\n\n@source\ndef ones():\n    yield {'n': 1}\n"
    (folder / "ours.py").write_text(source)
    path = tmp_path / "flow.yaml"
    path.write_text(
        "flow: f\nplugins: [plugins/mine.py]\nprocessors: {a: {type: ones, to: b}, b: {type: double, to: drop}}\n"
    )
    assert list(load_flow(path).processors) == ["a", "b"]
