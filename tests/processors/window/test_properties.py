"""Windows against a plain computation, one record after the other, for any order, any batches and any crash."""

from __future__ import annotations

import asyncio
import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from router import Batch, Routes, Why
from router_processors.window import Window
from tests.processors.window.windows import Bare, config

COMPUTE = {"n": "count()", "total": "sum(x)", "low": "min(x)", "high": "max(x)", "xs": "list(x)"}
RECORDS = st.lists(
    st.fixed_dictionaries({"t": st.integers(0, 60), "k": st.sampled_from("abc"), "x": st.integers(-9, 9)}), max_size=40
)
DICE = st.randoms(use_true_random=False)
Rows = list[dict[str, Any]]


def summary(start: float, end: float, records: Rows) -> dict[str, Any]:
    xs = [each["x"] for each in records]
    numbers = {"n": len(xs), "total": sum(xs), "low": min(xs), "high": max(xs), "xs": sorted(xs)}
    return {"k": records[0]["k"], "window_start": start, "window_end": end, **numbers}


def plain_panes(records: Rows, size: int, every: int, lateness: int) -> tuple[Rows, Rows]:
    newest = -1000
    windows: dict[tuple[int, str], Rows] = {}
    late: Rows = []
    for record in records:
        time = record["t"]
        newest = max(newest, time)
        first = time // every * every - size + every
        open_ones = [start for start in range(first, first + size, every) if start + size > newest - lateness]
        for start in open_ones:
            windows.setdefault((start, record["k"]), []).append(record)
        late += [] if open_ones else [record]
    return [summary(start, start + size, found) for (start, _), found in windows.items()], late


def plain_sessions(records: Rows, gap: int, lateness: int) -> tuple[Rows, Rows]:
    newest = -1000
    sessions: list[Rows] = []
    late: Rows = []
    for record in records:
        time = record["t"]
        newest = max(newest, time)
        mark = newest - lateness

        def takes(session: Rows, time: int = time, key: str = record["k"], mark: int = mark) -> bool:
            first, last = min(each["t"] for each in session), max(each["t"] for each in session)
            is_near: bool = first - gap < time < last + gap
            return is_near and session[0]["k"] == key and last + gap > mark

        mine = [session for session in sessions if takes(session)]
        if not mine and time + gap <= mark:
            late.append(record)
            continue
        sessions = [session for session in sessions if session not in mine]
        sessions.append([each for session in mine for each in session] + [record])
    times = [[each["t"] for each in session] for session in sessions]
    return [summary(min(each), max(each), session) for each, session in zip(times, sessions, strict=True)], late


def plain_counts(records: Rows, count: int, *, per_key: bool) -> Rows:
    lanes: dict[str, Rows] = {}
    for record in records:
        lanes.setdefault(record["k"] if per_key else "", []).append(record)
    rows: Rows = []
    for lane in lanes.values():
        for start in range(0, len(lane), count):
            groups: dict[str, Rows] = {}
            for record in lane[start : start + count]:
                groups.setdefault(record["k"], []).append(record)
            rows += [summary(0, 0, group) for group in groups.values()]
    return rows


async def fed(records: Rows, dice: random.Random, *, crashes: bool, **options: Any) -> tuple[Rows, Rows]:
    """What comes out for records in random batches, the process ending between any two of them if it ``crashes``."""
    given: dict[str, Rows] = {"success": [], "late": []}
    made = config(compute=COMPUTE, key="k", **options)
    context: Any = Bare({} if crashes else None)
    it: Window | None = None
    rest = list(records)
    while rest:
        if it is None or (crashes and not dice.randint(0, 2)):
            it = Window(made)
            await it.start(context)
        count = dice.randint(1, 8)
        collect(await it.process(Batch.of(rest[:count]), context), given)
        rest = rest[count:]
    if it is not None:
        collect(await it.wake(context, Why.INPUT_ENDED), given)
        await it.stop(context)
    assert (context.open, context.kept) == (0, {})
    return [{**each, "xs": sorted(each["xs"])} for each in given["success"]], given["late"]


def collect(routes: Routes | None, given: dict[str, Rows]) -> None:
    for name, batch in (routes or {}).items():
        given[name] += batch.rows


def ordered(rows: Rows) -> Rows:
    return sorted(rows, key=repr)


def same(found: tuple[Rows, Rows], right: tuple[Rows, Rows]) -> bool:
    return (ordered(found[0]), ordered(found[1])) == (ordered(right[0]), ordered(right[1]))


@settings(max_examples=200)
@given(RECORDS, st.sampled_from([(10, 10), (10, 5), (12, 3)]), st.integers(0, 15), DICE, st.booleans())
def test_windows_of_time(
    records: Rows, span: tuple[int, int], lateness: int, dice: random.Random, crashes: bool
) -> None:
    size, every = span
    options = {"size": f"{size}s", "every": f"{every}s", "time": "t", "lateness": f"{lateness}s"}
    found = asyncio.run(fed(records, dice, crashes=crashes, **options))
    assert same(found, plain_panes(records, size, every, lateness))


@settings(max_examples=200)
@given(RECORDS, st.integers(1, 12), st.integers(0, 15), DICE, st.booleans())
def test_sessions(records: Rows, gap: int, lateness: int, dice: random.Random, crashes: bool) -> None:
    options = {"gap": f"{gap}s", "time": "t", "lateness": f"{lateness}s"}
    found = asyncio.run(fed(records, dice, crashes=crashes, **options))
    assert same(found, plain_sessions(records, gap, lateness))


@settings(max_examples=100)
@given(RECORDS, st.integers(1, 9), st.booleans(), DICE, st.booleans())
def test_counts(records: Rows, count: int, per_key: bool, dice: random.Random, crashes: bool) -> None:
    found = asyncio.run(fed(records, dice, crashes=crashes, count=count, per_key=per_key))
    assert same(found, (plain_counts(records, count, per_key=per_key), []))
