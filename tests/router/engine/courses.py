"""What provenance wrote of a flow, as tests compare it."""

from __future__ import annotations

from pathlib import Path

from router.storage.provenance.events import ENDS
from router.storage.provenance.reading import Found, Reader, Wanted

__all__ = ["course", "ends_amiss", "events", "said"]


def events(folder: Path) -> list[Found]:
    """All events, the oldest first."""
    with Reader(folder) as reader:
        return list(reader.search(Wanted()))[::-1]


def said(event: Found) -> str:
    """An event in a line: ``ROUTE by.angry>alerts 1,2``, and what its records came of."""
    ids = ",".join(map(str, event.ids))
    came = " of " + ",".join(map(str, event.parents)) if event.parents else ""
    if event.target not in ENDS and event.target is not None:
        return f"{event.type} {event.target} {ids}{came}"
    relationship = f".{event.relationship}" if event.relationship else ""
    return f"{event.type} {event.processor}{relationship}>{event.target} {ids}{came}"


def course(folder: Path, record: int) -> list[str]:
    """What happened to one record."""
    with Reader(folder) as reader:
        return [said(each) for each in reader.events_of(record)]


def ends_amiss(found: list[Found]) -> dict[int, str]:
    """Records without an end, or with more than one: each is ended once, or others came of it, in place of it."""
    known: set[int] = set()
    ends: dict[int, list[str]] = {}
    spent: set[int] = set()
    for event in found:
        known.update(event.ids)
        if event.is_end:
            for each in event.ids:
                ends.setdefault(each, []).append(said(event))
        if event.type in ("FORK", "JOIN"):
            spent.update(event.parents)
    return {
        each: str(ends.get(each, "no end"))
        for each in known
        if len(ends.get(each, ())) != 1 and not (each in spent and each not in ends)
    }
