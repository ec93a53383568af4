"""Provenance: find events, follow a record, put records back on their way; read beside the flow, in a thread."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any, TypeVar, cast

from msgspec import Raw

from router.control.call import Call
from router.control.messages import Counted, EventsView, EventView, LineageView, MemberView
from router.control.records import record_view
from router.control.refusals import NotThereError, RefusedError
from router.control.requests import OneLetter, Replay, SearchEvents
from router.control.subject import Subject
from router.errors import DataFolderError, StorageError
from router.storage.provenance.events import ENDS
from router.storage.provenance.family import Member, family_of
from router.storage.provenance.reading import Found, Reader, Wanted
from router.storage.provenance.replay import Kept, ask, kept_of
from router.storage.sayable import as_json

__all__ = ["lineage", "replay", "search"]

_T = TypeVar("_T")
_MOST = 1000  # numbers of records in one event
_DEEPEST = 100  # generations


async def search(call: Call[SearchEvents, None]) -> EventsView:
    """Find events, the newest first."""
    asked = call.query
    where = call.subject.expression(asked.where)
    kind = asked.type.upper() if asked.type is not None else None
    wanted = Wanted(processor=asked.processor, type=kind, record=asked.record, since=asked.since, where=where)

    def read(reader: Reader) -> EventsView:
        return EventsView(events=[_event(each) for each in islice(reader.search(wanted), asked.limit)])

    return await _beside(call.subject, read)


async def lineage(call: Call[OneLetter, None]) -> LineageView:
    """Show what happened to a record, what it came of and what came of it."""
    number = int(call.names["record"])

    def read(reader: Reader) -> LineageView:
        member = family_of(reader, number)
        if not member.events:
            raise NotThereError(f"nothing is known of record {number}")
        kept = _kept(reader, number)
        return LineageView(
            member=_member(member, 0),
            connection=None if kept is None else kept.connection,
            content=None if kept is None else record_view(kept.batch, call.query.cut),
        )

    return await _beside(call.subject, read)


async def replay(call: Call[None, Replay]) -> Counted:
    """Put records back on the connections they were on, as they were then."""
    subject, asked = call.subject, call.body
    subject.check_target(asked.to)

    def work(reader: Reader) -> Counted:
        kept = [_kept(reader, each) for each in dict.fromkeys(asked.records)]
        ready = [each for each in kept if each is not None and (asked.to is not None or each.connection not in ENDS)]
        return Counted(records=ask(subject.data, ready, asked.to))

    return await _beside(subject, work)


async def _beside(subject: Subject, work: Callable[[Reader], _T]) -> _T:
    def opened() -> _T:
        with Reader(subject.data) as reader:
            return work(reader)

    try:
        return await subject.beside(opened)
    except DataFolderError as error:
        raise RefusedError(str(error), status=409) from error


def _kept(reader: Reader, record: int) -> Kept | None:
    try:
        return kept_of(reader, record)
    except StorageError:  # damaged: as good as not kept
        return None


def _member(member: Member, depth: int) -> MemberView:
    is_deep = depth >= _DEEPEST
    return MemberView(
        record=member.record,
        events=[_event(each) for each in member.events],
        came_of=[] if is_deep else [_member(each, depth + 1) for each in member.came_of],
        became=[] if is_deep else [_member(each, depth + 1) for each in member.became],
        omitted=member.omitted + (len(member.came_of) + len(member.became) if is_deep else 0),
    )


def _event(event: Found) -> EventView:
    return EventView(
        time=event.time,
        type=event.type,
        processor=event.processor,
        relationship=event.relationship,
        target=event.target,
        is_end=event.is_end,
        seconds=round(event.seconds, 6),
        count=event.records,
        records=list(islice(event.ids, _MOST)),
        parents=list(islice(event.parents, _MOST)) if event.has_parents else [],
        attributes=cast("Any", Raw(as_json(event.attributes))),
        errors={str(id_): f"{kind}: {message}" for id_, kind, message in event.errors[:_MOST]},
    )
