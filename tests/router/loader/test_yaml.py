from __future__ import annotations

import contextlib
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.errors import FlowError
from router.loader.document import DEPTH_LIMIT
from router.loader.scalars import resolve
from router.loader.yaml import parse


def read(text: str) -> Any:
    document, problems = parse(text)
    problems.raise_any()
    return document.data


def refusal(text: str) -> str:
    with pytest.raises(FlowError) as caught:
        parse(text, "f.yaml")[1].raise_any()
    return str(caught.value)


TEXTS = """
2024-02-30 2024-01-01T10:00:00Z 12:30 1_000 on off no yes y n NO nUll tRUE 0b1 0x 0o8 1.2.3 1e . - + -. +.NaN -.nan
1,000 5s = +0x1 -0o7
"""


@pytest.mark.parametrize("text", TEXTS.split())
def test_what_is_no_core_scalar_stays_text(text: str) -> None:
    assert resolve(text) == text


VALUES = {
    "": None, "~": None, "null": None, "NULL": None, "true": True, "False": False, "0": 0, "007": 7, "+12": 12,
    "-1": -1, "0o17": 15, "0xfF": 255, "1.": 1.0, ".5": 0.5, "-1.5e3": -1500.0, "1e3": 1e3, ".inf": math.inf,
    "-.INF": -math.inf, "12345678901234567890123": 12345678901234567890123,
}  # fmt: skip


@pytest.mark.parametrize("text", VALUES)
def test_core_scalars_are_read_as_what_they_are(text: str) -> None:
    assert (resolve(text), type(resolve(text))) == (VALUES[text], type(VALUES[text]))


def test_quotes_and_the_tag_str_make_text() -> None:
    assert read("[\"1\", 'true', !!str 2, ! 3, '']") == ["1", "true", "2", "3", ""]


def test_numbers_beyond_a_machine_are_refused() -> None:
    assert refusal("a: 1e400").startswith("f.yaml:1:4: 'a': 1e400 is beyond what a number can be")
    assert "a number of 5,000 digits is too long" in refusal("a: " + "1" * 5000)


def test_anchors_and_aliases_repeat_a_value_and_its_places() -> None:
    document, problems = parse("a: &x {b: [1, 2]}\nc: *x\nd: {e: *x}\n")
    assert (len(problems), document.data["d"]["e"]) == (0, {"b": [1, 2]})
    assert document.value_place(("d", "e", "b", 1)) == (1, 15)
    assert document.key_place(("c",)) == (2, 1)


def test_places_count_characters() -> None:
    document, _ = parse("é: {ü: ß, k: [1, 😀, x]}")
    assert document.value_place(("é", "k", 2)) == (1, 21)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 1\nb: 2\na: 3", "f.yaml:3:1: 'a' stands here again, first in line 1; keep one of them"),
        ("a: {b: 1, b: 2}", "f.yaml:1:11: 'a.b' stands here again, first in line 1; keep one of them"),
        ("1: x", 'f.yaml:1:1: a key is a text, got the number 1; put it in quotes: "1"'),
        ("true: x", 'f.yaml:1:1: a key is a text, got true; put it in quotes: "true"'),
        ("~: x", 'f.yaml:1:1: a key is a text, got nothing; put it in quotes: "~"'),
        ("a: &x b\n*x : c", "f.yaml:2:1: an alias, '*x', cannot be a key; write the key itself"),
        (
            "<<: {a: 1}",
            (
                "f.yaml:1:1: '<<' merges nothing, YAML 1.2 has no such key; write the settings out, "
                "or share them by 'run.defaults'"
            ),
        ),
        (
            "a: !!python/object/apply:os.system [ls]",
            (
                "f.yaml:1:4: the tag '!!python/object/apply:os.system' is not known here; write the value without it, "
                "or in quotes if it is text"
            ),
        ),
        (
            "a: !x y",
            "f.yaml:1:4: the tag '!x' is not known here; write the value without it, or in quotes if it is text",
        ),
        ("a: &x [*x]", "f.yaml:1:8: the alias '*x' stands within what it repeats"),
        ("a: 1\n---\nb: 2", "f.yaml:2:1: a second document begins here; a flow file holds one"),
        (
            "a: b\0",
            "f.yaml:1:5: the character '\\x00' does not belong into a text; a flow file is text in UTF-8",
        ),
    ],
)
def test_what_yaml_allows_and_a_flow_does_not_is_named(text: str, problem: str) -> None:
    assert refusal(text) == problem


def test_all_of_these_are_told_at_once() -> None:
    assert len(refusal("a: 1\na: 2\n3: x\nb: !x y\n<<: z").splitlines()) == 4


def test_a_bomb_of_aliases_is_refused_before_it_grows() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    assert refusal("\n".join(lines)) == "f.yaml:6:10: more than 100,000 values, aliases counted as what they repeat"


def test_depth_is_bounded_through_aliases_too() -> None:
    lines = ["a0: &a0 [[[[[[[[x]]]]]]]]"]
    lines += [f"a{n}: &a{n} [[[[[[[[*a{n - 1}]]]]]]]]" for n in range(1, 12)]
    assert refusal("\n".join(lines)) == f"f.yaml:8:17: nested deeper than {DEPTH_LIMIT} levels"
    assert refusal("[" * 100_000).endswith(f"nested deeper than {DEPTH_LIMIT} levels")
    assert refusal("? " * 70).endswith(f"nested deeper than {DEPTH_LIMIT} levels")


def test_the_number_of_values_is_bounded() -> None:
    assert "more than 100,000 values" in refusal("[" + "1," * 100_001 + "]")


@given(st.text(alphabet="ab \n:-[]{},'\"&*!|>%@`#?\t\\~<.0é😀\0\ud800", max_size=60))
def test_no_text_raises_anything_but_a_flow_error(text: str) -> None:
    with contextlib.suppress(FlowError):
        parse(text, "f.yaml")
