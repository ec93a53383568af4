from __future__ import annotations

import pytest

from router.errors import FlowError
from router.loader.quoting import is_open, mended
from router.loader.yaml import parse


def refusal(text: str) -> str:
    with pytest.raises(FlowError) as caught:
        parse(text, "f.yaml")[1].raise_any()
    return str(caught.value)


@pytest.mark.parametrize(
    ("line", "right"),
    [
        ("path: {{ lang }}.avro", 'path: "{{ lang }}.avro"'),
        ("path: {{ lang }}/{{ day }}", 'path: "{{ lang }}/{{ day }}"'),
        ('where: "a" == x', "where: '\"a\" == x'"),
        ("where: a == 'x: y'", "where: \"a == 'x: y'\""),
        ("where: 'it''s' == text", "where: \"'it''s' == text\""),
        ("cron: */5 * * * *", 'cron: "*/5 * * * *"'),
        ("to: {*: drop}", 'to: {"*": drop}'),
        ("*: drop", '"*": drop'),
        ("{path: ${x}}", '{path: "${x}"}'),
        ("read: {type: read, path: ${dir}/x.json, to: w}", 'read: {type: read, path: "${dir}/x.json", to: w}'),
        ("when: {a: x in ['p', 'q'], b: y}", "when: {a: \"x in ['p', 'q']\", b: y}"),
        ("when: {a: tags[0] == 1}", 'when: {a: "tags[0] == 1"}'),
        ("where: > 5", 'where: "> 5"'),
        ("where: @x", 'where: "@x"'),
        ("where: x ? y: z", 'where: "x ? y: z"'),
        ('- "a" == x', "- '\"a\" == x'"),
        ("- where: `x`", '- where: "`x`"'),
        ('where: "a" == x  # a comment', "where: '\"a\" == x'"),
    ],
)
def test_a_line_that_yaml_tears_is_shown_quoted(line: str, right: str) -> None:
    assert mended(line) == right
    assert refusal(f"a:\n  {line}").endswith(f": YAML cannot read {line!r}; put it in quotes: {right}")


def test_a_torn_line_is_named_by_its_place() -> None:
    text = 'processors:\n  a:\n    where: "b" == c\n    to: d\n'
    assert refusal(text).startswith("f.yaml:3:16: YAML cannot read 'where: \"b\" == c'")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "when: {a: default(x, 0) > 1}",
            "f.yaml:1:11: YAML cuts 'default(x, 0) > 1' at its comma; put it in quotes: \"default(x, 0) > 1\"",
        ),
        (
            "when: {b: y, a: concat(x, y, z), c: d}",
            "f.yaml:1:17: YAML cuts 'concat(x, y, z)' at its comma; put it in quotes: \"concat(x, y, z)\"",
        ),
        (
            "when: {a: x == 'p, q'}",
            "f.yaml:1:11: YAML cuts \"x == 'p, q'\" at its comma; put it in quotes: \"x == 'p, q'\"",
        ),
        (
            "by: [lower(a, b), c]",
            "f.yaml:1:6: YAML cuts 'lower(a, b)' at its comma; put it in quotes: \"lower(a, b)\"",
        ),
        (
            "when:\n  {a: default(x,\n    0) > 1}",
            (
                "f.yaml:2:7: YAML cuts 'default(x,\\n    0) > 1' at its comma; put it in quotes: "
                '"default(x,\n    0) > 1"'
            ),
        ),
        (
            "path: {{ lang }}",
            (
                "f.yaml:1:7: YAML reads 'path: {{ lang }}' as a mapping in a mapping; put it in quotes: "
                'path: "{{ lang }}"'
            ),
        ),
        (
            "where: *x",
            "f.yaml:1:8: '*x' is an alias to YAML, and there is no anchor '&x'; if it is text: \"*x\"",
        ),
    ],
)
def test_what_yaml_reads_as_something_else_is_refused(text: str, problem: str) -> None:
    assert refusal(text) == problem


@pytest.mark.parametrize(
    "text", ["{a: b, c: }", "{a: f(x), b: g(y)}", "[a, b)]", "{a: 'f(x, y)', b: ok}", "{a: [b, c]}"]
)
def test_what_is_whole_is_left_alone(text: str) -> None:
    assert len(parse(text)[1]) == 0


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a:\n\tb: 1", "f.yaml:2:1: a tab stands where the line is indented; YAML takes spaces only"),
        ("a:\n  b: 1\n \tc: 2", "f.yaml:3:2: a tab stands where the line is indented; YAML takes spaces only"),
        ('a: "b\nc: d\n', "f.yaml:1:4: YAML cannot read 'a: \"b': a quote is not closed"),
        ("a: {b: c\nd: e", "f.yaml:1:4: YAML cannot read 'a: {b: c': a bracket is not closed, or a ',' is missing"),
        ("a: [b\nd: e", "f.yaml:1:4: YAML cannot read 'a: [b': a bracket is not closed, or a ',' is missing"),
        ("a: {b: c}}", "f.yaml:1:10: YAML cannot read 'a: {b: c}}': what stands here belongs to no key"),
        (
            "a: b\n  c: d",
            "f.yaml:2:4: YAML cannot read 'c: d': a second ': ' in one line, or a line that stands too far to the right",
        ),
        (
            'a: "\\d"',
            (
                "f.yaml:1:5: YAML cannot read 'a: \"\\\\d\"': a '\\' between double quotes is written '\\\\', "
                "or use single quotes"
            ),
        ),
        ("{a:, b: c}", "f.yaml:1:3: YAML cannot read '{a:, b: c}': a ':' needs a space behind it"),
        ("a:\n  - b\n  c: d", "f.yaml:3:3: YAML cannot read 'c: d': an item of a list begins with '- '"),
    ],
)
def test_other_slips_are_said_with_their_line(text: str, problem: str) -> None:
    assert refusal(text) == problem


def test_a_long_line_is_shown_in_part() -> None:
    assert refusal("a: @" + "x" * 500).split("; ")[0] == f"f.yaml:1:4: YAML cannot read 'a: @{'x' * 93}...'"


@pytest.mark.parametrize(
    ("text", "is_it"),
    [("f(x", True), ("f(x)", False), ("x == 'p", True), ("don't", False), ("x)", True), ("[(", True), ("'('", False)],
)
def test_open_texts_are_told_from_whole_ones(text: str, is_it: bool) -> None:
    assert is_open(text) is is_it
