from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from router import Batch, Engine, Inbox, Outcome, ProcessorError, build_flow
from router.testing import VirtualClock
from tests.processors.window.windows import at, left_by, row, window

KINDS: list[dict[str, Any]] = [
    {"size": "10s", "time": "t"},
    {"size": "10s", "every": "5s", "time": "t"},
    {"gap": "10s", "time": "t"},
    {"count": 4},
    {"count": 4, "per_key": False},
]


async def test_records_are_held_until_their_window_has_closed() -> None:
    async with window(size="10s", time="t") as it:
        await it.feed(at(1))
        await it.feed(at(2), at(11))
        assert it.outcomes == [Outcome.DELIVERED]
        await it.feed(at(21))
        assert it.outcomes == [Outcome.DELIVERED] * 2


async def test_at_a_stop_there_are_no_half_results_and_records_are_given_back() -> None:
    async with window(size="10s", time="t") as it:
        await it.feed(at(1))
    await VirtualClock().advance(0)  # who waits for the outcome hears of it
    assert it.outcomes == [Outcome.REJECTED]


async def test_rows_answer_for_all_their_records() -> None:
    async with window(count=3, key="k") as it:
        routes = await it.feed_batch(Batch.of([{"k": "a", "x": 1}, {"k": "b", "x": 1}], path="1"))
        assert routes == {}
        routes = await it.feed_batch(Batch.of([{"k": "a", "x": 1}] * 2, path="2"))
        (given,) = routes["success"]
        assert (len(given.acks()), given.attributes) == (2, {})
        assert it.outcomes == [Outcome.DELIVERED]


async def test_each_record_gets_the_reply_to_its_window() -> None:
    inbox = Inbox()
    steps = {
        "in": {"type": "generate", "to": "it"},
        "it": {"type": "window", "count": 2, "compute": {"n": "sum(x)"}, "to": "out"},
        "out": {"type": "respond"},
    }
    flow = build_flow({"flow": "test", "processors": steps})
    async with Engine(flow, replace={"in": inbox}):
        replies = await inbox.call([{"x": 1}, {"x": 2}])
        inbox.end()
    assert [reply.record and reply.record["n"] for reply in replies] == [3, 3]


@pytest.mark.parametrize("is_stored", [False, True])
async def test_a_full_holder_closes_its_oldest_window_early(is_stored: bool) -> None:
    settings = {"max_open": 2} if is_stored else {"run": {"hold": {"records": 2}}}
    async with window(size="10s", time="t", key="k", lateness="1h", is_stored=is_stored, **settings) as it:
        given = [await it.feed(at(time, k=time)) for time in (1, 11, 21)]
        given.append(await it.feed(at(2, k=1)))
        rest = await it.end()
    rows = [each for part in [*given, rest] for each in part.get("success", [])]
    assert rows[0] == row(0, 10, k=1, n=1, total=1)
    assert sum(each["n"] for each in rows) == 4
    assert it.bulletins[0][0].endswith("the oldest window was closed early") or it.bulletins[0] == (
        "more windows are open than 'max_open' allows; the oldest was closed early",
        {"rows": 1, "start": 0.0},
    )


@pytest.mark.parametrize("settings", KINDS)
async def test_what_is_stored_settles_at_once_and_goes_on_after_a_restart(settings: dict[str, Any]) -> None:
    records = [
        at(1, 1, k="a"),
        at(2, 2, k="b"),
        at(3, 4, k="a"),
        at(12, 8, k="a"),
        at(14, 16, k="b"),
        at(50, 32, k="c"),
    ]
    compute = {"n": "count()", "total": "sum(x)", "last": "last(x)", "all": "list(x)", "kinds": "distinct(x)",
               "p": "percentile(x, 50)", "d": "stddev(x)", "mean": "avg(x)"}  # fmt: skip
    async with window(is_stored=True, key="k", compute=compute, **settings) as whole:
        expected = (await whole.feed(*records)).get("success", [])
        expected += (await whole.end()).get("success", [])
    left: dict[str, Any] = {}
    found: list[dict[str, Any]] = []
    for record in records:
        async with window(left=left, key="k", compute=compute, **settings) as it:
            found += (await it.feed(record)).get("success", [])
            assert it.outcomes not in ([], [Outcome.REJECTED])
        left = dict(left_by(it))
    async with window(left=left, key="k", compute=compute, **settings) as it:
        found += (await it.end()).get("success", [])
    assert left_by(it) == {}

    def order(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return sorted(rows, key=lambda each: (each["window_end"], each["window_start"], each["k"]))

    assert order(found) == order(expected)


async def test_windows_that_were_over_while_nothing_ran_close_at_the_start() -> None:
    async with window(size="10s", is_stored=True) as first:
        await first.feed({"x": 5}, at=101)
    second = window(left=left_by(first), size="10s")
    second._clock._now = 500.0
    async with second:
        assert await second.advance(0) == {"success": [row(100, 110, n=1, total=5)]}


async def test_overlapping_windows_are_not_given_again_after_a_restart() -> None:
    async with window(size="10s", every="5s", time="t", is_stored=True) as first:
        await first.feed(at(7), at(11))
    async with window(left=left_by(first), size="10s", every="5s", time="t") as second:
        assert await second.end() == {"success": [row(5, 15, n=2, total=2), row(10, 20, n=1, total=1)]}


async def test_what_was_stored_by_other_settings_is_not_mistaken() -> None:
    async with window(size="10s", time="t", is_stored=True) as first:
        await first.feed(at(7))
    second = window(left=left_by(first), size="20s", time="t")
    with pytest.raises(ProcessorError, match="windows of other settings are open, and what they hold would be lost: "):
        await second.feed()


async def test_after_the_end_of_all_input_the_next_run_begins_anew() -> None:
    async with window(size="10s", time="t", is_stored=True) as first:
        await first.feed(at(100))
        await first.end()
    assert left_by(first) == {}


async def test_a_flow_makes_windows_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in.jsonl").write_text("".join(f'{{"k":"{"ab"[n % 2]}","t":{n},"x":{n}}}\n' for n in range(3000)))
    steps = {
        "read": {"type": "read_file", "path": "in.jsonl", "to": "it"},
        "it": {"type": "window", "size": "1000s", "time": "t", "key": "k", "compute": {"n": "count()"}, "to": "out"},
        "out": {"type": "write_file", "path": "out.csv", "format": "csv"},
    }
    flow = build_flow({"flow": "test", "processors": steps})
    async with Engine(flow) as engine:
        report = await engine.run()
    assert report.processors["it"].out["success"] == 6
    assert (tmp_path / "out.csv").read_text().splitlines()[:3] == [
        "k,window_start,window_end,n",
        "a,0.0,1000.0,500",
        "b,0.0,1000.0,500",
    ]
