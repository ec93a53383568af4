"""Raw bytes: a whole file is one record."""

from __future__ import annotations

from typing import BinaryIO

from router import RAW, Batch, Failures, Format, RecordReader, RecordWriter
from router_processors.formats.documents import DocumentReader


class Raw(Format):
    """Bytes nobody looks into: a whole file is one record ``{"content": bytes}``.

    A file of more than 64 MiB fails as its first KiB. On writing, the bytes of each record
    follow those of the one before: give each its own file by a path such as ``out/{{ id }}.png``.

    Example:
        read: {type: read_file, path: "images/*.png", format: raw, to: decode}
    """

    type_name = "raw"
    suffixes = (".bin", ".png", ".jpg", ".jpeg", ".gif", ".webp", ".pdf", ".wav", ".mp3")
    is_streaming = False
    codec = RAW

    def reader(self) -> RecordReader:
        """Make a reader for one stream."""
        return DocumentReader()

    def writer(self, existing: BinaryIO | None = None) -> RecordWriter:
        """Make a writer for one stream."""
        return RawWriter()


class RawWriter(RecordWriter):
    """Writes the bytes of one record behind those of the other."""

    def write(self, batch: Batch) -> tuple[bytes, Failures]:
        """Give the records' content."""
        return b"".join(batch.content), []
