"""Dead letters as one JSON line each, on disk before their source hears of it."""

from __future__ import annotations

import asyncio
import base64
import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from reprlib import Repr
from typing import Any

import msgspec

from router.batch import Batch

__all__ = ["DeadLetters"]

MOST_RECORDS, MOST_BYTES = 10_000, 256 << 20
LONGEST_WORDS = 64 << 10
_encode = msgspec.json.Encoder(decimal_format="number", enc_hook=repr).encode


class _Lines:
    """What one put has to say."""

    __slots__ = ("error", "is_written", "lines", "records")

    def __init__(self, lines: bytes, records: int) -> None:
        self.lines = lines
        self.records = records
        self.is_written = False
        self.error: BaseException | None = None


class DeadLetters:
    """The records a flow set aside, in ``dead_letters.jsonl`` of its data folder.

    Bounded: at the bound ``put`` waits. ``put`` returns when the lines are synced to
    disk; puts that come while a sync runs share the next one.
    """

    def __init__(self, folder: Path, now: Callable[[], float]) -> None:
        self.path = folder / "dead_letters.jsonl"
        self.count = 0
        self._now = now
        self._file: Any = None
        self._bytes = 0
        self._kept = 0
        self._waiting: list[_Lines] = []
        self._lock = asyncio.Lock()
        self._writing = threading.Lock()  # a put that is cancelled leaves its thread at work
        self._is_taken_away = False
        self._is_closed = False

    def has_room(self) -> bool:
        """False once the bound is reached; it stays so until the file is taken away."""
        if self._kept and not self.path.exists():
            self._is_taken_away = True
            self._kept = self._bytes = 0
        return self._kept < MOST_RECORDS and self._bytes < MOST_BYTES

    @property
    def is_writing(self) -> bool:
        """True while lines are on their way to the disk."""
        return self._lock.locked()

    async def put(self, batch: Batch, processor: str, connection: str | None) -> None:
        """Write the records, synced.

        Raises:
            OSError: the disk is full or broken; nothing of the batch counts as written.
        """
        lines = b"".join(self._line(batch, index, processor, connection) for index in range(len(batch)))
        waiting = _Lines(lines, len(batch))
        self._waiting.append(waiting)
        async with self._lock:
            if not waiting.is_written:  # by the sync that ran while this one waited
                await self._write_waiting()
            if waiting.error is not None:
                raise waiting.error

    async def _write_waiting(self) -> None:
        together, self._waiting = self._waiting, []
        lines = b"".join(each.lines for each in together)
        write = asyncio.get_running_loop().run_in_executor(None, self._append, lines)
        try:
            await asyncio.wait([write])
        except asyncio.CancelledError:
            await asyncio.wait([write])  # until it is done the file is the thread's
            raise
        finally:
            self._note(together, write)

    def _note(self, together: list[_Lines], write: asyncio.Future[None]) -> None:
        error = write.exception() if write.done() else None
        for each in together:
            each.is_written, each.error = True, error
            if error is None:
                self.count += each.records
                self._kept += each.records
                self._bytes += len(each.lines)

    def open(self) -> None:
        """Find out how much is there from earlier runs."""
        if self.path.exists():
            self._bytes = self.path.stat().st_size
            with self.path.open("rb") as file:
                self._kept = sum(1 for _ in file)

    def close(self) -> None:
        """Close the file; a write that is under way closes it when it is done."""
        self._is_closed = True
        if self._writing.acquire(blocking=False):
            self._shut()
            self._writing.release()

    def _shut(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _append(self, lines: bytes) -> None:
        try:
            with self._writing:
                self._write(lines)
        finally:
            if self._is_closed:
                self.close()

    def _write(self, lines: bytes) -> None:
        if self._is_taken_away:
            self._is_taken_away = False
            self._shut()
        if self._file is None:
            self._file = self.path.open("ab", buffering=0)
        size = os.fstat(self._file.fileno()).st_size
        try:
            written = 0
            while written < len(lines):
                written += self._file.write(lines[written:])
            os.fsync(self._file.fileno())
        except OSError:
            self._file.truncate(size)  # no half line, no record twice when it is tried again
            raise

    def _line(self, batch: Batch, index: int, processor: str, connection: str | None) -> bytes:
        one = batch.select([index])
        columns = {name: values[0] for name, values in one.columns.items() if values[0] is not None}
        letter: dict[str, Any] = {
            "time": datetime.fromtimestamp(self._now(), UTC).isoformat(timespec="milliseconds"),
            "processor": processor,
            "connection": connection,
            "error": _error(columns.pop("error", None)),
            **_record(one),
            "columns": columns,
            "attributes": dict(one.attributes),
            "attempts": columns.pop("attempts", 1),
        }
        try:
            return _encode(letter) + b"\n"
        except Exception:  # noqa: BLE001 - whatever a record holds, it must not be lost
            return _encode(_in_words(letter)) + b"\n"


def _record(one: Batch) -> dict[str, Any]:
    """The record decoded where it can be; else, or where nobody looks into it, its bytes as text or base64."""
    good, failures = one.decoded()
    if not failures and one.format != "raw":
        return {"record": good.rows[0]}
    content = one.content[0]
    try:
        return {"record": None, "content": content.decode()}
    except UnicodeDecodeError:
        return {"record": None, "content_base64": base64.b64encode(content).decode()}


def _error(error: object) -> dict[str, Any] | None:
    """What a processor put into the column ``error``; any dict is taken as it is."""
    if error is None or isinstance(error, dict):
        return error
    return {"type": type(error).__name__, "message": str(error)}


def _in_words(letter: dict[str, Any]) -> dict[str, Any]:
    """The same letter, with words for what JSON cannot say."""
    said = {name: _sayable(value) for name, value in letter.items() if name != "error"}
    said["error"] = letter["error"] and {str(name): _sayable(value) for name, value in letter["error"].items()}
    if said["record"] is not letter["record"]:
        said |= {"record": None, "content": said["record"]}
    return said


def _sayable(value: object) -> object:
    """A value as it is where JSON can say it, else as Python shows it: cut, or where it is too deep, in outline."""
    try:
        _encode(value)
    except Exception:  # noqa: BLE001 - objects of an author's may refuse anything, to be shown too
        try:
            text = value if isinstance(value, str) else repr(value)
        except Exception:  # noqa: BLE001 - same
            text = Repr().repr(value)
        return text[:LONGEST_WORDS].encode("utf-8", "backslashreplace").decode()
    return value
