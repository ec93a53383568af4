from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from router.config import FromWorkingDirectory, Secret
from router.flow import Flow

Load = Callable[..., Flow]
Problems = Callable[..., list[str]]

FLOW = """
flow: f
parameters: {parameters}
processors:
  a:
    type: read
    path: x
    values: {{v: {value}}}
    to: drop
"""


@pytest.fixture
def filled(load: Load) -> Callable[..., Any]:
    """What a value becomes, with these parameters declared and given."""

    def filled(value: str, parameters: str = "{}", given: dict[str, object] | None = None, **more: Any) -> Any:
        flow = load(FLOW.format(value=value, parameters=parameters), given, **more)
        return flow.processors["a"].config.values["v"]  # type: ignore[attr-defined]

    return filled


@pytest.fixture
def refused(problems: Problems) -> Callable[..., list[str]]:
    def refused(value: str, parameters: str = "{}", given: dict[str, object] | None = None, **more: Any) -> list[str]:
        return problems(FLOW.format(value=value, parameters=parameters), given, **more)

    return refused


@pytest.mark.parametrize(
    ("value", "parameters", "becomes"),
    [
        ('"${n}"', "{n: 5}", 5),
        ('"${n}"', "{n: [1, {a: b}]}", [1, {"a": "b"}]),
        ('"a-${n}-${n}"', "{n: 5}", "a-5-5"),
        ('"${b}${f}"', "{b: true, f: 1.5}", "true1.5"),
        ('"$${n}"', "{n: 5}", "${n}"),
        ('"$${n} is ${n}"', "{n: 5}", "${n} is 5"),
        ('"$n $ {n} $$"', "{n: 5}", "$n $ {n} $$"),
        ('"${n:-7}"', "{n: 5}", 5),
        ('"${m:-a b}"', "{n: 5}", "a b"),
        ('"${m:-}"', "{n: 5}", ""),
        ('"${n}"', '{n: "${m}", m: "${o}x", o: y}', "yx"),
        ('"${n}"', '{n: "$${m}", m: x}', "${m}"),
    ],
)
def test_holes_in_texts_are_filled(filled: Callable[..., Any], value: str, parameters: str, becomes: object) -> None:
    assert filled(value, parameters) == becomes


def test_parameters_come_before_the_environment(filled: Callable[..., Any]) -> None:
    environment = {"n": "from outside", "m": "outside"}
    assert filled('"${n} ${m}"', "{n: inside}", environment=environment) == "inside outside"


@pytest.mark.parametrize(
    ("default", "given", "becomes"),
    [
        ("0", "200", 200),
        ("0", "10/m", "10/m"),
        ("false", "true", True),
        ("1.5", "2", 2),
        ("[a]", "[b, c]", ["b", "c"]),
        ("text", "200", "200"),
        ("text", "{a: b}", "{a: b}"),
        ("null", "true", "true"),
        ("5", "", ""),
        ("text", 7, 7),
        ("0", [1, 2], [1, 2]),
    ],
)
def test_a_given_text_is_read_as_yaml_where_the_default_is_no_text(
    filled: Callable[..., Any], default: str, given: object, becomes: object
) -> None:
    assert filled('"${n}"', f"{{n: {default}}}", {"n": given}) == becomes


def test_only_what_a_person_typed_starts_at_the_working_directory(filled: Callable[..., Any]) -> None:
    kinds = {"given": {"n": "x"}, "default": {}}
    found = {name: type(filled('"${n}"', "{n: y}", given)) for name, given in kinds.items()}
    found["part"] = type(filled('"a/${n}"', "{n: y}", {"n": "x"}))
    found["environment"] = type(filled('"${E}"', environment={"E": "x"}))
    found["fallback"] = type(filled('"${E:-x}"'))
    typed = FromWorkingDirectory
    assert found == {"given": typed, "default": str, "part": str, "environment": typed, "fallback": str}


def test_a_typed_path_starts_where_the_person_is(load: Load, tmp_path: Path) -> None:
    text = FLOW.format(value="1", parameters="{p: x}").replace("path: x", 'path: ["${p}", "in/${p}", "${q:-z}"]')
    config: Any = load(text, {"p": "here"}).processors["a"].config
    assert config.path == [Path.cwd() / "here", tmp_path / "in/here", tmp_path / "z"]


@pytest.mark.parametrize(
    ("value", "parameters", "problem"),
    [
        ('"${nmae}"', "{name: 1}", "8:18: processor 'a': no parameter and no environment variable 'nmae' (did you mean 'name'?)"),
        ('"a ${b"', "{}", "8:20: processor 'a': '${b' is not closed; write ${name}, or $${ for the signs themselves"),
        ('"${}"', "{}", "8:18: processor 'a': '${}' names no parameter; write ${name} or ${name:-default}, or $${ for the signs themselves"),
        ('"${a.b}"', "{}", "8:18: processor 'a': '${a.b}' names no parameter; write ${name} or ${name:-default}, or $${ for the signs themselves"),
        ('"x${n}"', "{n: [1]}", "8:17: processor 'a': '${n}' is a list; it can only be a whole setting, not part of a text"),
        ("1", "{n: null}", "3:14: the parameter 'n' has no default; give it a value: --set n=..."),
        ('"${n}"', '{n: "${m}", m: "${n}"}', "3:29: the parameter 'n' is made of itself"),
        ("1", "{a-b: 1}", "3:14: a parameter's name is letters, digits and '_', got 'a-b'"),
    ],
)  # fmt: skip
def test_holes_that_cannot_be_filled(
    refused: Callable[..., list[str]], value: str, parameters: str, problem: str
) -> None:
    assert refused(value, parameters) == [f"flow.yaml:{problem}"]


def test_a_missing_parameter_is_told_once(refused: Callable[..., list[str]]) -> None:
    found = refused('["${n}", "${n}/x", "${n}"]', "{n: null}")
    assert found == ["flow.yaml:3:14: the parameter 'n' has no default; give it a value: --set n=..."]


def test_undeclared_parameters_are_refused(refused: Callable[..., list[str]]) -> None:
    assert refused("1", "{posts: x}", {"psts": "y"}) == ["flow.yaml: no parameter 'psts' (did you mean 'posts'?)"]


def test_a_given_value_that_holds_itself_is_refused(refused: Callable[..., list[str]]) -> None:
    value: list[object] = []
    value.append(value)
    assert refused('"${n}"', "{n: [1]}", {"n": value}) == ["flow.yaml: parameter 'n': nested deeper than 64 levels"]


def test_a_given_text_that_is_no_yaml_is_refused(refused: Callable[..., list[str]]) -> None:
    found = refused('"${n}"', "{n: [1]}", {"n": "[1"})
    assert found == [
        "flow.yaml: parameter 'n': '[1' is not YAML: YAML cannot read '[1': a bracket is not closed, or a ',' is missing"
    ]


def test_types_names_and_targets_are_written_out(problems: Problems) -> None:
    text = "flow: f\nparameters: {t: read, d: drop}\nprocessors:\n  a: {type: '${t}', path: x, to: '${d}'}\n"
    assert problems(text) == [
        "flow.yaml:4:7: processor 'a': '${t}' is not filled in here; types are written out",
        "flow.yaml:4:34: processor 'a': '${d}' is not filled in here; targets are written out",
    ]


def test_descriptions_are_left_alone(load: Load) -> None:
    text = FLOW.format(value="1", parameters="{}").replace("path: x", "path: x\n    description: uses ${x}")
    assert load(text).processors["a"].description == "uses ${x}"


@pytest.mark.parametrize("size", [2, 9])
def test_parameters_made_of_parameters_are_bounded(refused: Callable[..., list[str]], size: int) -> None:
    holes = [f"${{p{n + 1}}}" for n in range(size)]
    lists = "".join(f"p{n}: [{', '.join([repr(hole)] * 9)}], " for n, hole in enumerate(holes)) + f"p{size}: x"
    texts = "".join(f"p{n}: {hole * 9!r}, " for n, hole in enumerate(holes)) + f"p{size}: {'x' * 50}"
    found = [refused('"${p0}"', "{" + each + "}") for each in (lists, texts)]
    assert [len(each) for each in found] == ([0, 0] if size == 2 else [1, 1])
    assert all("are filled in by parameters" in each[0] for each in found if each)


# -- secrets ------------------------------------------------------------------------------------


def test_a_secret_comes_from_the_environment_a_named_file_or_a_folder(
    filled: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "key").write_text("from file\n")
    (tmp_path / "C").write_text("from folder\r\n")
    environment = {"A": "from environment", "A_FILE": "/nowhere", "B_FILE": str(tmp_path / "key")}
    value = '["${secret:A}", "${secret:B}", "x ${secret:C}"]'
    found = filled(value, environment=environment, secrets=tmp_path)
    assert found == ["from environment", "from file", "x from folder"]
    assert {type(each) for each in found} == {Secret}


def test_a_missing_secret_says_where_it_was_looked_for(refused: Callable[..., list[str]], tmp_path: Path) -> None:
    start = "flow.yaml:8:18: processor 'a': the secret 'KEY' is missing: set KEY or KEY_FILE in the environment"
    assert refused('"${secret:KEY}"') == [f"{start}, or name a folder of secrets"]
    assert refused('"${secret:KEY}"', secrets=tmp_path / "none") == [f"{start}, nor a file in 'none'"]
    assert refused('"${secret:KEY}"', environment={"KEY_FILE": "/nowhere/key"}) == [
        "flow.yaml:8:18: processor 'a': the secret 'KEY' cannot be read from '/nowhere/key': No such file or directory"
    ]
    assert refused('"${secret:KEY:-x}"') == [
        "flow.yaml:8:18: processor 'a': a secret has no default; write ${secret:KEY}"
    ]


def test_a_secret_is_shown_to_nobody(load: Load) -> None:
    text = FLOW.format(value='"${secret:KEY}"', parameters="{}").replace(
        "path: x", 'path: x\n    token: "Bearer ${secret:KEY}"\n    header: {auth: "${secret:KEY}"}'
    )
    flow = load(text, environment={"KEY": "hunter2"})
    assert flow.processors["a"].config.token == "Bearer hunter2"  # type: ignore[attr-defined]
    assert "hunter2" not in repr(flow)


@pytest.mark.parametrize("setting", ["rate", "loop", "token: [x, s]", "header", "path: [x, s]", "values", "nothing"])
@pytest.mark.parametrize("secret", ["hunter2", "7h", "a\0b"])
def test_no_problem_tells_a_secret(problems: Problems, setting: str, secret: str) -> None:
    name, _, shape = setting.partition(": ")
    value = shape.replace("s", '"${secret:KEY}"') if shape else '"${secret:KEY}"'
    text = f"flow: f\nprocessors:\n  a:\n    type: read\n    path: x\n    {name}: {value}\n    to: drop\n"
    found = problems(
        text.replace("    path: x\n", "" if name == "path" else "    path: x\n"), environment={"KEY": secret}
    )
    assert all(secret not in each and repr(secret)[1:-1] not in each for each in found)


def test_no_problem_of_an_expression_tells_a_secret(problems: Problems) -> None:
    text = """
flow: f
processors:
  a: {type: read, path: x, to: b}
  b: {type: dedupe, key: "x == = '${secret:KEY}'", window: "${secret:KEY}", to: {"*": drop}}
"""
    found = problems(text, environment={"KEY": "hunter2"})
    assert (len(found), "hunter2" in "".join(found)) == (2, False)
