"""Flows that run in the test's process and are served on a real socket, with a client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from router.batch import Batch
from router.control.client import Client, FlowClient, UnreachableError
from router.control.server import Control, Listening
from router.control.subject import Reloading
from router.engine import Engine, Report
from tests.router.engine.flows import Do, Feed, Keep, wired

__all__ = ["EDGE", "Rig", "Stage", "served", "served_chain", "until"]

EDGE, NEXT = "read.success>work", "work.success>keep"


@dataclass
class Rig:
    """A flow that is served."""

    engine: Engine
    control: Control
    client: Client
    flow: FlowClient
    data: Path
    stopping: list[asyncio.Future[Report]]


@asynccontextmanager
async def served(
    engine: Engine, data: Path, listening: Listening | None = None, reload: Reloading | None = None
) -> AsyncIterator[Rig]:
    control, stopping = Control(listening), list[asyncio.Future[Report]]()
    await control.begin()

    def stop(drain: float | None) -> asyncio.Future[Report]:
        stopping.append(asyncio.ensure_future(engine.stop(drain)))
        stopping[-1].add_done_callback(lambda _: removing.append(asyncio.ensure_future(control.remove("test"))))
        return stopping[-1]

    removing: list[asyncio.Future[None]] = []
    try:
        async with engine, Client(data) as client:
            control.add(engine, stop, reload)
            await until(lambda: answers(client))
            yield Rig(engine, control, client, client.flow("test"), data, stopping)
            await control.remove("test")
            await engine.stop(0)  # the flow's time stands still: nobody waits for a drain
        await asyncio.gather(*stopping, *removing)
    finally:
        await control.close()


@asynccontextmanager
async def served_chain(
    data: Path,
    *batches: Any,
    keep: Keep | None = None,
    work: Callable[..., Any] | None = None,
    listening: Listening | None = None,
    **options: Any,
) -> AsyncIterator[Rig]:
    """``read > work > keep``: records that are given at once, and then nothing more."""
    engine = wired(
        {"read": Feed(*batches, then=1e9), "work": Do(work or (lambda batch, _: batch)), "keep": keep or Keep()},
        "read>work",
        "work>keep",
        data=data,
        **options,
    )
    async with served(engine, data, listening) as rig:
        yield rig


class Stage:
    """Work that waits until it is let go on."""

    def __init__(self) -> None:
        self.may_go = asyncio.Event()

    async def __call__(self, batch: Batch, context: Any) -> Batch:
        await self.may_go.wait()
        return batch


async def answers(client: Client) -> bool:
    try:
        return bool((await client.flows()).flows)
    except UnreachableError:
        return False


async def until(condition: Callable[[], Any]) -> None:
    """Wait until something is so; the test's own deadline ends it."""
    while True:
        found = condition()
        if await found if asyncio.iscoroutine(found) else found:
            return
        await asyncio.sleep(0.01)
