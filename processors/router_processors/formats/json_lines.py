"""JSON lines: one JSON object a line."""

from __future__ import annotations

from typing import BinaryIO

import msgspec

from router import JSON, EncodeError, Format
from router_processors.formats.lines import LineReader, LineWriter
from router_processors.formats.tails import end_line


class JsonLines(Format):
    r"""One JSON object a line.

    Records travel undecoded: what no processor changes leaves byte for byte as it came, and a
    line that is no JSON fails at the first processor that decodes it. Blank lines are skipped,
    a byte order mark and the ``\r`` of ``\r\n`` are taken off. A line of more than 64 MiB is
    skipped and fails as its first KiB. On writing after a torn last line, a new one is begun.

    Example:
        read: {type: read_file, path: posts.jsonl, format: json_lines, to: score}
    """

    type_name = "json_lines"
    suffixes = (".jsonl", ".ndjson", ".jsonlines")
    codec = JSON

    def reader(self) -> LineReader:
        """Make a reader for one stream."""
        return LineReader(skip_blank=True)

    def writer(self, existing: BinaryIO | None = None) -> JsonLineWriter:
        """Make a writer for one stream."""
        return JsonLineWriter(end_line(existing))


class JsonLineWriter(LineWriter):
    """Writes objects as lines; one that was laid out over several lines is put on one."""

    def flat(self, content: bytes) -> bytes:
        """Take the layout out; every value stays as it is written."""
        try:
            return msgspec.json.format(content, indent=-1)
        except msgspec.MsgspecError as error:
            raise EncodeError(f"a line has no line break in it; got {content!r:.80}") from error
