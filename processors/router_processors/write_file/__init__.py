"""Write records to files."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Literal

from router import (
    FAILURE,
    SUCCESS,
    Batch,
    BrokenOutputError,
    Config,
    ConfigError,
    Context,
    DecodeError,
    EncodeError,
    Failures,
    Field,
    Format,
    Held,
    PathTemplate,
    Processor,
    ProcessorError,
    RecordError,
    Relationship,
    RetryableError,
    Routes,
    Size,
    Unconnected,
    Why,
    failed,
)
from router_processors.write_file.output import Output, Sync
from router_processors.write_file.outputs import Limits, Outputs

WRITTEN = Relationship(SUCCESS.name, "Records that are in their file.", Unconnected.DELIVERED)

# What is wrong with a path itself; any other error is one that an operator can mend.
_PATH_FAULTS = {errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL}


class WriteFileConfig(Config):
    """Settings of ``write_file``."""

    path: PathTemplate = Field(
        description="The file; made from the record, it may be many. Missing folders are made.",
        examples=["out/alerts.jsonl", "out/{{ lang }}.avro"],
    )
    format: Format = Field(
        None,
        validate_default=True,
        description="How records lie in the file; left out: told by the end of its name, else `json_lines`.",
    )
    mode: Literal["append", "replace"] = Field(
        "append", description="What becomes of a file that is there when the flow starts: it goes on, or is emptied."
    )
    atomic: bool = Field(
        False, description="Write a hidden file, and give it its name when it is closed: nobody sees half of it."
    )
    sync: Sync = Field(
        "never", description="When to wait for the disk: `never`, when a file is `close`d, or `always`, each batch."
    )
    max_size: Size | None = Field(
        None, gt=0, description="A file that would become larger is closed and numbered: `posts.1.jsonl`."
    )
    max_age: timedelta | None = Field(
        None, gt=timedelta(0), description="A file this long in use is closed and numbered."
    )
    max_open: int = Field(64, gt=0, description="How many files are kept open; the one unused longest is closed.")


class WriteFile(Processor):
    """Write records to files.

    Delivered means: written to the operating system, which survives a crash of the process, not
    of the machine; with `sync: always` on the disk; with `atomic` under the file's own name.
    Each batch is one write. What a failed write left behind is taken back, and the batch is
    tried again: a full disk, a folder that may not be written, make the flow wait.

    A record whose path lacks a part, or whose values would lead elsewhere, fails, and so does one
    that the format cannot say. On appending, a last line without its end gets one first, an Avro
    file is cut to its last whole block.

    With `atomic`, records are held until their file is closed: at the end, on rotation, when `run.hold`
    is full; the file then goes on as a copy. While the disk is waited for, `run: {execution: thread}` lets
    the rest of the flow go on.

    Example:
        archive: {type: write_file, path: "out/{{ lang }}.avro", format: avro}
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
        max_age = None if config.max_age is None else config.max_age.total_seconds()
        limits = Limits(config.max_open, config.max_size, max_age)
        self._outputs = Outputs(self._make, limits, replace=config.mode == "replace")
        self._held: dict[str, list[Held]] = {}
        self._safe: list[Held] = []
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
        try:
            config.format.writer()
        except ConfigError as error:
            yield f"'format': {error}"

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
            if error.errno in _PATH_FAULTS:
                raise ProcessorError(_sentence(path, error)) from error
            raise RetryableError(_sentence(path, error)) from error
        except (DecodeError, ConfigError) as error:
            raise ProcessorError(f"file {path!r}: {error}") from error

    async def stop(self, context: Context) -> None:
        """Close what is still open; a hidden file that was not finished is taken away."""
        self._outputs.discard_all()

    def process(self, batch: Batch, context: Context) -> Routes:
        """Write a batch, each file with one write."""
        with self._lock:
            self._outputs.begin_call()
            groups, failures = self._groups(batch)
            written: dict[str, Batch] = {}
            try:
                for path, indices in groups.items():
                    part = batch if len(indices) == len(batch) else batch.select(indices)
                    found = self._write(path, part, context.now())
                    failures += [(indices[index], error) for index, error in found]
                    if len(found) < len(part):
                        written[path] = _without(part, found)
            except BaseException:
                # Whoever raised, the batch or parts of it are given again.
                for left in self._outputs.undo():
                    context.bulletin("what was written could not be taken back; it comes twice", path=left)
                raise
            return self._routes(batch, written, sorted(failures, key=lambda failure: failure[0]), context)

    async def wake(self, context: Context, why: Why) -> Routes:
        """Rotate what is old enough, or close everything."""
        with self._lock:
            self._outputs.begin_call()
            try:
                if why is Why.TIME:
                    self._outputs.rotate_aged(context.now())
                else:
                    self._outputs.publish_all()
            except OSError as error:
                raise RetryableError(_sentence(error.filename or str(self.config.path), error)) from error
            finally:
                self._note_published()
            self._ask_to_be_woken(context)
            return self._let_go()

    # -- writing --------------------------------------------------------------------------------

    def _prove(self, path: str, now: float) -> None:
        """Open a file that is there, or see that it could be made; an empty one is made by its first record."""
        if self.config.mode == "replace" or Path(path).exists():
            self._outputs.opened(path, now)
            return
        folder = Path(path).parent
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)

    def _groups(self, batch: Batch) -> tuple[dict[str, list[int]] | dict[str, range], Failures]:
        """Which records go to which path, and which have none."""
        template = self.config.path
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

    def _write(self, path: str, batch: Batch, now: float) -> Failures:
        try:
            return self._outputs.write(path, batch, now)
        except OSError as error:
            if error.errno in _PATH_FAULTS and not self.config.path.literal:
                problem: Exception = EncodeError(_sentence(path, error))
                return [(index, problem) for index in range(len(batch))]
            if error.errno == errno.EPIPE:
                raise BrokenOutputError(f"whoever read {path!r} has gone") from error
            raise RetryableError(_sentence(path, error)) from error
        except (ConfigError, RecordError) as error:
            problem = EncodeError(f"file {path!r}: {error}")
            return [(index, problem) for index in range(len(batch))]

    def _routes(self, batch: Batch, written: dict[str, Batch], failures: Failures, context: Context) -> Routes:
        routes: dict[str, Batch] = {}
        if failures:
            routes[FAILURE.name] = failed(batch, failures, context.name)
        self._ask_to_be_woken(context)
        self._note_published()  # before the new ones are held: they lie in the next file
        if not self.config.atomic:
            good = _without(batch, failures)
            return {**routes, WRITTEN.name: good} if len(good) else routes
        for path, part in written.items():
            self._held.setdefault(path, []).append(context.hold(part))
        return {**routes, **self._let_go()}

    def _ask_to_be_woken(self, context: Context) -> None:
        if self.config.max_age is not None:
            context.wake_at(self._outputs.next_age())

    # -- letting go -----------------------------------------------------------------------------

    def _note_published(self) -> None:
        """Count what was held for a published file as safe; kept until a call succeeds to say so."""
        for path in self._outputs.published:
            self._safe += self._held.pop(path, [])
        self._outputs.published.clear()

    def _let_go(self) -> Routes:
        if not self._safe:
            return {}
        safe, self._safe = self._safe, []
        for held in safe:
            held.release()
        return {WRITTEN.name: Batch.concat([held.batch for held in safe])}

    def _make(self, path: str) -> Output:
        config = self.config
        return Output(path, config.format, is_atomic=config.atomic, sync=config.sync)


def _without(batch: Batch, failures: Failures) -> Batch:
    if not failures:
        return batch
    bad = {index for index, _ in failures}
    return batch.select([index for index in range(len(batch)) if index not in bad])


def _sentence(path: str, error: OSError) -> str:
    return f"file {path!r} cannot be written: {error.strerror or error}"
