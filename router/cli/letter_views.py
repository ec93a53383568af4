"""Dead letters for the eyes of people: a line each, or all of one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from router.cli.terminal import Line, printable

if TYPE_CHECKING:
    from router.storage.letter import DeadLetter

__all__ = ["full", "short_record", "table"]

_RECORD, _ERROR = 60, 48  # how much of them stands in a line
_NAME = 32  # how wide a name may make the names of all facts


def table(letters: Sequence[DeadLetter]) -> Iterator[Line]:
    """A line each: number, time, processor, error, the beginning of the record."""
    rows = [_cells(letter) for letter in letters]
    head = ("id", "time", "processor", "error", "record")
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(4)]
    yield [(_aligned(head, widths), "dim")]
    for letter, row in zip(letters, rows, strict=True):
        number, *rest, record = row
        aligned = _aligned((number, *rest, ""), widths)
        yield [(aligned, "" if letter.retry_to is None else "cyan"), (record, "dim")]


def _cells(letter: DeadLetter) -> tuple[str, str, str, str, str]:
    found = letter.to_dict()
    error = printable(_said(found["error"]))
    return (
        str(letter.id),
        _time(letter.last_time),
        letter.processor,
        error if len(error) <= _ERROR else f"{error[: _ERROR - 3]}...",
        short_record(found) if letter.head_of is None else f"[{letter.said_of_head}] {short_record(found)}"[:_RECORD],
    )


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    number, *texts, last = cells
    inner = "  ".join(f"{text:{width}}" for text, width in zip(texts, widths[1:], strict=True))
    return f"  {number:>{widths[0]}}  {inner}  {last}"


def short_record(found: Mapping[str, Any], most: int = _RECORD) -> str:
    """The beginning of a record, on one line."""
    record = found["record"]
    content = found.get("content", found.get("content_base64", ""))
    text = json.dumps(record, ensure_ascii=False, default=repr) if record is not None else content
    return printable(text[: 4 * most])[:most]


def full(letter: DeadLetter) -> Iterator[Line]:
    """Everything a letter says."""
    found = letter.to_dict()
    facts = [(printable(name), text) for name, text in (*_facts(letter, found), *_beside(found))]
    width = min(_NAME, max(len(name) for name, _ in facts))
    yield [(f"dead letter {letter.id}", "bold")]
    yield from (_fact(f"{name:{width}}", text) for name, text in facts)
    yield []
    record, kind = found["record"], next((name for name in ("content", "content_base64") if name in found), None)
    if record is not None:
        yield from _lines(json.dumps(record, ensure_ascii=False, indent=2, default=repr))
    elif kind is not None:
        yield from _lines(found[kind])


def _facts(letter: DeadLetter, found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "error", _said(found["error"])
    for name, value in found["error"].items():
        if name not in ("type", "message", "processor", "head_of") and value is not None:
            yield f"error {name}", value if isinstance(value, str) else _json(value)
    if letter.head_of is not None:
        yield "kept", f"{letter.said_of_head}; it is tried again only with --heads"
    yield "processor", letter.processor
    yield "connection", letter.connection or "none: it came from no connection"
    yield "time", _time(letter.last_time)
    if letter.first_time != letter.last_time:
        yield "first time", _time(letter.first_time)
    yield "attempts", str(letter.attempts)
    if letter.flow_version:
        yield "flow version", letter.flow_version
    if letter.retry_to is not None:
        yield "tried again", f"as soon as the flow runs, on {letter.retry_to}"


def _beside(found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name in ("columns", "attributes"):
        for key, value in found[name].items():
            yield f"{name[:-1]} {key}", value if isinstance(value, str) else _json(value)


def _fact(name: str, text: str) -> Line:
    first, *rest = text.splitlines() or [""]
    more = f" (and {len(rest)} lines more)" if rest else ""
    return [(f"  {name}  ", "dim"), (printable(first) + more, "")]


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=repr)


def _lines(text: str) -> Iterator[Line]:
    for line in text.splitlines():
        yield [(f"  {printable(line)}", "")]


def _said(error: Mapping[str, Any]) -> str:
    said = f"{error.get('type')}: {error.get('message')}"
    return f"damaged, {error['damaged']}; {said}" if "damaged" in error else said


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M:%S")
