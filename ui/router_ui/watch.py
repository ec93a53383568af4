"""The one who asks: looks at a flow twice a second, knows when it is lost, and finds it again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from router.control.client import ControlError, FlowClient, UnreachableError
from router.control.messages import FlowView
from router_ui.past import KEPT, Past

__all__ = ["EVERY", "Watch"]

EVERY = 0.5  # seconds
HIDDEN = 2.0  # while nobody can see what would be shown
_LONGEST = 5.0
_SHARE = 4.0  # of the time an answer takes: a flow that is slow to answer is left alone for longer


class Watch:
    """What is known of a flow, kept up to date by ``run``.

    Args:
        client: Asks the flow.
        tell: Called after each look, with whatever came of it.
        every: Seconds from one look to the next.
    """

    def __init__(self, client: FlowClient, tell: Callable[[Watch], None], *, every: float = EVERY) -> None:
        self.client = client
        self.view: FlowView | None = None
        """The newest look; while the flow is lost, the last before that."""
        self.lost: str | None = None
        """Why the flow does not answer; None while it does."""
        self.ended: str | None = None
        """How the flow has ended, where it is known that it will not come back."""
        self.past = Past()
        self.runs = 0
        """Counts the processes that the flow was seen to run in: a flow that comes back begins anew."""
        self.is_hidden = False
        self._tell = tell
        self._every = every
        self._took = 0.0
        self._asking = asyncio.Lock()

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(self.pause())  # noqa: TID251 - a client belongs to no flow

    def pause(self) -> float:
        """Seconds until the next look: longer where nobody sees it, or where an answer takes long."""
        least = max(self._every, HIDDEN) if self.is_hidden else self._every
        return max(least, min(_LONGEST, self._took * _SHARE))

    async def look(self) -> None:
        """Look now, and tell; what was just done shows at once."""
        async with self._asking:
            began = time.monotonic()
            try:
                view = await self.client.look()
                if self._is_another(view):
                    self.past.begin(await self.client.history(KEPT))
                    self.runs += 1
            except UnreachableError as error:
                self.lost = str(error)
            except ControlError as error:  # the process is there and runs other flows, or it asks for a token
                self.lost = str(error)
            else:
                self.view, self.lost = view, None
                self.past.add(view)
            self._took = time.monotonic() - began
        self._tell(self)

    def _is_another(self, view: FlowView) -> bool:
        return self.view is None or view.process != self.view.process or view.seconds < self.view.seconds
