"""What passes between the engine and its worker processes: frames of pickled values, length first.

Both ends run the same code with the same trust, so pickle keeps every value exact:
big integers, Decimals, datetimes. Undecoded content goes as the bytes it is.
"""

from __future__ import annotations

import pickle
import struct
from dataclasses import dataclass, field
from typing import Any

from router.batch import Batch, Origin
from router.codec import JSON, Record
from router.errors import ProcessorError, RecordError, RetryableError

__all__ = [
    "CANNOT_CROSS",
    "HEADER",
    "Answer",
    "Order",
    "Part",
    "Recipe",
    "answer_part",
    "batch_of",
    "dump",
    "order_of",
    "rebuilt",
]

HEADER = struct.Struct("<Q")
CANNOT_CROSS = "what it gave cannot leave its worker process: {}"
_PLAIN = frozenset({str, int, float, bool, type(None)})


@dataclass(slots=True)
class Recipe:
    """How a worker makes its processor."""

    path: list[str]
    module: str
    qualname: str
    file: str | None
    settings: dict[str, Any]
    name: str
    flow: str


@dataclass(slots=True)
class Order:
    """A batch for a worker; origins and acks stay behind."""

    count: int
    content: list[bytes] | None
    rows: list[Record] | None
    columns: dict[str, list[Any]]
    attributes: dict[str, Any]


@dataclass(slots=True)
class Part:
    """One output: records, and which records of the order each came from."""

    relationship: str
    content: list[bytes] | None
    rows: list[Record] | None
    columns: dict[str, list[Any]]
    parents: list[tuple[int, ...]]


@dataclass(slots=True)
class Answer:
    """What became of an order: its outputs, or the exception the call raised."""

    parts: list[Part] = field(default_factory=list)
    error: BaseException | None = None
    bulletins: list[tuple[str, dict[str, object]]] = field(default_factory=list)


def dump(value: object) -> bytes:
    """A frame; an exception that does not survive pickling goes as its type's name and its text.

    Raises:
        Exception: whatever pickling raises; outputs that cannot cross go as that error.
    """
    try:
        body = pickle.dumps(value, protocol=5)
        if isinstance(value, Answer) and value.error is not None:
            pickle.loads(body)  # noqa: S301 - ours; it may want arguments that it did not keep
    except Exception as error:
        if not isinstance(value, Answer):
            raise
        told: list[tuple[str, dict[str, object]]] = [
            (text, {name: str(each) for name, each in data.items()}) for text, data in value.bulletins
        ]
        made = _stand_in(value.error) if value.error is not None else RecordError(CANNOT_CROSS.format(error))
        body = pickle.dumps(Answer(error=made, bulletins=told), protocol=5)
    return HEADER.pack(len(body)) + body


def _stand_in(error: BaseException) -> Exception:
    """An error of router's or Python's own that means the same to the engine."""
    text = f"{type(error).__name__}: {error}"
    if isinstance(error, RetryableError):
        return RetryableError(text, after=error.after)
    return ProcessorError(text) if isinstance(error, ProcessorError) else RuntimeError(text)


def order_of(batch: Batch) -> Order:
    """Make an order of a batch."""
    return Order(
        count=len(batch),
        content=None if batch.has_rows else batch.content,
        rows=batch.rows if batch.has_rows else None,
        columns=dict(batch.columns),
        attributes=dict(batch.attributes),
    )


def batch_of(order: Order) -> Batch:
    """Make the batch a worker works on: each record with an origin of its own, so that outputs tell their parents."""
    runs = tuple(((Origin({**order.attributes, "": index}),), 1) for index in range(order.count))
    return Batch(order.count, runs, content=order.content, rows=order.rows, columns=order.columns or None)


def answer_part(relationship: str, batch: Batch, *, as_content: bool) -> Part:
    """Make an answer of an output; rows go as JSON where that says exactly what they are."""
    parents: list[tuple[int, ...]] = []
    for origins, count in batch.origin_runs():
        parents += [tuple(origin.attributes[""] for origin in origins)] * count
    content = batch.content if not batch.has_rows else None
    if content is None and as_content and all(map(_is_plain, batch.rows)):
        encoded, failures = batch.encoded(JSON)
        content = encoded.content if not failures else None
    return Part(relationship, content, None if content is not None else batch.rows, dict(batch.columns), parents)


def rebuilt(part: Part, base: Batch) -> Batch:
    """Make the output of an answer, its records with the origins of their parents."""
    if all(len(each) == 1 for each in part.parents):
        made = base.select([each[0] for each in part.parents])
        made = made.with_content(part.content) if part.content is not None else made.with_rows(part.rows or [])
    else:
        rows = part.rows if part.rows is not None else Batch.raw(part.content or []).rows
        made = base.group([list(each) for each in part.parents], rows)
    gone = {name: None for name in made.columns if name not in part.columns}
    return made.with_columns(**part.columns, **gone) if part.columns or gone else made


def _is_plain(value: Any) -> bool:
    kind = type(value)
    if kind in _PLAIN:
        return True
    if kind is dict:
        return all(type(name) is str and (type(item) in _PLAIN or _is_plain(item)) for name, item in value.items())
    return kind is list and all(map(_is_plain, value))
