"""Worker processes for ``execution: process``: origins stay here, records cross, a death loses nothing."""

from __future__ import annotations

import asyncio
import contextlib
import mmap
import os
import pickle
import signal
import socket
import subprocess
import sys

from router.authoring import Processor
from router.batch import Batch
from router.codec import Failures
from router.config import settings_of
from router.engine.clock import Clock
from router.engine.context import FlowContext
from router.engine.outputs import Outputs
from router.engine.workers.frames import CANNOT_CROSS, HEADER, Answer, Recipe, dump, order_of, rebuilt
from router.errors import ProcessorError, RecordError
from router.functions import FunctionProcessor

__all__ = ["WorkerPool"]

_NOWHERE = (1 << 64) - 1


class _DiedError(Exception):
    """A worker ended before it answered."""


class _Worker:
    """One child process, its socket, and the word of shared memory in which it marks its record."""

    def __init__(self) -> None:
        self._mark_file = os.memfd_create("router-mark")
        os.ftruncate(self._mark_file, 8)
        self._map = mmap.mmap(self._mark_file, 8)
        self._mark = memoryview(self._map).cast("Q")
        self._process: subprocess.Popen[bytes] | None = None
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def start(self, recipe: Recipe) -> None:
        """Start the process and have it make its processor."""
        ours, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-m", "router.engine.workers.main", str(theirs.fileno()), str(self._mark_file)]
            environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in recipe.path if path)}
            self._process = await asyncio.to_thread(
                subprocess.Popen, command, pass_fds=(theirs.fileno(), self._mark_file), env=environment
            )
        self._streams = await asyncio.open_connection(sock=ours)
        try:
            answer = await self.ask(dump(recipe))
        except _DiedError as error:
            raise ProcessorError("its worker process ended before it was ready") from error
        if answer.error is not None:
            raise ProcessorError(f"its worker process: {type(answer.error).__name__}: {answer.error}")

    async def ask(self, frame: bytes) -> Answer:
        """Send the frame of an order, one at a time, and read the answer.

        Raises:
            _DiedError: the process ended first.
        """
        assert self._streams is not None
        reader, writer = self._streams
        self._mark[0] = _NOWHERE
        try:
            writer.write(frame)
            await writer.drain()
            header = await reader.readexactly(HEADER.size)
            body = await reader.readexactly(HEADER.unpack(header)[0])
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise _DiedError from error
        try:
            answer: Answer = pickle.loads(body)  # noqa: S301 - from our own child
        except Exception as error:  # noqa: BLE001 - objects of an author's may do anything when they are made again
            answer = Answer(error=RecordError(CANNOT_CROSS.format(error)))
        return answer

    @property
    def marked(self) -> int | None:
        """The record it is at, or was at when it died."""
        return None if self._mark[0] == _NOWHERE else self._mark[0]

    def kill(self) -> None:
        """Kill the process, where it was started."""
        if self._process is not None:
            self._process.kill()

    async def end(self) -> int:
        """Hang up and wait; returns the exit status, negative for a signal."""
        if self._streams is not None:
            self._streams[1].close()
            with contextlib.suppress(ConnectionError):
                await self._streams[1].wait_closed()
        status = await asyncio.to_thread(self._process.wait) if self._process is not None else 0
        self._mark.release()
        self._map.close()
        os.close(self._mark_file)
        return status


class WorkerPool:
    """As many worker processes as calls may overlap.

    A function processor's worker marks the record it is at, so one death finds the
    poison record; a class's batch is tried again in halves. A record that kills its
    worker, or holds it longer than the timeout, goes to ``failure``; the others are
    called again in a new worker.
    """

    def __init__(self, processor: Processor, context: FlowContext, clock: Clock, size: int) -> None:
        kind = type(processor)
        self._recipe = Recipe(
            path=list(sys.path),
            module=kind.__module__,
            qualname=kind.__qualname__,
            file=getattr(sys.modules.get(kind.__module__), "__file__", None),
            settings=dict(settings_of(processor.config)),
            name=context.name,
            flow=context.flow,
        )
        self._marks = isinstance(processor, FunctionProcessor)
        self._context = context
        self._clock = clock
        self._size = size
        self._idle: asyncio.LifoQueue[_Worker | None] = asyncio.LifoQueue()
        """Who may be asked next; None: one that died and is started again when it is needed."""
        self._all: set[_Worker] = set()

    async def start(self) -> None:
        """Start every worker.

        Raises:
            ProcessorError: one could not make its processor.
        """
        for _ in range(self._size):
            self._idle.put_nowait(await self._spawn())

    async def stop(self) -> None:
        """Let idle workers end by themselves, kill those that are still at work."""
        idle: set[_Worker | None] = set()
        while not self._idle.empty():
            idle.add(self._idle.get_nowait())
        for worker in list(self._all):
            await self._end(worker, kill=worker not in idle)

    async def run(self, batch: Batch, timeout: float | None) -> tuple[Outputs, Failures]:
        """Run one batch: its outputs, and the records that killed or held up their worker.

        Raises:
            Exception: what ``process`` raised in the worker.
        """
        outputs: Outputs = []
        poison: Failures = []
        todo: list[list[int]] = [list(range(len(batch)))]
        while todo:
            positions = todo.pop()
            part = batch if len(positions) == len(batch) else batch.select(positions)
            answer, marked, error = await self._ask(part, timeout)
            if answer is not None:
                outputs += self._accepted(answer, part)
                continue
            found = 0 if len(positions) == 1 else marked
            if found is None or found >= len(positions):
                middle = len(positions) // 2
                todo += [positions[middle:], positions[:middle]]
                continue
            poison.append((positions[found], error))
            rest = positions[:found] + positions[found + 1 :]
            if rest:
                todo.append(rest)
        return outputs, sorted(poison, key=lambda failure: failure[0])

    def _accepted(self, answer: Answer, part: Batch) -> Outputs:
        for text, data in answer.bulletins:
            self._context.bulletin(text, **data)
        if answer.error is not None:
            raise answer.error
        return [(each.relationship, rebuilt(each, part)) for each in answer.parts]

    async def _ask(self, batch: Batch, timeout: float | None) -> tuple[Answer | None, int | None, Exception]:
        """One exchange with an idle worker; without an answer: the record it was at, and what happened."""
        frame = dump(order_of(batch))
        worker = await self._next()
        is_late = False

        def kill() -> None:
            nonlocal is_late
            is_late = True
            worker.kill()

        timer = self._clock.call_later(timeout, kill) if timeout is not None else None
        try:
            answer = await worker.ask(frame)
        except _DiedError:
            marked = worker.marked if self._marks else None
            self._idle.put_nowait(None)
            status = await self._end(worker)
            if is_late:
                return None, marked, RecordError(f"took longer than {timeout:g} s; its worker process was killed")
            return None, marked, RecordError(f"killed its worker process ({_cause(status)})")
        except BaseException:
            self._idle.put_nowait(None)
            await self._end(worker, kill=True)
            raise
        finally:
            if timer is not None:
                timer.cancel()
        self._idle.put_nowait(worker)
        return answer, None, RecordError("")

    async def _next(self) -> _Worker:
        worker = await self._idle.get()
        if worker is not None:
            return worker
        try:
            return await self._spawn()
        except BaseException:
            self._idle.put_nowait(None)
            raise

    async def _spawn(self) -> _Worker:
        worker = _Worker()
        self._all.add(worker)
        try:
            await worker.start(self._recipe)
        except BaseException:
            await self._end(worker, kill=True)
            raise
        return worker

    async def _end(self, worker: _Worker, *, kill: bool = False) -> int:
        self._all.discard(worker)
        if kill:
            worker.kill()
        return await worker.end()


def _cause(status: int) -> str:
    if status >= 0:
        return f"exit status {status}"
    with contextlib.suppress(ValueError):
        return signal.Signals(-status).name
    return f"signal {-status}"
