"""Flows and processors: look at them, stop and start them, hear their news."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

from msgspec import convert

from router.control.call import Call
from router.control.differences import DifferenceView
from router.control.history import MOST_FIGURES
from router.control.messages import (
    BulletinsView,
    FlowView,
    HistoryView,
    LogLevel,
    LogLine,
    LogView,
    ProcessorDetails,
    ReportView,
)
from router.control.pace import Slices
from router.control.refusals import RefusedError
from router.control.requests import After, Concurrency, Drain, News, Past, Reload
from router.control.views import bulletin_view, flow_view, newest_bulletin, processor_details, report_view
from router.errors import FlowError, ReloadError

__all__ = [
    "bulletins",
    "flow",
    "history",
    "log",
    "processor",
    "reload",
    "run_once",
    "set_log_level",
    "start",
    "stop",
    "stop_processor",
    "widen",
]


async def flow(call: Call[None, None]) -> FlowView:
    """Show a flow: its graph, and the state of each part."""
    return flow_view(call.subject)


async def history(call: Call[Past, None]) -> HistoryView:
    """Show the figures of the last seconds."""
    past, asked = call.subject.history, call.query
    if past.size(asked.seconds, asked.of) > MOST_FIGURES:
        text = f"more than {MOST_FIGURES:,} figures; ask for fewer seconds, or name what is meant with 'of'"
        raise RefusedError(text)
    slices = Slices()
    view = past.view(asked.seconds, asked.of)
    await slices.rest()
    return view


async def bulletins(call: Call[News, None]) -> BulletinsView:
    """List the newest bulletins."""
    asked = call.query
    newer = [
        each
        for each in list(call.subject.engine.bulletins)
        if each.number > asked.after and asked.processor in (None, each.processor)
    ]
    return BulletinsView(
        bulletins=[bulletin_view(each) for each in newer[-asked.limit :]], newest=newest_bulletin(call.subject)
    )


async def log(call: Call[After, None]) -> LogView:
    """List the newest lines of the log."""
    asked, known = call.query, call.subject.log
    lines = [each for each in known.lines_of(call.subject.name) if each.number > asked.after]
    level = logging.getLevelName(logging.getLogger("router").getEffectiveLevel()).lower()
    return LogView(lines=_newest(lines, asked.limit), newest=known.newest, level=level)


async def set_log_level(call: Call[None, LogLevel]) -> LogLevel:
    """Change the least that is logged, for all flows of the process."""
    logging.getLogger("router").setLevel(call.body.level.upper())
    return call.body


async def stop(call: Call[None, Drain]) -> ReportView:
    """Stop the flow: its sources first, then what is under way arrives."""
    ended = call.subject.stop(call.body.drain)
    if call.body.wait:
        return report_view(await asyncio.shield(ended))
    status = call.subject.engine.status()
    return ReportView(outcome="stopping", seconds=round(status.seconds, 3), dead_letters=status.dead_letters)


async def reload(call: Call[None, Reload]) -> DifferenceView:
    """Load the flow anew, and make of the one that runs what it says now; what is the same does not notice."""
    subject, asked = call.subject, call.body
    if subject.reload is None:
        raise RefusedError("the flow was not loaded from a file; there is nothing to load anew", status=409)
    if asked.file is not None and not call.is_here:
        raise RefusedError("'file': another file is for those who are on the machine of the flow", status=409)
    file = Path(asked.file) if asked.file is not None else None
    try:
        found = await subject.reload(file, asked.give_back, asked.drop)
    except (ReloadError, FlowError) as error:
        raise RefusedError(str(error), status=409) from error
    return convert(found.to_dict(), type=DifferenceView)


# -- processors -----------------------------------------------------------------------------------


async def processor(call: Call[None, None]) -> ProcessorDetails:
    """Show a processor, with its settings."""
    name = call.names["name"]
    call.subject.check_processor(name)
    return processor_details(call.subject, call.subject.flow.processors[name], call.subject.engine.status())


async def widen(call: Call[None, Concurrency]) -> ProcessorDetails:
    """Change how many calls of a processor may overlap."""
    name, subject = call.names["name"], call.subject
    subject.check_processor(name)
    subject.steered(lambda: subject.engine.steering.widen(name, call.body.concurrency))
    return await processor(Call(subject, call.names, None, None))


async def start(call: Call[None, None]) -> ProcessorDetails:
    """Let a stopped processor work again."""
    call.subject.check_processor(call.names["name"])
    call.subject.engine.steering.start(call.names["name"])
    return await processor(call)


async def stop_processor(call: Call[None, None]) -> ProcessorDetails:
    """Let a processor begin no more calls; its queue fills, and what feeds it waits."""
    call.subject.check_processor(call.names["name"])
    call.subject.engine.steering.stop(call.names["name"])
    return await processor(call)


async def run_once(call: Call[None, None]) -> ProcessorDetails:
    """Let a processor make one call, and stop it."""
    call.subject.check_processor(call.names["name"])
    call.subject.engine.steering.run_once(call.names["name"])
    return await processor(call)


def _newest(lines: Iterable[LogLine], most: int) -> list[LogLine]:
    listed = list(lines)
    return list(islice(listed, max(0, len(listed) - most), None))
