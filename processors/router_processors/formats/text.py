"""Plain text: one record a line."""

from __future__ import annotations

from typing import BinaryIO

from router import TEXT, Format
from router_processors.formats.lines import LineReader, LineWriter
from router_processors.formats.tails import end_line


class Text(Format):
    r"""Plain UTF-8 text: each line is a record ``{"text": line}``, blank ones too.

    A byte order mark and the ``\r`` of ``\r\n`` are taken off. Only ``\n`` ends a line. To be
    written, a record needs a string ``text`` without a line break.

    Example:
        read: {type: read_file, path: /var/log/app.log, format: text, mode: follow, to: parse}
    """

    type_name = "text"
    suffixes = (".txt", ".log")
    codec = TEXT

    def reader(self) -> LineReader:
        """Make a reader for one stream."""
        return LineReader()

    def writer(self, existing: BinaryIO | None = None) -> LineWriter:
        """Make a writer for one stream."""
        return LineWriter(end_line(existing))
