"""Read aggregates as a flow writes them: ``count()``, ``sum(amount)``, ``percentile(ms, 99)``."""

from __future__ import annotations

import ast
import warnings
from typing import Annotated, Any, final

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

from router import Expression, ExpressionError, nearest
from router_processors.window.aggregates import KINDS, Kind


@final
class Aggregate:
    """A function over the records of a window: what it is called by, and the expression it is of.

    Raises:
        ExpressionError: the text is no aggregate; says where, and what would be right.
    """

    def __init__(self, source: str) -> None:
        self.source = source.strip()
        call, name = _called(self.source)
        kind = KINDS.get(name)
        if kind is None:
            known = nearest(name, KINDS) or f"; there are {', '.join(sorted(KINDS))}"
            raise ExpressionError(f"no aggregate {name!r}{known}", self.source)
        arguments = [self._text(each) for each in call.args]
        most = 2 if kind.parameter else 1
        if len(arguments) > most or (not arguments and kind.needs_argument):
            raise ExpressionError(f"{name} is written {_signature(name, kind)}", self.source)
        self.argument = Expression(arguments[0]) if arguments else None
        self.kind = kind(self._parameter(kind, name, call.args[1:]))

    def _text(self, node: ast.expr) -> str:
        return ast.get_source_segment(f"({self.source}\n)", node) or ""

    def _parameter(self, kind: type[Kind[Any]], name: str, given: list[ast.expr]) -> float | None:
        if kind.parameter is None or (not given and kind.default is not None):
            return kind.default
        word, least, most = kind.parameter
        value = given[0].value if given and isinstance(given[0], ast.Constant) else None
        if not isinstance(value, int | float) or isinstance(value, bool) or not least <= value <= most:
            found = f"; got {self._text(given[0])}" if given else ""
            right = f"{word} is a number from {least:,} to {most:,}"
            raise ExpressionError(f"{name} is written {_signature(name, kind)}: {right}{found}", self.source)
        return value

    def __repr__(self) -> str:
        return f"Aggregate({self.source!r})"

    def __str__(self) -> str:
        return self.source

    def __eq__(self, other: object) -> bool:
        return self.source == other.source if isinstance(other, Aggregate) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.source)


def _called(source: str) -> tuple[ast.Call, str]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(f"({source}\n)", mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        Expression(source)  # says better what is wrong
        raise ExpressionError("not one call of an aggregate", source) from error
    if not isinstance(tree, ast.Call) or not isinstance(tree.func, ast.Name) or tree.col_offset == 0:
        right = "an aggregate is one call, such as count() or sum(amount); compute with its value behind the window"
        raise ExpressionError(right, source)
    if tree.keywords:
        raise ExpressionError("arguments have no names here", source)
    return tree, tree.func.id


def _signature(name: str, kind: type[Kind[Any]]) -> str:
    if not kind.needs_argument:
        return f"{name}() or {name}(value)"
    if kind.parameter is None:
        return f"{name}(value)"
    word = kind.parameter[0].replace(" ", "_")
    return f"{name}(value) or {name}(value, {word})" if kind.default is not None else f"{name}(value, {word})"


def listing() -> str:
    """All aggregates in a sentence."""
    return "; ".join(f"`{_signature(name, kind)}`: {kind.doc}" for name, kind in KINDS.items())


def _read(value: object) -> Aggregate:
    if isinstance(value, Aggregate):
        return value
    if not isinstance(value, str):
        raise ExpressionError(f"an aggregate is text, such as 'sum(amount)'; got {value!r:.80}", str(value))
    return Aggregate(value)


AggregateSetting = Annotated[
    Aggregate,
    PlainValidator(_read),
    PlainSerializer(str),
    WithJsonSchema(
        {
            "type": "string",
            "format": "expression",
            "description": "An aggregate of an expression over the record, such as: sum(amount * price)",
        }
    ),
]
"""A setting that holds an aggregate."""
