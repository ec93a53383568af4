"""The table of functions an expression may call."""

from __future__ import annotations

import inspect
import keyword
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from router.errors import ConfigError, nearest
from router.expression.values import Misses, Unfit, is_plain

__all__ = ["BUILTINS", "Function", "FunctionTable", "Prepare", "reference"]

Prepare: TypeAlias = Callable[[str], Any]
_NAME = re.compile(r"[a-z][a-z0-9_]*")
# What people coming from Python or SQL write, and what it is called here.
_ALIASES = {
    "len": "length", "str": "text", "int": "number", "float": "number", "bool": "boolean", "strip": "trim",
    "startswith": "starts_with", "endswith": "ends_with", "coalesce": "default", "ifnull": "default", "nvl": "default",
    "isinstance": "type_of", "type": "type_of", "search": "matches", "match": "matches", "regex": "matches",
    "sub": "replace_pattern", "format": "concat", "strftime": "format_time", "strptime": "parse_time",
    "ceil": "round", "floor": "round", "loads": "parse_json", "md5": "hash", "sha256": "hash", "time": "now",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Function:
    """One function: what it is called with, what it says of itself, and how it is called safely.

    ``prepare`` makes a literal text argument ready at load, by its position. ``inline`` is how the
    compiler writes it for texts; ``guarded`` takes a counter of misses first and never raises.
    """

    name: str
    signature: str
    doc: str
    example: str
    least: int
    most: int | None
    function: Callable[..., Any] = field(repr=False)
    guarded: Callable[..., Any] = field(repr=False)
    takes_null: bool = False
    prepare: Mapping[int, Prepare] = field(default_factory=dict, repr=False)
    inline: str | None = None

    @property
    def arity(self) -> str:
        """How many arguments it takes, in words."""
        if self.most is None:
            return f"{self.least} or more arguments"
        if self.least == self.most:
            return f"{self.least} argument" + "s" * (self.least != 1)
        return f"{self.least} to {self.most} arguments"


class FunctionTable:
    """Functions by name: the built-in ones, and those that plugins add.

    An expression looks its functions up when it is made, in the table that is active there: the
    built-in one, unless it is made inside ``with table.active():``. So each flow may have its own.

    Example:
        >>> from router.expression import Expression
        >>> table = BUILTINS.copy()
        >>> table.register("shout", lambda text: text.upper() + "!", doc="Upper-case, louder.")
        >>> with table.active():
        ...     expression = Expression("shout(text)")
    """

    def __init__(self, functions: Mapping[str, Function] | None = None) -> None:
        self._functions = dict(functions or {})

    def __iter__(self) -> Iterator[Function]:
        return iter(self._functions.values())

    def __contains__(self, name: object) -> bool:
        return name in self._functions

    def get(self, name: str) -> Function | None:
        """Find a function by name."""
        return self._functions.get(name)

    def suggest(self, name: str) -> str:
        """Name the function that was probably meant, as the end of a sentence."""
        alias = _ALIASES.get(name.lower())
        if alias in self._functions:
            return f" (did you mean {alias!r}?)"
        return nearest(name, self._functions)

    def copy(self) -> FunctionTable:
        """Make a table of its own that starts with these functions."""
        return FunctionTable(self._functions)

    @contextmanager
    def active(self) -> Iterator[FunctionTable]:
        """Let expressions that are made inside the block call these functions."""
        token = _ACTIVE.set(self)
        try:
            yield self
        finally:
            _ACTIVE.reset(token)

    def register(
        self,
        name: str,
        function: Callable[..., Any],
        doc: str = "",
        example: str = "",
        *,
        takes_null: bool = False,
        prepare: Mapping[int, Prepare] | None = None,
        inline: str | None = None,
    ) -> None:
        """Add a function of positional arguments.

        Whatever it raises, and a result that is no plain value, turns into None and is counted. It
        is not called where an argument is None, unless it ``takes_null``. It must be quick, and
        must not change what it is given. ``doc`` defaults to the first line of its docstring.

        Raises:
            ConfigError: the name is taken or no lower-case word, or the function has a parameter
                that must be named.
        """
        if not _NAME.fullmatch(name) or keyword.iskeyword(name) or name in {"meta", "record"}:
            raise ConfigError(f"a function's name is a lower-case word such as 'shout'; got {name!r}")
        if name in self._functions:
            raise ConfigError(f"there is a function {name!r} already; choose another name")
        least, most, signature = _parameters(name, function)
        self._functions[name] = Function(
            name,
            signature,
            doc or (inspect.getdoc(function) or "").partition("\n")[0],
            example,
            least,
            most,
            function,
            _guarded(name, function),
            takes_null,
            prepare or {},
            inline,
        )


BUILTINS = FunctionTable()
"""The functions every expression has; ``copy()`` it to add to them."""

_ACTIVE: ContextVar[FunctionTable] = ContextVar("expression functions", default=BUILTINS)


def active_table() -> FunctionTable:
    """The table in which an expression made here finds its functions."""
    return _ACTIVE.get()


def builtin(
    example: str,
    *,
    name: str = "",
    takes_null: bool = False,
    prepare: Mapping[int, Prepare] | None = None,
    inline: str | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Put the decorated function into the built-in table; ``example`` is an expression that is True."""

    def add(function: Callable[..., Any]) -> Callable[..., Any]:
        BUILTINS.register(
            name or function.__name__,
            function,
            example=example,
            takes_null=takes_null,
            prepare=prepare,
            inline=inline,
        )
        return function

    return add


def reference(table: FunctionTable = BUILTINS) -> str:
    """Write the functions as a Markdown table: the one in the documentation."""
    lines = ["| function | gives | for example |", "|---|---|---|"]
    for function in sorted(table, key=lambda each: each.name):
        cells = (f"`{function.signature}`", function.doc, f"`{function.example}`" if function.example else "")
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def _guarded(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Make a function that takes a counter of misses first, and never raises."""

    def call(misses: Misses, *arguments: Any) -> Any:
        try:
            result = function(*arguments)
            if not is_plain(result):
                raise Unfit(f"gave {type(result).__name__}, which is no plain value")  # noqa: TRY301
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may raise anything
            misses.add(f"{name}()", error)
            return None
        return result

    return call


def _parameters(name: str, function: Callable[..., Any]) -> tuple[int, int | None, str]:
    least, words = 0, []
    most: int | None = 0
    for each in inspect.signature(function).parameters.values():
        if each.kind is each.VAR_POSITIONAL:
            most = None
            words.append("...")
        elif each.kind in {each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD}:
            most = None if most is None else most + 1
            least += each.default is each.empty
            default = "" if each.default is each.empty or each.default is None else f"={each.default!r}"
            words.append(each.name + (default or ("" if each.default is each.empty else "=None")))
        elif each.kind is each.KEYWORD_ONLY and each.default is each.empty:
            raise ConfigError(f"function {name!r}: its parameter {each.name!r} must be named; expressions cannot do so")
    return least, most, f"{name}({', '.join(words)})"
