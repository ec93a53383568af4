"""Make one record of many: by time, by sessions, by count."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from operator import itemgetter
from typing import Any, Literal

from router import (
    FAILURE,
    SUCCESS,
    Batch,
    Config,
    Context,
    Expression,
    Field,
    Processor,
    Relationship,
    Routes,
    Unconnected,
    Why,
    failed,
)
from router_processors.window.cells import Closed, Share, View, Windows
from router_processors.window.compute import Aggregate, AggregateSetting, listing
from router_processors.window.counts import Counts
from router_processors.window.keeping import Holding, Keeper, Stored
from router_processors.window.panes import Panes
from router_processors.window.reading import SECOND, Reader
from router_processors.window.sessions import Sessions

LATE = Relationship("late", "Records whose windows had closed.", unconnected=Unconnected.DROPPED)

START, END = "window_start", "window_end"
_MOST_WINDOWS = 1000
_NEVER = -(10**18)
_NAME = re.compile(r"[^\W\d]\w*")
_TELL = 60.0  # seconds between two bulletins that say the same


class WindowConfig(Config):
    """Settings of ``window``."""

    compute: dict[str, AggregateSetting] = Field(
        min_length=1,
        description=f"Field: aggregate of an expression over the record. {listing()}.",
        examples=[{"n": "count()", "total": "sum(amount)"}],
    )
    key: Expression | None = Field(
        None,
        description="What has windows of its own; several values are a list. Left out: all records together.",
        examples=["user", "[country, city]"],
    )
    size: timedelta | None = Field(None, gt=timedelta(0), description="How long a window of time is.")
    every: timedelta | None = Field(
        None,
        gt=timedelta(0),
        description="How often a window of time begins: less than `size` makes them overlap. Left out: as `size`.",
    )
    gap: timedelta | None = Field(
        None, gt=timedelta(0), description="For sessions: how long nothing comes for a key until its window closes."
    )
    count: int | None = Field(None, ge=1, description="How many records fill a window.")
    per_key: bool = Field(True, description="False: `count` counts all records, and its window has a row for each key.")
    within: timedelta | None = Field(
        None, gt=timedelta(0), description="Closes a window of `count` so long after its first record at the latest."
    )
    time: Expression | None = Field(
        None,
        description="When a record happened: seconds since 1970, or ISO 8601. Left out: when it comes.",
        examples=["created_at", "ms / 1000"],
    )
    lateness: timedelta = Field(
        timedelta(0), ge=timedelta(0), description="How far behind the newest time a record may come; needs `time`."
    )
    idle: timedelta | None = Field(
        None, gt=timedelta(0), description="Closes all windows of `time` when nothing came for so long."
    )
    max_open: int = Field(
        100_000, ge=1, description="How many rows may be in the making; above it, the oldest window is closed early."
    )


class Window(Processor):
    """Make one record of many: of those of a stretch of time, of a session, or of so many.

    `size` makes windows one behind the other, with `every` overlapping ones; they begin at
    1970-01-01T00:00Z and every `size` from there. `gap` makes sessions, `count` windows of so many records. A
    window gives a row for each key when it closes: the key (by the name of its field, or as
    `key`), `window_start` and `window_end` in seconds since 1970, and what `compute` says. Sessions and
    counts begin and end with their first and last record. Null is passed over by all
    aggregates; a value that an aggregate cannot take sends its record to `failure`.

    Without `time` a record belongs where its coming falls. With `time` a window closes when a
    record is newer than its end by `lateness`; what comes for it later leaves by `late`, which drops
    unless it is connected. At the end of the input all windows close, at a stop none: no half results.

    Between disk connections windows are kept in the flow's state, and each record counts once
    whatever crashes. Elsewhere their records are not settled before their window's row is
    safe: a crash loses none, but a source that gives again what had been counted makes another row of it.
    Records that wait are bounded by `run.hold` and the source's `max_uncommitted`, rows in the
    making by `max_open`: at the bound the oldest window closes early, in view, and what comes for
    it later makes another row.

    Example:
        per_minute:
          type: window
          size: 1m
          time: created_at
          lateness: 10s
          key: user
          compute: {posts: count(), mood: avg(sentiment)}
          to: {success: store, late: log}
    """

    type_name = "window"
    config: WindowConfig
    keyed_state = True
    relationships = (SUCCESS, LATE, FAILURE)
    reads: Literal["rows", "content", "any"] = "any"

    def __init__(self, config: WindowConfig) -> None:
        super().__init__(config)
        self._aggregates = list(config.compute.values())
        self._reader = Reader(config.compute, config.key, config.time)
        self._key_names = key_names(config.key)
        self._lateness = _micro(config.lateness)
        if any(each.whole for each in self._reader.expressions):
            self.reads = "rows"  # `record` is all of it
        self._windows: Windows
        self._keeper: Keeper
        self._mark = _NEVER
        self._newest_came = 0.0
        self._is_ended = False
        self._told: dict[str, float] = {}

    @classmethod
    def holds_for(cls, config: WindowConfig) -> float | None:
        """As long as a window is open."""
        longest = config.size or config.within or config.gap
        return None if longest is None else (longest + config.lateness).total_seconds()

    @classmethod
    def relationships_for(cls, config: WindowConfig) -> tuple[Relationship, ...]:
        """Only where records have a time of their own can they be late."""
        return (SUCCESS, LATE, FAILURE) if config.time is not None else (SUCCESS, FAILURE)

    @classmethod
    def check(cls, config: WindowConfig) -> Iterable[str]:
        """Refuse what makes no window."""
        kinds = [repr(name) for name in ("size", "gap", "count") if getattr(config, name) is not None]
        if len(kinds) != 1:
            found = " and ".join(kinds) or "none"
            yield f"a window has one of 'size' (time), 'gap' (sessions) and 'count' (records); got {found}"
        for name, needed, is_alone in (
            ("every", "size", config.every is not None and config.size is None),
            ("within", "count", config.within is not None and config.count is None),
            ("per_key", "count", not config.per_key and config.count is None),
            ("per_key", "key", not config.per_key and config.key is None),
            ("lateness", "time", bool(config.lateness) and config.time is None),
            ("idle", "time", config.idle is not None and config.time is None),
        ):
            if is_alone:
                yield f"{name!r} means nothing without {needed!r}"
        if config.time is not None and config.count is not None:
            yield "'time': a window of 'count' takes records as they come"
        if config.size is not None and config.every is not None:
            yield from _steps(config.size, config.every)
        for name in config.compute:
            if name in (START, END, *key_names(config.key)):
                yield f"'compute': the field {name!r} is given already; choose another name"

    def fields(self) -> frozenset[str]:
        """What the expressions read."""
        return frozenset[str]().union(*(each.fields for each in self._reader.expressions))

    async def start(self, context: Context) -> None:
        """Open again what was open before a crash."""
        self._windows = _windows(self.config, self._aggregates)
        kind = Stored if context.is_exactly_once else Holding
        self._keeper = kind(self._windows, _shape(self.config))
        mark = await self._keeper.start(context)
        if mark is not None:
            self._mark = self._windows.given = mark
        self._newest_came = context.now()
        self._plan(context)

    async def stop(self, context: Context) -> None:
        """Forget what the next run has no use for."""
        if self._is_ended:
            await self._keeper.end(context)

    # -- calls ----------------------------------------------------------------------------------

    async def process(self, batch: Batch, context: Context) -> Routes:
        """Add records to their windows, and close those that are due."""
        self._newest_came = context.now()
        self._pass_time(context)
        view, failures = self._reader.read(batch, self._mark, self._lateness)
        routes: dict[str, list[Batch]] = {SUCCESS.name: [], LATE.name: []}
        for part in self._windows.parts(view) if len(view) else ():
            shares, late = self._windows.place(part)
            self._fold(part, shares)
            if shares:
                self._keeper.attach(part.batch, shares, context)
            self._mark = max(self._mark, part.marks[-1])
            routes[SUCCESS.name] += self._rows(self._windows.due(self._mark))
            if late:
                routes[LATE.name].append(part.batch.select(late))
        routes[SUCCESS.name] += self._shrink(context)
        await self._keeper.flush(self._mark, context)
        self._plan(context)
        outputs = {name: Batch.concat(given) for name, given in routes.items() if given}
        return {**outputs, FAILURE.name: failed(batch, failures, context.name)} if failures else outputs

    async def wake(self, context: Context, why: Why) -> Routes | None:
        """Close what is due, the oldest, or all."""
        if why is Why.STOPPING:
            return None
        self._pass_time(context)
        if why is Why.FULL:
            given = self._close_oldest(context, "more records wait than may; the oldest window was closed early")
        elif why is Why.INPUT_ENDED:
            self._is_ended = True
            given = self._rows(self._windows.rest())
        else:
            given = self._rows(self._windows.due(self._mark))
            if self._is_idle(context):
                self._mark = max(self._mark, self._windows.end() or 0)
                given += self._rows(self._windows.due(self._mark))
        await self._keeper.flush(self._mark, context)
        self._plan(context)
        return {SUCCESS.name: Batch.concat(given)} if given else None

    # -- parts of a call ------------------------------------------------------------------------

    def _pass_time(self, context: Context) -> None:
        """Where records have no time of their own, time is the clock's; one that goes back stands still here."""
        if self.config.time is None:
            self._mark = max(self._mark, round(context.now() * SECOND))

    def _fold(self, view: View, shares: Sequence[Share]) -> None:
        picks = [_picker(share.indices) for share in shares]
        for number, (aggregate, column) in enumerate(zip(self._aggregates, view.columns, strict=True)):
            kind, has_nulls = aggregate.kind, None in column
            for share, pick in zip(shares, picks, strict=True):
                values: Sequence[Any] = pick(column) if column else share.indices
                times: Sequence[int] = pick(view.times) if kind.needs_times else ()
                if has_nulls:
                    known = [place for place, value in enumerate(values) if value is not None]
                    values = [values[place] for place in known]
                    times = [times[place] for place in known] if times else ()
                if values:
                    share.cell.put(number, kind.fold(share.cell.states[number], values, times))

    def _rows(self, closed: Sequence[Closed]) -> list[Batch]:
        return [self._keeper.give(closed, list(map(self._row, closed)))] if closed else []

    def _row(self, closed: Closed) -> dict[str, Any]:
        cells = [cell for _, cell in closed.members]
        states = self._windows.merged(cells)
        label = cells[0].label
        labels = label if len(self._key_names) > 1 else [label]
        return {
            **dict(zip(self._key_names, labels, strict=False)),
            START: closed.start / SECOND,
            END: closed.end / SECOND,
            **{
                name: aggregate.kind.result(state)
                for (name, aggregate), state in zip(self.config.compute.items(), states, strict=True)
            },
        }

    def _shrink(self, context: Context) -> Iterator[Batch]:
        while self._windows.cells > self.config.max_open:
            text = "more windows are open than 'max_open' allows; the oldest was closed early"
            yield from self._close_oldest(context, text)

    def _close_oldest(self, context: Context, text: str) -> list[Batch]:
        oldest = next(iter(self._windows.bins.values()), None)
        if oldest is None:
            return []
        closed = self._windows.close([oldest])
        if context.now() - self._told.get(text, float("-inf")) >= _TELL:
            self._told[text] = context.now()
            context.bulletin(text, rows=len(closed), start=oldest.start / SECOND)
        return self._rows(closed)

    def _is_idle(self, context: Context) -> bool:
        idle = self.config.idle
        return idle is not None and context.now() >= self._newest_came + idle.total_seconds()

    def _plan(self, context: Context) -> None:
        """Ask to be woken when time alone closes something."""
        when: float | None = None
        if self.config.time is None:
            due = self._windows.next_due()
            when = None if due is None else due / SECOND
        elif self.config.idle is not None and self._windows.bins:
            when = self._newest_came + self.config.idle.total_seconds()
        context.wake_at(when)


def _picker(indices: Sequence[int]) -> Callable[[Sequence[Any]], Sequence[Any]]:
    """What takes the values at some places out of a column."""
    if len(indices) == 1:
        return lambda column: [column[indices[0]]]
    return itemgetter(*indices)


def key_names(key: Expression | None) -> tuple[str, ...]:
    """The fields that the key of a window stands in: fields keep their names."""
    if key is None:
        return ()
    names = [name.strip() for name in key.source.removeprefix("[").removesuffix("]").split(",")]
    is_list = key.source.startswith("[") and key.source.endswith("]")
    if (is_list or len(names) == 1) and all(_NAME.fullmatch(name) and name in key.fields for name in names):
        return tuple(names)
    return ("key",)


def _steps(size: timedelta, every: timedelta) -> Iterator[str]:
    if every > size:
        yield "'every' is at most 'size': records between two windows would be in none"
    elif size % every:
        yield "'size' is a whole multiple of 'every'"
    elif size // every > _MOST_WINDOWS:
        yield f"a record would be in {size // every:,} windows; 'size' is at most {_MOST_WINDOWS:,} times 'every'"


def _windows(config: WindowConfig, aggregates: Sequence[Aggregate]) -> Windows:
    if config.size is not None:
        return Panes(aggregates, _micro(config.size), _micro(config.every or config.size))
    if config.gap is not None:
        return Sessions(aggregates, _micro(config.gap))
    within = None if config.within is None else _micro(config.within)
    return Counts(aggregates, config.count or 1, within, per_key=config.per_key)


def _shape(config: WindowConfig) -> str:
    """What must be the same for a window that was stored to go on."""
    parts: dict[str, object] = {
        "size": config.size,
        "every": config.every,
        "gap": config.gap,
        "count": config.count,
        "key": config.key,
        "per_key": None if config.per_key else "false",
        "time": config.time,
        "compute": ", ".join(f"{name}: {each}" for name, each in config.compute.items()),
    }
    return ", ".join(f"{name}: {value}" for name, value in parts.items() if value is not None)


def _micro(duration: timedelta) -> int:
    return duration // timedelta(microseconds=1)
