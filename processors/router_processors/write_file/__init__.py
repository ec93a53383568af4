"""Write records to files."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Literal, TypeAlias

from router import (
    FAILURE,
    SUCCESS,
    Batch,
    ConfigError,
    Context,
    DecodeError,
    EncodeError,
    Failures,
    PathTemplate,
    Processor,
    ProcessorError,
    Relationship,
    Routes,
    Unconnected,
    Why,
    failed,
)
from router_processors.write_file.faults import Faults, is_of_path, sentence
from router_processors.write_file.output import Output
from router_processors.write_file.outputs import Outputs
from router_processors.write_file.parts import Parts, without
from router_processors.write_file.settings import Limits, WriteFileConfig

WRITTEN = Relationship(SUCCESS.name, "Records that are in their file.", Unconnected.DELIVERED)

_Groups: TypeAlias = "dict[str, list[int]] | dict[str, range]"


class WriteFile(Processor):
    """Write records to files.

    In place, the default, each batch is one write, and delivered means that the operating system has it, which survives a
    crash of the process, not of the machine; with `sync: always`, that the disk has it. A crash may leave a torn last
    record: on appending, a last line without its end gets one first, an Avro file is cut to its last whole block.

    With `atomic`, and always with `parquet`, records are held until their file is closed: at the limits of `roll`, when
    `run.hold` is full, when the input ends, at a stop. Delivered means that the file has its name; with `sync: close`
    or `always`, that the disk has both. A crash leaves whole files, and a hidden one at most (`.posts.parquet.part`), which
    holds nothing that was delivered; only a file that got its name just before comes twice. Without `roll`
    an atomic file goes on as a copy; with it, and always with `parquet`, each is a new one with a number.

    What a failed write left behind is taken back, and tried again: a full disk, a folder that may not be
    written, make the flow wait. A record whose path lacks a part, or whose values would lead elsewhere, fails,
    and so does one that the format cannot say.

    Numbers begin behind the highest that is there, so a file that has one is never touched again. What is
    held lies in memory twice, as records and as bytes: `run: {hold: {records: 1000000, bytes: 1GiB}}` makes larger
    files, `roll: {after: 10m}` bounds how long a slow source waits. While the disk is waited for,
    `run: {execution: thread}` lets the rest of the flow go on.

    Example:
        archive: {type: write_file, path: "out/{{ lang }}/posts.parquet", sync: close, roll: {records: 50000, after: 10m}}
    """

    type_name = "write_file"
    config: WriteFileConfig
    relationships = (WRITTEN, FAILURE)
    is_sink = True
    reads: Literal["rows", "content", "any"] = "rows"

    def __init__(self, config: WriteFileConfig) -> None:
        super().__init__(config)
        if config.format.codec is not None:
            self.reads = "content"
            self.codec = config.format.codec
        self._faults = Faults(config.path)
        limits, replaces = Limits.of(config), config.mode == "replace"
        self._outputs = Outputs(self._make, limits, replaces=replaces, rolls=config.roll is not None)
        self._parts = Parts(
            config.format,
            limits,
            is_numbered=config.is_numbered,
            replaces=replaces,
            is_synced=config.sync != "never",
            is_fault=self._faults.is_of_path,
        )
        self._lock = threading.Lock()  # calls may overlap in threads

    @classmethod
    def check(cls, config: WriteFileConfig) -> Iterable[str]:
        """Refuse what cannot be written."""
        source = config.path.source
        if source.endswith((".gz", ".zst")):
            yield f"'path': nothing is compressed on writing; {source!r} would not be what its name says"
        if source == "-":
            yield "'path': '-' is no file; the standard output is '/dev/stdout'"
        if source.endswith("/"):
            yield f"'path': {source!r} is a folder; name the file"
        if config.roll is not None and not config.roll.model_fields_set:
            yield "'roll' says when: 'records', 'bytes' or 'after'"
        try:
            config.format.writer()
        except ConfigError as error:
            yield f"'format': {error}"

    @classmethod
    def holds_for(cls, config: WriteFileConfig) -> float | None:
        """Until a file that is written whole is rolled."""
        after = config.roll.after if config.roll is not None else None
        return None if after is None else after.total_seconds()

    @classmethod
    def writes_to(cls, config: WriteFileConfig) -> Iterable[str]:
        """The file, where there is one and it is written in place."""
        if config.path.literal and not config.is_held:
            yield os.path.abspath(config.path.prefix)  # noqa: PTH100 - links are left as they are

    def fields(self) -> frozenset[str]:
        """What the path is made of."""
        return self.config.path.fields

    async def start(self, context: Context) -> None:
        """See that the file can be written, where there is only one."""
        if not self.config.path.literal:
            return
        path = self.config.path.prefix
        try:
            self._prove(path, context.now())
        except OSError as error:
            if is_of_path(error):
                raise ProcessorError(sentence(path, error)) from error
            raise self._faults.retryable(error, path) from error
        except (DecodeError, ConfigError) as error:
            raise ProcessorError(f"file {path!r}: {error}") from error

    async def stop(self, context: Context) -> None:
        """Close what is still open; what did not get its name is taken away."""
        self._outputs.abandon_all()
        self._parts.discard_all()

    def process(self, batch: Batch, context: Context) -> Routes:
        """Write a batch, each file with one write, or hold it until its files are closed."""
        with self._lock:
            groups, failures = _groups(batch, self.config.path)
            return (self._hold if self.config.is_held else self._write)(batch, groups, failures, context)

    async def wake(self, context: Context, why: Why) -> Routes:
        """Close what is old enough, or everything."""
        with self._lock:
            if self.config.is_held:
                return self._close_parts(why, context)
            try:
                if why is Why.TIME:
                    self._outputs.roll_aged(context.now())
                else:
                    self._outputs.close_all()
            except OSError as error:
                raise self._faults.retryable(error) from error
            context.wake_at(self._outputs.next_time())
            return {}

    def _prove(self, path: str, now: float) -> None:
        """Open a file that is there, or see that it could be made; an empty one is made by its first record."""
        config, is_there = self.config, Path(path).exists()
        if not config.is_held and (config.mode == "replace" or is_there):
            self._outputs.opened(path, now)
            return
        if config.is_held and (config.mode == "replace" or (is_there and not config.is_numbered)):
            self._parts.begin(path, now)
        if Path(path).is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
        folder = Path(path).parent
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)

    # -- in place -------------------------------------------------------------------------------

    def _write(self, batch: Batch, groups: _Groups, failures: Failures, context: Context) -> Routes:
        self._outputs.begin_call()
        try:
            for path, indices in groups.items():
                part = batch if len(indices) == len(batch) else batch.select(indices)
                found = self._faults.tried(path, part, partial(self._outputs.write, path, part, context.now()))
                failures += [(indices[index], error) for index, error in found]
        except BaseException:
            # Whoever raised, the batch or parts of it are given again.
            for left in self._outputs.undo():
                context.bulletin("what was written could not be taken back; it comes twice", path=left)
            raise
        context.wake_at(self._outputs.next_time())
        good = without(batch, failures)
        return self._failed(batch, failures, context) | ({WRITTEN.name: good} if len(good) else {})

    def _make(self, path: str) -> Output:
        return Output(path, self.config.format, sync=self.config.sync)

    # -- held -----------------------------------------------------------------------------------

    def _hold(self, batch: Batch, groups: _Groups, failures: Failures, context: Context) -> Routes:
        """Take a batch; what is closed must be out of the way first, or it would be taken without end."""
        now = context.now()
        if error := self._parts.publish():
            raise self._faults.retryable(error)
        ready: dict[str, Batch] = {}
        for path, indices in groups.items():
            part = batch if len(indices) == len(batch) else batch.select(indices)
            if found := self._faults.tried(path, part, partial(self._parts.begin, path, now, part)):
                failures += [(indices[index], error) for index, error in found]
            else:
                ready[path] = part
        for path, part in ready.items():
            found = self._parts.write(path, part, now, context.hold)
            failures += [(groups[path][index], error) for index, error in found]
        self._parts.publish()  # what that leaves is told and tried again by the next wake, which is due at once
        context.wake_at(self._parts.next_time(now))
        return _joined(self._failed(batch, failures, context), self._let_go(context))

    def _close_parts(self, why: Why, context: Context) -> Routes:
        if why is Why.TIME:
            self._parts.close_aged(context.now())
        else:
            self._parts.close_all()
        error = self._parts.publish()
        routes = self._let_go(context)
        if error and not routes:
            raise self._faults.retryable(error)
        context.wake_at(self._parts.next_time(context.now()))  # at once, where something is left
        return routes

    def _let_go(self, context: Context) -> Routes:
        """Release what was held for files that have their names now, or can never have them."""
        routes: dict[str, Batch] = {}
        published, lost = self._parts.take_published()
        for held in (held for part in published for held in part.held):
            held.release()
        if batches := [held.batch for part in published for held in part.held]:
            routes[WRITTEN.name] = Batch.concat(batches)
        failures = []
        for part, error in lost:
            for held in part.held:
                held.release()
                problem = EncodeError(sentence(part.path, error))
                failures.append(failed(held.batch, [(i, problem) for i in range(len(held.batch))], context.name))
        return {**routes, FAILURE.name: Batch.concat(failures)} if failures else routes

    def _failed(self, batch: Batch, failures: Failures, context: Context) -> dict[str, Batch]:
        if not failures:
            return {}
        return {FAILURE.name: failed(batch, sorted(failures, key=lambda failure: failure[0]), context.name)}


def _groups(batch: Batch, template: PathTemplate) -> tuple[_Groups, Failures]:
    """Which records go to which path, and which have none."""
    if template.literal:
        return {template.prefix: range(len(batch))}, []
    groups: dict[str, list[int]] = {}
    failures: Failures = []
    for index, path in enumerate(template.over(batch)):
        if path is None:
            text = f"path {template.source!r}: a part of it is missing, or is no part of a file name"
            failures.append((index, EncodeError(text)))
        else:
            groups.setdefault(path, []).append(index)
    return groups, failures


def _joined(first: Routes, second: Routes) -> Routes:
    """The batches of both, by name."""
    names = dict.fromkeys((*first, *second))
    return {name: Batch.concat([each[name] for each in (first, second) if name in each]) for name in names}
