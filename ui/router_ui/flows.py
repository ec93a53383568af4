"""Where flows are found: those of this user on this machine, or those of one process far away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from router.control.client import Client, ControlError, FlowClient, Found, running_flows
from router.control.messages import FlowSummary

__all__ = ["Flows", "HereFlows", "Listed", "ThereFlows"]

_PATIENCE = 2.0  # seconds to wait for the answer of one flow before the others are shown


@dataclass(frozen=True, slots=True)
class Listed:
    """A flow that can be shown."""

    place: str
    summary: FlowSummary
    client: FlowClient


class Flows(Protocol):
    """Finds flows."""

    async def listed(self) -> Sequence[Listed]:
        """The flows that answer now.

        Raises:
            ControlError: the one process that is asked does not answer, or refuses.
        """

    async def close(self) -> None:
        """Let go of all connections."""


class HereFlows:
    """Flows of this user on this machine.

    Args:
        is_meant: Which of them are listed; None: all.
    """

    def __init__(self, is_meant: Callable[[Found], bool] | None = None) -> None:
        self._is_meant = is_meant
        self._clients: dict[Found, Client] = {}

    async def listed(self) -> Sequence[Listed]:
        """Those that answer; who says it runs and does not answer in time is left out."""
        found = [each for each in running_flows() if self._is_meant is None or self._is_meant(each)]
        for gone in [each for each in self._clients if each.process and each not in found]:
            await self._clients.pop(gone).close()
        return [each for each in await asyncio.gather(*map(self._listed, found)) if each is not None]

    async def close(self) -> None:
        """Let go of all connections."""
        for client in self._clients.values():
            await client.close()

    async def _listed(self, found: Found) -> Listed | None:
        client = self._clients.setdefault(found, Client(found.data, timeout=_PATIENCE))
        try:
            flows = (await client.flows()).flows
        except ControlError:
            return None
        summary = next((each for each in flows if each.name == found.flow), None)
        return None if summary is None else Listed(str(found.data), summary, self._steady(found).flow(found.flow))

    def _steady(self, found: Found) -> Client:
        """One that is patient, for the views: it outlives the process, and is there when the flow is back."""
        key = Found(found.flow, found.data, 0)
        return self._clients.setdefault(key, Client(found.data))


class ThereFlows:
    """The flows of one process, which listens on a URL."""

    def __init__(self, client: Client, url: str) -> None:
        self._client = client
        self._url = url

    async def listed(self) -> Sequence[Listed]:
        """All of them."""
        flows = (await self._client.flows()).flows
        return [Listed(self._url, each, self._client.flow(each.name)) for each in flows]

    async def close(self) -> None:
        """Let go of the connection."""
        await self._client.close()
