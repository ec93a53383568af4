"""The outer form of Avro container files: a header, then blocks between sync markers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, BinaryIO

from router import DecodeError
from router_processors.formats.lines import LONGEST
from router_processors.formats.tails import size_of

MAGIC = b"Obj\x01"
SYNC_SIZE = 16
_LONGEST_NUMBER = 10


class Incomplete(Exception):  # noqa: N818 - no error: more is on its way
    """The bytes end before the number or the header does."""


@dataclass(frozen=True, slots=True)
class Header:
    """What stands at the beginning of a container file."""

    schema: dict[str, Any]
    codec: str
    sync: bytes
    size: int


def read_long(data: bytes | bytearray | memoryview, at: int) -> tuple[int, int]:
    """Read a number as Avro writes it, with the place behind it.

    Raises:
        Incomplete: the bytes end first.
        DecodeError: it is longer than a number can be.
    """
    value = shift = 0
    for place in range(at, at + _LONGEST_NUMBER):
        if place >= len(data):
            raise Incomplete
        byte = data[place]
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return (value >> 1) ^ -(value & 1), place + 1
        shift += 7
    raise DecodeError(f"byte {at}: no number of Avro")


def read_header(data: bytes | bytearray) -> Header:
    """Read the header.

    Raises:
        Incomplete: the bytes end first.
        DecodeError: this is no Avro container file.
    """
    if not data.startswith(MAGIC) and not MAGIC.startswith(data):
        raise DecodeError(f"not avro: a file begins with {MAGIC!r}; got {bytes(data[:8])!r}")
    found, at = _read_entries(data, len(MAGIC))
    if len(data) < at + SYNC_SIZE:
        raise Incomplete
    try:
        schema = json.loads(found["avro.schema"])
        codec = found.get("avro.codec", b"null").decode()
    except (KeyError, ValueError) as error:
        raise DecodeError(f"not avro: the header holds no schema: {error}") from error
    return Header(schema, codec, bytes(data[at : at + SYNC_SIZE]), at + SYNC_SIZE)


def _read_entries(data: bytes | bytearray, at: int) -> tuple[dict[str, bytes], int]:
    found: dict[str, bytes] = {}
    while True:
        count, at = read_long(data, at)
        if not count:
            return found, at
        if count < 0:
            _, at = read_long(data, at)
        for _ in range(abs(count)):
            name, at = _read_bytes(data, at)
            found[name.decode(errors="replace")], at = _read_bytes(data, at)


def _read_bytes(data: bytes | bytearray, at: int) -> tuple[bytes, int]:
    size, at = read_long(data, at)
    if not 0 <= size <= LONGEST:
        raise DecodeError(f"byte {at}: a text of {size:,} bytes in the header")
    if len(data) < at + size:
        raise Incomplete
    return bytes(data[at : at + size]), at + size


def read_block(data: bytes | bytearray | memoryview, at: int, sync: bytes) -> tuple[int, int]:
    """Look at the block that begins at a place: how many records it holds, and the place behind it.

    Raises:
        Incomplete: the bytes end first.
        DecodeError: no block begins there.
    """
    count, start = read_long(data, at)
    size, start = read_long(data, start)
    if count < 0 or not 0 <= size <= LONGEST:
        raise DecodeError(f"a block of {count:,} records in {size:,} bytes")
    stop = start + size + SYNC_SIZE
    if len(data) < stop:
        raise Incomplete
    if data[stop - SYNC_SIZE : stop] != sync:
        raise DecodeError("the end of a block is not where it says")
    return count, stop


def cut_to_whole_blocks(stream: BinaryIO) -> Header | None:
    """Cut a block that was torn off at the end of a file; None: nothing is left, not even a header.

    Raises:
        DecodeError: it is no Avro file, or damaged where whole blocks follow.
    """
    size = size_of(stream)
    stream.seek(0)
    try:
        header = read_header(stream.read(min(size, LONGEST)))
    except Incomplete:
        stream.truncate(0)
        return None
    at = header.size
    while at < size:
        stop = _block_end(stream, at, size, header.sync)
        if stop is None:
            stream.truncate(at)
            break
        at = stop
    stream.seek(0, 2)
    return header


def _block_end(stream: BinaryIO, at: int, size: int, sync: bytes) -> int | None:
    stream.seek(at)
    head = stream.read(2 * _LONGEST_NUMBER)
    try:
        _, start = read_long(head, 0)
        length, start = read_long(head, start)
        stop = at + start + length + SYNC_SIZE
        if stop > size >= at + start and length >= 0:
            return None
        stream.seek(max(0, stop - SYNC_SIZE))
        if length >= 0 and stream.read(SYNC_SIZE) == sync:
            return stop
    except Incomplete:
        return None
    except DecodeError:
        pass
    # A crash may leave bytes that were never written, but no marker behind them.
    stream.seek(at)
    if _holds(stream, sync):
        raise DecodeError(f"the block at byte {at:,} is damaged, and others follow it; nothing is appended")
    return None


def _holds(stream: BinaryIO, wanted: bytes) -> bool:
    before = b""
    while piece := stream.read(1 << 20):
        if wanted in before + piece:
            return True
        before = piece[-len(wanted) :]
    return False
