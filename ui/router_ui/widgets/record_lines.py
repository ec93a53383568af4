"""All about one record, as lines of coloured words."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Any

from router.control.messages import RecordView
from router_ui.figures import size
from router_ui.widgets.record_image import image_of
from router_ui.widgets.record_json import Line, json_lines
from router_ui.widgets.records_text import clean

__all__ = ["bytes_of", "error_lines", "excerpt", "head", "in_line", "record_lines", "shown_as_json"]

_IMAGES = ("iVBORw0KGgo", "/9j/", "R0lGOD", "UklGR")  # how images begin in base64
_HEX_LINES = 16


def record_lines(record: RecordView, *, has_error: bool = True) -> Iterator[Line]:
    """Its content, decoded or as it is; then what lies beside it, its error only where it is not shown already."""
    yield from _content(record)
    if record.is_cut:
        yield [("", "")]
        yield [(f"only its beginning is shown here, of {size(record.size)}", "warn")]
    if has_error and record.columns.get("error") is not None:
        yield [("", "")]
        yield from error_lines(record.columns["error"])
    columns = {name: value for name, value in record.columns.items() if name != "error"}
    for title, rest in (("beside it", columns), ("of where it came from", record.attributes)):
        if rest:
            yield [("", "")]
            yield [(title, "head")]
            yield from json_lines(rest)


def error_lines(error: Any) -> Iterator[Line]:
    """Why a record failed; a traceback keeps its lines."""
    if not isinstance(error, Mapping):
        yield [("error", "head")]
        yield [(clean(str(error)), "bad")]
        return
    yield [("error  ", "head"), (clean(str(error.get("type", ""))), "bad")]
    for line in str(error.get("message", "")).splitlines():
        yield [(clean(line), "bad")]
    rest = {name: value for name, value in error.items() if name not in {"type", "message"} and value is not None}
    for name, value in rest.items():
        if isinstance(value, str):
            yield [(f"{clean(name)}:", "key")]
            yield from ([("  " + clean(line), "")] for line in value.splitlines())
        else:
            yield from json_lines({name: value})


def head(record: RecordView) -> str:
    """What it is, in a few words: ``json, 120 B``."""
    found = _image(record)
    kind = str(found) if found is not None else record.format
    return f"{kind}, {size(record.size)}" + (", its beginning" if record.is_cut else "")


def in_line(value: Any) -> str:
    """A value as a cell of a table."""
    if value is None:
        return "null"
    if isinstance(value, str):
        return value
    return shown_as_json(value)


def excerpt(record: RecordView) -> str:
    """A record as one cell of a table."""
    if record.record is not None:
        return shown_as_json(record.record)
    if record.content is not None:
        return record.content[:500]
    found = _image(record)
    return str(found) if found is not None else f"{size(record.size)} of bytes"


def shown_as_json(value: Any) -> str:
    """A value on one line, its beginning."""
    lines: list[str] = []
    for line in json_lines(value):
        lines.append("".join(text for text, _ in line).strip())
        if sum(map(len, lines)) > 500:
            break
    return " ".join(lines)


def bytes_of(record: RecordView) -> bytes | None:
    """Its content as it is; None: it is decoded, or none."""
    if record.content is not None:
        return record.content.encode()
    if record.content_base64 is not None:
        return _decoded(record.content_base64)
    return None


# -- content ----------------------------------------------------------------------------------------


def _content(record: RecordView) -> Iterator[Line]:
    if record.record is not None:
        yield from json_lines(record.record)
        yield from _images_in(record.record)
    elif record.content is not None:
        for line in record.content.splitlines():
            yield [(clean(line), "")]
    elif (found := _image(record)) is not None:
        yield [(str(found), "head"), (f", {size(record.size)}", "")]
        yield [("save it to look at it", "dim")]
    else:
        yield from _dump(bytes_of(record) or b"")


def _images_in(fields: Any) -> Iterator[Line]:
    """Images that the fields of a record hold."""
    for name, value in fields.items() if isinstance(fields, Mapping) else ():
        if isinstance(value, str) and value.startswith(_IMAGES):
            found = image_of(_decoded(value[: 256 << 10]))
            if found is not None:
                yield [(clean(name), "key"), (": ", "mark"), (str(found), ""), (f", {size(len(value) * 3 // 4)}", "")]


def _image(record: RecordView) -> Any:
    if record.content_base64 is None or not record.content_base64.startswith(_IMAGES):
        return None
    return image_of(_decoded(record.content_base64))


def _decoded(text: str) -> bytes:
    """Base64, or as much of it as is whole."""
    try:
        return base64.b64decode(text[: len(text) // 4 * 4])
    except binascii.Error:
        return b""


def _dump(data: bytes) -> Iterator[Line]:
    """Bytes as numbers and as letters, the first of them."""
    for start in range(0, min(len(data), _HEX_LINES * 16), 16):
        part = data[start : start + 16]
        letters = "".join(chr(each) if 32 <= each < 127 else "·" for each in part)
        yield [(f"{start:06x}  ", "dim"), (f"{part.hex(' '):<47}  ", "number"), (letters, "string")]
    if len(data) > _HEX_LINES * 16:
        yield [(f"and {size(len(data) - _HEX_LINES * 16)} more", "dim")]
