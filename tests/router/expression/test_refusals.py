from __future__ import annotations

import warnings

import pytest

from router.errors import ConfigError
from router.expression import Expression, ExpressionError


@pytest.mark.parametrize(
    ("source", "column", "problem"),
    [
        ("", 1, "an expression is missing"),
        ("()", 1, "an expression is missing"),
        ("a = 3", 3, "no sign '=' here; write '==' to compare"),
        ("a === 3", 3, "no sign '===' here; write '=='"),
        ("a <> 3", 3, "no sign '<>' here; write '!='"),
        ("a => 3", 3, "no sign '=>' here; write '>='"),
        ("a && b", 3, "no sign '&&' here; write 'and'"),
        ("a || b", 3, "no sign '||' here; write 'or'"),
        ("a & b", 1, "no sign '&'; write 'and' here"),
        ("a AND b", 3, "no word 'AND'; write 'and'"),
        ("!a", 1, "no sign '!' here; write 'not'"),
        ("`a`", 1, "no sign '`' here; write a bare name for a field and quotes for a text"),
        ("“a”", 1, "no sign '“' here; write straight quotes"),
        ("a ? b : c", 3, "no sign '?' here; write 'a if condition else b'"),
        ("${a}", 1, "no sign '${' here; write a bare name for a field"),
        ("{{ a }}", 1, "braces are for templates; write the expression alone"),
        ("😀", 1, "no character '😀' here; a text needs quotes"),
        ("lang == en us", 12, "nothing stands between en and us; a text needs quotes"),
        ('["a" "b"]', 2, "two texts side by side; a comma or '+' is missing between them"),
        ('a == "x', 6, 'the text that starts here is not closed; it needs another "'),
        ("(a", 1, "'(' is not closed"),
        ("a)", 2, "')' closes nothing"),
        ("a) or (b", 2, "')' closes nothing"),
        ("a ==", 3, "it ends in the middle: nothing follows '=='"),
        ("5m", 1, "'5m' is no number; write 5 or a quoted text"),
        ("007", 1, "'007' starts with a zero; write 7 or a quoted text"),
        ('from == "x"', 1, "'from' is a word of Python's; a field of that name is record[\"from\"]"),
        ("user.class", 6, "'class' is a word of Python's; a field of that name is [\"class\"]"),
        ("a == true", 6, "'true' is written True; a field of that name is record[\"true\"]"),
        ("null", 1, "'null' is written None; a field of that name is record[\"null\"]"),
        ("FALSE", 1, "'FALSE' is written False; a field of that name is record[\"FALSE\"]"),
        ("a-b > 3", 1, "'a-b' may be a name or a difference; write record[\"a-b\"] or 'a - b'"),
        (
            "1 + user-id-x",
            5,
            "'user-id-x' may be a name or a difference; write record[\"user-id-x\"] or 'user - id - x'",
        ),
        ("user.a-b", 6, "'a-b' may be a name or a difference; write [\"a-b\"] or 'a - b'"),
        ("meta", 1, "'meta' needs a name: meta.key, meta.timestamp, meta.error.message"),
        ("meta[a]", 6, 'meta[...] takes a quoted name: meta["x-request-id"]'),
        ("a == None", 6, "a comparison with None is always None; write 'x is None' or 'x is not None'"),
        ("a is 5", 6, "'is' tests for None, True and False; write '==' to compare"),
        ('a == "x" or "y"', 13, '\'or\' takes conditions, and "y" is none; compare it: x == "y"'),
        ("1 if 5 else 2", 6, "'if' takes conditions, and 5 is none; compare it: x == 5"),
        ("1 < a in b", 1, "'in' stands alone: 'x in list and ...'"),
        ("a, b", 1, "several values with commas between are a list: ['a', 'b']"),
        ("{1, 2}", 1, "a list is written ['a', 'b']"),
        ("{a: 1}", 2, 'a name in an object is a quoted text: {"name": value}'),
        ("a[0:9:2]", 7, "a part has a start and a stop, no step: text[0:10]"),
        ("+a", 1, "no sign '+' before a value; leave it out"),
        ("a << 2", 1, "no sign that works on bits here"),
        ("1e999", 1, "1e999 is no value here"),
        ("1j", 1, "a complex number is no value here"),
        ('b"a"', 1, "bytes are not written here"),
        ('"\\d"', 1, "a backslash in a plain text; write r'...' to keep it as it is"),
        ('"\\ud800"', 1, "half a character (a surrogate) is no text"),
        ("ﬁ", 1, "'ﬁ' is read as 'fi'; write record[\"ﬁ\"]"),
    ],
)
def test_what_cannot_be_read_says_where_and_what_would_be_right(source: str, column: int, problem: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        Expression(source)
    assert (caught.value.column, caught.value.problem) == (column, problem)
    assert str(caught.value) == f"expression {source!r}, column {column}: {problem}"


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("text.lower()", "methods are not called here; write lower(text)"),
        ('user.name.startswith("a")', "methods are not called here; write starts_with(user.name)"),
        ("a.explode()", "methods are not called here, and there is no function 'explode' that would take a"),
        ("len(text)", "no function 'len' (did you mean 'length'?)"),
        ("lengh(text)", "no function 'lengh' (did you mean 'length'?)"),
        ("lower(text, 1)", "lower(text) takes 1 argument, got 2"),
        ("default(a)", "default(value, otherwise, ...) takes 2 or more arguments, got 1"),
        ("trim()", "trim(text, characters=None) takes 1 to 2 arguments, got 0"),
        ("lower(text=a)", "arguments have no names here: lower(text)"),
        ("max(*a)", "'*' spreads nothing here: max(first, ...)"),
        ("(lower)(a)(b)", "only a function's name can be called: lower(text)"),
        ('matches(a, "(?=x)")', "look-around and back-references are not known"),
        (r'matches(a, "\bx")', "a plain text is a backspace; write the pattern as r'...'"),
        ('matches(a, "(")', "is no pattern: missing )"),
        ('format_time(a, "%Q")', "no '%Q' in a time format; known are"),
        ('format_time(a, "%Y", "Mars")', "no time zone 'Mars'; names are such as 'UTC' or 'Europe/Berlin'"),
    ],
)
def test_a_wrong_call_is_refused_at_load(source: str, problem: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        Expression(source)
    assert problem in caught.value.problem


@pytest.mark.parametrize(
    "source",
    [
        "__class__",
        "a.__class__",
        "().__class__.__bases__[0].__subclasses__()",
        '"".join(a)',
        "(lambda: 1)()",
        "[x for x in a]",
        "{x: 1 for x in a}",
        "(x for x in a)",
        "(x := 1)",
        "f'{a.__class__}'",
        '"{0.__class__}".format(a)',
        "__import__('os').system('true')",
        "eval('1')",
        "await a",
        "(yield a)",
        "*a",
        "...",
        "a if b",
        "import os",
        "a; b",
    ],
)
def test_python_beyond_the_language_is_refused(source: str) -> None:
    with pytest.raises(ConfigError):
        Expression(source)


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("a" * 5000, "longer than 4,096 characters (5,000)"),
        ("(" * 2000, "'(' is not closed"),
        ("-" * 4000 + "1", "an expression has at most 32 levels; split it over several fields"),
        ("+".join("a" * 2000), "an expression has at most 32 levels; split it over several fields"),
        ("[" + "a," * 600 + "]", "an expression has at most 500 parts; split it over several fields"),
        ("9" * 2000, "is no value here"),
    ],
)
def test_an_expression_has_limits(source: str, problem: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        Expression(source)
    assert problem in caught.value.problem


def test_the_largest_expression_that_is_allowed_compiles() -> None:
    source = "a"
    for _ in range(15):
        source = f"1 < ({source} + 1) < b"
    assert Expression(source).fields == {"a", "b"}
    assert len(Expression("[" + ", ".join(f"f{n}" for n in range(499)) + "]").fields) == 499


def test_reading_gives_no_warning_and_changes_no_filter() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        filters = list(warnings.filters)
        for source in ('"a" is None', 'default("a", b)', "1[0:2]", "(1).x", 'not ("a" == 1)'):
            Expression(source)
        assert warnings.filters == filters


def test_a_long_source_is_shown_around_its_error() -> None:
    with pytest.raises(ExpressionError) as caught:
        Expression("a == 1 and " * 40 + "b = 2" + " and c == 3" * 40)
    assert "...'" in str(caught.value)
    assert "b = 2" in str(caught.value)
    assert len(str(caught.value)) < 200
