"""JSON documents: a file is one document, an array gives its elements."""

from __future__ import annotations

import os
from typing import BinaryIO

import msgspec

from router import (
    JSON,
    Batch,
    Config,
    DecodeError,
    EncodeError,
    Failures,
    Field,
    Format,
    Misread,
    Part,
    RecordWriter,
    Size,
    resumable,
)
from router_processors.formats.documents import DocumentReader
from router_processors.formats.lines import BOM, KEPT
from router_processors.formats.tails import size_of

_RAW = msgspec.json.Decoder(msgspec.Raw)
_ELEMENTS = msgspec.json.Decoder(list[msgspec.Raw])
_SPACE = b" \t\r\n"


class JsonConfig(Config):
    """The settings of format ``json``."""

    max_size: Size = Field(
        256 << 20, gt=0, description="The longest document; a longer one fails, for it is read as a whole."
    )


class Json(Format):
    """One JSON document a file: an array gives its elements, anything else is one record.

    A document that is no JSON fails as a whole, as its first KiB. On writing, the records
    become one array, whose end is written when the file is closed; on appending, the array
    that is there goes on. For much data, or while others read along, take ``json_lines``.

    Example:
        read: {type: read_file, path: export.json, format: json, to: store}
    """

    type_name = "json"
    suffixes = (".json",)
    is_streaming = False
    codec = JSON
    config: JsonConfig

    def reader(self) -> JsonReader:
        """Make a reader for one stream."""
        return JsonReader(self.config.max_size)

    def writer(self, existing: BinaryIO | None = None) -> JsonWriter:
        """Make a writer for one stream."""
        if existing is None or not size_of(existing):
            return JsonWriter(b"[\n")
        return JsonWriter(_reopen(existing))


class JsonReader(DocumentReader):
    """Gives the elements of the array that a stream holds, each as it is written but for its layout."""

    def part(self, document: bytes) -> Part:
        """Find the records of the document."""
        document = document.removeprefix(BOM).strip(_SPACE)
        if not document:
            return Part()
        try:
            if b"\n" in document:
                # A record may become a line of another file.
                document = msgspec.json.format(document, indent=-1)
            return Part(list(map(bytes, _ELEMENTS.decode(document))) if document[:1] == b"[" else [document])
        except (msgspec.MsgspecError, RecursionError) as error:
            cause = "nested too deeply" if isinstance(error, RecursionError) else str(error)
            cause = cause.removeprefix("JSON is malformed: ")
            size = len(document)
            text = f"not json: {cause[:1].lower()}{cause[1:]}"
            problem = DecodeError(text, head_of=size if size > KEPT else None)
            return Part((), (), [Misread(0, document[:KEPT], problem)])


class JsonWriter(RecordWriter):
    """Writes records as the elements of one array, a line each."""

    def __init__(self, before: bytes) -> None:
        self._before = before

    def write(self, batch: Batch) -> tuple[bytes, Failures]:
        """Give the elements, after what opens the array or parts them from those before."""
        # One broken element would break the whole document.
        _, failures = resumable(_RAW.decode, batch.content)
        bad = {index for index, _ in failures}
        content = [each for index, each in enumerate(batch.content) if index not in bad]
        errors: Failures = [(index, EncodeError(f"not json: {error}")) for index, error in failures]
        if not content:
            return b"", errors
        before, self._before = self._before, b",\n"
        return before + b",\n".join(content), errors

    def end(self) -> bytes:
        """Close the array."""
        return b"[]\n" if self._before == b"[\n" else b"\n]\n"


def _reopen(existing: BinaryIO) -> bytes:
    """Cut the end of the array away, or an element that was torn off; say what comes before the next."""
    existing.seek(0)
    text = existing.read()
    body = text.rstrip(_SPACE)
    if not body.removeprefix(BOM).lstrip(_SPACE).startswith(b"["):
        raise DecodeError(f"no array of JSON that could go on; it begins with {text[:20]!r}")
    if body.endswith(b"]") and _is_json(body):
        body = body[:-1].rstrip(_SPACE)
    else:
        body = body.removesuffix(b",")
        while not _is_json(body + b"]"):
            body = body[: max(body.rfind(b",\n"), body.find(b"[") + 1)]
    existing.truncate(existing.seek(len(body), os.SEEK_SET))
    return b"\n" if body.endswith(b"[") else b",\n"


def _is_json(text: bytes) -> bool:
    try:
        _RAW.decode(text)
    except msgspec.MsgspecError:
        return False
    return True
