"""A list of flows that is only played, and a process that is."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec

from router.control.client import UnreachableError
from router.control.messages import FlowSummary
from router_ui.app import OwnRun, RouterApp
from router_ui.flows import Listed
from tests.ui.driving import NEVER
from tests.ui.scripted import ScriptedFlow, tweets


class Listing:
    """Lists the flows of these names; ``is_lost`` makes it the list of a process that does not answer."""

    def __init__(self, *names: str) -> None:
        self.flows = [ScriptedFlow(msgspec.structs.replace(tweets(), name=name)) for name in names]
        self.is_lost = False
        self.is_closed = False

    async def listed(self) -> Sequence[Listed]:
        if self.is_lost:
            raise UnreachableError("http://far:8443 does not answer")
        return [Listed(f"/state/{each.name}", summary(each), each) for each in self.flows]

    async def close(self) -> None:
        self.is_closed = True


def summary(flow: ScriptedFlow) -> FlowSummary:
    return FlowSummary(
        name=flow.name,
        description="",
        state="running",
        seconds=123.0,
        processors=len(flow.view.processors),
        queued=sum(each.records for each in flow.view.connections),
        rate=200.0,
        dead_letters=flow.view.dead_letters,
    )


class PlayedRun:
    """The process of flows that end when they are asked to, or told to."""

    def __init__(self, code: int = 0) -> None:
        self.asked = 0
        self.code = code
        self.is_over = asyncio.Event()

    def stop(self) -> None:
        self.asked += 1
        self.is_over.set()

    async def ended(self) -> int:
        await self.is_over.wait()
        return self.code


def app_of_list(listing: Listing, own: OwnRun | None = None, *, opens_only: bool = True) -> RouterApp:
    return RouterApp(flows=listing, every=NEVER, own=own, opens_only=opens_only)
