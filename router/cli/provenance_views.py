"""Events for the eyes of people, and for other programs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from router.cli.figures import plural, seconds
from router.cli.letter_views import short_record
from router.cli.terminal import Line, printable
from router.storage.provenance.family import Member
from router.storage.provenance.reading import Found
from router.storage.provenance.replay import Kept
from router.storage.sayable import of_record

__all__ = ["count_json", "count_line", "course", "course_json", "event_json", "event_line"]

_COLOURS = {"SEND": "green", "DROP": "yellow", "EXPIRE": "yellow", "FORK": "cyan", "JOIN": "cyan", "CLONE": "cyan"}
_WIDEST = 60


def event_line(event: Found) -> Line:
    """An event in a line: when, what, where, which records."""
    return [
        *_what(event),
        (f"  {plural(event.records, 'record')} {_ranges(event.ids)}", ""),
        (f" of {_ranges(event.parents)}" if event.has_parents else "", "dim"),
        (_beside(event), "dim"),
    ]


def event_json(event: Found) -> dict[str, Any]:
    """An event as plain data."""
    return {
        "time": _written(event.time),
        "type": event.type,
        "processor": event.processor,
        "relationship": event.relationship,
        "target": event.target,
        "is_end": event.is_end,
        "seconds": round(event.seconds, 6),
        "attributes": event.attributes,
        "records": event.ids,
        **({"parents": event.parents, "shares": event.shares} if event.has_parents else {}),
        **({"errors": [_error_json(*each) for each in event.errors]} if event.errors else {}),
    }


def course(member: Member, kept: Kept | None) -> Iterator[Line]:
    """A record: its content, what happened to it, and its relatives below it."""
    yield [(f"record {member.record}", "bold")]
    if kept is not None:
        where = (
            f"at {kept.connection}" if kept.record == kept.event.low or member.record in kept.event.ids else "before"
        )
        yield [("  content  ", "dim"), (short_record(of_record(kept.batch), 2 * _WIDEST), ""), (f"  {where}", "dim")]
    yield from _events(member, "  ")
    for said, relatives in (("came of", member.came_of), ("became", member.became)):
        if relatives or (said == "became" and member.omitted):
            yield [(f"  {said}", "dim")]
            yield from _relatives(relatives, said, "    ")
    if member.omitted:
        yield [(f"    and {plural(member.omitted, 'more record')}", "dim")]


def course_json(member: Member, kept: Kept | None) -> dict[str, Any]:
    """The same as plain data."""
    content = {} if kept is None else {"kept": {"connection": kept.connection, **of_record(kept.batch)}}
    return {**_member_json(member), **content}


def count_line(row: tuple[int, str, str, str, int]) -> Line:
    """A total of a minute."""
    minute, kind, name, relationship, records = row
    what = f"{name}.{relationship}" if relationship else name
    return [(_shown(minute * 60, "%Y-%m-%d %H:%M"), "dim"), (f"  {kind:7}  {what:32} ", ""), (f"{records:>12,}", "")]


def count_json(row: tuple[int, str, str, str, int]) -> dict[str, Any]:
    """The same as plain data."""
    minute, kind, name, relationship, records = row
    found = {"minute": _written(minute * 60), "kind": kind, "name": name, "relationship": relationship or None}
    return {**found, "records": records}


# -- lines ------------------------------------------------------------------------------------------


def _relatives(members: Sequence[Member], said: str, indent: str) -> Iterator[Line]:
    for member in members:
        yield [(f"{indent}record {member.record}", "bold")]
        yield from _events(member, f"{indent}  ")
        following = member.came_of if said == "came of" else member.became
        if following or member.omitted:
            yield [(f"{indent}  {said}", "dim")]
            yield from _relatives(following, said, f"{indent}    ")
        if member.omitted:
            yield [(f"{indent}    and {plural(member.omitted, 'more record')}", "dim")]


def _events(member: Member, indent: str) -> Iterator[Line]:
    for event in member.events:
        error = event.error_of(member.record)
        took = f"  {seconds(event.seconds)}" if event.seconds else ""
        yield [(indent, ""), *_what(event), (f"{took}{_beside(event)}", "dim")]
        if error is not None:
            yield [(f"{indent}  {printable(f'{error[0]}: {error[1]}')}", "red")]


def _what(event: Found) -> Line:
    place = f"{event.processor}.{event.relationship}" if event.relationship else event.processor
    if event.target is not None and not event.is_end:
        place = event.target
    elif event.target is not None:
        place += f" > {event.target}"
    time = _shown(event.time, "%Y-%m-%d %H:%M:%S") + f".{int(event.time * 1000) % 1000:03}"
    return [(time, "dim"), (f"  {event.type:19}", _COLOURS.get(event.type, "")), (f"  {place}", "")]


def _beside(event: Found) -> str:
    said = ", ".join(f"{name}={_value(value)}" for name, value in event.attributes.items())
    return f"  {printable(said)}" if said else ""


def _value(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=repr)
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 3]}..."


def _ranges(ids: Sequence[int]) -> str:
    """``1-3, 7``: the first few ranges of records."""
    found: list[list[int]] = []
    for each in ids:
        if found and each == found[-1][1] + 1:
            found[-1][1] = each
        elif len(found) == 6:
            return f"{_joined(found)}, ..."
        else:
            found.append([each, each])
    return _joined(found)


def _joined(ranges: Sequence[Sequence[int]]) -> str:
    return ", ".join(f"{first}-{last}" if last > first else f"{first}" for first, last in ranges)


# -- plain data -------------------------------------------------------------------------------------


def _member_json(member: Member) -> dict[str, Any]:
    return {
        "record": member.record,
        "events": [_own(event, member.record) for event in member.events],
        "came_of": [_member_json(each) for each in member.came_of],
        "became": [_member_json(each) for each in member.became],
        **({"omitted": member.omitted} if member.omitted else {}),
    }


def _own(event: Found, record: int) -> dict[str, Any]:
    """What an event says of one of its records."""
    said = {
        name: value
        for name, value in event_json(event).items()
        if name not in ("records", "parents", "shares", "errors")
    }
    error = event.error_of(record)
    return said if error is None else {**said, "error": _error_json(record, *error)}


def _error_json(record: int, kind: str, message: str) -> Mapping[str, Any]:
    return {"record": record, "type": kind, "message": message}


def _written(time: float) -> str:
    return datetime.fromtimestamp(time, UTC).isoformat(timespec="milliseconds")


def _shown(time: float, form: str) -> str:
    return datetime.fromtimestamp(time).astimezone().strftime(form)
