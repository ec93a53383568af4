"""What an expression means, once checked: a small tree that holds no Python of the author's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from router.expression.functions import Function

Scalar: TypeAlias = "bool | int | float | str | None"


@dataclass(frozen=True, slots=True)
class Literal:
    """A value written in the expression."""

    value: Scalar


@dataclass(frozen=True, slots=True)
class Prepared:
    """A literal argument that its function has made ready at load, such as a pattern."""

    value: Any


@dataclass(frozen=True, slots=True)
class Items:
    """A list written in the expression."""

    values: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Pairs:
    """An object written in the expression."""

    names: tuple[str, ...]
    values: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class FieldOf:
    """A field of the record."""

    name: str


@dataclass(frozen=True, slots=True)
class WholeRecord:
    """The record itself."""


@dataclass(frozen=True, slots=True)
class Meta:
    """What lies beside the record: a column, or an attribute of its origin."""

    name: str


@dataclass(frozen=True, slots=True)
class Step:
    """One step into an object."""

    value: Node
    name: str


@dataclass(frozen=True, slots=True)
class Index:
    """One element, by a position or a name that may be computed."""

    value: Node
    key: Node


@dataclass(frozen=True, slots=True)
class Cut:
    """Part of a text or list."""

    value: Node
    start: Node
    stop: Node


@dataclass(frozen=True, slots=True)
class Not:
    """Kleene negation."""

    value: Node


@dataclass(frozen=True, slots=True)
class Logic:
    """Kleene ``and`` or ``or`` of several conditions."""

    word: str
    values: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Compare:
    """A comparison, or a chain of them: ``0 < x <= 9``."""

    signs: tuple[str, ...]
    values: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Is:
    """A test for exactly True, False or None; never None itself."""

    value: Node
    constant: bool | None
    negated: bool


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """Two values and a sign."""

    sign: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Negative:
    """A number with its sign turned."""

    value: Node


@dataclass(frozen=True, slots=True)
class Choice:
    """``then if condition else otherwise``; only True takes ``then``."""

    condition: Node
    then: Node
    otherwise: Node


@dataclass(frozen=True, slots=True)
class Call:
    """A function of the table with its arguments."""

    function: Function
    arguments: tuple[Node, ...]


Node: TypeAlias = (
    "Literal | Prepared | Items | Pairs | FieldOf | WholeRecord | Meta | Step | Index | Cut | Not | Logic | Compare"
    " | Is | Arithmetic | Negative | Choice | Call"
)


def walk(node: Node) -> Iterator[Node]:
    """Visit a node and all below it; trees are shallow, the reader sees to that."""
    yield node
    for each in fields(node):
        value = getattr(node, each.name)
        for child in value if isinstance(value, tuple) else (value,):
            if isinstance(child, _NODES):
                yield from walk(child)


_NODES = (
    Literal, Prepared, Items, Pairs, FieldOf, WholeRecord, Meta, Step, Index, Cut, Not, Logic, Compare,
    Is, Arithmetic, Negative, Choice, Call,
)  # fmt: skip
