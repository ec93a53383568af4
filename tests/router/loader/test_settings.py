from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any, Literal

import pytest
from pydantic import field_validator

from router.authoring import Processor
from router.choice import Choice
from router.config import Config, Field
from router.formats import Format
from router.plugins import Registry
from router.relationship import Relationship

Problems = Callable[..., list[str]]


def flow(settings: str) -> str:
    lines = "\n".join(f"    {line}" for line in settings.strip().splitlines())
    return f"flow: f\nprocessors:\n  read: {{type: read, path: x, to: clean}}\n  clean:\n{lines}\n"


ENDS = "to: {unique: drop, duplicate: drop}"


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        ("type: dedup", ["5:5: processor 'clean': no processor type 'dedup' (did you mean 'dedupe'?)"]),
        ("typ: dedupe", ["4:3: processor 'clean': 'type' is missing: what the processor does, such as 'filter'"]),
        ("type: [dedupe]", ["5:5: processor 'clean': 'type' must be a text, got a list"]),
        (
            f"type: dedupe\n{ENDS}",
            ["4:3: processor 'clean': the setting 'key' is missing: what makes two records the same"],
        ),
        (
            f"type: dedupe\n{ENDS}\nkey: a\nwindw: 5s",
            ["8:5: processor 'clean': no setting 'windw' (did you mean 'window'?)"],
        ),
        (
            f"type: dedupe\n{ENDS}\nkey: a\nwindow: 0s",
            ["8:5: processor 'clean': 'window' must be above 0 seconds, got '0s'"],
        ),
        (
            f"type: dedupe\n{ENDS}\nkey: a\nwindow: 5 parsecs",
            [
                ("8:5: processor 'clean': 'window': a duration is a number with a unit, such as 500ms, 5s, 2m or 1h; "
                "got '5 parsecs'")
            ],
        ),
        (
            f"type: dedupe\n{ENDS}\nkey: a\nsize: 5 apples",
            [
                ("8:5: processor 'clean': 'size': a size is a number of bytes, such as 65536, 10MB or 8MiB; "
                "got '5 apples'")
            ],
        ),
        (
            f"type: dedupe\n{ENDS}\nkey: a\nleast: x\nmost: 1.5",
            [
                "8:5: processor 'clean': 'least' must be a whole number, got 'x'",
                "9:5: processor 'clean': 'most' must be a whole number, got 1.5",
            ],
        ),
        (f"type: dedupe\n{ENDS}\nkey: a\nleast: 20", ["8:5: processor 'clean': 'least' (20) is above 'most' (10)"]),
        ("type: write\npath: x\nmode: apend", ["7:5: processor 'clean': 'mode' must be 'append' or 'replace', got 'apend' (did you mean 'append'?)"]),
        ("type: write\npath: x\nmode: [a]", ["7:5: processor 'clean': 'mode' must be 'append' or 'replace', got a list"]),
        ("type: route\nwhen: {}\nto: drop", ["6:5: processor 'clean': 'when' must have at least 1 entry, got a mapping"]),
        ("type: route\nwhen: x > 1\nto: drop", ["6:5: processor 'clean': 'when' must be a mapping, got 'x > 1'"]),
        ("type: route\nwhen:\nto: drop", ["6:5: processor 'clean': 'when' must be a mapping, got nothing"]),
        ("type: shout\nsuffix: 5\nto: drop", ["6:5: processor 'clean': 'suffix' must be a text, got 5"]),
        ("type: shout\nsuffix: [a]\nto: drop", ["6:5: processor 'clean': 'suffix' must be a text, got a list"]),
    ],
)  # fmt: skip
def test_settings_that_do_not_fit_are_named(problems: Problems, settings: str, found: list[str]) -> None:
    assert problems(flow(settings)) == [f"flow.yaml:{each}" for each in found]


@pytest.mark.parametrize(
    ("key", "place", "problem"),
    [
        ("a ==", "7:12", "it ends in the middle: nothing follows '==', in 'a =='"),
        ('"a = 3"', "7:13", "no sign '=' here; write '==' to compare, in 'a = 3'"),
        ("|\n  a = 3", "7:10", "no sign '=' here; write '==' to compare, in 'a = 3'"),
        ("[a, b]", "7:10", "an expression is text, got list; put all of it in quotes"),
        (
            'contains(text, " #x")',
            "7:25",
            (
                "the text that starts here is not closed; it needs another \", in 'contains(text, \"'; YAML takes "
                "'#x\")' for a comment, put all of it in quotes: 'contains(text, \" #x\")'"
            ),
        ),
    ],
)
def test_expressions_are_shown_where_they_go_wrong(problems: Problems, key: str, place: str, problem: str) -> None:
    assert problems(flow(f"type: dedupe\n{ENDS}\nkey: {key}")) == [
        f"flow.yaml:{place}: processor 'clean': 'key': {problem}"
    ]


def test_a_place_within_an_alias_is_where_it_was_written(problems: Problems) -> None:
    text = """
flow: f
processors:
  read: &it {type: read, path: x, rate: fast, to: drop}
  again: *it
"""
    rate = "a rate is a number of records a second, or such as 10/m; 0 is no limit; got 'fast'"
    assert problems(text) == [
        f"flow.yaml:4:35: processor 'read': 'rate': {rate}",
        f"flow.yaml:4:35: processor 'again': 'rate': {rate}",
    ]


class Nested(Config):
    deep: int = Field(1, le=3, description="How deep.")


class DeepConfig(Config):
    deep: int = Field(description="How deep it is.")


class Chosen(Choice):
    @classmethod
    def known(cls, registry: Any) -> Mapping[str, type[Choice]]:
        return {"only": Only}


class Only(Chosen):
    type_name = "only"
    config: DeepConfig


class OddConfig(Config):
    chosen: Chosen | None = Field(None, description="A thing with settings of its own.")
    nested: Nested = Field(Nested(), description="More settings.")
    several: list[Nested] = Field([], description="Many more.")
    named: dict[str, Nested] = Field({}, description="Others.")
    either: int | bool | Nested = Field(1, description="One of these.")
    wait: timedelta | None = Field(None, description="A duration or nothing.")
    choice: Literal[1, "two"] = Field(1, description="A choice.")
    broken: str = Field("", description="Breaks its validator.")

    @field_validator("broken")
    @classmethod
    def _break(cls, value: str) -> str:
        raise ZeroDivisionError(value)


class Odd(Processor):
    type_name = "odd"
    config: OddConfig

    @classmethod
    def relationships_for(cls, config: OddConfig) -> Iterable[Relationship]:  # type: ignore[override]
        if config.choice == "two":
            raise LookupError("no relationships for you")
        return cls.relationships

    def process(self, batch: Any, context: Any) -> Any:
        return batch


@pytest.mark.parametrize(
    ("setting", "found"),
    [
        ("nested: {deep: 9}", "'nested.deep' must be at most 3, got 9"),
        ("nested: {deap: 9}", "no setting 'nested.deap' (did you mean 'deep'?)"),
        ("nested: 5", "'nested' must be a mapping, got 5"),
        ("several: [{}, {deep: x}]", "'several[1].deep' must be a whole number, got 'x'"),
        ("several: [{dep: 1}]", "no setting 'several[0].dep' (did you mean 'deep'?)"),
        ("named: {a: {deep: 4}}", "'named.a.deep' must be at most 3, got 4"),
        ("named: {a: {dep: 4}}", "no setting 'named.a.dep' (did you mean 'deep'?)"),
        ("either: {deep: 4}", "'either.deep' must be at most 3, got 4"),
        ("either: []", "'either' must be a whole number or true or false or a mapping, got a list"),
        ("chosen: {type: only, deep: 1, deap: 1}", "no setting 'chosen.deap' (did you mean 'deep'?)"),
        ("chosen: {type: only}", "the setting 'chosen.deep' is missing: how deep it is"),
        ("chosen: only", "the setting 'chosen.deep' is missing: how deep it is"),
        ("wait: soon", "'wait': a duration is a number with a unit, such as 500ms, 5s, 2m or 1h; got 'soon'"),
        ("choice: three", "'choice' must be 1 or 'two', got 'three'"),
        ("broken: x", "its settings cannot be read: ZeroDivisionError: x"),
        (
            "choice: two",
            "type 'odd' cannot say what it does with these settings: LookupError: no relationships for you",
        ),
    ],
)
def test_settings_within_settings_are_named_by_their_path(
    problems: Problems, registry: Registry, setting: str, found: str
) -> None:
    registry.processor(Odd)
    said = problems(flow(f"type: odd\n{setting}\nto: drop"))
    assert [each.split(": ", 2)[2] for each in said] == [found]


class CsvConfig(Config):
    delimiter: str = Field(",", max_length=1, description="What stands between.")


class Csv(Format):
    """Values with a sign between."""

    type_name = "csv"
    config: CsvConfig


class FormattedConfig(Config):
    format: Format = Field(description="How records lie in the file.")


class Formatted(Processor):
    type_name = "formatted"
    config: FormattedConfig

    def process(self, batch: Any, context: Any) -> Any:
        return batch


@pytest.mark.parametrize(
    ("setting", "found"),
    [
        (
            "format: {type: csv, delimitr: x}",
            "6:25: processor 'clean': no setting 'format.delimitr' (did you mean 'delimiter'?)",
        ),
        (
            "format: {type: csv, delimiter: xyz}",
            "6:25: processor 'clean': 'format.delimiter' must have at most 1 character, got 'xyz'",
        ),
        ("format: cvs", "6:5: processor 'clean': 'format': no format 'cvs' (did you mean 'csv'?); known are csv"),
    ],
)
def test_the_settings_of_a_choice_have_places_too(
    problems: Problems, registry: Registry, setting: str, found: str
) -> None:
    registry.processor(Formatted)
    registry.format(Csv)
    assert problems(flow(f"type: formatted\n{setting}\nto: drop")) == [f"flow.yaml:{found}"]


# -- run ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("run", "found"),
    [
        ("{concurrency: 0}", "'run.concurrency' must be at least 1, got 0"),
        ("{concurency: 2}", "no setting 'run.concurency' (did you mean 'concurrency'?)"),
        ("{batch: {recrods: 5}}", "no setting 'run.batch.recrods' (did you mean 'records'?)"),
        (
            "{batch: {bytes: 5x}}",
            "'run.batch.bytes': a size is a number of bytes, such as 65536, 10MB or 8MiB; got '5x'",
        ),
        ("{ordered: a =}", "'run.ordered': no sign '=' here; write '==' to compare, in 'a ='"),
        ("{execution: fast}", "'run.execution' must be 'inline', 'thread' or 'process', got 'fast'"),
        ("5", "'run' must be a mapping, got 5"),
        ("{retry: 3}", "'run.retry' must be a mapping, got 3"),
    ],
)
def test_run_settings_that_do_not_fit_are_named(problems: Problems, run: str, found: str) -> None:
    said = problems(flow(f"type: shout\nto: drop\nrun: {run}"))
    assert [each.split(": ", 2)[2] for each in said] == [found]


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        (
            "type: write\npath: x\nrun: {concurrency: 2}",
            "a sink writes in no order with 'concurrency' above 1; say 'ordered: false', or a key's expression",
        ),
        (
            f"type: dedupe\nkey: a\n{ENDS}\nrun: {{concurrency: 2}}",
            "'dedupe' keeps state by key; with 'concurrency' above 1 'ordered' must be the key's expression",
        ),
        ("type: wait\nto: drop\nrun: {execution: thread}", "'wait' is async and runs inline; leave 'execution' out"),
        (
            f"type: dedupe\nkey: a\n{ENDS}\nrun: {{execution: process}}",
            "'dedupe' needs more than its records, and a worker process has no more; use 'thread' or leave it out",
        ),
    ],
)
def test_run_settings_that_do_not_go_with_a_kind_are_named(problems: Problems, settings: str, found: str) -> None:
    said = problems(flow(settings))
    assert [each.split(": ", 2)[2] for each in said] == [found]


@pytest.mark.parametrize(
    "settings",
    [
        "type: write\npath: x\nrun: {concurrency: 2, ordered: false}",
        "type: write\npath: x\nrun: {concurrency: 2, ordered: user.id}",
        f"type: dedupe\nkey: a\n{ENDS}\nrun: {{concurrency: 2, ordered: a}}",
        f"type: dedupe\nkey: a\n{ENDS}\nrun: {{execution: thread}}",
        "type: shout\nto: drop\nrun: {execution: process, concurrency: 2}",
    ],
)
def test_run_settings_that_go_with_a_kind_are_taken(problems: Problems, settings: str) -> None:
    assert problems(flow(settings)) == []


def test_a_source_has_no_calls_to_run(problems: Problems) -> None:
    text = "flow: f\nprocessors:\n  a: {type: read, path: x, run: {concurrency: 2}, to: drop}\n"
    assert problems(text) == [
        "flow.yaml:3:34: processor 'a': 'run.concurrency' is for calls, and a source gets none; leave it out"
    ]


def test_defaults_of_the_flow_lie_under_each_run(load: Callable[..., Any]) -> None:
    text = flow("type: shout\nto: drop\nrun: {batch: {records: 5}}")
    made = load(text + "run: {memory: 1MiB, defaults: {concurrency: 3, batch: {records: 7, bytes: 1kB}}}\n")
    run = made.processors["clean"].run
    assert (run.concurrency, run.batch.records, run.batch.nbytes, made.run.memory) == (3, 5, 1000, 1 << 20)


def test_bad_defaults_are_told_once(problems: Problems) -> None:
    text = flow("type: shout\nto: drop") + "run: {defaults: {concurrency: none}, memory: 1x}\n"
    assert problems(text) == [
        "flow.yaml:7:18: 'run.defaults.concurrency' must be a whole number, got 'none'",
        "flow.yaml:7:38: 'run.memory': a size is a number of bytes, such as 65536, 10MB or 8MiB; got '1x'",
    ]


class CountConfig(Config):
    count: int = Field(4, description="How many.")


class Count(Processor):
    """Something whose calls overlap."""

    type_name = "count"
    config: CountConfig

    @classmethod
    def run_for(cls, config: CountConfig) -> dict[str, Any]:
        return {"concurrency": 8, "batch": {"records": 40 // config.count}}

    def process(self, batch: Any, context: Any) -> Any:
        return batch


@pytest.mark.parametrize(
    ("settings", "defaults", "found"),
    [
        ("", "", (8, 10, 4 << 20)),
        ("run: {batch: {bytes: 5}}", "", (8, 10, 5)),
        ("run: {batch: {records: 7}}", "concurrency: 2", (2, 7, 4 << 20)),
        ("run: {concurrency: 3}", "concurrency: 2, batch: {bytes: 5}", (3, 10, 5)),
    ],
)
def test_what_a_class_says_of_its_run_lies_under_what_the_flow_says(
    load: Callable[..., Any], registry: Registry, settings: str, defaults: str, found: tuple[int, int, int]
) -> None:
    registry.processor(Count)
    made = load(flow(f"type: count\nto: drop\n{settings}") + f"run: {{defaults: {{{defaults}}}}}\n")
    run = made.processors["clean"].run
    assert (run.concurrency, run.batch.records, run.batch.nbytes) == found


def test_a_class_that_cannot_say_how_it_runs_is_named(problems: Problems, registry: Registry) -> None:
    registry.processor(Count)
    said = "type 'count' cannot say what it does with these settings: ZeroDivisionError"
    (problem,) = problems(flow("type: count\ncount: 0\nto: drop"))
    assert said in problem
