"""Corners of the core that a reader of the code would not expect to hold."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from router import (
    Batch,
    ConnectionClosedError,
    Context,
    Engine,
    Inbox,
    Processor,
    ProcessorError,
    build_flow,
    processor,
)
from router.plugins import Registry, load_registry
from router.testing import TestRunner, VirtualClock


class Keep(Processor):
    """Give records on as they are."""

    type_name = "keep"

    def process(self, batch: Batch, context: Context) -> Batch:
        return batch


class Unstartable(Processor):
    """Never start."""

    type_name = "unstartable"

    async def start(self, context: Context) -> None:
        raise ProcessorError("no")

    def process(self, batch: Batch, context: Context) -> Batch:
        return batch


class Bloat(Processor):
    """Make one row of a thousand large, where no sample looks."""

    type_name = "bloat"

    def process(self, batch: Batch, context: Context) -> Batch:
        return batch.with_fields(text=["x" * (5_000_000 if number == 3 else 1) for number in range(len(batch))])


def registry() -> Registry:
    made = load_registry()
    for kind in (Keep, Unstartable, Bloat):
        made.processor(kind)
    return made


@pytest.mark.parametrize("rows", [[None], ["a"], [1, {}]])
def test_what_is_no_dict_is_no_record(rows: list[Any]) -> None:
    with pytest.raises(TypeError, match="a record is a dict; got"):
        Batch.of(rows)
    with pytest.raises(TypeError, match="a record is a dict; got"):
        Batch.of([{}] * len(rows)).with_rows(rows)


async def test_a_row_that_no_sample_saw_is_still_too_large_for_a_sink(tmp_path: Any) -> None:
    flow = {
        "flow": "large",
        "processors": {
            "make": {"type": "generate", "count": 1000, "record": {"n": "meta.number"}, "to": "bloat"},
            "bloat": {"type": "bloat", "to": "write"},
            "write": {"type": "write_file", "path": str(tmp_path / "out.jsonl"), "run": {"max_record": "1MB"}},
        },
    }
    async with Engine(build_flow(flow, registry=registry()), data=tmp_path) as engine:
        report = await engine.run()
    assert (report.processors["write"].out, report.dead_letters) == ({"success": 999, "failure": 1}, 1)


async def test_a_fuller_batch_is_not_waited_for_when_its_queue_is_full() -> None:
    flow = {
        "flow": "patient",
        "processors": {
            "make": {"type": "generate", "count": 30_000, "record": {"n": "meta.number"}, "to": "keep"},
            "keep": {"type": "keep", "to": "last"},
            "last": {"type": "keep", "to": "drop", "run": {"batch": {"records": 20_000, "wait": "1h"}}},
        },
    }
    async with Engine(build_flow(flow, registry=registry()), clock=VirtualClock()) as engine:
        report = await engine.run()  # no time passes: whoever waited for an hour would wait for ever
    assert report.processors["last"].records_in == 30_000


async def test_a_push_before_a_failed_start_is_refused() -> None:
    flow = {
        "flow": "failing",
        "processors": {
            "read": {"type": "generate", "record": {"n": "1"}, "to": "stuck"},
            "stuck": {"type": "unstartable", "to": "drop"},
        },
    }
    inbox = Inbox()
    pushed = asyncio.ensure_future(inbox.push([{"n": 1}]))
    await asyncio.sleep(0)
    with pytest.raises(ProcessorError, match="processor 'stuck' could not start: no"):
        await Engine(build_flow(flow, registry=registry()), replace={"read": inbox}).__aenter__()
    with pytest.raises(ConnectionClosedError):
        await pushed


async def test_a_record_without_a_key_fails_also_where_calls_do_not_overlap() -> None:
    keep = TestRunner(Keep, run={"ordered": "k"})
    routes = await keep.feed({"k": 1, "n": 1}, {"n": 2}, {"k": 1, "n": 3})
    assert routes == {"success": [{"k": 1, "n": 1}, {"k": 1, "n": 3}], "failure": [{"n": 2}]}
    await keep.end()


async def test_where_a_record_failed_is_in_the_debug_log(caplog: pytest.LogCaptureFixture) -> None:
    @processor
    def halve(record: dict[str, Any]) -> dict[str, Any]:
        return {"half": 1 / record["n"]}

    caplog.set_level("DEBUG", "router")
    runner = TestRunner(halve)
    await runner.feed({"n": 0})
    await runner.end()
    assert "ZeroDivisionError" in caplog.text
    assert __file__ in caplog.text
