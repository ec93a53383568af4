"""Connections: look into them, drop what waits there, change their limits, tap them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import msgspec

from router.control.call import Call, Stream
from router.control.messages import ConnectionView, Counted, RecordsView, RecordView
from router.control.pace import SHARE
from router.control.records import chosen_by, record_views, shown
from router.control.requests import Limits, Page, Selection, Where
from router.control.subject import Subject
from router.control.views import connection_view
from router.engine import SystemClock
from router.engine.clock import sleep
from router.engine.steering import Tap
from router.expression import Expression

__all__ = ["connection", "drop", "records", "resize", "tap"]

EVERY = 0.25  # seconds between two looks of a tap
SHOWN = 100  # records that a tap shows at once, the newest
ALIVE = 10.0  # seconds after which a tap that has nothing to show says that it lives
_CUT = 16 << 10
_encode = msgspec.json.Encoder().encode


async def connection(call: Call[None, None]) -> ConnectionView:
    """Show a connection."""
    id_, subject = call.names["id"], call.subject
    subject.check_connection(id_)
    spec = next(each for each in subject.flow.connections if each.id == id_)
    return connection_view(subject, spec, subject.engine.connection(id_).stats())


async def resize(call: Call[None, Limits]) -> ConnectionView:
    """Change the limits of a connection."""
    id_, subject, limits = call.names["id"], call.subject, call.body
    subject.check_connection(id_)
    records = limits.records if isinstance(limits.records, int) else None
    nbytes = limits.nbytes if isinstance(limits.nbytes, int) else None
    subject.steered(lambda: subject.engine.steering.resize(id_, records=records, nbytes=nbytes))
    return await connection(Call(subject, call.names, None, None))


async def records(call: Call[Page, None]) -> RecordsView:
    """List records that wait in a connection, the first to be taken first."""
    id_, subject, asked = call.names["id"], call.subject, call.query
    subject.check_connection(id_)
    where = subject.expression(asked.where)
    batches = await subject.engine.steering.look(id_, where=where, offset=asked.offset, limit=asked.limit + 1)
    views, is_whole = await record_views(batches, asked.offset, asked.cut)
    is_whole = is_whole and len(views) <= asked.limit
    views = views[: asked.limit]
    return RecordsView(
        records=views,
        waiting=subject.engine.connection(id_).records,
        following=None if is_whole else asked.offset + len(views),
    )


async def drop(call: Call[Selection, None]) -> Counted:
    """Drop records that wait in a connection: all, or those that are meant."""
    id_, subject = call.names["id"], call.subject
    subject.check_connection(id_)
    choose = chosen_by(subject.expression(call.query.where), call.query.ids)
    return Counted(records=await subject.engine.connection(id_).remove(choose))


# -- tapping --------------------------------------------------------------------------------------


async def tap(call: Call[Where, None]) -> Stream:
    """See the records that come into a connection from now on, as server-sent events.

    An event `record` holds one record. Of many only the newest are shown, four times a second; an event
    `lost` says how many were left out since the last one. An event `end` says that the flow has ended.
    """
    id_, subject = call.names["id"], call.subject
    subject.check_connection(id_)
    where = subject.expression(call.query.where)
    subject.check_taps()
    return Stream("text/event-stream", _events(subject, id_, where))


async def _events(subject: Subject, id: str, where: Expression | None) -> AsyncGenerator[bytes]:
    told, clock, loop, woken = 0, SystemClock(), asyncio.get_running_loop(), asyncio.Event()
    made = subject.engine.steering.tap(id, where=where, wake=woken.set)
    subject.taps += 1
    try:
        yield b": tapped\n\n"
        while not subject.over.is_set():
            if not await _either(woken, subject.over):
                yield b": alive\n\n"
                continue
            woken.clear()
            began = loop.time()
            views, lost = _newest(made)
            told, lost = made.lost, lost + made.lost - told
            pieces = [_event("record", view) for view in views]
            yield b"".join([*pieces, _event("lost", Counted(records=lost))] if lost else pieces)
            await sleep(clock, max(EVERY, (loop.time() - began) / SHARE))
        yield _event("end", Counted(records=0))
    finally:
        made.close()
        subject.taps -= 1


def _newest(made: Tap) -> tuple[list[RecordView], int]:
    batches = made.take()
    count = sum(map(len, batches))
    views: list[RecordView] = []
    for batch in reversed(batches):
        newest = batch.slice(max(0, len(batch) - SHOWN + len(views)), len(batch))
        views = [*shown(newest, 0, _CUT), *views]
        if len(views) >= SHOWN:
            break
    return views, count - len(views)


async def _either(woken: asyncio.Event, over: asyncio.Event) -> bool:
    """Wait until there is something to show, or the flow has ended; False if neither came for a while."""
    waits = [asyncio.ensure_future(each.wait()) for each in (woken, over)]
    try:
        done, _ = await asyncio.wait(waits, timeout=ALIVE, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waits:
            each.cancel()
    return bool(done)


def _event(name: str, data: msgspec.Struct) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (name.encode(), _encode(data))
