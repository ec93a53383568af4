"""Write a checked tree as one Python function over a batch.

The source it writes holds nothing but names made here, literals by ``repr``, and field names by
``repr`` or checked attribute names; it runs without Python's built-in functions. The usual case of an
operation, such as a number compared with a number, stands in line; everything else goes to the
function of ``semantics`` that knows all cases and counts what does not fit. No written line raises
for plain values.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from router.codec import attribute
from router.expression import semantics
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
from router.expression.values import Misses

Over: TypeAlias = Callable[[Sequence[Any], Sequence[Sequence[Any]], Misses], list[Any]]
"""rows or structs, the columns of ``meta`` in order, a counter -> one value a record."""

_SMALL = 2**53
_NAMES = {
    "==": "equal", "!=": "unequal", "<": "less", "<=": "at_most", ">": "greater", ">=": "at_least", "in": "contained",
    "+": "add", "-": "subtract", "*": "multiply", "/": "divide", "//": "floor", "%": "modulo", "**": "power",
}  # fmt: skip
_NAMESPACE: dict[str, Any] = {
    "__builtins__": {},
    "bool": bool, "dict": dict, "float": float, "int": int, "len": len, "str": str, "type": type, "zip": zip,
    "condition": semantics.condition, "element": semantics.element, "negative": semantics.negative,
    "part": semantics.part, "step": semantics.step,
    **{_NAMES[sign]: function for sign, function in (semantics.COMPARISONS | semantics.ARITHMETIC).items()},
}  # fmt: skip

# What is known of a value before it is computed.
_ANY, _TEXT, _NUMBER, _LOGIC, _BOOLEAN = "any", "text", "number", "True, False or None", "True or False"


@dataclass(frozen=True, slots=True)
class _Code:
    """A piece of source. A simple one is a name or literal, and may stand twice."""

    text: str
    kind: str = _ANY
    simple: bool = False
    name: str = ""  # what the piece itself assigns its value to
    trusted: bool = False  # a field the JSON decoder made: its `==` with a text needs no look at its type

    @property
    def is_literal(self) -> bool:
        """Whether it is a text or number as written; Python warns of `'a' is None`."""
        return self.kind in {_TEXT, _NUMBER}


def compile_over(node: Node, metas: Sequence[str], *, structs: bool) -> Over:
    """Compile for records as structs or as rows; ``metas`` are the names of the columns given.

    Raises:
        RecursionError, MemoryError: the tree is too large for Python's compiler.
    """
    writer = _Writer(metas, structs=structs)
    body = writer.write(node).text
    names = ", ".join(["r", *(f"m{index}" for index in range(len(metas)))])
    rows = "zip(rows, *metas)" if metas else "rows"
    fields = "".join(f" for {name} in ({source},)" for source, name in writer.fields.values())
    hoisted = "".join(f" {line}\n" for line in writer.hoisted)
    source = f"def over(rows, metas, misses):\n{hoisted} return [{body} for {names} in {rows}{fields}]\n"
    namespace = _NAMESPACE | writer.bound
    exec(compile(source, "<expression>", "exec", dont_inherit=True), namespace)  # noqa: S102 - written here from a checked tree
    over: Over = namespace["over"]
    return over


class _Writer:
    """Writes one tree; remembers the fields it reads and the objects it binds."""

    def __init__(self, metas: Sequence[str], *, structs: bool) -> None:
        self._metas = {name: f"m{index}" for index, name in enumerate(metas)}
        self._structs = structs
        self._temporaries = 0
        self.fields: dict[str, tuple[str, str]] = {}
        self.bound: dict[str, Any] = {}
        self.hoisted: list[str] = []
        self._writers: dict[type, Callable[[Any], _Code]] = {
            Literal: self._literal,
            Prepared: lambda node: _Code(self._bind(node.value), simple=True),
            Items: self._items,
            Pairs: self._pairs,
            FieldOf: self._field,
            WholeRecord: lambda _: _Code("r", simple=True),
            Meta: lambda node: _Code(self._metas[node.name], simple=True),
            Step: self._step,
            Index: lambda node: _Code(f"element({self._texts(node.value, node.key)}, misses)"),
            Cut: self._cut,
            Not: self._not,
            Logic: self._logic,
            Compare: self._compare,
            Is: self._is,
            Arithmetic: self._arithmetic,
            Negative: lambda node: _Code(f"negative({self._texts(node.value)}, misses)"),
            Choice: self._choice,
            Call: self._call,
        }

    def write(self, node: Node) -> _Code:
        return self._writers[type(node)](node)

    def _texts(self, *nodes: Node) -> str:
        return ", ".join([self.write(node).text for node in nodes])

    def _temporary(self) -> str:
        self._temporaries += 1
        return f"t{self._temporaries}"

    def _bind(self, value: object) -> str:
        name = f"k{len(self.bound)}"
        self.bound[name] = value
        return name

    def _named(self, code: _Code) -> tuple[str, str]:
        """How to write a value at its first use, and at any later one."""
        if code.simple or code.name:
            return code.text, code.name or code.text
        name = self._temporary()
        return f"({name} := {code.text})", name

    # -- values ---------------------------------------------------------------------------------

    def _literal(self, node: Literal) -> _Code:
        value = node.value
        if isinstance(value, bool):
            return _Code(repr(value), _BOOLEAN, simple=True)
        if isinstance(value, int | float):
            return _Code(f"({value!r})", _NUMBER, simple=True)  # in brackets: `1.get` is no Python
        return _Code(repr(value), _ANY if value is None else _TEXT, simple=True)

    def _items(self, node: Items) -> _Code:
        return _Code(f"[{self._texts(*node.values)}]")

    def _pairs(self, node: Pairs) -> _Code:
        values = [self.write(value).text for value in node.values]
        pairs = [f"{name!r}: {value}" for name, value in zip(node.names, values, strict=True)]
        return _Code("{" + ", ".join(pairs) + "}")

    def _field(self, node: FieldOf) -> _Code:
        if node.name not in self.fields:
            source = f"r.{attribute(node.name)}" if self._structs else f"r.get({node.name!r})"
            self.fields[node.name] = (source, f"f{len(self.fields)}")
        return _Code(self.fields[node.name][1], simple=True, trusted=self._structs)

    def _step(self, node: Step) -> _Code:
        first, name = self._named(self.write(node.value))
        return _Code(f"({name}.get({node.name!r}) if type({first}) is dict else step({name}, {node.name!r}, misses))")

    def _cut(self, node: Cut) -> _Code:
        code, start, stop = self.write(node.value), self.write(node.start).text, self.write(node.stop).text
        if (
            isinstance(node.value, Literal)
            or code.kind != _ANY
            or not (_is_position(node.start) and _is_position(node.stop))
        ):
            return _Code(f"part({code.text}, {start}, {stop}, misses)")
        first, name = self._named(code)
        return _Code(f"({name}[{start}:{stop}] if type({first}) is str else part({name}, {start}, {stop}, misses))")

    # -- conditions -----------------------------------------------------------------------------

    def _condition(self, node: Node) -> _Code:
        code = self.write(node)
        if code.kind in {_LOGIC, _BOOLEAN}:
            return code
        if code.is_literal:
            return _Code(f"condition({code.text}, misses)", _LOGIC)
        first, name = self._named(code)
        return _Code(f"({name} if {first} is True or {name} is False else condition({name}, misses))", _LOGIC)

    def _not(self, node: Not) -> _Code:
        code = self._condition(node.value)
        if code.kind == _BOOLEAN:
            return _Code(f"(not {code.text})", _BOOLEAN)
        first, name = self._named(code)
        return _Code(f"(None if {first} is None else not {name})", _LOGIC)

    def _logic(self, node: Logic) -> _Code:
        return self._joined(node.word, [self._condition(value) for value in node.values])

    def _joined(self, word: str, codes: Sequence[_Code]) -> _Code:
        """Kleene: what decides alone decides, then what is unknown, then the rest."""
        if all(code.kind == _BOOLEAN for code in codes):
            return _Code("(" + f" {word} ".join([code.text for code in codes]) + ")", _BOOLEAN)
        decides, rest = ("False", "True") if word == "and" else ("True", "False")
        named = [(*self._named(code), code.kind) for code in codes]
        decided = " or ".join([f"{first} is {decides}" for first, _, _ in named])
        unknown = " or ".join([f"{name} is None" for _, name, kind in named if kind != _BOOLEAN])
        return _Code(f"({decides} if {decided} else None if {unknown} else {rest})", _LOGIC)

    def _choice(self, node: Choice) -> _Code:
        condition = self._condition(node.condition)
        test = condition.text if condition.kind == _BOOLEAN else f"{condition.text} is True"
        then, otherwise = self.write(node.then), self.write(node.otherwise)
        kinds = {then.kind, otherwise.kind}
        kind = _BOOLEAN if kinds == {_BOOLEAN} else _LOGIC if kinds <= {_BOOLEAN, _LOGIC} else _ANY
        return _Code(f"({then.text} if {test} else {otherwise.text})", kind)

    def _is(self, node: Is) -> _Code:
        code = self.write(node.value)
        if code.is_literal:
            return _Code(repr(node.negated), _BOOLEAN, simple=True)
        return _Code(f"({code.text} is {'not ' * node.negated}{node.constant})", _BOOLEAN)

    # -- comparisons ----------------------------------------------------------------------------

    def _compare(self, node: Compare) -> _Code:
        left = self.write(node.values[0])
        codes = []
        for index, sign in enumerate(node.signs):
            right_node = node.values[index + 1]
            right = self.write(right_node)
            following = right
            if index + 1 < len(node.signs) and not right.simple:
                first, name = self._named(right)
                right, following = _Code(first, right.kind, name=name), _Code(name, right.kind, simple=True)
            codes.append(self._comparison(sign, left, right, right_node))
            left = following
        return codes[0] if len(codes) == 1 else self._joined("and", codes)

    def _comparison(self, sign: str, left: _Code, right: _Code, right_node: Node) -> _Code:
        if sign == "not in":
            first, name = self._named(self._comparison("in", left, right, right_node))
            return _Code(f"(None if {first} is None else not {name})", _LOGIC)
        if left.kind in {_TEXT, _NUMBER} and right.kind == _ANY and sign != "in":
            turned = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}.get(sign, sign)
            left, right, sign = right, left, turned
        if sign == "in":
            return self._membership(left, right, right_node)
        first, name = self._named(left)
        second, other = self._named(right)
        if right.kind == _TEXT and left.trusted and sign in {"==", "!="}:
            return _Code(f"(None if {first} is None else {name} {sign} {other})", _LOGIC)
        if right.kind == _TEXT:
            test = f"type({first}) is str"
        elif right.kind == _NUMBER:
            test = _number_test(first, name, other)
        else:
            test = f"type({first}) is type({second}) is str"
        slow = f"{_NAMES[sign]}({name}, {other}, misses)"
        return _Code(f"({name} {sign} {other} if {test} else {slow})", _LOGIC)

    def _membership(self, left: _Code, right: _Code, container: Node) -> _Code:
        """A list of literals is made once; texts and numbers are looked up in a set."""
        values = _literals(container)
        if not values:
            return _Code(f"contained({left.text}, {right.text}, misses)", _LOGIC)
        first, name = self._named(left)
        slow = f"contained({name}, {self._bind(values)}, misses)"
        kinds = set(map(type, values))
        if kinds == {str}:
            test = f"type({first}) is str"
        elif kinds <= {int, float}:
            test = _number_test(first, name, repr(values[0]))
        else:
            return _Code(f"contained({left.text}, {self._bind(values)}, misses)", _LOGIC)
        chosen = "{" + ", ".join(map(repr, values)) + "}"
        return _Code(f"({name} in {chosen} if {test} else {slow})", _LOGIC)

    # -- arithmetic and functions ---------------------------------------------------------------

    def _arithmetic(self, node: Arithmetic) -> _Code:
        left, right = self.write(node.left), self.write(node.right)
        slow = _NAMES[node.sign]
        if node.sign not in {"+", "-", "*"}:
            return _Code(f"{slow}({left.text}, {right.text}, misses)")
        (first, name), (second, other) = self._named(left), self._named(right)
        if isinstance(node.right, Literal) and _is_small(node.right.value):
            test = f"type({first}) is float" if node.sign == "*" else _number_test(first, name, other)
        else:
            test = f"type({first}) is type({second}) is float"
            if node.sign != "*":  # a product of integers is bounded, a sum of them need not be
                test += f" or type({name}) is type({other}) is int"
        return _Code(f"({name} {node.sign} {other} if {test} else {slow}({name}, {other}, misses))")

    def _call(self, node: Call) -> _Code:
        function = node.function
        codes = [self.write(argument) for argument in node.arguments]
        if function.name == "default":
            return self._default(codes)
        guarded = self._bind(function.guarded)
        if function.name == "now":
            self.hoisted.append(f"h{len(self.hoisted)} = {guarded}(misses)")
            return _Code(f"h{len(self.hoisted) - 1}", simple=True)
        texts, tests, first_test = [], [], ""
        for argument, code in zip(node.arguments, codes, strict=True):
            if function.takes_null or code.is_literal or isinstance(argument, Prepared | Items | Pairs):
                texts.append(code.text)
                continue
            first, name = self._named(code)
            texts.append(name)
            tests.append(f"{first} is None")
            first_test = first_test or f"type({first}) is str"
        call = f"{guarded}({', '.join(['misses', *texts])})"
        if not tests:
            return _Code(call)
        if function.inline and len(tests) == 1 and all(code.kind == _TEXT for code in codes[1:]):
            quick = function.inline.format(*texts)
            return _Code(f"({quick} if {first_test} else None if {texts[0]} is None else {call})")
        return _Code(f"(None if {' or '.join(tests)} else {call})")

    def _default(self, codes: Sequence[_Code]) -> _Code:
        found = codes[-1]
        for code in reversed(codes[:-1]):
            first, name = self._named(code)
            found = code if code.is_literal else _Code(f"({name} if {first} is not None else {found.text})")
        return found


def _is_small(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _SMALL


def _is_position(node: Node) -> bool:
    """Whether it is written as a position, or left out."""
    return isinstance(node, Literal) and (node.value is None or type(node.value) is int)


def _literals(node: Node) -> list[Any]:
    """The values of a list that is all literals; empty for anything else."""
    values = node.values if isinstance(node, Items) else ()
    found = [each.value for each in values if isinstance(each, Literal)]
    return found if len(found) == len(values) else []


def _number_test(first: str, name: str, literal: str) -> str:
    """Test for an integer or a float, the kind of the literal first: it is the likelier one."""
    kinds = ("float", "int") if "." in literal or "e" in literal else ("int", "float")
    return f"type({first}) is {kinds[0]} or type({name}) is {kinds[1]}"
