"""One dead letter: a record that was set aside, and why; written into its row and read from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zlib import crc32

from router.batch import Batch
from router.errors import EncodeError, StorageError
from router.storage.packing import Sealed, UnstorableError, pack, pack_value, unpack
from router.storage.sayable import in_words, of_record

__all__ = ["COLUMNS", "DeadLetter", "read_letter", "row_of"]

COLUMNS = (
    "id, processor, connection, error_type, error_message, attempts, first_time, last_time, flow_version, "
    "retry_to, checksum, batch"
)
_OF_THE_TRY = ("error", "attempts", "rounds")  # what its way so far left beside the record


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record that a flow set aside, and why."""

    id: int
    processor: str
    """Where it failed."""
    connection: str | None
    """The connection it was taken from; None: it came from a source, or was held."""
    error: Mapping[str, Any]
    """``type`` and ``message``, and what else the processor said."""
    attempts: int
    """How often it was tried, over all runs."""
    first_time: float
    """When it was set aside first, in seconds since 1970."""
    last_time: float
    """When it was set aside last."""
    flow_version: str
    retry_to: str | None
    """Where it is put when it is tried again; None: nobody asked for that."""
    batch: Batch | None
    """The record, with its columns and attributes; None where what was stored is damaged."""

    @property
    def head_of(self) -> int | None:
        """Of how many bytes only the first were kept, 0 where that is not known; None: the record is whole."""
        said = self.error.get("head_of")
        return said if isinstance(said, int) else None

    @property
    def said_of_head(self) -> str:
        """How much was kept of a record that is not whole, in words."""
        content = () if self.batch is None or not self.batch.has_content else self.batch.content
        kept = sum(map(len, content))
        return f"the first {kept:,} of {self.head_of:,} bytes" if self.head_of else f"{kept:,} bytes of what was lost"

    @property
    def again(self) -> Batch:
        """The record as it was before it failed.

        Raises:
            StorageError: what was stored is damaged.
        """
        if self.batch is None:
            raise StorageError(f"dead letter {self.id} is damaged")
        return self.batch.with_columns(**dict.fromkeys(_OF_THE_TRY))

    def to_dict(self) -> dict[str, Any]:
        """The letter as plain data, as ``router dead-letters export`` writes it."""
        one = self.batch
        found = {"record": None} if one is None else of_record(one)
        columns = {} if one is None else {name: values[0] for name, values in one.columns.items()}
        return {
            "id": self.id,
            "time": _written(self.last_time),
            "processor": self.processor,
            "connection": self.connection,
            "error": dict(self.error),
            **found,
            "columns": {
                name: value for name, value in columns.items() if name not in _OF_THE_TRY and value is not None
            },
            "attributes": {} if one is None else dict(one.attributes),
            "attempts": self.attempts,
            "first_time": _written(self.first_time),
            "flow_version": self.flow_version,
            **({} if self.retry_to is None else {"retry_to": self.retry_to}),
        }


def _written(time: float) -> str:
    return datetime.fromtimestamp(time, UTC).isoformat(timespec="milliseconds")


def row_of(one: Batch, processor: str, connection: str | None, now: float, flow_version: str) -> tuple[Any, ...]:
    """What stands in the row of a new letter: the columns but ``id`` and ``retry_to``, with the size before the checksum."""
    error = _error(one)
    attempts = next(iter(one.columns.get("attempts", ())), None)
    packed = _packed(one)
    return (
        processor,
        connection,
        _text(error, "type"),
        _text(error, "message"),
        attempts if isinstance(attempts, int) else 1,
        now,
        now,
        flow_version,
        len(packed),
        crc32(packed),
        packed,
    )


def read_letter(row: tuple[Any, ...]) -> DeadLetter:
    """Read a row of ``COLUMNS``; one that is damaged says so in its error."""
    id_, processor, connection, kind, message, attempts, first, last, version, retry_to, checksum, packed = row
    error: dict[str, Any] = {"type": kind, "message": message}
    batch = None
    try:
        batch = _checked(packed, checksum)
    except StorageError as damage:
        error["damaged"] = str(damage)
    else:
        said = next(iter(batch.columns.get("error", ())), None)
        error |= said if isinstance(said, dict) else {}
    return DeadLetter(id_, processor, connection, error, attempts, first, last, version, retry_to, batch)


def _checked(packed: bytes, checksum: int) -> Batch:
    if crc32(packed) != checksum:
        raise StorageError("its checksum does not fit")
    return unpack(packed)


def _error(one: Batch) -> dict[str, Any] | None:
    """What a processor put into the column ``error``; any dict is taken as it is."""
    error = next(iter(one.columns.get("error", ())), None)
    if error is None or isinstance(error, dict):
        return error
    return {"type": type(error).__name__, "message": str(error)}


def _text(error: Mapping[str, Any] | None, name: str) -> str | None:
    return None if error is None or error.get(name) is None else in_words(error[name])


def _packed(one: Batch) -> bytes:
    """The record as it is, or where it holds what is no value, in words: it must not be lost."""
    try:
        return pack(one)
    except UnstorableError:
        pass
    if one.has_content:
        one = one.with_content(one.content, Sealed(one.format))
    elif not _is_storable(one.rows):
        one = one.with_content([in_words(one.rows[0]).encode()], Sealed("words"))
    columns = {name: values if _is_storable(values) else [_storable(values[0])] for name, values in one.columns.items()}
    attributes = {name: _storable(value) for name, value in one.attributes.items()}
    return pack(one.with_columns(**columns).with_attributes(**attributes))


def _storable(value: object) -> object:
    if _is_storable(value):
        return value
    if isinstance(value, dict):
        return {in_words(name): item if _is_storable(item) else in_words(item) for name, item in value.items()}
    return in_words(value)


def _is_storable(value: object) -> bool:
    try:
        pack_value([[[[[value]]]]])  # as deep as it will lie in a batch
    except EncodeError:
        return False
    return True
