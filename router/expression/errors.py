"""The error of an expression that cannot be read, with its place."""

from __future__ import annotations

from router.errors import ConfigError

_SHOWN = 80


class ExpressionError(ConfigError):
    """An expression or template that cannot be read; nothing has been started.

    ``source`` is the text as it was given, ``column`` the character it is about, counted from 1;
    ``problem`` says what was found and what would be right.
    """

    word = "expression"

    def __init__(self, problem: str, source: str, column: int = 1) -> None:
        self.problem = problem
        self.source = source
        self.column = max(1, min(column, len(source) + 1))
        super().__init__(f"{self.word} {_shortened(source, self.column)}, column {self.column}: {problem}")

    def __reduce__(self) -> tuple[type[ExpressionError], tuple[str, str, int]]:
        return type(self), (self.problem, self.source, self.column)


class TemplateError(ExpressionError):
    """A template that cannot be read, or an expression in it."""

    word = "template"


def _shortened(source: str, column: int) -> str:
    if len(source) <= _SHOWN:
        return repr(source)
    start = max(0, min(column - _SHOWN // 2, len(source) - _SHOWN))
    part = source[start : start + _SHOWN]
    return ("..." if start else "") + repr(part) + ("..." if start + _SHOWN < len(source) else "")
