"""What has come in and waits for the flow: bounded, and turned away when the flow does not take it."""

from __future__ import annotations

import asyncio
import math
from collections import deque

from router import Batch
from router_processors.serve_http.answers import refusal
from router_processors.serve_http.refused import Refused
from router_processors.serve_http.request import RETRY_AFTER, Request

BUFFERED = 256 << 20
_REQUESTS, _BYTES = (
    256,
    1 << 20,
)  # that are given to the flow in one go: what waits for room there cannot be turned away


class Intake:
    """Requests on their way into the flow, first come, first served.

    Args:
        max_open: How many may be without an answer.
        max_wait: Seconds that one waits for the flow to take it.
    """

    def __init__(self, max_open: int, max_wait: float) -> None:
        self.retry = (RETRY_AFTER, str(max(1, math.ceil(max_wait))))
        self.open = 0
        self.buffered = 0
        """Bytes of bodies that the flow has not taken."""
        self.is_closed = False
        self._max_open = max_open
        self._max_wait = max_wait
        self._waiting: deque[tuple[Batch, Request]] = deque()
        self._wanted: asyncio.Future[None] | None = None

    def check(self) -> None:
        """Refuse a request for which there is no room.

        Raises:
            Refused: the flow stops, or has too much to do.
        """
        if self.is_closed:
            raise self._stopping()
        if self.open >= self._max_open:
            raise Refused(429, f"{self.open:,} requests wait for their answers; send it later", self.retry)

    def count(self, nbytes: int) -> None:
        """Count bytes of a body that are kept; negative: that are kept no more.

        Raises:
            Refused: the bodies of all clients take too much memory.
        """
        self.buffered += nbytes
        if nbytes > 0 and self.buffered > BUFFERED:
            raise Refused(429, "too many bodies are on their way; send it later", self.retry, closes=True)

    def put(self, batch: Batch, request: Request) -> None:
        """Queue a request for the flow."""
        self.open += 1
        self._waiting.append((batch, request))
        if self._wanted is not None and not self._wanted.done():
            self._wanted.set_result(None)

    async def take(self) -> list[tuple[Batch, Request]]:
        """Wait for requests, and take those that have come together."""
        if not self._waiting:
            self._wanted = asyncio.get_running_loop().create_future()
            await self._wanted
        taken: list[tuple[Batch, Request]] = []
        size = 0
        while self._waiting and len(taken) < _REQUESTS and size < _BYTES:
            pair = self._waiting.popleft()
            size += pair[1].size
            taken.append(pair)
        self.buffered -= size
        return taken

    def turn_away(self, now: float) -> None:
        """Tell those that have waited too long to come again."""
        since = now - self._max_wait
        while self._waiting and self._waiting[0][1].time <= since:
            text = "the flow has more to do than it can; send it later"
            self._refuse(Refused(429, text, self.retry))

    def close(self) -> None:
        """Take nothing more: the flow stops."""
        self.is_closed = True
        while self._waiting:
            self._refuse(self._stopping())

    def _refuse(self, refused: Refused) -> None:
        _, request = self._waiting.popleft()
        self.open -= 1
        self.buffered -= request.size
        request.answer(refusal(refused))

    def _stopping(self) -> Refused:
        return Refused(503, "the flow stops; send it again", self.retry)
