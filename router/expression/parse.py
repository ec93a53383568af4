"""Read an expression: Python's syntax, and of it only what is on the list here."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from router.errors import ConfigError
from router.expression.errors import ExpressionError
from router.expression.functions import FunctionTable
from router.expression.refusals import dashed_word, method_advice, refusal
from router.expression.syntax import read_python, tokens
from router.expression.tree import (
    Arithmetic,
    Call,
    Choice,
    Compare,
    Cut,
    FieldOf,
    Index,
    Is,
    Items,
    Literal,
    Logic,
    Meta,
    Negative,
    Node,
    Not,
    Pairs,
    Prepared,
    Step,
    WholeRecord,
)
from router.expression.values import DEPTH_LIMIT, INTEGER_BITS, TOO_DEEP

LENGTH_LIMIT = 4096
NODE_LIMIT = 500

_COMPARISONS: dict[type, str] = {
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
    ast.In: "in", ast.NotIn: "not in",
}  # fmt: skip
_ARITHMETIC: dict[type, str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%", ast.Pow: "**",
}  # fmt: skip


def parse(source: str, table: FunctionTable) -> Node:
    """Read and check an expression.

    Raises:
        ExpressionError: it is not one, or asks for something that is not allowed.
    """
    if not source.strip():
        raise ExpressionError("an expression is missing", source)
    if len(source) > LENGTH_LIMIT:
        raise ExpressionError(f"longer than {LENGTH_LIMIT:,} characters ({len(source):,})", source)
    if any("\ud800" <= each <= "\udfff" for each in source):
        raise ExpressionError("half a character (a surrogate) is no text", source)
    source = source.replace("\r", " ")  # a line end to Python, but of another width
    return _Reader(source, table).read(read_python(source))


class _Reader:
    """Turns Python's tree into ours, one method a kind of node; a kind without method is refused."""

    def __init__(self, source: str, table: FunctionTable) -> None:
        self._source = source
        self._table = table
        self._lines = f"({source}\n)".encode().split(b"\n")
        self._count = 0
        self._depth = 0
        self._readers: dict[type[ast.expr], Callable[[Any], Node]] = {
            ast.Constant: self._constant,
            ast.Name: self._name,
            ast.Attribute: self._attribute,
            ast.Subscript: self._subscript,
            ast.BoolOp: self._logic,
            ast.UnaryOp: self._unary,
            ast.BinOp: self._arithmetic,
            ast.Compare: self._compare,
            ast.IfExp: self._choice,
            ast.Call: self._call,
            ast.List: self._list,
            ast.Dict: self._dict,
        }

    def read(self, node: ast.expr) -> Node:
        self._count += 1
        self._depth += 1
        if self._depth > DEPTH_LIMIT:
            raise self._error(node, TOO_DEEP)
        if self._count > NODE_LIMIT:
            raise self._error(node, f"an expression has at most {NODE_LIMIT} parts; split it over several fields")
        reader = self._readers.get(type(node))
        if reader is None:
            raise self._error(node, refusal(node))
        found = reader(node)
        self._depth -= 1
        return found

    # -- places ---------------------------------------------------------------------------------

    def _column(self, line: int, offset: int) -> int:
        before = b"\n".join([*self._lines[: line - 1], self._lines[line - 1][:offset]])
        return len(before.decode(errors="replace"))

    def _start(self, node: ast.expr) -> int:
        return self._column(node.lineno, node.col_offset)

    def _text(self, node: ast.expr) -> str:
        return self._source[self._start(node) - 1 : self._end(node)]

    def _end(self, node: ast.expr) -> int:
        return self._column(node.end_lineno or node.lineno, node.end_col_offset or 0) - 1

    def _error(self, node: ast.expr, problem: str) -> ExpressionError:
        return ExpressionError(problem, self._source, self._start(node))

    # -- values ---------------------------------------------------------------------------------

    def _constant(self, node: ast.Constant) -> Node:
        value = node.value
        if isinstance(value, str):
            if any("\ud800" <= each <= "\udfff" for each in value):
                raise self._error(node, "half a character (a surrogate) is no text")
            if sum(token.kind == "text" for token in tokens(self._text(node))) > 1:
                raise self._error(node, "two texts side by side; a comma or '+' is missing between them")
            return Literal(value)
        if value is None or isinstance(value, bool):
            return Literal(value)
        if isinstance(value, int) and value.bit_length() <= INTEGER_BITS:
            return Literal(value)
        if isinstance(value, float) and value - value == 0:
            return Literal(value)
        words = {bytes: "bytes are not written here", complex: "a complex number is no value here"}
        raise self._error(node, words.get(type(value), f"{self._text(node):.40} is no value here"))

    def _name(self, node: ast.Name) -> Node:
        name = node.id
        if name.casefold() in {"true", "false", "null"}:
            right = {"true": "True", "false": "False", "null": "None"}[name.casefold()]
            raise self._error(node, f'{name!r} is written {right}; a field of that name is record["{name}"]')
        if name == "record":
            return WholeRecord()
        if name == "meta":
            raise self._error(node, "'meta' needs a name: meta.key, meta.timestamp, meta.error.message")
        self._check(node, name, f'record["{name}"]')
        if self._text(node) != name:
            raise self._error(node, f'{self._text(node)!r} is read as {name!r}; write record["{self._text(node)}"]')
        return FieldOf(name)

    def _check(self, node: ast.expr, name: str, right: str) -> None:
        if name.startswith("__"):
            raise self._error(node, f"a name that begins with two underscores, {name!r}, is read by {right}")

    def _attribute(self, node: ast.Attribute) -> Node:
        self._check(node, node.attr, f'{self._text(node.value)}["{node.attr}"]')
        if not self._text(node).endswith(node.attr):
            raise self._error(node, f'{self._text(node)!r} is read as ".{node.attr}"; write the name in ["..."]')
        if isinstance(node.value, ast.Name) and node.value.id in {"record", "meta"}:
            return FieldOf(node.attr) if node.value.id == "record" else Meta(node.attr)
        return Step(self.read(node.value), node.attr)

    def _subscript(self, node: ast.Subscript) -> Node:
        key = node.slice
        root = node.value.id if isinstance(node.value, ast.Name) else ""
        if isinstance(key, ast.Slice):
            return self._cut(node, key)
        if isinstance(key, ast.Constant) and isinstance(key.value, str):
            name = str(self._literal_text(key))
            if root in {"record", "meta"}:
                return FieldOf(name) if root == "record" else Meta(name)
            return Step(self.read(node.value), name)
        if root == "meta":
            raise self._error(key, 'meta[...] takes a quoted name: meta["x-request-id"]')
        return Index(self.read(node.value), self.read(key))

    def _literal_text(self, node: ast.Constant) -> Any:
        found = self._constant(node)
        return found.value if isinstance(found, Literal) else None

    def _cut(self, node: ast.Subscript, key: ast.Slice) -> Node:
        if key.step is not None:
            raise self._error(key.step, "a part has a start and a stop, no step: text[0:10]")
        none = Literal(None)
        start = none if key.lower is None else self.read(key.lower)
        return Cut(self.read(node.value), start, none if key.upper is None else self.read(key.upper))

    def _list(self, node: ast.List) -> Node:
        return Items(tuple(map(self.read, node.elts)))

    def _dict(self, node: ast.Dict) -> Node:
        names: list[str] = []
        for key, value in zip(node.keys, node.values, strict=True):
            if not isinstance(key, ast.Constant) or not isinstance(key.value, str):
                raise self._error(key or value, 'a name in an object is a quoted text: {"name": value}')
            names.append(str(self._literal_text(key)))
        return Pairs(tuple(names), tuple(map(self.read, node.values)))

    # -- conditions -----------------------------------------------------------------------------

    def _condition(self, node: ast.expr, word: str) -> Node:
        found = self.read(node)
        if isinstance(found, Items | Pairs | Arithmetic | Negative) or (
            isinstance(found, Literal) and not isinstance(found.value, bool | None)
        ):
            text = self._text(node)
            raise self._error(node, f"{word!r} takes conditions, and {text} is none; compare it: x == {text}")
        return found

    def _logic(self, node: ast.BoolOp) -> Node:
        word = "and" if isinstance(node.op, ast.And) else "or"
        return Logic(word, tuple(self._condition(each, word) for each in node.values))

    def _choice(self, node: ast.IfExp) -> Node:
        condition = self._condition(node.test, "if")
        return Choice(condition, self.read(node.body), self.read(node.orelse))

    def _compare(self, node: ast.Compare) -> Node:
        if any(isinstance(each, ast.Is | ast.IsNot) for each in node.ops):
            return self._is(node)
        if len(node.ops) > 1 and any(isinstance(each, ast.In | ast.NotIn) for each in node.ops):
            raise self._error(node, "'in' stands alone: 'x in list and ...'")
        values = tuple(map(self.read, (node.left, *node.comparators)))
        for value, place in zip(values, (node.left, *node.comparators), strict=True):
            if isinstance(value, Literal) and value.value is None:
                raise self._error(place, "a comparison with None is always None; write 'x is None' or 'x is not None'")
        return Compare(tuple(_COMPARISONS[type(each)] for each in node.ops), values)

    def _is(self, node: ast.Compare) -> Node:
        right = node.comparators[0]
        if len(node.ops) > 1:
            raise self._error(node, "'is' stands alone: 'x is None and ...'")
        if not isinstance(right, ast.Constant) or not isinstance(right.value, bool | None):
            raise self._error(right, "'is' tests for None, True and False; write '==' to compare")
        return Is(self.read(node.left), right.value, isinstance(node.ops[0], ast.IsNot))

    # -- arithmetic and functions ---------------------------------------------------------------

    def _unary(self, node: ast.UnaryOp) -> Node:
        if isinstance(node.op, ast.Not):
            return Not(self._condition(node.operand, "not"))
        if not isinstance(node.op, ast.USub):
            sign = "~" if isinstance(node.op, ast.Invert) else "+"
            raise self._error(node, f"no sign {sign!r} before a value; leave it out")
        found = self.read(node.operand)
        if isinstance(found, Literal) and isinstance(found.value, int | float) and not isinstance(found.value, bool):
            return Literal(-found.value)
        return Negative(found)

    def _arithmetic(self, node: ast.BinOp) -> Node:
        sign = _ARITHMETIC.get(type(node.op))
        if sign is None:
            words = {ast.BitAnd: "'&'; write 'and'", ast.BitOr: "'|'; write 'or'", ast.MatMult: "'@'"}
            raise self._error(node, f"no sign {words.get(type(node.op), 'that works on bits')} here")
        found = dashed_word(self._source, self._end(node.left), self._start(node.right) - 1) if sign == "-" else None
        if found is not None:
            word, spaced = found[0], found[0].replace("-", " - ")
            name = f'["{word}"]' if self._source[: found.start()].endswith(".") else f'record["{word}"]'
            problem = f"{word!r} may be a name or a difference; write {name} or {spaced!r}"
            raise ExpressionError(problem, self._source, found.start() + 1)
        return Arithmetic(sign, self.read(node.left), self.read(node.right))

    def _call(self, node: ast.Call) -> Node:
        if not isinstance(node.func, ast.Name):
            raise self._error(node, method_advice(node.func, self._text, self._table))
        name = node.func.id
        function = self._table.get(name)
        if function is None:
            raise self._error(node, f"no function {name!r}{self._table.suggest(name)}")
        if node.keywords:
            raise self._error(node.keywords[0].value, f"arguments have no names here: {function.signature}")
        if any(isinstance(each, ast.Starred) for each in node.args):
            raise self._error(node, f"'*' spreads nothing here: {function.signature}")
        count = len(node.args)
        if count < function.least or (function.most is not None and count > function.most):
            raise self._error(node, f"{function.signature} takes {function.arity}, got {count}")
        arguments = [self.read(each) for each in node.args]
        for place, prepare in function.prepare.items():
            given = arguments[place] if place < count else None
            if isinstance(given, Literal) and isinstance(given.value, str):
                try:
                    arguments[place] = Prepared(prepare(given.value))
                except ConfigError as error:
                    raise self._error(node.args[place], str(error)) from error
        return Call(function, tuple(arguments))
