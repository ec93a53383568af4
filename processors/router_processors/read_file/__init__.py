"""Read records from files: once, as they grow, or as they arrive."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from datetime import timedelta
from typing import Literal

from router import (
    FAILURE,
    RAW,
    SUCCESS,
    Ack,
    Batch,
    Config,
    ConfigError,
    Context,
    DecodeError,
    Field,
    Format,
    Outcome,
    ProcessorError,
    Rate,
    Source,
    failed,
)
from router_processors.read_file.again import read_again
from router_processors.read_file.batches import Item, Manner, Meter, Position
from router_processors.read_file.checkpoints import Checkpoints
from router_processors.read_file.decompress import Compression
from router_processors.read_file.follow import Follower
from router_processors.read_file.names import FileNames, FileNamesSetting
from router_processors.read_file.reading import RECORDS, Reading

_SECONDS = 0.1  # how much of a rate goes into one batch
_LATE = 1.0  # seconds; what was missed by more is not made up for
_PAUSE = 1.0  # seconds between two rounds of a loop over nothing


class ReadFileConfig(Config):
    """Settings of ``read_file``."""

    path: FileNamesSetting = Field(
        description="The file, or a pattern of files, read in their natural order; `-` is the standard input.",
        examples=["data/posts.jsonl", "in/**/*.csv.gz"],
    )
    format: Format = Field(
        None,
        validate_default=True,
        description="How records lie in the file; left out: told by the end of its name, else `json_lines`.",
    )
    compression: Compression = Field(
        "auto", description="`gzip`, `zstd` or `none`; `auto` looks at the first bytes of each file."
    )
    mode: Literal["once", "follow", "watch"] = Field(
        "once",
        description="`once`: to the end, then done. `follow`: then what is appended, through rotation and "
        "truncation. `watch`: each file that arrives, whole, when it has stopped growing.",
    )
    loop: bool = Field(False, description="At the end begin again.")
    rate: Rate = Field(0.0, description="How many records a second; 0: as fast as they are taken.")
    poll: timedelta = Field(
        timedelta(milliseconds=200), gt=timedelta(0), description="How often `follow` and `watch` look."
    )
    checkpoint: bool = Field(
        False, description="Whether to keep how far each file was read, and go on there after a restart."
    )


class ReadFile(Source):
    """Read records from files.

    Content is given undecoded where the format allows it, with the file's name as the attribute
    `path`. What is no record leaves by `failure`, as the bytes that stand in the file, and the
    records around it go on: a csv line with a value too many, a damaged Avro block, the place
    where a truncated gzip file breaks off. In a pipe, `once` ends when its writers have closed it.

    `once` needs the file to be there; `follow` and `watch` wait for it. `follow` finds a file again
    when it is renamed, reads a rotated one to its end before it begins the new, and begins again
    when one is cut; what was written and cut between two looks is missed. `watch` takes a file up
    when it has not changed between two looks, and reads one that changes later once more.

    Without `checkpoint` a second run reads from the beginning, and records that were rejected are
    not read again in the same run; a bulletin at the end says how many batches. With it the position up
    to which all records are safe is kept in the flow's state for each file, and a restart goes on there:
    no record is lost, those behind the position come again. A file is known by its device and
    inode and by its first KiB: one that was renamed beside its old name is read to its end, one that was cut or
    replaced from its beginning. Compressed data, and formats that are read as a whole, are read again
    up to the position and left out. `once` then gives what is new since the last run, `watch` remembers the
    files it has read. What was rejected is given again, after 1 s at first and at most 5 min, as long as
    the source still reads. A file that is gone is forgotten after 30 days.

    Example:
        read: {type: read_file, path: posts.jsonl, to: score}
    """

    type_name = "read_file"
    config: ReadFileConfig
    relationships = (SUCCESS, FAILURE)

    def __init__(self, config: ReadFileConfig) -> None:
        super().__init__(config)
        self._meter = Meter()
        self._total: int | None = None
        self._rejected = 0
        self._checkpoints: Checkpoints | None = None
        if config.checkpoint:
            is_streaming = config.format.is_streaming
            self._checkpoints = Checkpoints(config.path, mode=config.mode, is_streaming=is_streaming)
        self._manner = Manner(config.format, config.compression, self._records(), self.type_name, self._meter)

    @classmethod
    def check(cls, config: ReadFileConfig) -> Iterable[str]:
        """Refuse what cannot be read that way."""
        if config.checkpoint and config.path.is_stdin:
            yield "'checkpoint': the standard input has no position to go on at"
        if config.checkpoint and config.loop:
            yield "'loop' begins again, 'checkpoint' goes on; give one of them"
        if config.loop and (config.mode != "once" or config.path.is_stdin):
            yield f"'loop' begins again at the end, which {'standard input' if config.path.is_stdin else config.mode} lacks"
        if config.path.is_stdin and config.mode != "once":
            yield f"'mode': the standard input is read once; got {config.mode!r}"
        if config.mode == "follow" and not config.format.is_streaming:
            yield f"'mode': format {config.format.type_name!r} reads whole files; use 'watch' instead of 'follow'"
        try:
            config.format.reader()
        except ConfigError as error:
            yield f"'format': {error}"

    @classmethod
    def reads_from(cls, config: ReadFileConfig) -> Iterable[str]:
        """The file, where there is one."""
        names = config.path
        if not (names.is_stdin or names.is_pattern):
            yield os.path.abspath(names.place(names.text))  # noqa: PTH100 - links are left as they are

    async def start(self, context: Context) -> None:
        """See that there is something to read, and learn how far it was read before."""
        if self._checkpoints is not None:
            await self._checkpoints.load(context)
        self._manner = Manner(self.config.format, self.config.compression, self._records(), context.name, self._meter)
        names = self.config.path
        if names.is_pattern or names.is_stdin:
            return
        place = names.place(names.text)
        try:
            mode = os.stat(place).st_mode  # noqa: PTH116 - a name is shown as it was given
            if stat.S_ISREG(mode):
                os.close(os.open(place, os.O_RDONLY | os.O_CLOEXEC))
        except FileNotFoundError as error:
            if self.config.mode == "once":
                raise ProcessorError(f"no file {place!r}") from error
            return
        except OSError as error:
            raise ProcessorError(f"file {place!r} cannot be read: {error.strerror}") from error
        if stat.S_ISDIR(mode):
            right = names.text.rstrip("/") + "/*"
            raise ProcessorError(f"{place!r} is a folder; name its files, such as {right!r}")
        if self.config.mode != "once" and not stat.S_ISREG(mode):
            raise ProcessorError(f"{place!r} is no regular file; it can be read in mode 'once' only")
        if self._checkpoints is not None and not stat.S_ISREG(mode):
            raise ProcessorError(f"{place!r} is no regular file; 'checkpoint' has no position to keep")

    async def produce(self, context: Context) -> AsyncGenerator[Item, None]:
        """Give records until there are no more."""
        modes = {"once": self._once, "follow": self._follow, "watch": self._watch}
        due = context.now()
        async with aclosing(self._with_rejected(modes[self.config.mode](context), context)) as items:
            async for item in items:
                if self.config.rate:
                    now = context.now()
                    if due > now:
                        await context.sleep(due - now)
                    due = max(due, now - _LATE) + _count(item) / self.config.rate
                yield item

    async def _with_rejected(
        self, items: AsyncGenerator[Item | None, None], context: Context
    ) -> AsyncGenerator[Item, None]:
        """Give between the items what was rejected, when its time has come; and at the end all that is left of it."""
        kept = self._checkpoints
        if kept is not None:
            kept.refresh()
        async with aclosing(items):
            async for item in items:
                if item is not None:
                    yield item
                async for again in self._rejected_items(context):
                    yield again
        while kept is not None and (due := kept.next_again) is not None:
            await context.sleep(max(0.0, due - context.now()))
            async for again in self._rejected_items(context):
                yield again

    async def _rejected_items(self, context: Context) -> AsyncGenerator[Item, None]:
        if self._checkpoints is None:
            return
        self._checkpoints.refresh()
        for token in self._checkpoints.due_again():
            name = self._checkpoints.place_again(token)
            item = None if name is None else await read_again(token, self._open_plain(name))
            if item is None:
                context.bulletin("records that were rejected cannot be read again", path=token.position.path)
            else:
                yield item

    def settled(self, ack: Ack) -> None:
        """Save up to where all is safe, and count what was rejected."""
        if self._checkpoints is None or not self._checkpoints.settled(ack):
            self._rejected += ack.outcome is Outcome.REJECTED

    async def stop(self, context: Context) -> None:
        """See that positions are on disk; tell of what was rejected."""
        if self._checkpoints is not None:
            await self._checkpoints.stop()
            self._rejected += self._checkpoints.rejected
        if self._rejected:
            text = "batches were rejected; a second run reads them again"
            with_others = "" if self._checkpoints is not None else ", with all others"
            context.bulletin(text + with_others, batches=self._rejected)

    def progress(self) -> tuple[int, int | None]:
        """How many bytes were read, and of how many."""
        return self._meter.nbytes, self._total

    def _records(self) -> int:
        return min(RECORDS, max(1, int(self.config.rate * _SECONDS))) if self.config.rate else RECORDS

    # -- the modes ------------------------------------------------------------------------------

    async def _once(self, context: Context) -> AsyncGenerator[Item | None, None]:
        while True:
            found = [*self._moved(), *self.config.path.find()]
            if not found:
                context.bulletin("no file matches", path=str(self.config.path))
            self._total = None if self.config.loop else _total([self.config.path.place(name) for name in found])
            is_empty = True
            for name in found:
                async with aclosing(self._whole(name, context)) as items:
                    async for item in items:
                        is_empty = False
                        yield item
            if not self.config.loop:
                return
            if is_empty:
                await context.sleep(_PAUSE)

    async def _follow(self, context: Context) -> AsyncGenerator[Item | None, None]:
        follower = Follower(self.config.path, self._open, context, self.config.poll.total_seconds())
        for name in self._moved():
            follower.adopt(name)
        async with aclosing(follower.items()) as items:
            async for item in items:
                yield item

    async def _watch(self, context: Context) -> AsyncGenerator[Item | None, None]:
        names = self.config.path
        read: dict[str, object] = {}
        before: dict[str, object] = {}
        while True:
            now = _versions(names)
            for name, version in now.items():
                if before.get(name) == version != read.get(name):
                    async with aclosing(self._whole(name, context)) as items:
                        async for item in items:
                            yield item
                    read[name] = version
            before = now
            read = {name: version for name, version in read.items() if name in now}
            yield None
            await context.sleep(self.config.poll.total_seconds())

    async def _whole(self, name: str, context: Context) -> AsyncGenerator[Item, None]:
        try:
            reading = self._open(name)
        except FileNotFoundError:
            context.bulletin("a file vanished before it was read", path=name)
            return
        except OSError as error:
            context.bulletin("a file cannot be read", path=name, error=error.strerror)
            yield self._unreadable(name, error)
            return
        if reading is None:
            return
        try:
            while not reading.at_end:
                await reading.wait()
                is_empty = True
                for item in reading.step():
                    is_empty = False
                    yield item
                if is_empty:
                    await asyncio.sleep(0)  # noqa: TID251 - a turn for the others, where a record is long in coming
            for item in reading.end():
                yield item
        finally:
            reading.close()
        if reading.misread:
            error_text = {} if reading.error is None else {"error": str(reading.error)}
            context.bulletin("parts of a file are no records", path=name, parts=reading.misread, **error_text)

    def _open(self, name: str) -> Reading | None:
        """Open a file where it was left; None: there is nothing new in it."""
        reading = self._open_plain(name)
        if self._checkpoints is None or self._checkpoints.begin(reading):
            return reading
        self._meter.nbytes += reading.size
        reading.close()
        return None

    def _open_plain(self, name: str) -> Reading:
        return Reading(name, self.config.path.place(name), self._manner)

    def _moved(self) -> list[str]:
        return [] if self._checkpoints is None else list(self._checkpoints.moved())

    def _unreadable(self, name: str, error: OSError) -> Item:
        nothing = Batch.raw([b""], RAW, path=name)
        problem = DecodeError(f"file {name!r} cannot be read: {error.strerror}")
        return {"failure": failed(nothing, [(0, problem)], self._manner.reader)}, Position(name, 0)


def _count(item: Item) -> int:
    given = item[0]
    return len(given) if isinstance(given, Batch) else sum(map(len, given.values()))


def _total(places: Iterable[str]) -> int | None:
    total = 0
    for place in places:
        try:
            status = os.stat(place)  # noqa: PTH116 - a name is shown as it was given
        except OSError:
            continue
        if not stat.S_ISREG(status.st_mode):
            return None
        total += status.st_size
    return total


def _versions(names: FileNames) -> dict[str, object]:
    """What tells a file from itself after a change."""
    found: dict[str, object] = {}
    for name in names.find():
        try:
            status = os.stat(names.place(name))  # noqa: PTH116 - a name is shown as it was given
        except OSError:
            continue
        if stat.S_ISREG(status.st_mode):
            found[name] = (status.st_ino, status.st_size, status.st_mtime_ns)
    return found
