"""Text with expressions between double braces, rendered for every record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Self

from router.batch import Batch
from router.expression.errors import ExpressionError, TemplateError
from router.expression.expression import Expression
from router.expression.functions_text import as_text
from router.expression.parse import LENGTH_LIMIT as EXPRESSION_LIMIT
from router.expression.syntax import tokens

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic_core import CoreSchema

LENGTH_LIMIT = 16_384
_WRITTEN = {str, type(None)}


class Template:
    """Text with ``{{ expression }}`` in it: ``"posts-{{ lang }}"``.

    ``over`` gives one text for each record, None where any of its expressions is None; it never
    raises. Numbers and booleans are written as JSON writes them, lists and objects as JSON. Double
    braces that mean themselves are written ``{{ "{{" }}``. Templates are equal where their sources are.

    Raises:
        TemplateError: braces that are not closed or not opened, or an expression that is none.

    Example:
        >>> Template("{{ user }} said {{ n }}").over(Batch.of([{"user": "ada", "n": 1}, {"n": 2}]))
        ['ada said 1', None]
    """

    __slots__ = ("_expressions", "_source", "_texts")

    def __init__(self, source: str) -> None:
        self._source = source
        self._texts, self._expressions = _cut(source)

    @property
    def source(self) -> str:
        """The text it was made of."""
        return self._source

    @property
    def fields(self) -> frozenset[str]:
        """The fields of a record that it reads."""
        return frozenset[str]().union(*(each.fields for each in self._expressions))

    @property
    def whole(self) -> bool:
        """Whether it may read any field."""
        return any(each.whole for each in self._expressions)

    @property
    def literal(self) -> bool:
        """Whether it holds no expression, so that every record gets the same text."""
        return not self._expressions

    @property
    def prefix(self) -> str:
        """The text before the first expression."""
        return self._texts[0]

    @property
    def misses(self) -> int:
        """How many operations of its expressions have met a value they cannot take."""
        return sum(each.misses for each in self._expressions)

    @property
    def last_miss(self) -> str | None:
        """What one of the last of them was, for a person to read."""
        return next((each.last_miss for each in self._expressions if each.last_miss), None)

    def over(self, batch: Batch) -> list[str | None]:
        """Render the text of every record, in order; None where a part of it is missing."""
        if not self._expressions:
            return [self._texts[0]] * len(batch)
        columns = [self._written(each.over(batch)) for each in self._expressions]
        # The same few values come again and again: each combination of texts is joined once.
        keys = list(zip(*columns, strict=True))
        made = {parts: None if None in parts else self._join(parts) for parts in set(keys)}
        return list(map(made.__getitem__, keys))

    def _written(self, values: list[Any]) -> list[Any]:
        """Make texts of values; None stays, and is what cannot be written."""
        return values if set(map(type, values)) <= _WRITTEN else [_text_of(value, self._part) for value in values]

    @staticmethod
    def _part(value: Any) -> str | None:
        """The text of one value; None makes the whole None."""
        return as_text(value)

    def _join(self, parts: tuple[str, ...]) -> str | None:
        pieces = [self._texts[0]]
        for part, text in zip(parts, self._texts[1:], strict=True):
            pieces += (part, text)
        return "".join(pieces)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._source!r})"

    def __str__(self) -> str:
        return self._source

    def __eq__(self, other: object) -> bool:
        return self._source == other._source if type(other) is type(self) else NotImplemented

    def __hash__(self) -> int:
        return hash((type(self), self._source))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._source,)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        from pydantic_core import core_schema  # noqa: PLC0415 - only a Config needs it

        return core_schema.with_info_plain_validator_function(
            lambda value, info: value if isinstance(value, cls) else cls._validated(value, info.context or {}),
            serialization=core_schema.to_string_ser_schema(),
        )

    @classmethod
    def _validated(cls, value: object, context: Mapping[str, Any]) -> Self:
        return cls(need_template(value))

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {
            "type": "string",
            "format": "template",
            "description": "Text with expressions between double braces, such as: posts-{{ lang }}",
        }


def need_template(value: object) -> str:
    """Take a text from a flow file.

    Raises:
        TemplateError: it is no text.
    """
    if not isinstance(value, str):
        raise TemplateError(f"a template is text, got {type(value).__name__}; put all of it in quotes", str(value))
    return value


def _text_of(value: Any, write: Callable[[Any], str | None]) -> str | None:
    try:
        return value if value is None or type(value) is str else write(value)
    except Exception:  # noqa: BLE001 - such as a list with an infinity in it: this record has no text
        return None


def _cut(source: str) -> tuple[tuple[str, ...], tuple[Expression, ...]]:
    if len(source) > LENGTH_LIMIT:
        raise TemplateError(f"longer than {LENGTH_LIMIT:,} characters ({len(source):,})", source)
    texts: list[str] = []
    expressions: list[Expression] = []
    at = 0
    while (opening := source.find("{{", at)) >= 0:
        texts.append(_plain(source, at, opening))
        closing = _closing(source, opening + 2)
        try:
            expressions.append(Expression(source[opening + 2 : closing]))
        except ExpressionError as error:
            inside = source[opening + 2 : closing]
            start = opening + 2 + len(inside) - len(inside.lstrip())
            raise TemplateError(error.problem, source, start + error.column) from error
        at = closing + 2
    texts.append(_plain(source, at, len(source)))
    return tuple(texts), tuple(expressions)


def _plain(source: str, start: int, stop: int) -> str:
    text = source[start:stop]
    if "}}" in text:
        column = start + text.index("}}") + 1
        raise TemplateError("'}}' closes nothing; double braces that mean themselves are {{ '}}' }}", source, column)
    return text


def _closing(source: str, start: int) -> int:
    """Find the braces that close: not in a quoted text, and not those of an object in the expression."""
    depth = 0
    for token in tokens(source[start : start + EXPRESSION_LIMIT]):
        if token.text == "{":
            depth += 1
        elif token.text == "{{":
            depth += 2
        elif token.text == "}" and depth:
            depth -= 1
        elif token.text == "}}" and depth < 2:
            # `{{ {"a": 1}}}`: the first brace of three closes the object.
            closing = start + token.column - 1 + depth
            if source[closing : closing + 2] == "}}":
                return closing
            break
        elif token.text == "}}":
            depth -= 2
    raise TemplateError("'{{' is not closed; it needs '}}'", source, start - 1)
