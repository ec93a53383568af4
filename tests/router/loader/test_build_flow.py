from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from router.errors import FlowError
from router.flow import Flow
from router.loader import build_flow, load_flow
from router.plugins import Registry

FLOW = """
flow: orders
version: "2"
description: Tell orders from their repeats.
parameters: {rate: 5, names: [a, b], folder: data}
processors:
  read: {type: read, path: "${folder}/in", rate: "${rate}", values: {names: "${names}"}, to: [clean, both.left]}
  clean:
    type: dedupe
    key: order_id
    window: 10m
    run: {concurrency: 2, ordered: order_id, batch: {records: 7, wait: 5ms}}
    to: {unique: [store, both.right], duplicate: drop, failure: {processor: store, name: failed, queue: {records: 5}}}
  both: {type: join, to: again}
  again: {type: shout, to: {success: split, odd: again}}
  split: {type: route, when: {big: total > 5, small: "default(total, 0) <= 5"}, to: {"*": store}}
  store: {type: write, path: "out/{{ order_id }}"}
run: {drain: 5s, defaults: {hold: {records: 10}}}
"""


def build(mapping: Any, registry: Registry, **more: Any) -> Flow:
    return build_flow(mapping, **{"environment": {}, "registry": registry, **more})


def test_the_same_flow_through_yaml_and_a_mapping_is_equal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, registry: Registry
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("flow.yaml").write_text(FLOW)
    mapping = yaml.safe_load(FLOW)
    loaded = load_flow("flow.yaml", environment={}, registry=registry)
    assert (build(mapping, registry), build({**mapping, "flow": "other"}, registry) == loaded) == (loaded, False)


def test_a_mapping_is_left_as_it_was(registry: Registry) -> None:
    mapping = yaml.safe_load(FLOW)
    build(mapping, registry, parameters={"rate": 7})
    assert mapping == yaml.safe_load(FLOW)


def test_paths_of_a_mapping_start_at_the_working_directory(registry: Registry) -> None:
    mapping = {"flow": "f", "processors": {"a": {"type": "read", "path": "x/y", "to": "drop"}}}
    assert build(mapping, registry).processors["a"].config.path == Path("x/y")  # type: ignore[attr-defined]


def test_problems_of_a_mapping_have_a_path_and_no_line(registry: Registry) -> None:
    mapping = {"flow": "f", "processors": {"a": {"type": "read", "path": "x", "rat": 1, 5: 6}}}
    with pytest.raises(FlowError) as caught:
        build(mapping, registry)
    assert str(caught.value).splitlines() == [
        "processor 'a': a key is a text, got the number 5",
        "processor 'a': no setting 'rat' (did you mean 'rate'?)",
    ]


def test_a_mapping_that_holds_itself_is_refused(registry: Registry) -> None:
    mapping: dict[str, Any] = {"flow": "f"}
    mapping["processors"] = mapping
    with pytest.raises(FlowError, match=r"^nested deeper than 64 levels"):
        build(mapping, registry)
    with pytest.raises(FlowError, match=r"^more than 100,000 values"):
        build({"flow": "f", "processors": [0] * 100_001}, registry)


NAMES = st.sampled_from(
    [
        "flow",
        "version",
        "processors",
        "parameters",
        "run",
        "plugins",
        "include",
        "services",
        "type",
        "to",
        "description",
        "path",
        "rate",
        "when",
        "key",
        "window",
        "read",
        "route",
        "dedupe",
        "write",
        "shout",
        "a",
        "b",
        "c",
        "drop",
        "success",
        "failure",
        "unique",
        "*",
        "processor",
        "queue",
        "name",
        "records",
        "batch",
        "ordered",
        "concurrency",
        "execution",
        "defaults",
        "hold",
        "retry",
        "${a}",
        "${b:-c}",
        "${secret:X}",
        "x",
        ">",
        "1",
        "{{",
        "a",
        "}}",
    ]
)
LEAVES = st.one_of(
    NAMES,
    st.none(),
    st.booleans(),
    st.integers(-2, 2000),
    st.floats(),
    st.text(max_size=5),
    st.binary(max_size=3),
    st.just(object()),
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.one_of(NAMES, NAMES, st.integers()), inner, max_size=4)
    ),
    max_leaves=12,
)
PROCESSOR = st.fixed_dictionaries(
    {"type": st.sampled_from(["read", "route", "dedupe", "write", "shout", "join", "nope"])},
    optional={
        "to": st.one_of(st.sampled_from(["a", "b", "c", "drop"]), VALUES),
        "path": VALUES,
        "when": st.one_of(st.dictionaries(NAMES, NAMES, max_size=3), VALUES),
        "key": st.one_of(NAMES, VALUES),
        "run": st.one_of(st.dictionaries(NAMES, VALUES, max_size=3), VALUES),
        "rate": VALUES,
    },
)
FLOWS = st.fixed_dictionaries(
    {"flow": st.just("f"), "processors": st.dictionaries(st.sampled_from("abc"), PROCESSOR, min_size=1)},
    optional={"parameters": st.one_of(st.dictionaries(NAMES, VALUES, max_size=3), VALUES), "run": VALUES},
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(mapping=st.one_of(VALUES, FLOWS), parameters=st.dictionaries(NAMES, VALUES, max_size=2))
def test_no_mapping_raises_anything_but_a_flow_error(
    registry: Registry, mapping: Any, parameters: dict[str, Any]
) -> None:
    with contextlib.suppress(FlowError):
        assert isinstance(build(mapping, registry, parameters=parameters), Flow)
