"""Between records and the columns of Parquet, strictly: nothing is dropped, bent or rounded on the way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import cache
from itertools import chain
from operator import itemgetter
from typing import Any

from router import EncodeError, Failures, Record, nearest, resumable
from router_processors.formats.parquet_schema import load_pyarrow

_NULL = type(None)
_LARGEST_FLOAT32 = 3.4028235e38


def to_table(rows: Sequence[Record], schema: Any) -> tuple[Any, Failures]:
    """Make a table of the rows that fit, and give the index and error of the others.

    pyarrow alone would leave out fields that the schema lacks, read bytes as text and whole
    numbers as times, so what each column holds is looked at first: by column, in the manner
    of a batch, and only where something does not fit record by record.
    """
    try:
        return _table(rows, schema), []
    except EncodeError:
        good, failures = resumable(lambda row: (_table([row], schema), row)[1], rows)
    return _table(good, schema), failures


def to_rows(table: Any) -> list[Record]:
    """The records of a table or record batch."""
    names = table.schema.names
    if not names:
        return [{} for _ in range(table.num_rows)]
    columns = [_plainly(column).to_pylist(maps_as_pydicts="strict") for column in table.columns]
    return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]


# -- to columns ---------------------------------------------------------------------------------


def _table(rows: Sequence[Record], schema: Any) -> Any:
    pa = load_pyarrow()
    _check_fields(rows, schema.names, "")
    columns = [_column(_values(rows, field.name), field) for field in schema]
    return pa.Table.from_arrays(columns, schema=schema)


def _values(rows: Sequence[Record], name: str) -> list[Any]:
    try:
        return list(map(itemgetter(name), rows))  # half the time of asking whether it is there
    except KeyError:
        return [row.get(name) for row in rows]


def _column(values: list[Any], field: Any) -> Any:
    pa = load_pyarrow()
    _check(values, field.type, field.name)
    try:
        return pa.array(values, type=field.type)
    except (pa.ArrowException, ArithmeticError, UnicodeError) as error:
        raise EncodeError(f"the column {field.name!r} is of {field.type}: {error}") from error


def _check_fields(rows: Iterable[Mapping[str, Any]], names: Sequence[str], above: str) -> None:
    found = set().union(*rows)
    if not found <= set(names):
        name = next(str(each) for each in found if each not in names)
        raise EncodeError(f"no column holds the field {above + name!r}{nearest(name, names)}")


def _check(values: Sequence[Any], type_: Any, name: str) -> None:
    kinds = set(map(type, values)) - {_NULL}
    wanted = _kinds_of(type_)
    if not kinds <= wanted:
        wrong = next(value for value in values if type(value) not in {*wanted, _NULL})
        raise EncodeError(f"the column {name!r} is of {type_}; got {wrong!r:.80}")
    types = load_pyarrow().types
    if not kinds:
        return
    present = [value for value in values if value is not None]
    if types.is_struct(type_):
        fields = [type_.field(index) for index in range(type_.num_fields)]
        _check_fields(present, [field.name for field in fields], f"{name}.")
        for field in fields:
            _check([value.get(field.name) for value in present], field.type, f"{name}.{field.name}")
    elif types.is_list(type_) or types.is_large_list(type_):
        _check(list(chain.from_iterable(present)), type_.value_type, name)
    elif types.is_timestamp(type_):
        _check_zones(present, type_, name)
    elif types.is_float32(type_) and not all(abs(value) <= _LARGEST_FLOAT32 or value - value != 0 for value in present):
        raise EncodeError(f"the column {name!r} is of {type_}; a number is too large for it")


def _check_zones(values: Iterable[datetime], type_: Any, name: str) -> None:
    for value in values:
        if (value.tzinfo is None) != (type_.tz is None):
            told = "without a time zone" if value.tzinfo is None else "with a time zone"
            raise EncodeError(f"the column {name!r} is of {type_}; got a time {told}: {value.isoformat()}")


@cache
def _kinds_of(type_: Any) -> set[type]:
    """The types of values that a column takes as they are."""
    types = load_pyarrow().types
    if types.is_boolean(type_):
        return {bool}
    if types.is_integer(type_):
        return {int}
    if types.is_floating(type_):
        return {float, int}
    if types.is_string(type_) or types.is_large_string(type_):
        return {str}
    if types.is_binary(type_) or types.is_large_binary(type_) or types.is_fixed_size_binary(type_):
        return {bytes}
    if types.is_decimal(type_):
        return {Decimal, int}
    if types.is_timestamp(type_):
        return {datetime}
    if types.is_struct(type_):
        return {dict}
    return {list} if types.is_list(type_) or types.is_large_list(type_) else set()


# -- to rows ------------------------------------------------------------------------------------


def _plainly(column: Any) -> Any:
    pa = load_pyarrow()
    if isinstance(column.type, pa.BaseExtensionType):
        column = column.storage
    plain = _plain(column.type)
    return column if plain == column.type else column.cast(plain, safe=False)


def _plain(type_: Any) -> Any:
    """The nearest type whose values records can hold: times to the microsecond, dates and times of day as text."""
    pa = load_pyarrow()
    types = pa.types
    if types.is_timestamp(type_):
        return pa.timestamp("us", tz=type_.tz)
    if types.is_date(type_) or types.is_time(type_):
        return pa.string()
    if types.is_duration(type_):
        return pa.int64()
    if types.is_dictionary(type_):
        return _plain(type_.value_type)
    if types.is_struct(type_):
        fields = (type_.field(index) for index in range(type_.num_fields))
        return pa.struct([pa.field(field.name, _plain(field.type)) for field in fields])
    if types.is_map(type_):
        return pa.map_(_plain(type_.key_type), _plain(type_.item_type))
    if types.is_list(type_):
        return pa.list_(_plain(type_.value_type))
    return type_
