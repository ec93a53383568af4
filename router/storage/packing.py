"""A batch as bytes and back: content as it stands, rows as msgpack, columns and attributes beside them."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Iterable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import msgpack

from router.ack import Ack
from router.batch import Batch
from router.codec import JSON, RAW, TEXT, Codec, Failures, Record
from router.errors import DecodeError, EncodeError, StorageError
from router.origins import Origin, Runs, common_attributes

__all__ = ["Sealed", "UnstorableError", "pack", "pack_value", "unpack", "unpack_value"]

_VERSION = 1
_CODECS = {each.name: each for each in (JSON, TEXT, RAW)}
_NOT_KEPT = frozenset({"index", "input"})  # of the request and the call they were in, which end here

# What msgpack has no word for, by the number of its extension type. Numbers stand in files: never change one.
_WRITERS: dict[type, tuple[int, Callable[[Any], str]]] = {
    int: (1, hex),  # of any size, unlike the digits of str
    Decimal: (2, str),
    datetime: (3, datetime.isoformat),
    date: (4, date.isoformat),
    time: (5, time.isoformat),
    timedelta: (6, lambda value: f"{value // timedelta(microseconds=1)}"),
}
_READERS: dict[int, Callable[[str], Any]] = {
    1: lambda text: int(text, 16),
    2: Decimal,
    3: datetime.fromisoformat,
    4: date.fromisoformat,
    5: time.fromisoformat,
    6: lambda text: timedelta(microseconds=int(text)),
}


class Sealed:
    """The codec of content that cannot be decoded any more: its format was a plugin's, or broke off. The bytes are kept."""

    def __init__(self, name: str) -> None:
        self.name = name

    def decode(self, content: bytes) -> Any:
        """Refuse."""
        raise DecodeError(f"not decoded: content of format {self.name!r} that was kept as it came")

    def encode(self, row: Record) -> bytes:
        """Refuse."""
        raise EncodeError(f"format {self.name!r} is not known where records are kept")


class UnstorableError(EncodeError):
    """Some records hold what cannot be kept on disk; ``failures`` says which, and why."""

    def __init__(self, failures: Failures) -> None:
        super().__init__(f"{len(failures)} records cannot be kept on disk: {failures[0][1]}")
        self.failures = failures


def pack(batch: Batch) -> bytes:
    """Write a batch: its records, columns and attributes. Whose it is, and places in a request, are not kept.

    Content in a format that is not router's own is decoded first.

    Raises:
        UnstorableError: some records hold objects that are no values, or cannot be decoded.
    """
    runs = [[dict(common_attributes(((origins, count),))), count] for origins, count in batch.origin_runs()]
    columns = {name: values for name, values in batch.columns.items() if name not in _NOT_KEPT} or None
    has_content = batch.has_content and _is_known(batch.codec)
    if not has_content:
        batch, undecodable = batch.decoded()
        if undecodable:
            raise UnstorableError(undecodable)
    records: list[Any] = batch.content if has_content else batch.rows
    try:
        return pack_value([_VERSION, batch.format if has_content else None, records, columns, runs])
    except EncodeError:
        failures = _refused(batch, has_content)
        if not failures:
            raise
        raise UnstorableError(failures) from None


def _is_known(codec: Codec) -> bool:
    return _CODECS.get(codec.name) is codec or isinstance(codec, Sealed)


def _refused(batch: Batch, has_content: bool) -> Failures:
    failures: Failures = []
    for index in range(len(batch)):
        one = batch.select([index])
        columns = {name: values for name, values in one.columns.items() if name not in _NOT_KEPT}
        attributes = [dict(common_attributes(one.origin_runs()))]
        try:
            # As deep as in the whole: what is nested too deep for that is too deep here.
            pack_value([None if has_content else one.rows, columns, [attributes]])
        except EncodeError as error:
            failures.append((index, error))
    return failures


def unpack(packed: bytes, ack: Ack | None = None) -> Batch:
    """Read a batch that ``pack`` wrote; ``ack`` hears of its end.

    Raises:
        StorageError: it is damaged, or of a newer version.
    """
    try:
        version, *parts = unpack_value(packed)
        if version == _VERSION:
            return _made(parts, ack)
    except (StorageError, TypeError, ValueError, AttributeError) as error:
        raise StorageError(f"a stored batch cannot be read: {error}") from error
    raise StorageError(f"a stored batch is of version {version!r}; {_VERSION} is known here")


def _made(parts: list[Any], ack: Ack | None) -> Batch:
    format_, records, columns, runs = parts
    owned = _owned(runs, ack)
    if sum(count for _, count in owned) != len(records):
        raise ValueError("it does not say whose its records are")
    if format_ is None:
        return Batch(len(records), owned, rows=records, columns=columns)
    codec = _CODECS.get(format_) or Sealed(format_)
    return Batch(len(records), owned, content=records, codec=codec, columns=columns)


def _owned(runs: Iterable[tuple[dict[str, Any], int]], ack: Ack | None) -> Runs:
    return tuple(((Origin(attributes, ack),), count) for attributes, count in runs)


def pack_value(value: Any) -> bytes:
    """Write one value: JSON's, bytes, numbers of any size, Decimal, dates and times.

    Raises:
        EncodeError: it holds something else, or is nested too deep.
    """
    try:
        packed: bytes = msgpack.packb(value, default=_extended, unicode_errors="surrogatepass")
    except EncodeError:
        raise
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise EncodeError(f"cannot be kept on disk: {error}") from error
    return packed


def unpack_value(packed: bytes) -> Any:
    """Read what ``pack_value`` wrote.

    Raises:
        StorageError: it is damaged.
    """
    try:
        return _unpacked(packed)
    except TypeError:  # a key is a list here that was a tuple there
        pass
    try:
        return _unpacked(packed, object_pairs_hook=_with_tuples)
    except TypeError as error:
        raise StorageError(f"damaged: {error}") from error


def _unpacked(packed: bytes, **options: Any) -> Any:
    try:
        return msgpack.unpackb(
            packed, ext_hook=_read_extended, strict_map_key=False, unicode_errors="surrogatepass", **options
        )
    except (ValueError, KeyError, ArithmeticError, msgpack.exceptions.UnpackException) as error:
        raise StorageError(f"damaged: {error}") from error


def _with_tuples(pairs: Iterable[tuple[Any, Any]]) -> dict[Any, Any]:
    return {_hashable(key): value for key, value in pairs}


def _hashable(key: Any) -> Any:
    return tuple(map(_hashable, key)) if isinstance(key, list) else key


def _extended(value: Any) -> Any:
    for kind, (code, write) in _WRITERS.items():
        if isinstance(value, kind):
            return msgpack.ExtType(code, write(value).encode())
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real) and not isinstance(value, numbers.Rational):
        return float(value)
    raise EncodeError(f"a {type(value).__name__} cannot be kept on disk")


def _read_extended(code: int, data: bytes) -> Any:
    return _READERS[code](data.decode())
