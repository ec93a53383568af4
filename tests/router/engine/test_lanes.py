"""Calls that overlap: what waits for its lane, or for a retry, counts against the limits."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from router import Batch, Context, Engine, Inbox, Processor, Registry, RetryableError, build_flow, load_registry
from router.testing import VirtualClock

LARGE = "x" * 1_000_000


class Stuck(Processor):
    """Takes for ever."""

    type_name = "stuck"

    async def process(self, batch: Batch, context: Context) -> Batch:
        await context.sleep(1e9)
        return batch


class Down(Processor):
    """Finds its other side down."""

    type_name = "down"

    def process(self, batch: Batch, context: Context) -> Batch:
        raise RetryableError("down")


def registry() -> Registry:
    made = load_registry()
    made.processor(Stuck)
    made.processor(Down)
    return made


@pytest.mark.parametrize(("kind", "ordered"), [("stuck", "key"), ("down", False)])
async def test_what_is_set_aside_counts_in_bytes(kind: str, ordered: Any) -> None:
    inbox, run = Inbox(), {"concurrency": 2, "ordered": ordered}
    steps = {"read": {"type": "generate", "to": "work"}, "work": {"type": kind, "run": run, "to": "drop"}}
    flow = build_flow({"flow": "t", "processors": steps}, registry=registry())
    async with Engine(flow, replace={"read": inbox}, clock=VirtualClock()) as engine:
        pushes = [asyncio.ensure_future(inbox.push([{"key": 1, "text": LARGE}])) for _ in range(30)]
        for _ in range(1000):
            await asyncio.sleep(0)
        connection = engine.connection("read.success>work")
        assert connection.stats().full <= 1
        assert connection.unacked < 10
        await engine.stop(0)
        await asyncio.gather(*pushes, return_exceptions=True)
