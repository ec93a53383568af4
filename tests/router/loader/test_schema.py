from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from router.flow import Flow
from router.loader import flow_schema
from router.loader.yaml import parse
from router.plugins import Registry, load_registry

ROOT = Path(__file__).resolve().parents[3]
FLOWS = sorted((ROOT / "flows").glob("*.yaml"))

HEAD = "flow: f\nprocessors:\n  read: {type: read, path: x, to: a}\n  a: "


@pytest.fixture
def errors(registry: Registry) -> Callable[[Any], list[str]]:
    """The paths of what a schema of the test's own processors finds wrong with a flow."""
    schema = json.loads(json.dumps(flow_schema(registry)))
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    return lambda data: sorted("/".join(map(str, each.absolute_path)) for each in validator.iter_errors(data))


@pytest.mark.parametrize("path", FLOWS, ids=lambda path: path.name)
def test_every_flow_of_the_project_fits_the_schema_of_the_built_ins(path: Path) -> None:
    validator = jsonschema.Draft202012Validator(flow_schema(load_registry()))
    assert [each.message for each in validator.iter_errors(parse(path.read_text())[0].data)] == []


@pytest.mark.parametrize(
    "processor",
    [
        "{type: write, path: 'x/{{ a }}', mode: replace}",
        "{type: dedupe, key: a, window: 10m, size: 8MiB, to: {unique: drop, duplicate: [b.left, {processor: c, queue: memory}]}}",
        "{type: dedupe, key: a, window: '${w}', size: '${s:-1}', least: '${l}', to: {'*': {processor: b, name: n, queue: {bytes: 5, expire: 1s}}}}",
        "{type: route, when: {a: x > 1, b: true}, match: '${m}', to: {a: b, b: c, unmatched: drop, failure: dead_letters}}",
        "{type: shout, suffix: '!', description: loud, run: {concurrency: 2, ordered: user.id, batch: {wait: 5ms}, retry: {attempts: 3}}, to: {success: b, odd: c, unavailable: d}}",
        "{type: shout, run: '${run}', to: [b, c]}",
    ],
)  # fmt: skip
def test_what_the_loader_takes_fits(errors: Callable[[Any], list[str]], processor: str) -> None:
    assert errors(yaml.safe_load(HEAD + processor)) == []


@pytest.mark.parametrize(
    ("processor", "where"),
    [
        ("{type: dedup}", ["processors/a/type"]),
        ("{path: x}", ["processors/a"]),
        ("{type: write}", ["processors/a"]),
        ("{type: write, path: x, mde: append}", ["processors/a"]),
        ("{type: write, path: x, mode: over}", ["processors/a/mode"]),
        ("{type: dedupe, key: a, window: 5 parsecs}", ["processors/a/window"]),
        ("{type: dedupe, key: a, least: few}", ["processors/a/least"]),
        ("{type: dedupe, key: a, to: {uniqe: b}}", ["processors/a/to"]),
        ("{type: route, when: {}}", ["processors/a/when"]),
        ("{type: shout, run: {concurency: 2}}", ["processors/a/run"]),
        ("{type: shout, to: {processor: b, queue: disk}}", ["processors/a/to"]),
        ("{type: shout, to: []}", ["processors/a/to"]),
    ],
)
def test_what_the_loader_refuses_by_its_form_does_not_fit(
    errors: Callable[[Any], list[str]], processor: str, where: list[str]
) -> None:
    assert errors(yaml.safe_load(HEAD + processor)) == where


def test_the_top_is_a_closed_set(errors: Callable[[Any], list[str]]) -> None:
    flow = yaml.safe_load(HEAD + "{type: shout, to: drop}")
    assert errors({**flow, "services": {}}) == [""]
    assert errors({**flow, "run": {"drain": "5 parsecs", "defaults": {"concurrency": 0}}}) == [
        "run/defaults/concurrency",
        "run/drain",
    ]


def test_defaults_are_written_as_in_a_flow_file(registry: Registry) -> None:
    schema = flow_schema(registry)
    window = schema["$defs"]["type_dedupe"]["properties"]["window"]
    assert (window["default"], window["description"]) == ("1m", "How long a key is remembered.")
    assert "P0D" not in json.dumps(schema)


def test_a_registry_without_processors_has_a_schema_too() -> None:
    schema = flow_schema(Registry())
    jsonschema.Draft202012Validator.check_schema(schema)
    assert not jsonschema.Draft202012Validator(schema).is_valid({"flow": "f", "processors": {"a": {"type": "x"}}})


def test_loading_and_the_schema_agree(load: Callable[..., Flow], errors: Callable[[Any], list[str]]) -> None:
    text = (
        HEAD + "{type: write, path: x}\nrun: {memory: 1MiB, drain: 0, on_dead_letter: stop, defaults: {timeout: 5s}}\n"
    )
    assert (load(text).name, errors(yaml.safe_load(text))) == ("f", [])
