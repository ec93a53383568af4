"""What of Python's syntax is refused, and what to write instead."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable

from router.expression.functions import FunctionTable

_REFUSED: dict[type[ast.expr], str] = {
    ast.Tuple: "several values with commas between are a list: ['a', 'b']",
    ast.Set: "a list is written ['a', 'b']",
    ast.JoinedStr: "no f-texts here; write concat('id-', id)",
    ast.Lambda: "no 'lambda' here; functions come from plugins",
    ast.ListComp: "no 'for' here; a function of a plugin can go through a list",
    ast.SetComp: "no 'for' here; a function of a plugin can go through a list",
    ast.DictComp: "no 'for' here; a function of a plugin can go through a list",
    ast.GeneratorExp: "no 'for' here; a function of a plugin can go through a list",
    ast.NamedExpr: "nothing is assigned here; write '==' to compare",
    ast.Await: "no 'await' here",
    ast.Yield: "no 'yield' here",
    ast.YieldFrom: "no 'yield' here",
    ast.Starred: "'*' spreads nothing here",
    ast.Slice: "a part stands in brackets behind a value: text[0:10]",
}
_MISSING = "an expression is missing"
_WORD = re.compile(r"\w+(?:-\w+)+")


def refusal(node: ast.expr) -> str:
    """Say why a kind of node is refused."""
    if isinstance(node, ast.Tuple) and not node.elts:
        return _MISSING
    if isinstance(node, ast.Set) and isinstance(node.elts[0], ast.Set):
        return "braces are for templates; write the expression alone"
    return _REFUSED.get(type(node), f"{type(node).__name__} is not known here")


def dashed_word(source: str, start: int, stop: int) -> re.Match[str] | None:
    """The whole word, if a minus without spaces stands between two names: ``user-id``."""
    if source[start:stop] != "-" or not re.match(r"[^\W\d]", source[stop : stop + 1]):
        return None
    return next((each for each in _WORD.finditer(source) if each.start() < start < each.end()), None)


def method_advice(called: ast.expr, text_of: Callable[[ast.expr], str], table: FunctionTable) -> str:
    """Say how to call a function instead of a method, or of whatever is called."""
    if not isinstance(called, ast.Attribute):
        return "only a function's name can be called: lower(text)"
    value, name = text_of(called.value), called.attr
    known = name if name in table else table.suggest(name).partition("'")[2].partition("'")[0]
    if not known:
        return f"methods are not called here, and there is no function {name!r} that would take {value}"
    return f"methods are not called here; write {known}({value}{', ...' if name == 'format' else ''})"
