"""What tests of read_file share: a flow that reads, with time moved by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from router import Batch, Context, Engine, Processor, Relationship, Report, Routes, Unconnected, build_flow
from router.testing import VirtualClock


class Sink(Processor):
    """Keeps what it is given, with where it came from."""

    type_name = "keep"
    is_sink = True
    reads = "any"
    relationships = (Relationship("success", unconnected=Unconnected.DELIVERED),)

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[Batch] = []

    def process(self, batch: Batch, context: Context) -> Routes:
        self.batches.append(batch)
        return {"success": batch}


class Reading:
    """A flow with one ``read_file``, and what has come out of it so far."""

    def __init__(self, settings: dict[str, Any]) -> None:
        data, now = Path("data") if settings.get("checkpoint") else None, settings.pop("now", 1000.0)
        to = {"success": "good", "failure": "bad"}
        keep = {"type": "log"}
        read = {"type": "read_file", "to": to, **settings}
        sinks = {name: keep for name in ("good", "bad") if name in str(read["to"])}
        flow = build_flow({"flow": "test", "processors": {"read": read, **sinks}})
        self.good, self.bad, self.clock = Sink(), Sink(), VirtualClock(now)
        replace = {"good": self.good, "bad": self.bad}
        self.engine = Engine(flow, replace={name: replace[name] for name in sinks}, data=data, clock=self.clock)

    async def advance(self, seconds: float = 0.0) -> None:
        await self.clock.advance(seconds, lambda: self.engine.is_busy)

    async def run(self) -> Report:
        async with self.engine:
            return await self.engine.run()

    @property
    def records(self) -> list[Any]:
        """The records that can be decoded as rows, the others as content."""
        found: list[Any] = []
        for batch in self.good.batches:
            decoded, failures = batch.decoded()
            found += batch.content if failures else decoded.rows
        return found

    @property
    def content(self) -> list[bytes]:
        return [line for batch in self.good.batches for line in batch.content]

    @property
    def failures(self) -> list[tuple[bytes, str]]:
        return [
            (content, error["message"])
            for batch in self.bad.batches
            for content, error in zip(batch.content, batch.columns["error"], strict=True)
        ]

    @property
    def bulletins(self) -> list[tuple[str, dict[str, object]]]:
        return [(each.text, dict(each.data)) for each in self.engine.bulletins if each.processor == "read"]


Following = Callable[..., AbstractAsyncContextManager[Reading]]


@pytest.fixture
def reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Reading]:
    """``reading(path="posts.jsonl")``: a flow in a folder of its own, not started."""
    monkeypatch.chdir(tmp_path)
    return lambda **settings: Reading(settings)


@pytest.fixture
def following(reading: Callable[..., Reading]) -> Following:
    """``async with following(path=...) as found``: a flow that is running, and that stops at the end."""

    @asynccontextmanager
    async def start(**settings: Any) -> AsyncIterator[Reading]:
        found = reading(mode="follow", **settings)
        async with found.engine:
            await found.advance(1.0)
            yield found

    return start
