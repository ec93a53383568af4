from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from router.batch import Batch
from router.config import FromWorkingDirectory
from router.errors import ConfigError
from router.expression import PathTemplate, Template


def text(source: str, /, **record: Any) -> str | None:
    """The text of a template for one record."""
    return Template(source).over(Batch.of([record]))[0]


def path(source: str, /, **record: Any) -> str | None:
    """The path of a template for one record."""
    return PathTemplate(source).over(Batch.of([record]))[0]


@pytest.mark.parametrize(
    ("source", "record", "expected"),
    [
        ("plain", {}, "plain"),
        ("", {}, ""),
        ("{{ a }}", {"a": "x"}, "x"),
        ("{{a}}-{{b}}", {"a": "x", "b": 1}, "x-1"),
        ("{{ a }}", {}, None),
        ("{{ a }}-{{ b }}", {"a": "x"}, None),
        ("{{ a }}", {"a": True}, "true"),
        ("{{ a }}", {"a": [1, "x"]}, '[1,"x"]'),
        ("{{ a }}", {"a": float("nan")}, None),
        ("{{ {'a': {'b': a}} }}", {"a": 1}, '{"a":{"b":1}}'),
        ("{{ {'a': a}}}", {"a": 1}, '{"a":1}'),
        ("{{ '{{' }}{{ '}}' }}", {}, "{{}}"),
        ("{ one }", {}, "{ one }"),
        ("{{ a\n + b }}", {"a": 1, "b": 2}, "3"),
    ],
)
def test_text_of_a_template(source: str, record: dict[str, Any], expected: str | None) -> None:
    assert text(source, **record) == expected


@pytest.mark.parametrize(
    ("source", "column", "problem"),
    [
        ("x{{ a", 2, "'{{' is not closed; it needs '}}'"),
        ("x{{ a }", 2, "'{{' is not closed; it needs '}}'"),
        ("x }}", 3, "'}}' closes nothing; double braces that mean themselves are {{ '}}' }}"),
        ("x {{ }}", 6, "an expression is missing"),
        ("x {{  a-b }}", 7, "'a-b' may be a name or a difference; write record[\"a-b\"] or 'a - b'"),
        ("x" * 20_000, 1, "longer than 16,384 characters (20,000)"),
    ],
)
def test_a_template_that_cannot_be_read_says_where(source: str, column: int, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Template(source)
    assert str(caught.value).startswith("template ")
    assert str(caught.value).endswith(f", column {column}: {problem}")


def test_a_template_knows_what_it_reads() -> None:
    template = Template("out/{{ lang }}/{{ meta.key }}/{{ user.name }}")
    assert template.fields == {"lang", "user"}
    assert (template.whole, template.literal, template.prefix) == (False, False, "out/")
    assert (Template("x").literal, Template("{{ record[a] }}").whole) == (True, True)


def test_misses_of_a_template_are_those_of_its_expressions() -> None:
    template = Template("{{ a + 1 }}{{ lower(b) }}")
    assert template.over(Batch.of([{"a": "x", "b": 5}])) == [None]
    assert (template.misses, template.last_miss) == (2, "'+' between text and number")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("en", "out/en.avro"),
        ("..en", "out/..en.avro"),
        (5, "out/5.avro"),
        (False, "out/false.avro"),
        ("", None),
        ("../x", None),
        ("a/b", None),
        ("a\\b", None),
        ("a\0b", None),
        ("a\nb", None),
        ("\ud800", None),
        ("x" * 251, None),
        ("x" * 250, "out/" + "x" * 250 + ".avro"),
        ("é" * 126, None),
        (["a"], None),
        ({}, None),
        (float("inf"), None),
        (None, None),
    ],
)
def test_a_value_cannot_lead_a_path_elsewhere(value: Any, expected: str | None) -> None:
    assert path("out/{{ a }}.avro", a=value) == expected


@pytest.mark.parametrize(
    ("source", "record", "expected"),
    [
        ("out/{{ a }}", {"a": ".."}, None),
        ("out/{{ a }}", {"a": "."}, None),
        ("out/{{ a }}{{ b }}", {"a": ".", "b": "."}, None),
        ("out/.{{ a }}", {"a": "."}, None),
        ("out/{{ a }}..", {"a": "x"}, "out/x.."),
        ("../x/{{ a }}/{{ b }}.json", {"a": "1", "b": "2"}, "../x/1/2.json"),
        ("/var/{{ a }}", {"a": "x"}, "/var/x"),
        ("./{{ a }}", {"a": "x"}, "./x"),
        ("out/" + "/".join(["{{ a }}"] * 30), {"a": "x" * 200}, None),
        ("out/alerts.jsonl", {}, "out/alerts.jsonl"),
    ],
)
def test_path_of_a_record(source: str, record: dict[str, Any], expected: str | None) -> None:
    assert path(source, **record) == expected


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("", "a path is missing"),
        ("{{ a }}.avro", "a path begins with a folder or text of its own; write './{{ a }}.avro'"),
        ("out/{{ a }}/../x", "'..' behind an expression leads elsewhere"),
        ("out/{{ a }}/..", "'..' behind an expression leads elsewhere"),
        ("out/{{ a }}/./{{ b }}", "'.' behind an expression leads elsewhere"),
        ("out/{ a }", "a path has no '{' in it"),
        ("out/\0", "a path has no '\\x00' in it"),
    ],
)
def test_a_path_that_might_leave_its_folder_is_refused(source: str, problem: str) -> None:
    with pytest.raises(ConfigError, match="column") as caught:
        PathTemplate(source)
    assert str(caught.value).endswith(problem)


class Settings(BaseModel):
    path: PathTemplate = PathTemplate("x")
    topic: Template = Template("y")


def test_a_relative_path_of_a_setting_starts_at_the_flows_folder(tmp_path: Path) -> None:
    settings = Settings.model_validate({"path": "out/{{ a }}"}, context={"folder": tmp_path})
    assert settings.path.over(Batch.of([{"a": "b"}])) == [f"{tmp_path}/out/b"]
    assert settings.path.prefix == f"{tmp_path}/out/"
    assert settings.path != PathTemplate("out/{{ a }}")


def test_a_path_that_a_person_typed_starts_at_the_working_directory(tmp_path: Path) -> None:
    settings = Settings.model_validate({"path": FromWorkingDirectory("x")}, context={"folder": tmp_path})
    assert settings.path.over(Batch.of([{}])) == [str(Path.cwd() / "x")]


def test_an_absolute_path_stays(tmp_path: Path) -> None:
    assert Settings.model_validate({"path": "/x"}, context={"folder": tmp_path}).path.prefix == "/x"


@pytest.mark.parametrize("given", [None, 5, {"lang": None}, ["x"]])
def test_a_setting_that_is_no_text_is_refused(given: Any) -> None:
    with pytest.raises(ValidationError, match="a template is text, got"):
        Settings.model_validate({"topic": given})


def test_templates_are_values() -> None:
    template = PathTemplate("out/{{ a }}", "/tmp")
    assert pickle.loads(pickle.dumps(template)) == template
    assert hash(template) == hash(PathTemplate("out/{{ a }}", "/tmp"))
    assert Template("a") == Template("a") != Template("b")
    assert Template("a") != PathTemplate("a")
    assert Settings().model_dump(mode="json") == {"path": "x", "topic": "y"}
