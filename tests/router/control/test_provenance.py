"""Provenance over the API: events found, a record followed, put back on its way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from router.batch import Batch
from router.control.client import ControlError
from router.engine.clock import SystemClock
from tests.router.control.served import EDGE, served, served_chain, until
from tests.router.engine.flows import Do, Feed, Keep, wired


async def test_events_are_found_a_record_is_followed_and_put_back(tmp_path: Path) -> None:
    keep, clock = Keep(), SystemClock()
    steps: Any = {
        "read": Feed(Batch.of([{"n": 1}], path="a"), Batch.of([{"n": 2}], path="b"), then=1e9),
        "work": Do(lambda batch, _: batch),
        "keep": keep,
    }
    full: Any = {"provenance": {"level": "full", "content": "connections"}}
    engine = wired(steps, "read>work", "work>keep", data=tmp_path, clock=clock, flow=full)  # type: ignore[arg-type]
    async with served(engine, tmp_path) as rig:
        await until(lambda: len(keep.numbers) == 2)
        found: list[Any] = []

        async def written() -> bool:
            found[:] = (await rig.flow.events(processor="keep")).events
            return bool(sum(each.count for each in found) == 2)

        await until(written)
        received = (await rig.flow.events(type="receive", where="path == 'b'")).events
        assert [(each.processor, each.target, each.attributes) for each in received] == [("read", EDGE, {"path": "b"})]
        (record,) = received[0].records
        lineage = await rig.flow.lineage(record)
        assert lineage.member.record == record
        assert lineage.content is not None
        assert lineage.content.record == {"n": 2}
        assert await rig.flow.replay([record], to="keep") == 1
        await until(lambda: keep.numbers.count(2) == 2)
        with pytest.raises(ControlError, match="nothing is known of record 999999"):
            await rig.flow.lineage(999_999)
        assert await rig.flow.replay([999_999]) == 0


async def test_a_flow_that_keeps_none_says_so(tmp_path: Path) -> None:
    async with served_chain(tmp_path, [1], flow={"provenance": "off"}) as rig:
        with pytest.raises(ControlError, match="the flow has not run there with") as refused:
            await rig.flow.events()
        assert refused.value.status == 409
