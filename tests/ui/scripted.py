"""A flow that is only played: a client with the methods of the real one, the same answers each time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from router.control.client import ControlError, FlowClient, UnreachableError
from router.control.differences import DifferenceView
from router.control.messages import (
    BulletinsView,
    BulletinView,
    ConnectionView,
    Counted,
    DeadLettersView,
    DeadLetterView,
    EventsView,
    EventView,
    FlowView,
    HistoryView,
    LineageView,
    LogLevel,
    LogLine,
    LogView,
    ProcessorDetails,
    ProcessorView,
    RecordsView,
    RecordView,
    RelationshipView,
    ReportView,
)
from tests.ui import made
from tests.ui.made import NOON


class ScriptedFlow(FlowClient):
    """Plays a flow.

    ``asked`` holds each call that was made, with its arguments, looks apart. What it answers is in plain sight
    and may be changed: ``view``, ``queues``, ``letters`` and so on. ``refusals`` says of methods why they refuse;
    ``is_lost`` makes the flow one that does not answer. Of expressions it knows those in ``filters``.
    """

    def __init__(self, view: FlowView | None = None) -> None:
        self.view = view if view is not None else tweets()
        self.name = self.view.name
        self.asked: list[tuple[Any, ...]] = []
        self.refusals: dict[str, str] = {}
        self.is_lost = False
        self.looks = 0
        self.queues: dict[str, list[RecordView]] = {each.id: posts(each.records) for each in self.view.connections}
        self.tapped: dict[str, list[RecordView | Counted]] = {}
        self.letters = [letter(number) for number in range(1, self.view.dead_letters_kept + 1)]
        self.told = [bulletin(number) for number in range(1, self.view.bulletins + 1)]
        self.lines = [
            LogLine(number=1, time=NOON - 60, level="info", logger="router", text="tweets: started"),
            LogLine(number=2, time=NOON - 2, level="warning", logger="router.score", text="the model was slow"),
        ]
        self.level = "info"
        self.happened: list[EventView] = []
        self.lineages: dict[int, LineageView] = {}
        self.settings: dict[str, dict[str, Any]] = {"read": {"path": "/flows/data/posts.jsonl", "password": "***"}}
        self.filters: dict[str, Callable[[RecordView], bool]] = {
            "lang == 'de'": lambda each: each.record is not None and each.record.get("lang") == "de"
        }

    # -- the flow -------------------------------------------------------------------------------

    async def look(self, *, timeout: float | None = None) -> FlowView:
        self.looks += 1
        self._check("look")
        return self.view

    async def history(self, seconds: int = 60, of: Sequence[str] | None = None) -> HistoryView:
        self._check("history")
        processors = [each for each in self.view.processors if of is None or each.name in of]
        connections = [each for each in self.view.connections if of is None or each.id in of]
        return HistoryView(
            time=self.view.time,
            interval=1.0,
            processors={each.name: made.processor_past(each, seconds) for each in processors},
            connections={each.id: made.connection_past(each, seconds) for each in connections},
        )

    async def bulletins(self, after: int = 0, limit: int = 100, processor: str | None = None) -> BulletinsView:
        self._check("bulletins")
        found = [each for each in self.told if each.number > after and processor in (None, each.processor)]
        return BulletinsView(bulletins=found[-limit:], newest=len(self.told))

    async def log(self, after: int = 0, limit: int = 100) -> LogView:
        self._check("log")
        found = [each for each in self.lines if each.number > after]
        return LogView(lines=found[-limit:], newest=len(self.lines), level=self.level)

    async def set_log_level(self, level: str) -> LogLevel:
        self._note("set_log_level", level)
        self.level = level
        return LogLevel(level=level)

    async def stop(self, drain: float | None = None, *, wait: bool = False) -> ReportView:
        self._note("stop", drain, wait)
        self.view = msgspec.structs.replace(self.view, state="stopping")
        return ReportView(outcome="stopped" if wait else "stopping", seconds=1.0, dead_letters=0)

    async def reload(self, file: Path | None = None, *, give_back: bool = False, drop: bool = False) -> DifferenceView:
        self._note("reload", file, give_back, drop)
        nothing: dict[str, list[Any]] = {name: [] for name in DifferenceView.__struct_fields__}
        return DifferenceView(**nothing | {"added": ["shout"], "connections_added": ["route.angry>shout"]})

    # -- processors -----------------------------------------------------------------------------

    async def processor(self, name: str) -> ProcessorDetails:
        self._check("processor")
        return self._details(name)

    async def start_processor(self, name: str) -> ProcessorDetails:
        self._note("start_processor", name)
        return self._changed(name, state="running", is_stopped=False)

    async def stop_processor(self, name: str) -> ProcessorDetails:
        self._note("stop_processor", name)
        return self._changed(name, state="stopped", is_stopped=True)

    async def run_once(self, name: str) -> ProcessorDetails:
        self._note("run_once", name)
        return self._changed(name, state="stopped", is_stopped=True)

    async def set_concurrency(self, name: str, concurrency: int) -> ProcessorDetails:
        self._note("set_concurrency", name, concurrency)
        return self._changed(name, concurrency=concurrency)

    # -- connections ----------------------------------------------------------------------------

    async def connection(self, id: str) -> ConnectionView:
        self._check("connection")
        return next(each for each in self.view.connections if each.id == id)

    async def set_limits(self, id: str, *, records: int | None = None, nbytes: int | None = None) -> ConnectionView:
        self._note("set_limits", id, records, nbytes)
        limits = {"max_records": records, "max_bytes": nbytes}
        return self._connected(id, **{name: value for name, value in limits.items() if value is not None})

    async def records(
        self, id: str, *, where: str | None = None, offset: int = 0, limit: int = 100, cut: int = 16 << 10
    ) -> RecordsView:
        self._note("records", id, where, offset, limit)
        found = [each for each in self.queues[id] if self._is_meant(each, where)]
        following = offset + limit if offset + limit < len(found) else None
        return RecordsView(records=found[offset : offset + limit], waiting=len(self.queues[id]), following=following)

    async def drop(self, id: str, *, where: str | None = None, ids: Sequence[str] | None = None) -> int:
        self._note("drop", id, where, None if ids is None else list(ids))
        kept = [
            each
            for each in self.queues[id]
            if not self._is_meant(each, where) or (ids is not None and each.id not in ids)
        ]
        dropped = len(self.queues[id]) - len(kept)
        self.queues[id] = kept
        self._connected(id, records=len(kept))
        return dropped

    async def tap(
        self, id: str, *, where: str | None = None, reconnect: bool = True
    ) -> AsyncIterator[RecordView | Counted]:
        self._note("tap", id, where)
        for each in self.tapped.get(id, ()):
            yield each

    # -- dead letters ---------------------------------------------------------------------------

    async def dead_letters(
        self,
        *,
        where: str | None = None,
        processor: str | None = None,
        connection: str | None = None,
        since: float | None = None,
        after: int = 0,
        limit: int = 100,
        cut: int = 16 << 10,
    ) -> DeadLettersView:
        self._note("dead_letters", where, after, limit)
        found = [each for each in self._meant(None, where, processor, connection) if each.id > after]
        following = found[limit - 1].id if len(found) > limit else None
        return DeadLettersView(letters=found[:limit], kept=len(self.letters), following=following)

    async def dead_letter(self, id: int, *, cut: int = 16 << 20) -> DeadLetterView:
        self._check("dead_letter")
        return next(each for each in self.letters if each.id == id)

    async def retry(
        self,
        ids: Sequence[int] | None = None,
        *,
        to: str | None = None,
        where: str | None = None,
        processor: str | None = None,
        connection: str | None = None,
        heads: bool = False,
    ) -> int:
        self._note("retry", None if ids is None else list(ids), to, where)
        return self._take(ids, where, processor, connection)

    async def delete_dead_letters(
        self,
        ids: Sequence[int] | None = None,
        *,
        where: str | None = None,
        processor: str | None = None,
        connection: str | None = None,
    ) -> int:
        self._note("delete_dead_letters", None if ids is None else list(ids), where)
        return self._take(ids, where, processor, connection)

    async def export_dead_letters(
        self, ids: Sequence[int] | None = None, *, where: str | None = None
    ) -> AsyncIterator[bytes]:
        self._note("export_dead_letters", None if ids is None else list(ids), where)
        for each in self._meant(ids, where, None, None):
            yield msgspec.json.encode(each) + b"\n"

    # -- provenance -----------------------------------------------------------------------------

    async def events(
        self,
        *,
        processor: str | None = None,
        type: str | None = None,
        record: int | None = None,
        where: str | None = None,
        since: float | None = None,
        limit: int = 100,
    ) -> EventsView:
        self._note("events", processor, type, record, where, since)
        found = [
            each
            for each in self.happened
            if processor in (None, each.processor)
            and type in (None, each.type)
            and (record is None or record in each.records)
        ]
        return EventsView(events=found[:limit])

    async def lineage(self, record: int, *, cut: int = 16 << 20) -> LineageView:
        self._note("lineage", record)
        if record not in self.lineages:
            raise ControlError(f"nothing is known of record {record}", 404)
        return self.lineages[record]

    async def replay(self, records: Sequence[int], *, to: str | None = None) -> int:
        self._note("replay", list(records), to)
        return len(records)

    # -- in common ------------------------------------------------------------------------------

    def _note(self, method: str, *arguments: Any) -> None:
        self.asked.append((method, *arguments))
        self._check(method)

    def _check(self, method: str) -> None:
        if self.is_lost:
            raise UnreachableError(f"no flow answers in '/state/{self.name}'")
        if method in self.refusals:
            raise ControlError(self.refusals[method], 409)

    def _details(self, name: str) -> ProcessorDetails:
        view = self._processor(name)
        relationships = [RelationshipView(name=each, description="", unconnected="error") for each in view.routes]
        return made.details(
            view,
            settings=self.settings.get(name, {}),
            run={"concurrency": view.concurrency, "batch": {"records": 256}},
            relationships=relationships,
            documentation=f"What {view.type} does.",
        )

    def _processor(self, name: str) -> ProcessorView:
        return next(each for each in self.view.processors if each.name == name)

    def _changed(self, name: str, **values: Any) -> ProcessorDetails:
        changed = msgspec.structs.replace(self._processor(name), **values)
        processors = [changed if each.name == name else each for each in self.view.processors]
        self.view = msgspec.structs.replace(self.view, processors=processors)
        return self._details(name)

    def _connected(self, id: str, **values: Any) -> ConnectionView:
        found = next(each for each in self.view.connections if each.id == id)
        changed = msgspec.structs.replace(found, **values)
        connections = [changed if each.id == id else each for each in self.view.connections]
        self.view = msgspec.structs.replace(self.view, connections=connections)
        return changed

    def _is_meant(self, record: RecordView | None, where: str | None) -> bool:
        if where is None:
            return True
        if where not in self.filters:
            raise ControlError(f"where: {where!r} is no expression", 400)
        return record is not None and self.filters[where](record)

    def _meant(
        self, ids: Sequence[int] | None, where: str | None, processor: str | None, connection: str | None
    ) -> list[DeadLetterView]:
        return [
            each
            for each in self.letters
            if (ids is None or each.id in ids)
            and processor in (None, each.processor)
            and connection in (None, each.connection)
            and self._is_meant(each.record, where)
        ]

    def _take(self, ids: Sequence[int] | None, where: str | None, processor: str | None, connection: str | None) -> int:
        taken = {each.id for each in self._meant(ids, where, processor, connection)}
        self.letters = [each for each in self.letters if each.id not in taken]
        self.view = msgspec.structs.replace(self.view, dead_letters_kept=len(self.letters))
        return len(taken)


def tweets() -> FlowView:
    """Posts are read, scored, routed, written; the queue of `archive` is half full, three records are dead letters."""
    happy = ["route.happy>archive", "route.unmatched>archive"]
    processors = [
        made.processor(
            "read", "read_file", is_source=True, progress=(240_000, 1_000_000),
            routes={"success": ["read.success>score"]},
        ),
        made.processor(
            "score", "run_model", concurrency=2, errors=3, busy=1.2, rate_errors=0.1,
            out={"success": 23_997, "failure": 3},
            routes={"success": ["score.success>route"], "failure": ["dead_letters"]},
        ),
        made.processor(
            "route", "route", out={"angry": 4_000, "happy": 12_000, "unmatched": 7_997},
            routes={"angry": ["route.angry>alerts"], "happy": happy[:1], "unmatched": happy[1:]},
        ),
        made.processor("alerts", "write_file", state="waiting", records_in=4_000, records_out=0, rate_in=33.0,
                       rate_out=0.0, out={}),
        made.processor("archive", "write_file", records_in=19_997, records_out=0, rate_in=167.0, rate_out=0.0, out={}),
    ]  # fmt: skip
    connections = [
        made.connection("read.success>score", records=120),
        made.connection("score.success>route"),
        made.connection("route.angry>alerts", rate_in=33.0, rate_out=33.0),
        made.connection("route.happy>archive", records=6_400, rate_in=100.0, rate_out=90.0, full_in=360.0),
        made.connection("route.unmatched>archive", records=9_000, rate_in=67.0, rate_out=60.0, queue="disk"),
    ]
    return made.flow("tweets", processors, connections, dead_letters=3, dead_letters_kept=3, bulletins=2)


def posts(count: int) -> list[RecordView]:
    """Posts as they wait in a queue."""
    languages = ("en", "de", "fr")
    return [
        made.record(
            number,
            record={"id": number, "lang": languages[number % 3], "text": f"post number {number}", "sentiment": 0.25},
            attributes={"path": "/flows/data/posts.jsonl"},
        )
        for number in range(count)
    ]


def letter(number: int) -> DeadLetterView:
    """A line that was no JSON."""
    return DeadLetterView(
        id=number,
        time=NOON - 60 + number,
        first_time=NOON - 60 + number,
        processor="score",
        connection="read.success>score",
        error={"type": "DecodeError", "message": f"line {number} is no JSON"},
        attempts=1,
        flow_version="1",
        retry_to=None,
        record=made.record(number - 1, content=f'{{"text": "broken {number}', size=20, columns={"error": "no JSON"}),
    )


def bulletin(number: int) -> BulletinView:
    """What the engine tells of `score`, and of a queue that is full."""
    if number % 2:
        return BulletinView(
            number=number, time=NOON - 30, processor="score", text="records failed", data={"records": "3"}
        )
    return BulletinView(
        number=number,
        time=NOON - 10,
        processor="route.unmatched>archive",
        text="the connection is nearly full",
        data={},
    )


def cyclic() -> FlowView:
    """Each processor in another state; what fails goes round once more, and one processor feeds itself."""
    states = ("running", "waiting", "blocked", "retrying", "resting", "paused", "stopped", "ended")
    names = [f"step_{state}" for state in states]
    following = dict(zip(names, [*names[1:], None], strict=True))
    back = {"step_retrying": "step_waiting", "step_paused": "step_paused"}
    connections = [made.connection(f"{one}.success>{two}", records=400) for one, two in following.items() if two]
    connections += [made.connection(f"{one}.again>{two}", rate_in=4.0) for one, two in back.items()]
    processors = [
        made.processor(
            name,
            "python_function",
            state=state,
            is_source=name == names[0],
            is_stopped=state == "stopped",
            retrying="broker refused the connection" if state == "retrying" else None,
            routes={each.relationship: [each.id] for each in connections if each.producer == name},
        )
        for name, state in zip(names, states, strict=True)
    ]
    return made.flow("cyclic", processors, connections)


def big(count: int) -> FlowView:
    """A tree of so many processors, three to each."""
    names = [f"part_{number:03}" for number in range(count)]
    connections = [
        made.connection(f"{names[(number - 1) // 3]}.to_{(number - 1) % 3}>{names[number]}", records=number)
        for number in range(1, count)
    ]
    ways: dict[str, dict[str, list[str]]] = {name: {} for name in names}
    for each in connections:
        ways[each.producer][each.relationship] = [each.id]
    processors = [
        made.processor(name, "route", is_source=not number, routes=ways[name]) for number, name in enumerate(names)
    ]
    return made.flow("big", processors, connections)
