"""Between columns of Python values and the arrays a model computes with: nothing is guessed."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeAlias

from router import ModelColumn, ModelField, RecordError, UnscorableError

if TYPE_CHECKING:
    import numpy as np

    Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"

# How `struct` writes a number of each kind. It is twice as fast as numpy on lists, and strict: it takes
# no text and no None for a number, no float for an integer, and nothing that is out of range.
_PACKED = {
    "float16": "e", "float32": "f", "float64": "d",
    "int8": "b", "int16": "h", "int32": "i", "int64": "q",
    "uint8": "B", "uint16": "H", "uint32": "I", "uint64": "Q",
}  # fmt: skip
_LISTS = {list, tuple}


def to_array(columns: Sequence[ModelColumn], field: ModelField) -> Array:
    """Make the array of one input: numbers, booleans as 1 and 0, text, each as the model declares it.

    Raises:
        UnscorableError: a value is missing, of another kind, not a number, out of range or of another size.
    """
    try:
        made = _quickly(columns, field)
    except (TypeError, ValueError, OverflowError, struct.error):
        made = None
    if made is None or not _fits(made, field):
        made = _carefully(columns, field)
    return made


def from_array(array: Array) -> list[Any]:
    """Make one Python value for each record: a number, a text, or a list of them."""
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    values: list[Any] = array.tolist()
    return values


def _quickly(columns: Sequence[ModelColumn], field: ModelField) -> Array | None:
    """Whole columns at once; None or an error: look closer."""
    import numpy as np  # noqa: PLC0415 - loaded when a model is

    first = columns[0].values
    if len(columns) > 1:
        flat = _flat(list(chain.from_iterable(column.values for column in columns)), field.dtype)
        return None if flat is None else np.ascontiguousarray(flat.reshape(len(columns), len(first)).T)
    kinds = set(map(type, first))
    if kinds == {np.ndarray} or (kinds <= _LISTS and len(field.shape) > 2):
        return _stacked(first, field.dtype)
    if kinds <= _LISTS and len(set(map(len, first))) == 1:
        flat = _flat(list(chain.from_iterable(first)), field.dtype)
        return None if flat is None else flat.reshape(len(first), -1)
    flat = _flat(first, field.dtype)
    return None if flat is None else flat.reshape(-1, 1) if len(field.shape) == 2 else flat


def _flat(values: Sequence[Any], dtype: str) -> Array | None:
    import numpy as np  # noqa: PLC0415

    if dtype == "text":
        return np.array(values, dtype=object) if set(map(type, values)) <= {str} else None
    if dtype == "bool":
        return np.array(values, dtype=bool) if set(map(type, values)) <= {bool} else None
    array = np.frombuffer(struct.pack(f"{len(values)}{_PACKED[dtype]}", *values), dtype=dtype)
    return None if dtype.startswith("float") and not np.isfinite(array).all() else array


def _stacked(values: Sequence[Any], dtype: str) -> Array | None:
    """Arrays, or lists of lists, such as images: one array of all of them."""
    import numpy as np  # noqa: PLC0415

    array = np.array(values)
    kinds = {"text": "U", "bool": "b"}.get(dtype, "fiub" if dtype.startswith("float") else "iub")
    if array.dtype.kind not in kinds:
        return None
    if dtype == "text":  # numpy makes text of numbers, and cuts off what ends in NUL
        array = np.array(values, dtype=object)
        return array if set(map(type, array.flat)) == {str} else None
    with np.errstate(over="ignore"):
        made = array.astype(dtype)
    if made.dtype.kind == "f":
        return made if np.isfinite(made).all() else None
    return made if np.array_equal(made, array) else None  # what is out of range would be another number


def _fits(array: Array, field: ModelField) -> bool:
    """Whether the sides beside the first are as declared; a model that declares none takes any."""
    if not field.shape:
        return True
    sides = zip(array.shape[1:], field.shape[1:], strict=False)
    return array.ndim == len(field.shape) and all(declared in (None, side) for side, declared in sides)


def _carefully(columns: Sequence[ModelColumn], field: ModelField) -> Array:
    """Record by record: the array where every value can be taken after all, else what is wrong with which."""
    import numpy as np  # noqa: PLC0415

    rows: list[Array] = []
    failures: list[tuple[int, RecordError]] = []
    for index, values in enumerate(zip(*(column.values for column in columns), strict=True)):
        try:
            parts = [_taken(value, field, column.name) for value, column in zip(values, columns, strict=True)]
            rows.append(_row(parts, columns, field))
        except RecordError as error:
            failures.append((index, error))
    if failures:
        raise UnscorableError(failures)
    shape = _shape(rows, field)
    name = ", ".join(column.name for column in columns)
    misfits = [(index, _misfit(name, row.shape, shape, field)) for index, row in enumerate(rows) if row.shape != shape]
    if misfits:
        raise UnscorableError(misfits)
    return np.stack(rows)


def _shape(rows: Sequence[Array], field: ModelField) -> tuple[int, ...]:
    """The sides each record has to have: as declared, and where that leaves them open, as most of them have."""
    common: tuple[int, ...] = Counter(row.shape for row in rows).most_common(1)[0][0]
    declared = field.shape[1:] if field.shape else (None,) * len(common)
    if len(common) != len(declared):
        return tuple(side or 0 for side in declared)
    return tuple(side if side is not None else own for side, own in zip(declared, common, strict=True))


def _row(parts: Sequence[Array], columns: Sequence[ModelColumn], field: ModelField) -> Array:
    import numpy as np  # noqa: PLC0415

    if len(parts) == 1:
        return parts[0].reshape(1) if len(field.shape) == 2 and parts[0].ndim == 0 else parts[0]
    for part, column in zip(parts, columns, strict=True):
        if part.ndim:
            raise RecordError(f"{column.name!r} is a list; beside other columns it has to be a single value")
    return np.stack(parts)


def _taken(value: Any, field: ModelField, name: str) -> Array:
    import numpy as np  # noqa: PLC0415

    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, list | tuple):
        parts = [_taken(each, field, f"{name}[{index}]") for index, each in enumerate(value)]
        if len({part.shape for part in parts}) != 1:
            raise RecordError(f"{name!r} is empty, or holds lists of different lengths")
        return np.stack(parts)
    if problem := _problem(value, field.dtype):
        raise RecordError(f"{name!r} {problem}; the model's input {field.name!r} takes {_wanted(field)}")
    if field.dtype != "text":
        return np.array(int(value) if "int" in field.dtype else value, dtype=field.dtype)
    made = np.empty((), dtype=object)
    made[()] = value
    return made


def _problem(value: Any, dtype: str) -> str:
    """What is wrong with a single value; nothing where it can be taken, by the same rules as a whole column."""
    if value is None:
        return "is missing"
    if dtype in ("text", "bool"):
        return "" if isinstance(value, str if dtype == "text" else bool) else f"is {value!r:.40}"
    if value != value:  # noqa: PLR0124 - a NaN is not itself
        return "is not a number (NaN)"
    if "int" in dtype and isinstance(value, float) and value.is_integer():
        value = int(value)
    try:
        (packed,) = struct.unpack(_PACKED[dtype], struct.pack(_PACKED[dtype], value))
        is_finite = packed - packed == 0
    except (struct.error, OverflowError):
        is_finite = False
    if is_finite:
        return ""
    is_large = isinstance(value, int) or (dtype.startswith("float") and isinstance(value, float))
    return f"is {value!r:.40}" + ", which is out of range" * is_large


def _wanted(field: ModelField) -> str:
    words = {"text": "text", "bool": "true or false"}
    return words.get(field.dtype, f"numbers ({field.dtype})")


def _misfit(name: str, shape: tuple[int, ...], wanted: tuple[int, ...], field: ModelField) -> RecordError:
    def say(sides: tuple[int, ...]) -> str:
        return " x ".join(map(str, sides)) + " values" if sides else "a single value"

    return RecordError(f"{name!r} has {say(shape)}; the model's input {field.name!r} takes {say(wanted)}")
