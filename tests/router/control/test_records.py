"""What waits in a connection: looked into, filtered, dropped, tapped, its limits changed."""

from __future__ import annotations

import asyncio
import base64
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from router.batch import Batch
from router.control.client import ControlError, FlowClient
from router.control.messages import Counted, RecordView
from tests.router.control.served import EDGE, Rig, Stage, served_chain, until
from tests.router.engine.flows import Keep

Kind = dict[str, Any]


@pytest.fixture(params=["memory", "disk"])
def queue(request: pytest.FixtureRequest) -> Kind:
    return {"queue": {"read>work": {"type": request.param}}}


async def waiting(rig: Rig, count: int) -> None:
    await until(lambda: rig.engine.connection(EDGE).records == count)


def stopped_at(rig: Rig) -> None:
    rig.engine.steering.stop("work")


def held(data: Path, *batches: Any, **options: Any) -> Any:
    """A flow whose first connection keeps all but the first batch."""
    return served_chain(data, [0], *batches, work=Stage(), run={"work": {"batch": {"records": 1}}}, **options)


def numbers(views: list[RecordView]) -> list[int]:
    return [view.record["n"] for view in views]


async def all_of(flow: FlowClient, **asked: Any) -> list[RecordView]:
    """Every page."""
    found, offset = list[RecordView](), 0
    while True:
        page = await flow.records(EDGE, offset=offset, **asked)
        found += page.records
        if page.following is None:
            return found
        offset = page.following


async def test_records_are_listed_in_order_page_by_page(tmp_path: Path, queue: Kind) -> None:
    async with held(tmp_path, *([3 * n + 1, 3 * n + 2, 3 * n + 3] for n in range(4)), **queue) as rig:
        await waiting(rig, 12)
        page = await rig.flow.records(EDGE, offset=2, limit=5)
        assert (numbers(page.records), page.waiting, page.following) == ([3, 4, 5, 6, 7], 12, 7)
        assert [each.position for each in page.records] == [2, 3, 4, 5, 6]
        assert numbers(await all_of(rig.flow, limit=5)) == [*range(1, 13)]
        assert (await rig.flow.records(EDGE, offset=12)).following is None


async def test_records_are_chosen_by_an_expression(tmp_path: Path, queue: Kind) -> None:
    async with held(tmp_path, [1, 2, 3], [4, 5, 6], **queue) as rig:
        await waiting(rig, 6)
        assert numbers(await all_of(rig.flow, where="n % 2 == 0", limit=2)) == [2, 4, 6]
        with pytest.raises(ControlError, match="'where': "):
            await rig.flow.records(EDGE, where="n ==")


async def test_a_record_is_shown_with_all_that_lies_beside_it(tmp_path: Path) -> None:
    rows = [
        {
            "n": 1,
            "d": Decimal("1.10"),
            "t": datetime(2026, 1, 1, tzinfo=UTC),
            "b": b"\xff",
            "big": 10**30,
            "x": float("nan"),
        }
    ]
    batch = Batch.of(rows, path="in.jsonl").with_columns(key=["k"])
    async with held(tmp_path, batch) as rig:
        await waiting(rig, 1)
        (view,) = (await rig.flow.records(EDGE)).records
        assert (view.columns, view.attributes, view.record["n"], view.record["x"]) == (
            {"key": "k"},
            {"path": "in.jsonl"},
            1,
            "nan",
        )
        assert float(view.record["d"]) == 1.1


async def test_content_that_cannot_be_decoded_is_shown_as_it_is(tmp_path: Path) -> None:
    contents = [b'{"n": 1}', b"no json", b"\xff\x00\xfe"]
    async with held(tmp_path, Batch.raw(contents)) as rig:
        await waiting(rig, 3)
        good, text, other = (await rig.flow.records(EDGE)).records
        assert (good.record, good.size, good.format) == ({"n": 1}, 8, "json")
        assert (text.record, text.content) == (None, "no json")
        assert base64.b64decode(other.content_base64 or "") == contents[2]


async def test_long_content_is_cut_where_it_is_listed_and_whole_where_it_is_asked_for(tmp_path: Path) -> None:
    text = '{"text": "' + "ä" * 50_000 + '"}'
    async with held(tmp_path, Batch.raw([text.encode()])) as rig:
        await waiting(rig, 1)
        (cut,) = (await rig.flow.records(EDGE, cut=1001)).records
        assert (cut.is_cut, cut.size, cut.content) == (True, len(text.encode()), text[:505])
        (whole,) = (await rig.flow.records(EDGE, cut=1 << 20)).records
        assert (whole.is_cut, whole.record["text"]) == (False, "ä" * 50_000)


async def test_an_answer_is_bounded_however_large_the_records_are(tmp_path: Path) -> None:
    batch = Batch.raw([b'"' + bytes([65 + n]) * 1_000_000 + b'"' for n in range(7)], "text")
    async with held(tmp_path, batch, queue={"read>work": {"bytes": 1 << 30}}) as rig:
        await waiting(rig, 7)
        page = await rig.flow.records(EDGE, cut=16 << 20)
        assert (len(page.records), page.following) == (4, 4)
        assert len(await all_of(rig.flow, cut=16 << 20)) == 7


async def test_all_records_or_those_that_match_are_dropped(tmp_path: Path, queue: Kind) -> None:
    async with held(tmp_path, [1, 2, 3], [4, 5, 6], **queue) as rig:
        await waiting(rig, 6)
        assert await rig.flow.drop(EDGE, where="n < 3") == 2
        assert numbers(await all_of(rig.flow)) == [3, 4, 5, 6]
        assert await rig.flow.drop(EDGE) == 4
        assert (await rig.flow.connection(EDGE)).records == 0


async def test_of_equal_records_as_many_are_dropped_as_their_id_is_named(tmp_path: Path, queue: Kind) -> None:
    async with held(tmp_path, [1, 2, 2, 2], [3, 2], **queue) as rig:
        await waiting(rig, 6)
        views = await all_of(rig.flow)
        assert len({view.id for view in views}) == 3
        assert await rig.flow.drop(EDGE, ids=[views[1].id, views[1].id, views[0].id, "0" * 16]) == 3
        assert numbers(await all_of(rig.flow)) == [2, 3, 2]


async def test_limits_change_and_a_misspelt_filter_drops_nothing(tmp_path: Path) -> None:
    async with held(tmp_path, [1, 2]) as rig:
        await waiting(rig, 2)
        view = await rig.flow.set_limits(EDGE, records=5)
        assert (view.max_records, view.max_bytes, view.full) == (5, 8 << 20, 0.4)
        assert (await rig.flow.set_limits(EDGE, nbytes=1000)).max_bytes == 1000
        assert await rig.flow.set_limits(EDGE) == await rig.flow.connection(EDGE)
        with pytest.raises(ControlError, match="no parameter 'were' \\(did you mean 'where'"):
            await rig.client._wire.ask(
                "DELETE", ["api", "flows", "test", "connections", EDGE, "records"], Counted, query=[("were", "n")]
            )
        assert rig.engine.connection(EDGE).records == 2


async def test_a_tap_shows_what_comes_in_and_how_much_it_left_out(tmp_path: Path) -> None:
    async with served_chain(tmp_path, [0], keep=Keep()) as rig:
        seen: list[int] = []
        lost = 0

        async def read() -> None:
            nonlocal lost
            async for each in rig.flow.tap(EDGE, where="n != 5", reconnect=False):
                if isinstance(each, RecordView):
                    seen.append(each.record["n"])
                else:
                    lost += each.records

        tapping = asyncio.ensure_future(read())
        connection = rig.engine.connection(EDGE)
        await until(lambda: connection.taps)
        connection.offer(Batch.of([{"n": n} for n in range(10)]))
        await until(lambda: seen)
        connection.offer(Batch.of([{"n": n} for n in range(100, 600)]))
        await until(lambda: lost)
        assert (seen, lost) == ([0, 1, 2, 3, 4, 6, 7, 8, 9, *range(500, 600)], 400)
        await rig.control.remove("test")
        await tapping
        assert connection.taps == ()


async def test_a_tap_that_is_left_costs_nothing_any_more_and_there_are_not_too_many(tmp_path: Path) -> None:
    async with served_chain(tmp_path, [0]) as rig:
        taps = [rig.flow.tap(EDGE, reconnect=False) for _ in range(21)]
        reads = [asyncio.ensure_future(anext(tap)) for tap in taps]
        await until(lambda: len(rig.engine.connection(EDGE).taps) == 20)
        (refused, *_), _ = await asyncio.wait(reads, return_when=asyncio.FIRST_COMPLETED)
        with pytest.raises(ControlError, match="20 taps look at this flow already"):
            refused.result()
        for read in reads:
            read.cancel()
        await asyncio.gather(*reads, return_exceptions=True)
        rig.engine.connection(EDGE).offer(Batch.of([{"n": 1}]))
        for number in range(3):
            rig.engine.connection(EDGE).offer(Batch.of([{"n": number}]))
            await asyncio.sleep(0.3)
        await until(lambda: not rig.engine.connection(EDGE).taps)
