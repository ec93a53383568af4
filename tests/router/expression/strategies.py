"""Hypothesis strategies: sources shaped like expressions, text that is not, and records of any JSON."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from router.expression import BUILTINS

NAMES = ["a", "b", "text", "user", "record", "meta.key", "meta.headers.x", 'record["odd name"]', "user.name", "a[0]"]
LITERALS = [
    "0",
    "1",
    "1.0",
    "-2",
    "0.5",
    "9**9**9",
    '"a"',
    '"en"',
    "''",
    "True",
    "False",
    "None",
    "[1, 'a']",
    '{"x": 1}',
    "10**9",
]
ARITHMETIC = ["+", "-", "*", "/", "//", "%", "**"]
COMPARISONS = ["==", "!=", "<", "<=", ">", ">=", "in", "not in"]
WRONG = ["=", "&&", "&", "@", "<<", "is", ":=", "", ".", ", "]
ONE, TWO, THREE = (
    sorted(each.name for each in BUILTINS if each.least <= count and (each.most is None or count <= each.most))
    for count in (1, 2, 3)
)
HOSTILE = [
    "__class__",
    "().__class__",
    "x.__globals__",
    "{0.__class__}",
    "[].append(1)",
    "lambda: 0",
    "(x := 1)",
    "f'{a}'",
]


def _larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    tested = st.builds("{} {} {}".format, inner, st.sampled_from(COMPARISONS), inner)
    condition = st.builds("{} is {}".format, inner, st.sampled_from(["None", "True", "not False"])) | tested
    return st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from(ARITHMETIC), inner),
        st.builds("({})".format, condition),
        st.builds("({} {} {})".format, condition, st.sampled_from(["and", "or"]), condition),
        st.builds("(not ({}))".format, condition),
        st.builds("({} if {} else {})".format, inner, condition, inner),
        st.builds("(-{})".format, inner),
        st.builds("{}[{}]".format, inner, inner),
        st.builds(
            "{}[{}:{}]".format, inner, st.sampled_from(["", "0", "1", "-1", "a"]), st.sampled_from(["", "2", "b"])
        ),
        st.builds("({}).{}".format, inner, st.sampled_from(["name", "x"])),
        st.builds("[{}, {}]".format, inner, inner),
        st.builds('{{"n": {}}}'.format, inner),
        st.builds("{}({})".format, st.sampled_from(ONE), inner),
        st.builds("{}({}, {})".format, st.sampled_from(TWO), inner, inner),
        st.builds("{}({}, {}, {})".format, st.sampled_from(THREE), inner, inner, inner),
    )


sources = st.recursive(st.sampled_from(NAMES + LITERALS), _larger, max_leaves=12)
"""Text that mostly is an expression."""

hostile_sources = st.recursive(
    st.sampled_from(NAMES + LITERALS + HOSTILE),
    lambda inner: (
        _larger(inner)
        | st.builds("{} {} {}".format, inner, st.sampled_from(WRONG), inner)
        | st.builds("{}.{}".format, inner, st.sampled_from(["lower()", "__dict__", "format(1)"]))
        | st.builds("{}({})".format, st.sampled_from(["len", "print", "__import__", "getattr", "eval"]), inner)
    ),
    max_leaves=12,
)
"""Text that mostly is refused."""

texts = st.text(st.characters() | st.sampled_from("abmeta.record()[]{}'\"=+-*/<>!&|,: \n\\"), max_size=60)
"""Text that mostly is none."""

scalars: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.integers(),
    st.sampled_from([10**23, -(10**400), 2**64]),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["a", "en", "", "1.5", "true", "1970-01-01", "a,b"]),
    st.text(max_size=8),
)
json_values: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "x", "n", "0"]), inner, max_size=3)
    ),
    max_leaves=6,
)
plain_values: st.SearchStrategy[Any] = json_values | st.sampled_from(
    [
        float("nan"),
        float("inf"),
        b"a",
        Decimal("1.10"),
        Decimal("NaN"),
        datetime(2020, 1, 1, tzinfo=UTC),
        datetime(2020, 1, 1),  # noqa: DTZ001 - a time without zone is a value too
    ]
)
FIELDS = ["a", "b", "text", "user", "odd name"]


def records(values: st.SearchStrategy[Any] = plain_values) -> st.SearchStrategy[dict[str, Any]]:
    """Records of those fields, some of them missing."""
    return st.dictionaries(st.sampled_from(FIELDS), values, max_size=5)
