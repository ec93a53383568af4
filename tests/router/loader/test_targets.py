from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from router.flow import ConnectionSpec, Ending, Flow

Load = Callable[..., Flow]
Problems = Callable[..., list[str]]

ROUTE = """
flow: f
processors:
  read: {{type: read, path: x, to: split}}
  split:
    type: route
    when: {{angry: a, happy: b}}
    to: {to}
  one: {{type: shout, to: drop}}
  two: {{type: write, path: x}}
  both: {{type: join, to: drop}}
"""


def routes(flow: Flow, name: str) -> dict[str, list[str]]:
    return {
        relationship: [each.value if isinstance(each, Ending) else each.id for each in targets]
        for relationship, targets in flow.processors[name].routes.items()
    }


@pytest.mark.parametrize(
    ("to", "expected"),
    [
        ("one", {"success": ["a.success>one"]}),
        ("[one, two]", {"success": ["a.success>one", "a.success>two"]}),
        ("drop", {"success": ["drop"]}),
        ("{success: [one, reject], failure: dead_letters}", {"success": ["a.success>one", "reject"], "failure": ["dead_letters"]}),
        ("{processor: one, queue: memory}", {"success": ["a.success>one"]}),
        ("[{processor: one, name: first}, two]", {"success": ["first", "a.success>two"]}),
        ("[both.left, both.right]", {"success": ["a.success>both.left", "a.success>both.right"]}),
        ("{success: one, odd: two}", {"success": ["a.success>one"], "odd": ["a.odd>two"]}),
        ('{"*": one}', {"success": ["a.success>one"]}),
        ("a", {"success": ["a.success>a"]}),
    ],
)  # fmt: skip
def test_every_form_of_to_is_read(
    load: Load, monkeypatch: pytest.MonkeyPatch, to: str, expected: dict[str, list[str]]
) -> None:
    monkeypatch.setattr("router.loader.graph.check", lambda *_: None)
    text = f"""
flow: f
processors:
  read: {{type: read, path: x, to: a}}
  a: {{type: shout, to: {to}}}
  one: {{type: shout, to: drop}}
  two: {{type: write, path: x}}
  both: {{type: join, to: drop}}
"""
    assert routes(load(text), "a") == expected


def test_a_connection_has_its_queue_and_input(load: Load) -> None:
    text = """
flow: f
processors:
  a:
    type: read
    path: x
    to: [{processor: b.left, name: sides, queue: {records: 5, bytes: 1kB, expire: 1m, when_full: drop_oldest}}, b.right]
  b: {type: join, to: drop}
"""
    first, second = load(text).connections
    queue = first.queue
    assert (first.id, first.producer, first.relationship, first.consumer, first.input) == (
        "sides", "a", "success", "b", "left",
    )  # fmt: skip
    assert (queue.records, queue.nbytes, queue.expire, queue.when_full) == (
        5,
        1000,
        timedelta(minutes=1),
        "drop_oldest",
    )
    assert second == ConnectionSpec("a.success>b.right", "a", "success", "b", "right")


def test_a_star_is_every_other_relationship_that_must_be_connected(load: Load) -> None:
    text = ROUTE.format(to='{happy: one, "*": [two, both.left]}')
    text = text.replace("both.left]", "both.left, both.right]")
    assert routes(load(text), "split") == {
        "happy": ["split.happy>one"],
        "angry": ["split.angry>two", "split.angry>both.left", "split.angry>both.right"],
        "unmatched": ["split.unmatched>two", "split.unmatched>both.left", "split.unmatched>both.right"],
    }


REST = "both.left], unmatched: [one, both.right]"


@pytest.mark.parametrize(
    ("to", "problem"),
    [
        (f"{{angy: one, happy: [two, {REST}}}", "8:10: processor 'split': no relationship 'angy' (did you mean 'angry'?)"),
        (f"{{zzz: one, angry: two, happy: [two, {REST}}}", "8:10: processor 'split': no relationship 'zzz'; it has 'angry' and 'happy' and 'unmatched' and 'failure'"),
        (f"{{angry: onne, happy: [two, {REST}}}", "8:17: processor 'split': no processor 'onne' (did you mean 'one'?)"),
        (f"{{angry: dorp, happy: [two, {REST}}}", "8:17: processor 'split': no processor 'dorp' (did you mean 'drop'?)"),
        (f"{{angry: read, happy: [two, {REST}}}", "8:17: processor 'split': 'read' is a source; nothing can be sent to it"),
        (f"{{angry: one.left, happy: [two, {REST}}}", "8:17: processor 'split': 'one' has no input 'left'; write 'one'"),
        (f"{{angry: both, happy: [two, {REST}}}", "8:17: processor 'split': 'both' has named inputs; write 'both.left' or 'both.right'"),
        (f"{{angry: both.up, happy: [two, {REST}}}", "8:17: processor 'split': 'both' has no input 'up'; write 'both.left' or 'both.right'"),
        (f"{{angry: [one, one], happy: [two, {REST}}}", "8:23: processor 'split': 'one' stands twice in 'angry'"),
        (f"{{angry: [], happy: [two, {REST}}}", "8:10: processor 'split': an empty list of targets; name one, or 'drop'"),
        (f"{{angry: 5, happy: [two, {REST}}}", "8:17: processor 'split': a target is a processor's name, got number"),
        (f"{{angry: ~, happy: [two, {REST}}}", "8:17: processor 'split': a target is a processor's name, got nothing"),
        (f'{{angry: "one, two", happy: [two, {REST}}}', "8:17: processor 'split': several targets are a list: [one, two]"),
        (f"{{angry: group/one, happy: [two, {REST}}}", "8:17: processor 'split': 'group/one' names a part of a group; groups come later"),
        (f"{{angry: One, happy: [two, {REST}}}", "8:17: processor 'split': a target is a processor's name, such as 'score' or 'join.left', got 'One'"),
        (f"{{angry: {{queue: memory}}, happy: [two, {REST}}}", "8:10: processor 'split': a target needs 'processor': where its records go"),
        (f"{{angry: {{processor: one, que: x}}, happy: [two, {REST}}}", "8:34: processor 'split': a target has 'processor', 'queue' and 'name', got 'que' (did you mean 'queue'?)"),
        (f"{{angry: {{processor: one, queue: {{type: kafka}}}}, happy: [two, {REST}}}", "8:34: processor 'split': the queue 'kafka' comes later: this version has no Kafka queues"),
        (f"{{angry: {{processor: one, queue: {{priority: x}}}}, happy: [two, {REST}}}", "8:34: processor 'split': 'to.angry.queue': 'priority' is for disk queues; add 'type: disk', or leave it out"),
        (f"{{angry: {{processor: one, queue: {{records: 0}}}}, happy: [two, {REST}}}", "8:42: processor 'split': 'to.angry.queue.records' must be above 0, got 0"),
        (f"{{angry: {{processor: one, queue: 5}}, happy: [two, {REST}}}", "8:34: processor 'split': 'queue' is a type such as 'memory', or a mapping of settings, got 5"),
        (f"{{angry: {{processor: one, queue: ram}}, happy: [two, {REST}}}", "8:34: processor 'split': 'to.angry.queue.type' must be 'memory' or 'disk', got 'ram'"),
        (f"{{angry: {{processor: one, name: A b}}, happy: [two, {REST}}}", "8:34: processor 'split': a connection's name is lower_snake, such as 'scored', got 'A b'"),
        (f"{{angry: {{processor: drop, queue: memory}}, happy: [one, two, {REST}}}", "8:10: processor 'split': 'drop' is no processor: nothing waits on the way to it; leave 'queue' and 'name' out"),
        (f"{{angry: {{processor: one, name: n}}, happy: [{{processor: two, name: n}}, {REST}}}", "8:53: processor 'split': a connection 'n' is there already in line 8; choose another name"),
        (f"{{retry: one, angry: one, happy: [two, {REST}}}", "8:10: processor 'split': 'retry' goes back to the processor by itself; it cannot be connected"),
        (f"{{unavailable: one, angry: one, happy: [two, {REST}}}", "8:10: processor 'split': 'unavailable' needs 'run: {{retry: ...}}': without it retries do not end"),
        (f'{{"*": one, angry: one, happy: [two, {REST}}}', "8:10: processor 'split': '*' stands for nothing: no other relationship must be connected; name 'failure' if you mean it"),
        (f"{{angry: one, happy: [two, {REST.replace('unmatched', 'failure')}}}", "8:5: processor 'split': relationship 'unmatched' goes nowhere; connect it or send it to 'drop'"),
        ("{}", "8:5: processor 'split': 'to' is empty; name a target, or leave it out"),
        ("one", "8:5: processor 'split': no relationship 'success'; it has 'angry' and 'happy' and 'unmatched' and 'failure'"),
    ],
)  # fmt: skip
def test_a_to_that_cannot_be_is_named(problems: Problems, to: str, problem: str) -> None:
    assert problems(ROUTE.format(to=to)) == [f"flow.yaml:{problem}".replace("{{", "{").replace("}}", "}")]


def test_a_missing_to_is_named_for_each_relationship(problems: Problems) -> None:
    text = ROUTE.format(to="").replace("    to: \n", "")
    assert problems(text)[:3] == [
        f"flow.yaml:5:3: processor 'split': relationship {name!r} goes nowhere; connect it or send it to 'drop'"
        for name in ("angry", "happy", "unmatched")
    ]


def test_unavailable_is_there_with_an_end_of_retries(load: Load) -> None:
    text = """
flow: f
processors:
  a: {type: read, path: x, to: b}
  b: {type: shout, run: {retry: {attempts: 3}}, to: {success: drop, unavailable: c}}
  c: {type: write, path: x}
"""
    assert routes(load(text), "b")["unavailable"] == ["b.unavailable>c"]


def test_a_bare_function_has_every_relationship_its_to_names(load: Load) -> None:
    text = """
flow: f
processors:
  a: {type: read, path: x, to: b}
  b: {type: shout, to: {success: drop, odd: drop, failure: drop}}
"""
    assert [each.name for each in load(text).processors["b"].relationships] == ["success", "failure", "odd"]


@pytest.mark.parametrize(
    ("processors", "problem"),
    [
        ("  a: {type: read, path: x, to: drop}\n  b: {type: shout, to: drop}", "4:3: processor 'b': nothing leads to 'b'; name it in the 'to' of another processor"),
        ("  a: {type: read, path: x, to: drop}\n  b: {type: shout, to: c}\n  c: {type: shout, to: {success: b, odd: drop}}", "4:3: processor 'b': no source enters the cycle b > c > b; lead one to it"),
        ("  a: {type: read, path: x, to: b}\n  b: {type: shout, to: c}\n  c: {type: shout, to: b}", "4:3: processor 'b': nothing leaves the cycle b > c > b; send a relationship elsewhere, or to 'drop'"),
        ("  a: {type: read, path: x, to: b}\n  b: {type: shout, to: b}", "4:3: processor 'b': nothing leaves the cycle b > b; send a relationship elsewhere, or to 'drop'"),
        ("  a: {type: read, path: x, to: drop}\n  b: {type: shout, to: c}\n  c: {type: shout, to: drop}", "4:3: processor 'b': nothing leads to 'b'; name it in the 'to' of another processor"),
    ],
)  # fmt: skip
def test_a_graph_that_cannot_flow_is_named(problems: Problems, processors: str, problem: str) -> None:
    assert problems(f"flow: f\nprocessors:\n{processors}\n") == [f"flow.yaml:{problem}"]


@pytest.mark.parametrize("way_out", ["odd: drop", "odd: d", "failure: d"])
def test_a_cycle_with_a_way_in_and_out_is_allowed(problems: Problems, way_out: str) -> None:
    text = f"""
flow: f
processors:
  a: {{type: read, path: x, to: [b, d]}}
  b: {{type: shout, to: c}}
  c: {{type: shout, to: {{success: b, {way_out}}}}}
  d: {{type: write, path: x}}
"""
    assert problems(text) == []


@pytest.mark.parametrize("name", ["retry", "queue", "failure", "unmatched", "'*'"])
def test_no_relationship_of_a_processor_has_a_taken_name(problems: Problems, name: str) -> None:
    text = f"""
flow: f
processors:
  a: {{type: read, path: x, to: b}}
  b: {{type: route, when: {{{name}: x}}, to: drop}}
"""
    shown = name.strip("'")
    assert problems(text) == [f"flow.yaml:5:3: processor 'b': the relationship name {shown!r} is taken; choose another"]
