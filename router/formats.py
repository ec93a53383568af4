"""How records lie in a file or a stream: the contract of a format plugin."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, ClassVar

from pydantic import ValidationInfo

from router.batch import Batch
from router.choice import Choice
from router.codec import Codec, Failures, Record
from router.errors import ConfigError, DecodeError, RecordError
from router.forms import Whole

__all__ = ["Format", "Misread", "Part", "RecordReader", "RecordWriter"]

_COMPRESSED = (".gz", ".zst")


@dataclass(frozen=True, slots=True)
class Misread:
    """A stretch of a stream that is no record: its bytes, why, and its place among the records around it."""

    index: int
    """Which record of the part it would have been, counting the good and the misread."""
    content: bytes
    """Its bytes; of what is too long for a record, the first KiB."""
    error: RecordError


@dataclass(frozen=True, slots=True)
class Part:
    """What a reader found in one piece of a stream, in order: records as content or as rows, and what is none."""

    content: Sequence[bytes] = ()
    """Records as they stand, for a format with a codec."""
    rows: Sequence[Record] = ()
    """Records decoded, for a format without."""
    misread: Sequence[Misread] = ()
    whole: Whole = ()
    """All of ``content`` as it stood there, where each record ends with a line break; see ``Batch.whole``."""


class RecordReader(ABC):
    """Finds the records of one stream, which is fed to it piece by piece.

    It does no input of its own, so it serves files, files that grow, sockets and request
    bodies alike. Whatever the stream holds, nothing is raised: what is no record comes out
    as ``Misread``, and the records around it live. It keeps no more than one unfinished
    record, bounded by the format.
    """

    @abstractmethod
    def feed(self, data: bytes) -> Part:
        """Take the next piece; give the records that are complete with it."""

    @abstractmethod
    def end(self, error: DecodeError | None = None) -> Part:
        """Take the end; give what was waiting for it.

        Args:
            error: why this is not the true end of the stream, as where compressed data breaks
                off. What is unfinished is then misread, never taken for a short record.
        """

    @property
    @abstractmethod
    def pending(self) -> int:
        """How many of the bytes fed belong to a record that is not complete yet."""


class RecordWriter(ABC):
    """Says records as the bytes that come next in one stream, which its owner writes.

    What it knows of the stream moves on with each call: an owner that fails to write the
    bytes keeps them, or makes a new writer from what the stream then holds. A call that raises
    has taken nothing.
    """

    @property
    def pending(self) -> int:
        """How many bytes the records take, about, that were taken and not given out yet."""
        return 0

    @abstractmethod
    def write(self, batch: Batch) -> tuple[bytes, Failures]:
        """Give the bytes of the records, after whatever begins the stream, and the index and error of the rest.

        The batch holds content in the format's codec where it has one, else rows.
        """

    def end(self) -> bytes:
        """Give what closes the stream."""
        return b""


class Format(Choice):
    """Base of formats: how records lie side by side in a stream, and how each is written.

    A format is a setting of processors: ``format: csv``, ``format: {type: csv, delimiter: ";"}``.
    A field of a ``Config`` annotated with ``Format`` holds one; left out with
    ``Field(None, validate_default=True)``, it follows from the end of the setting ``path``.

    Example:
        >>> class Columns(Format):
        ...     '''Values side by side, by width.'''
        ...     type_name = "columns"
        ...     suffixes = (".dat",)
        ...     def reader(self):
        ...         return ColumnReader(self.config)
    """

    noun = "format"
    suffixes: ClassVar[tuple[str, ...]] = ()
    """The ends of file names that mean this format where none is named."""
    is_streaming: ClassVar[bool] = True
    """False: nothing can be read before the end of the stream has come."""
    is_appendable: ClassVar[bool] = True
    """False: what was written can be read only behind ``RecordWriter.end``, and nothing can be written behind that."""
    codec: ClassVar[Codec | None] = None
    """The codec its records travel in undecoded; None: they travel as rows."""

    def reader(self) -> RecordReader:
        """Make a reader for one stream.

        Raises:
            ConfigError: it cannot be read, or its settings do not say enough for that.
        """
        raise ConfigError(f"format {self.type_name!r} cannot be read")

    def parts(self, stream: BinaryIO) -> Iterator[Part] | None:
        """Read a stream that can seek, some of it at a time, where that is better than to feed it to a reader.

        Asked of formats that are not ``is_streaming``, and read in its order as long as the
        stream is open; whatever it holds, nothing is raised. None: feed it to ``reader``.
        """
        return None

    def writer(self, existing: BinaryIO | None = None) -> RecordWriter:
        """Make a writer for one stream.

        Args:
            existing: the stream so far, seekable, for reading and writing; a record or block
                that a crash tore off at its end is cut off or closed, and the writer goes on
                behind it. None or empty: a new stream.

        Raises:
            ConfigError: it cannot be written, or its settings do not say enough for that.
            DecodeError: what is there is not of this format.
        """
        raise ConfigError(f"format {self.type_name!r} cannot be written")

    def fitted(self, batch: Batch) -> Format:
        """The same format, its columns or schema fixed by the records of a batch, so that more streams can be alike.

        Itself where its settings leave nothing open, or where these records do not say it.
        """
        return self

    @classmethod
    def known(cls, registry: Any) -> Mapping[str, type[Choice]]:
        """The formats a registry holds, by name."""
        found: Mapping[str, type[Choice]] = registry.formats
        return found

    @classmethod
    def named(cls, value: object, info: ValidationInfo) -> object:
        """Where no format is named, the one of files that end like the setting ``path``, else ``json_lines``."""
        if value is not None:
            return value
        path = str(info.data.get("path", ""))
        for end in _COMPRESSED:
            path = path.removesuffix(end)
        registry = (info.context or {}).get("registry")
        kinds = cls.known(registry) if registry is not None else {}
        fitting = (name for name, kind in kinds.items() if issubclass(kind, Format) and path.endswith(kind.suffixes))
        return next(fitting, "json_lines")
