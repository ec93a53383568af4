"""Runs one flow: start, run to its end, stop."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Literal, Self, final

from router.authoring import Context, Processor
from router.connections.bounded import Connection
from router.difference import Difference
from router.engine.assembly import assemble
from router.engine.clock import Clock, SystemClock
from router.engine.desk import Desk
from router.engine.drain import Coordinator
from router.engine.drainage import Drainage
from router.engine.machine import Machine
from router.engine.overview import report_of, statuses
from router.engine.ports import Inbox
from router.engine.redrive import Redrive
from router.engine.reloading.changing import Changing
from router.engine.reloading.reload import Wishes
from router.engine.report import Bulletin, Report, Status
from router.engine.restore import restore
from router.engine.starting import Starter, made
from router.engine.steering import Steering
from router.engine.tasks import Tasks
from router.engine.tracing.following import attach, follow
from router.engine.tracing.provenance import Provenance
from router.errors import ConfigError, ProcessorError, nearest
from router.flow import Flow
from router.secrecy import Mask
from router.storage.database import Database
from router.storage.dead_letters import DeadLetters, holds_records
from router.storage.letter import DeadLetter
from router.storage.letter_box import letters_in
from router.storage.schema import FLOW_DB, FLOW_SCHEMA

__all__ = ["Engine"]


@final
class Engine:
    """Runs one flow on the running event loop. No globals: any number of engines share a loop.

    ``async with`` starts it, sinks first and sources last, and stops it on leaving: with
    the flow's drain time, or at once when an exception leaves the block. It installs no
    signal handler, configures no logging and touches no setting of the process.

    Args:
        replace: Processors to use in place of the flow's, by name: an ``Inbox`` for a source,
            an ``Outbox`` for a sink, a fake for a test.
        data: The folder that keeps disk queues, dead letters and state; None: a private temporary
            one, kept and named in a bulletin only if records are left in it.
        clock: Where the flow takes its time from; None: the system.

    Raises:
        ConfigError: ``replace`` names a processor the flow does not have.

    Example:
        >>> async def main():
        ...     async with Engine(load_flow("flows/tweets.yaml")) as engine:
        ...         return await engine.run()
    """

    def __init__(
        self,
        flow: Flow,
        *,
        replace: Mapping[str, Processor] | None = None,
        data: Path | str | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.flow = flow
        self._replace = dict(replace or {})
        for name in self._replace:
            if name not in flow.processors:
                raise ConfigError(f"replace: the flow has no processor {name!r}{nearest(name, flow.processors)}")
        self._data = Path(data) if data is not None else None
        self._clock: Clock = clock if clock is not None else SystemClock()
        self._hide = Mask(flow.secrets)
        self._tasks = Tasks(self._broke, self._clock.now, self._hide)
        self._end = Tasks(self._broke, self._clock.now, self._hide)
        self._coordinator = Coordinator(self._fail)
        self._over = asyncio.Event()
        self._stopping = asyncio.Lock()
        self._report: Report | None = None
        self._error: str | None = None
        self._started = 0.0
        self._machine: Machine
        self._desk: Desk
        self._database: Database
        self._redrive: Redrive
        self._drainage: Drainage
        self._provenance: Provenance | None = None
        self._starter: Starter
        self._changing: Changing

    # -- life -----------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        """Start the flow.

        Raises:
            ProcessorError: a processor could not start; those that had are stopped again.
            RuntimeError: it has been started before; every run has an engine of its own.
        """
        if self._started:
            raise RuntimeError("an engine runs once; make another for the next run")
        names = {name: self._replace.get(name) for name in self.flow.processors}
        self._assemble(made(self.flow, names, self._hide))
        self._started = time.perf_counter()
        self._provenance = follow(
            self.flow, self._machine, self._redrive, folder=self._data, clock=self._clock, desk=self._desk
        )
        try:
            await self._start_all()
        except BaseException:
            await self._close()
            for each in self._replace.values():
                if isinstance(each, Inbox):  # somebody may wait for what it was given before the start
                    each.refuse()
            raise
        for name, runner in self._machine.runners.items():
            runner.task = self._tasks.start(runner.run(), name)
        self._redrive.begin()
        for name, source in self._machine.sources.items():
            source.task = self._tasks.start(source.run(), name)
        if not self._machine.sources:
            self._coordinator.done.set()
        self._tasks.start(self._notice_done(), "done")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop(0 if error is not None else None)

    async def run(self) -> Report:
        """Wait until the flow is done, has failed or was stopped, and say what it did.

        Raises:
            RuntimeError: it has not been started.
        """
        if not self._started:
            raise RuntimeError("the engine has not been started; start it with: async with Engine(...) as engine")
        await self._over.wait()
        return await self.stop()

    async def stop(self, drain: float | None = None) -> Report:
        """End the flow: sources first, then up to ``drain`` seconds for what is under way.

        What is not safe by then is rejected: its source is told to give it again. A flow that
        is done, or stopped already, just gives its report. A second call while the first waits
        can make it wait less, not more.

        Args:
            drain: Seconds; None: as the flow's ``run.drain`` says, 20 s by default.
        """
        if self._stopping.locked() and drain is not None:
            self._drainage.cut_after(drain)
        async with self._stopping:
            if self._report is None:
                self._report = await self._shut_down(drain)
                self._over.set()
                self._tell_plugins(self._report)
        return self._report

    async def reload(
        self,
        flow: Flow,
        *,
        replace: Mapping[str, Processor] | None = None,
        give_back: bool = False,
        drop: bool = False,
    ) -> Difference:
        """Make this flow of the one that runs; what is the same in both does not notice, and no record is lost.

        Processors that changed are stopped when their calls have ended, and begun anew; connections keep
        their records. All of it takes up to the flow's ``run.drain``, or is not done. One reload
        at a time; a stop comes first. Cancelled, it goes on all the same.

        Args:
            replace: Instances to use from now on, by name, as for the engine itself.
            give_back: Have sources give again what would have to be waited for: what a processor holds that is
                stopped, what a source has given that is stopped. Some of it comes twice.
            drop: Drop records that still wait in connections which the new flow does not have.

        Raises:
            ReloadError: it could not be done; the flow goes on as it was.
            ConfigError: ``replace`` names a processor the flow does not have.
            RuntimeError: the engine has not been started.
        """
        if not self._started:
            raise RuntimeError("the engine has not been started; start it with: async with Engine(...) as engine")
        return await self._changing.reload(flow, replace or {}, Wishes(give_back=give_back, drop=drop))

    # -- looking --------------------------------------------------------------------------------

    @property
    def bulletins(self) -> deque[Bulletin]:
        """The newest things processors told, oldest first."""
        return self._desk.bulletins

    @property
    def error(self) -> str | None:
        """What the flow has failed of; None while it has not."""
        return self._error

    @property
    def data(self) -> Path:
        """The folder that keeps its data."""
        return self._database.path.parent

    def tell(self, text: str, **data: object) -> None:
        """Tell the operator something about the flow as a whole."""
        self._desk.bulletin(self.flow.name, text, data)

    def dead_letters(self) -> Iterator[DeadLetter]:
        """The records that were set aside, in this run and those before, oldest first; read from the disk one by one.

        Raises:
            DataFolderError: the data folder cannot be read.
        """
        return letters_in(self.data)

    @property
    def is_busy(self) -> bool:
        """True while a call is in a thread or a worker process, where the flow's clock does not reach."""
        return (
            self._database.is_busy
            or any(runner.caller.away for runner in self._machine.runners.values())
            or (self._provenance is not None and self._provenance.is_closing)
        )

    def context(self, name: str) -> Context:
        """What the processor of that name works with."""
        return self._machine.of(name).context

    @property
    def steering(self) -> Steering:
        """What an operator may do while the flow runs: look into queues, drop records, stop and start processors."""
        return Steering(self._machine)

    def connection(self, id: str) -> Connection:
        """One connection, by its id.

        Raises:
            ConfigError: the flow has none of that id.
        """
        return self.steering.connection(id)

    def status(self) -> Status:
        """How the flow looks now; cheap, nothing waits for it."""
        return Status(
            seconds=time.perf_counter() - self._started,
            processors=statuses(self._machine),
            connections={id_: each.stats() for id_, each in self._machine.connections.items()},
            dead_letters=self._desk.letters.count,
            outstanding=self._coordinator.outstanding,
            is_stopping=self._stopping.locked(),
            dead_letters_kept=self._desk.letters.kept,
            is_starting=not self._starter.is_up,
        )

    # -- starting -------------------------------------------------------------------------------

    def _assemble(self, processors: Mapping[str, Processor]) -> None:
        """Put the flow together, nothing started."""
        folder = self._data or Path(tempfile.mkdtemp(prefix=f"router-{self.flow.name}-"))
        folder.mkdir(parents=True, exist_ok=True)
        self._database = Database(folder / FLOW_DB, FLOW_SCHEMA, on_trouble=self._on_trouble, salvages=True)
        self._database.open()
        letters = DeadLetters(self._database, self._clock.now, self.flow.version)
        self._coordinator.when_stored = self._database.call_when_written
        self._desk = Desk(self.flow.name, self._clock, letters, on_letter=self._on_letter, hide=self._hide)
        parts = assemble(
            self.flow,
            processors,
            clock=self._clock,
            desk=self._desk,
            coordinator=self._coordinator,
            tasks=self._tasks,
            database=self._database,
            hide=self._hide,
            fail=self._fail,
            instances=self._replace,
            adopt=self._adopt,
        )
        self._machine, self._starter, self._changing = parts.machine, parts.starter, parts.changing
        self._redrive, self._drainage = parts.redrive, parts.drainage

    async def _start_all(self) -> None:
        """Find what earlier runs left, and start every processor, sinks first."""
        await self._desk.letters.look()
        self._tell_old_letters()
        await restore(self._machine, self._database, self._desk, self.flow.name)
        if self.flow.registry is not None:
            self.flow.registry.hooks.hook.flow_starting(flow=self.flow)
        await self._starter.begin(self._machine.of(name) for name in reversed(self._machine.upstream_first))

    def _adopt(self, flow: Flow) -> None:
        """Be another flow from now on."""
        self.flow = self._redrive.flow = flow
        self._hide.add(flow.secrets)
        self._desk.letters.version = flow.version
        if self._provenance is not None and self._provenance.is_on and self._provenance.follows:
            attach(flow, self._machine, self._provenance)

    # -- ending ---------------------------------------------------------------------------------

    def _tell_old_letters(self) -> None:
        if (path := self.data / "dead_letters.jsonl").exists():
            self.tell("dead letters of an older router are in a file of their own", path=path)

    async def _notice_done(self) -> None:
        await self._coordinator.done.wait()
        self._over.set()

    def _on_trouble(self, trouble: str | None) -> None:
        if trouble is None:
            self.tell("the data folder can be written again")
        else:
            text = "the data folder cannot be written; what waits for it waits until it can be"
            self.tell(text, path=self._database.path, error=trouble)

    def _on_letter(self) -> None:
        self._redrive.begin()
        if self.flow.run.on_dead_letter == "stop":
            self._fail("stopped at a dead letter, as the flow asks")

    def _broke(self, error: BaseException) -> None:
        self._fail(str(error) if isinstance(error, ProcessorError) else f"{type(error).__name__}: {error}")

    def _fail(self, text: str) -> None:
        if self._error is not None or self._report is not None:
            return
        self._error = text = self._hide(text)
        self.tell("the flow has failed", error=text)
        self._over.set()
        if self._stopping.locked():
            self._drainage.cut_after(0)
        else:
            self._end.start(self.stop(0), "end")  # also where nobody waits for the end

    async def _shut_down(self, drain: float | None) -> Report:
        seconds = self.flow.run.drain.total_seconds() if drain is None else drain
        outcome: Literal["done", "stopped", "cut_off", "failed"] = "done"
        await self._changing.end()
        if not self._coordinator.done.is_set() or self._error is not None:
            is_full = await self._drainage.drain(0.0 if self._error is not None else seconds, self._end_tasks)
            outcome = "failed" if self._error is not None else "stopped" if is_full else "cut_off"
        await self._close()
        return Report(
            flow=self.flow.name,
            outcome=outcome,
            seconds=time.perf_counter() - self._started,
            processors=report_of(self._machine),
            dead_letters=self._desk.letters.count,
            error=self._error,
            dropped=self._desk.dropped,
        )

    async def _end_tasks(self) -> None:
        for name in await self._tasks.cancel():
            self._desk.bulletin(self.flow.name, "a task does not end; it is left behind", {"task": name})

    async def _close(self) -> None:
        await self._end_tasks()
        order = [*self._machine.upstream_first]
        sources = [name for name in order if name in self._machine.sources]
        for name in [*(name for name in order if name not in self._machine.sources), *sources]:
            await self._starter.stop(self._machine.of(name))
        for runner in self._machine.runners.values():
            runner.close()
        self._desk.tell_rest()
        self._redrive.close()
        if self._provenance is not None:
            await self._provenance.close()
        is_needed = self._data is None and await holds_records(self._database)
        await self._database.close()
        if is_needed:
            self.tell("the private data folder is kept: it holds records", path=self.data)
        elif self._data is None:
            shutil.rmtree(self.data, ignore_errors=True)

    def _tell_plugins(self, report: Report) -> None:
        if self.flow.registry is None:
            return
        try:
            self.flow.registry.hooks.hook.flow_stopped(report=report)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the flow has ended, whatever a plugin says to that
            text = "a plugin failed when it was told that the flow has stopped"
            self.tell(text, error=f"{type(error).__name__}: {error}")
