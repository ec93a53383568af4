"""Run flows in one event loop, from their start to their reports."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import logging
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeVar

from router.cli.progress import Meter
from router.cli.reloading import Loading, Reloader
from router.control.server import Control
from router.control.telemetry import Telemetry
from router.engine import Engine, Report, Status, SystemClock
from router.engine.clock import sleep
from router.errors import DataFolderError, RouterError
from router.flow import Flow

__all__ = ["Run", "Runs", "in_loop", "is_anything_stuck", "tuned_gc"]

_T = TypeVar("_T")
_log = logging.getLogger("router")

IDLE_FOR, LOOK_EVERY = 1.0, 0.1
PATIENCE = 0.5

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of malloc.h


class Run:
    """One flow of a command: started, stopped when asked, ended with a report, whatever happens."""

    def __init__(self, flow: Flow, data: Path, load: Loading, hide: Callable[[Iterable[str]], None]) -> None:
        self.name = flow.name
        self.data = data
        self.engine = Engine(flow, data=data)
        self.reloader = Reloader(self.engine, load, hide)
        self.is_started = False
        self.is_refused = False
        """True if its data folder is not to be used, so that nothing was started."""
        self.report: Report | None = None
        self.over = asyncio.Event()
        """Set when there is a report."""
        self._is_cancelled = False

    @property
    def flow(self) -> Flow:
        """The flow, as it is now."""
        return self.engine.flow

    async def to_the_end(self, on_start: Callable[[Run], None]) -> None:
        """Start the flow and wait for its end; what cannot start has failed."""
        try:
            async with self.engine as engine:
                self.is_started = True
                on_start(self)
                self.report = await engine.run()
        except asyncio.CancelledError:  # stopped before it could start
            self.report = self._without_counts("stopped", None)
        except (RouterError, OSError) as error:
            self.is_refused = isinstance(error, DataFolderError) and not self.is_started
            self.report = self._without_counts("failed", str(error))
        except Exception as error:  # noqa: BLE001 - a hook of a plugin may raise anything
            _log.exception("%s: a defect of router or of a plugin", self.flow.name)
            self.report = self._without_counts("failed", f"{type(error).__name__}: {error}")
        finally:
            self.over.set()

    def give_up(self, main: asyncio.Task[None]) -> None:
        """End what waits for its start, once: a second word must not reach it while it is ending."""
        if not self._is_cancelled:
            self._is_cancelled = True
            main.cancel()

    async def ended(self) -> Report:
        """Wait for its report."""
        await self.over.wait()
        assert self.report is not None
        return self.report

    def _without_counts(self, outcome: Literal["stopped", "failed"], error: str | None) -> Report:
        return Report(self.flow.name, outcome, 0.0, {}, 0, error)


class Runs:
    """The flows of one command.

    Args:
        drain: Seconds that a stop waits for records under way; None: as each flow says.
        until_idle: Stop a flow when it has had nothing to do for a moment.
        watch: Load a flow anew when its files have changed.
        on_start: Called each time a flow has started.
        control: Serves the flows to whoever watches and steers them.
        telemetry: Sends what they do to a collector.
    """

    def __init__(
        self,
        runs: Sequence[Run],
        *,
        drain: float | None,
        until_idle: bool,
        watch: bool,
        on_start: Callable[[], None],
        control: Control | None = None,
        telemetry: Telemetry | None = None,
    ) -> None:
        self.meters: list[Meter] = []
        self._runs = runs
        self._drain = drain
        self._until_idle = until_idle
        self._watch = watch
        self._on_start = on_start
        self._control = control
        self._telemetry = telemetry
        self._main: dict[Run, asyncio.Task[None]] = {}
        self._beside: set[asyncio.Task[Any]] = set()

    async def to_the_end(self) -> None:
        """Run all of them until each has its report."""
        if self._control is not None:
            await self._control.begin()
        for run in self._runs:
            self._main[run] = _task(self._to_its_end(run), run.flow.name)
            asyncio.get_running_loop().call_soon(self._serve, run)
        await asyncio.gather(*self._main.values())
        if self._control is not None:
            await self._control.close()
        if self._telemetry is not None:
            await self._telemetry.close()
        for task in self._beside:
            task.cancel()
        for ended in await asyncio.gather(*self._beside, return_exceptions=True):
            if isinstance(ended, Exception):
                _log.error("a defect of router", exc_info=ended)

    def stop(self) -> None:
        """Ask every flow to end."""
        for run, task in self._main.items():
            if run.is_started:
                self._stop(run, self._drain)
            else:
                run.give_up(task)

    def reload(self) -> None:
        """Load every flow anew."""
        for run in self._runs:
            if run.is_started and run.report is None:
                self._beside.add(_task(run.reloader.quietly(), f"reload {run.flow.name}"))

    def _stop_asked(self, run: Run, drain: float | None) -> asyncio.Task[Report]:
        if run.is_started:
            return self._stop(run, self._drain if drain is None else drain)
        run.give_up(self._main[run])
        return _task(run.ended(), f"stop {run.flow.name}")

    def _serve(self, run: Run) -> None:
        """Have it seen and steered from its start on, which may wait for others for ever; by now it is put together."""
        if self._control is not None and run.report is None:
            run.reloader.hides.append(self._control.hide)
            self._control.add(run.engine, partial(self._stop_asked, run), run.reloader.reload)

    async def _to_its_end(self, run: Run) -> None:
        try:
            await run.to_the_end(self._started)
        finally:
            if self._control is not None:
                await self._control.remove(run.flow.name)

    def _stop(self, run: Run, drain: float | None) -> asyncio.Task[Report]:
        task = _task(run.engine.stop(drain), f"stop {run.flow.name}")
        self._beside.add(task)
        return task

    def _started(self, run: Run) -> None:
        self._on_start()
        if self._telemetry is not None:
            self._telemetry.watch(run.engine)
        run.reloader.meter = Meter(run.flow, run.engine.status)
        self.meters.append(run.reloader.meter)
        if self._watch:
            self._beside.add(_task(run.reloader.whenever_changed(), f"watch {run.flow.name}"))
        if self._until_idle:
            self._beside.add(_task(self._stop_when_idle(run), f"idle {run.flow.name}"))

    async def _stop_when_idle(self, run: Run) -> None:
        clock, seen, since = SystemClock(), None, 0.0
        while run.report is None:
            status = run.engine.status()
            moved = activity(status)
            if moved != seen or is_busy(status):
                seen, since = moved, clock.now()
            elif clock.now() - since >= IDLE_FOR:
                await run.engine.stop(self._drain)
                return
            await sleep(clock, LOOK_EVERY)


def _task(work: Coroutine[Any, Any, _T], name: str) -> asyncio.Task[_T]:
    return asyncio.get_running_loop().create_task(work, name=name)


def activity(status: Status) -> object:
    """What changes whenever a record moves."""
    return [(each.records_in, each.out) for each in status.processors.values()]


def is_busy(status: Status) -> bool:
    """True if something is still to be done with a record that a source has given, other than to hold it."""
    held = sum(each.held for each in status.processors.values())
    return any(each.records or each.unacked for each in status.connections.values()) or (
        status.outstanding > 0 and not held
    )


def in_loop(work: Callable[[asyncio.AbstractEventLoop], Awaitable[_T]]) -> _T:
    """Run on a loop of its own, uvloop's where there is one, that leaves threads behind rather than wait for them."""
    try:
        import uvloop  # noqa: PLC0415 - only where it exists, and not when the library is imported
    except ImportError:
        loop = asyncio.new_event_loop()
    else:
        loop = uvloop.new_event_loop()
    threads = ThreadPoolExecutor(thread_name_prefix="router")
    loop.set_default_executor(threads)
    try:
        return loop.run_until_complete(work(loop))
    finally:
        threads.shutdown(wait=False, cancel_futures=True)
        loop.run_until_complete(_cancel_left())
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


async def _cancel_left() -> None:
    """End the tasks that are left where something broke out of the loop: a KeyboardInterrupt in a processor."""
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    if left:
        await asyncio.wait(left, timeout=PATIENCE)


def is_anything_stuck() -> bool:
    """True if a thread does not end: Python would wait for it at its exit, for ever."""
    deadline = time.monotonic() + PATIENCE
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join(max(0.0, deadline - time.monotonic()))
            if thread.is_alive():
                return True
    return False


def _keep_freed_memory() -> None:
    """Have glibc keep what one batch freed for the next: given back, it is faulted in again page by page."""
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        for parameter, nbytes in ((M_TRIM_THRESHOLD, 1 << 30), (M_MMAP_THRESHOLD, 32 << 20)):
            mallopt(parameter, nbytes)


@contextlib.contextmanager
def tuned_gc() -> Iterator[Callable[[], None]]:
    """Tune the garbage collector for a run; gives what to call when all has started.

    While modules are imported and flows built there is no garbage worth a look. What then lives, lives to the
    end and need not be looked at again; and of records, few objects refer to each other.
    """
    thresholds = gc.get_threshold()
    gc.disable()

    def started() -> None:
        _keep_freed_memory()
        gc.freeze()
        gc.set_threshold(50_000, 20, 100)
        gc.enable()

    try:
        yield started
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()
        gc.enable()
