"""An expression over the records of a batch: a setting that is read once and asked for every batch."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, final

from router.batch import Batch
from router.expression import functions_text, functions_time, functions_values  # noqa: F401 - they fill the table
from router.expression.compiler import Over, compile_over
from router.expression.errors import ExpressionError
from router.expression.functions import BUILTINS, active_table
from router.expression.parse import parse
from router.expression.tree import Call, FieldOf, Meta, WholeRecord, walk
from router.expression.values import INTEGER_BITS, TOO_DEEP, Misses

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic_core import CoreSchema


@final
class Expression:
    """One value a record, computed from its fields and from what lies beside it (``meta``).

    ``over`` gives one value for each record of a batch and never raises: where an operation
    meets a value it cannot take, it gives None and ``misses`` grows. Expressions are equal where
    their sources are; they may be shared by threads and sent to other processes, which must be able
    to import the functions of plugins that they call.

    A field of a ``Config`` may be an ``Expression``: it reads text, and takes a boolean or a number
    as it is (``where: true``).

    Raises:
        ExpressionError: the text is no expression; says where, and what would be right.

    Example:
        >>> Expression("length(text) > 3").over(Batch.of([{"text": "good"}, {"text": "bad"}, {}]))
        [True, False, None]
    """

    __slots__ = (
        "_fields",
        "_last_miss",
        "_lock",
        "_metas",
        "_misses",
        "_over_rows",
        "_over_structs",
        "_source",
        "_tree",
        "_whole",
    )

    def __init__(self, source: str | bool | float) -> None:
        self._source = _source_of(source)
        self._tree = parse(self._source, active_table())
        parts = list(walk(self._tree))
        self._fields = frozenset(each.name for each in parts if isinstance(each, FieldOf))
        self._whole = any(isinstance(each, WholeRecord) for each in parts)
        self._metas = tuple(dict.fromkeys(each.name for each in parts if isinstance(each, Meta)))
        try:
            self._over_rows = compile_over(self._tree, self._metas, structs=False)
        except (RecursionError, MemoryError) as error:
            raise ExpressionError(TOO_DEEP, self._source) from error
        self._over_structs: Over | None = None
        self._lock = threading.Lock()
        self._misses = 0
        self._last_miss: str | None = None

    @property
    def source(self) -> str:
        """The text it was made of."""
        return self._source

    @property
    def fields(self) -> frozenset[str]:
        """The fields of a record that it reads."""
        return self._fields

    @property
    def whole(self) -> bool:
        """Whether it may read any field: ``record`` itself, or ``record[name]`` with a computed name."""
        return self._whole

    @property
    def misses(self) -> int:
        """How many operations have met a value they cannot take, in all batches so far."""
        return self._misses

    @property
    def last_miss(self) -> str | None:
        """What the last of them was, for a person to read."""
        return self._last_miss

    def over(self, batch: Batch) -> list[Any]:
        """Compute the value of every record, in order; None where it is missing or cannot be computed."""
        metas = [batch.meta(name) for name in self._metas]
        over, records = self._form(batch)
        misses = Misses()
        try:
            values = over(records, metas, misses)
        except Exception:  # noqa: BLE001 - out of memory, nested too deeply: one record's fault, found below
            misses = Misses()
            values = [
                _alone(over, records[index], [meta[index] for meta in metas], misses) for index in range(len(batch))
            ]
        if misses.count:
            with self._lock:
                self._misses += misses.count
                self._last_miss = misses.reason
        return values

    def _form(self, batch: Batch) -> tuple[Over, Sequence[Any]]:
        """Choose how to read the records, with the function compiled for it."""
        if not self._whole:
            if not self._fields:
                return self._over_rows, range(len(batch))
            structs = batch.structs(self._fields)
            if structs is not None:
                if self._over_structs is None:
                    self._over_structs = compile_over(self._tree, self._metas, structs=True)
                return self._over_structs, structs
        return self._over_rows, batch.rows

    def __repr__(self) -> str:
        return f"Expression({self._source!r})"

    def __str__(self) -> str:
        return self._source

    def __eq__(self, other: object) -> bool:
        return self._source == other._source if isinstance(other, Expression) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._source)

    def __reduce__(self) -> tuple[Any, ...]:
        called = [each.function for each in walk(self._tree) if isinstance(each, Call)]
        return _restored, (self._source, {each.name: each.function for each in called if each.name not in BUILTINS})

    def __copy__(self) -> Expression:
        return self

    def __deepcopy__(self, memo: object) -> Expression:
        return self

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        from pydantic_core import core_schema  # noqa: PLC0415 - only a Config needs it

        return core_schema.no_info_plain_validator_function(
            lambda value: value if isinstance(value, cls) else cls(value),
            serialization=core_schema.to_string_ser_schema(),
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {
            "type": ["string", "number", "boolean"],
            "format": "expression",
            "description": "An expression over the record, such as: lang == 'en' and length(text) > 3",
        }


def _restored(source: str, functions: Mapping[str, Callable[..., Any]]) -> Expression:
    """Make an expression in another process, with the functions that plugins had given it."""
    table = BUILTINS.copy()
    for name, function in functions.items():
        table.register(name, function)
    with table.active():
        return Expression(source)


def _alone(over: Over, record: Any, metas: Sequence[Any], misses: Misses) -> Any:
    try:
        return over([record], [[value] for value in metas], misses)[0]
    except Exception as error:  # noqa: BLE001 - this record has no value then
        misses.add(type(error).__name__, error)
        return None


def _source_of(value: object) -> str:
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool | int | float):
        if isinstance(value, float) and value - value != 0:
            raise ExpressionError(f"{value!r} is no number an expression knows", repr(value))
        if isinstance(value, int) and value.bit_length() > INTEGER_BITS:
            raise ExpressionError(f"a number has at most {INTEGER_BITS:,} bits", "")
        return repr(value)
    if value is None:
        raise ExpressionError("an expression is missing; a null is written 'None', in quotes", "")
    written = str(value)
    raise ExpressionError(f"an expression is text, got {type(value).__name__}; put all of it in quotes", written)
