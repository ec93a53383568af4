"""Make records of the body of a request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from router import JSON, Batch, Failures, Format, Part
from router_processors.serve_http.refused import Refused

_JSON_TYPES = {"application/json", "text/json"}
_LINE_TYPES = {"ndjson", "x-ndjson", "jsonl", "x-jsonl", "jsonlines", "x-jsonlines", "json-lines"}
_USUAL = {"", "application/json"}
_SPACE = b" \t\r\n"


class Reader:
    """Reads bodies in one format; one that says it is JSON lines is read so where the format is ``json``.

    A body is taken whole or not at all: what has one record that cannot be read is refused.
    """

    def __init__(self, format: Format) -> None:
        self._format = format
        self._is_json = format.codec is JSON
        self._is_document = self._is_json and not format.is_streaming

    def check_type(self, media_type: str) -> None:
        """Refuse a body that says it is something else, as a form is that any web page can send.

        Raises:
            Refused: it is not the format's.
        """
        if self._is_json and media_type not in _USUAL and not (_is_json(media_type) or _is_lines(media_type)):
            raise Refused(415, f"a body is JSON here, 'application/json'; got {media_type!r:.100}")

    def read(self, body: bytes, media_type: str, attributes: dict[str, Any]) -> tuple[Batch, bool]:
        """The records, and whether they are a batch, to be answered as one.

        Raises:
            Refused: the body cannot be read.
        """
        says_lines = media_type not in _USUAL and _is_lines(media_type)
        if self._is_document and body[:1] == b"{" and not says_lines and _is_record(body):
            return Batch.raw((body,), JSON, **attributes), False
        if self._is_document and says_lines:
            content = [line for each in body.split(b"\n") if (line := each.strip(_SPACE))]
            return self._batch(content, attributes), True
        start = body.lstrip(_SPACE)[:1] if self._is_document else b""
        if self._is_document and not start:
            raise Refused(400, "the body is empty; it would be a JSON object, or an array of them")
        part = self._part(body)
        made = self._batch(part.content, attributes) if self._format.codec else Batch.of(part.rows, **attributes)
        return made, start == b"[" if self._is_document else self._format.is_streaming or len(made) != 1

    def _part(self, body: bytes) -> Part:
        reader = self._format.reader()
        first, last = reader.feed(body), reader.end()
        for misread in (*first.misread, *last.misread):
            raise Refused(400, f"the body cannot be read: {misread.error}")
        if not (first.content or first.rows):
            return last
        return Part([*first.content, *last.content], [*first.rows, *last.rows])

    def _batch(self, content: Sequence[bytes], attributes: dict[str, Any]) -> Batch:
        codec = self._format.codec
        assert codec is not None
        failures: Failures
        _, failures = Batch.raw(content, codec).decoded()  # for its errors alone: it goes on undecoded
        for index, error in failures:
            where = f"record {index}: " if len(content) > 1 else ""
            raise Refused(400, f"the body cannot be read: {where}{error}")
        return Batch.raw(content, codec, **attributes)


def _is_record(body: bytes) -> bool:
    """True for one record, as it is; the common case, and the rest is told where it does not hold."""
    if b"\n" in body:
        return False
    try:
        JSON.decode(body)
    except (ValueError, RecursionError):
        return False
    return True


def _is_json(media_type: str) -> bool:
    return media_type in _JSON_TYPES or media_type.endswith("+json")


def _is_lines(media_type: str) -> bool:
    kind, _, name = media_type.partition("/")
    return kind in ("application", "text") and name in _LINE_TYPES
