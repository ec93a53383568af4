"""One running flow, as the control API sees it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import NoReturn, TypeAlias, TypeVar

from router.control.history import History
from router.control.log import Log
from router.control.refusals import NotThereError, RefusedError
from router.difference import Difference
from router.engine import Engine, Report, SystemClock
from router.errors import ConfigError, nearest
from router.expression import Expression
from router.flow import Flow
from router.secrecy import Mask

__all__ = ["Reloading", "Subject"]

MOST_TAPS = 20
Reloading: TypeAlias = "Callable[[Path | None, bool, bool], Awaitable[Difference]]"
"""From which file, whether records may be given back, whether they may be dropped."""
SHARE_OF_VIEWS = 0.02  # of the loop, however many ask and however large the flow is
_T = TypeVar("_T")


class Subject:
    """A flow that runs, with what the API keeps of it: its history, its secrets' mask, who taps it.

    Args:
        stop: Begins to stop the flow, draining for so many seconds; what it returns is done when it has ended.
        reload: Loads the flow anew, from its file or another, and makes of the one that runs what it says
            now; None: it was not loaded from a file.
        log: The newest lines of the log.
        threads: Where files are read; None: where the loop does such work.
    """

    def __init__(
        self,
        engine: Engine,
        stop: Callable[[float | None], asyncio.Future[Report]],
        log: Log,
        threads: Executor | None = None,
        reload: Reloading | None = None,
    ) -> None:
        self.engine = engine
        self.threads = threads
        self.reload = reload
        self.mask = Mask(engine.flow.secrets)
        self.history = History(engine.status, SystemClock().now)
        self.over = asyncio.Event()
        """Set when the flow has ended."""
        self.taps = 0
        """How many look at records as they come."""
        self.stop = stop
        self.log = log
        self._incoming: tuple[Flow, dict[str, list[str]]] | None = None
        self._shared: dict[str, tuple[float, bytes]] = {}

    @property
    def name(self) -> str:
        """The name of the flow."""
        return self.flow.name

    @property
    def flow(self) -> Flow:
        """The flow, as it is now."""
        return self.engine.flow

    @property
    def incoming(self) -> dict[str, list[str]]:
        """The connections that lead to each processor."""
        if self._incoming is None or self._incoming[0] is not self.flow:
            found: dict[str, list[str]] = {name: [] for name in self.flow.processors}
            for each in self.flow.connections:
                found[each.consumer].append(each.id)
            self._incoming = self.flow, found
        return self._incoming[1]

    @property
    def data(self) -> Path:
        """The folder that keeps its data."""
        return self.engine.data

    def end(self) -> None:
        """The flow has ended: whoever watches it is let go."""
        self.history.end()
        self.over.set()

    def expression(self, source: str | None) -> Expression | None:
        """Read an expression, with the functions that the flow's plugins brought.

        Raises:
            RefusedError: it is none.
        """
        if source is None:
            return None
        registry = self.flow.registry
        known: AbstractContextManager[object] = registry.functions.active() if registry is not None else nullcontext()
        try:
            with known:
                return Expression(source)
        except ConfigError as error:
            raise RefusedError(f"'where': {error}") from error

    def check_processor(self, name: str) -> None:
        """Refuse a name that no processor has."""
        if name not in self.flow.processors:
            raise NotThereError(f"no processor {name!r}{nearest(name, self.flow.processors)}")

    def check_connection(self, id: str) -> None:
        """Refuse an id that no connection has."""
        ids = [each.id for each in self.flow.connections]
        if id not in ids:
            raise NotThereError(f"no connection {id!r}{nearest(id, ids)}")

    def check_target(self, target: str | None) -> None:
        """Refuse what is neither a connection nor a processor that records can be put into."""
        known = {each.id for each in self.flow.connections}
        for each in self.flow.connections:
            known.add(each.consumer if each.input is None else f"{each.consumer}.{each.input}")
        if target is not None and target not in known:
            raise NotThereError(
                f"'to': no connection and no processor with an input {target!r}{nearest(target, known)}"
            )

    def steered(self, work: Callable[[], None]) -> None:
        """Do something to the flow, and say why it cannot be done where it cannot."""
        try:
            work()
        except ConfigError as error:
            _refuse(error)

    async def beside(self, work: Callable[[], _T]) -> _T:
        """Do what waits for files in a thread of the API's own: the flow waits for none of it."""
        return await asyncio.get_running_loop().run_in_executor(self.threads, work)

    def shared(self, name: str, make: Callable[[], bytes]) -> bytes:
        """An answer that is the same for all who ask: made so seldom that it takes little of the loop."""
        until, made = self._shared.get(name, (0.0, b""))
        if (began := time.perf_counter()) >= until:
            made = make()
            done = time.perf_counter()
            self._shared[name] = (done + (done - began) / SHARE_OF_VIEWS, made)
        return made

    def changed(self) -> None:
        """Make shared answers anew: who has changed something sees it."""
        self._shared.clear()

    def check_taps(self) -> None:
        """Refuse one more tap where there are many: each costs the flow a little."""
        if self.taps >= MOST_TAPS:
            raise RefusedError(f"{MOST_TAPS} taps look at this flow already; close one", status=429)


def _refuse(error: ConfigError) -> NoReturn:
    raise RefusedError(str(error), status=409) from error
