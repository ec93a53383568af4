"""One call of a processor: prepared input, isolated bad records, checked output."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import inspect
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

from router.authoring import Processor, Why
from router.batch import Batch
from router.codec import JSON, Failures, merged_failures
from router.engine.clock import Clock
from router.engine.context import FlowContext, Scope, current_scope
from router.engine.outputs import Outputs, all_failed, outputs_of
from router.engine.oversize import without_oversize
from router.engine.threads import ThreadContext
from router.errors import BrokenOutputError, ProcessorError, RecordError, RetryableError
from router.flow import ProcessorSpec
from router.functions import failed
from router.relationship import FAILURE, RETRY, SUCCESS
from router.storage.unit import open_unit

__all__ = ["Caller", "Emit", "Workers"]

SLOW_CALL = 0.05
_END = object()
Emit = Callable[[Outputs], Awaitable[None]]


class Workers(Protocol):
    """Processes that run ``process`` in the engine's stead."""

    async def start(self) -> None:
        """Start them."""

    async def stop(self) -> None:
        """End them."""

    async def run(self, batch: Batch, timeout: float | None) -> tuple[Outputs, Failures]:
        """Run one batch: outputs, and what killed its worker."""


class Caller:
    """Calls ``process`` of one processor, wherever it runs."""

    def __init__(
        self,
        spec: ProcessorSpec,
        processor: Processor,
        context: FlowContext,
        clock: Clock,
        checked: Callable[[Outputs], Outputs],
    ) -> None:
        self._spec = spec
        self._processor = processor
        self._context = context
        self._clock = clock
        self._checked = checked
        self._fields = processor.fields()
        self._max_record = spec.run.max_record
        self._timeout = spec.run.timeout.total_seconds() if spec.run.timeout is not None else None
        self._threads = (
            ThreadPoolExecutor(spec.run.concurrency, thread_name_prefix=f"router-{spec.name}")
            if spec.run.execution == "thread"
            else None
        )
        self.workers: Workers | None = None
        self.splices = False
        """No processor downstream reads rows, so fields are better set in the bytes."""
        self._slow = 0
        self.away = 0
        """Calls that are in a thread or a worker process now."""

    async def start(self) -> None:
        """Start the processor, here or in its workers."""
        await (self.workers.start() if self.workers is not None else self._processor.start(self._context))

    async def stop(self) -> None:
        """Stop it."""
        await (self.workers.stop() if self.workers is not None else self._processor.stop(self._context))

    def close(self) -> None:
        """Let the threads go; one that never returns is left behind."""
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)

    async def call(self, batch: Batch, scope: Scope, emit: Emit) -> tuple[Outputs, BaseException | None]:
        """Process a batch: what it gives, and the world's fault that sends part of it to ``retry``.

        Batches that an async generator yields are emitted as they come. A call that raises is
        made again with halves, its holds, replies and state undone, until the bad records stand alone.
        """
        batch, large = without_oversize(batch, self._max_record, self._spec.name)
        outputs: Outputs = [(FAILURE.name, large)] if large is not None else []
        ready, failures = self._prepared(batch)
        if failures:
            outputs.append((FAILURE.name, failed(batch, failures, self._spec.name)))
        if ready.has_content and not batch.has_content:  # only now it shows how large they are: rows are sized by a few
            ready, large = without_oversize(ready, self._max_record, self._spec.name)
            outputs += [(FAILURE.name, large)] if large is not None else []
        retryable: BaseException | None = None
        todo = [ready] if len(ready) else []
        while todo:
            part = todo.pop()
            mark = scope.mark()
            try:
                given = await self._invoke(part, scope, emit)
                outputs += self._checked(given)
            except RetryableError as error:
                scope.undo(mark)
                # What was not tried yet stays behind what must be tried again.
                outputs += [(RETRY.name, each) for each in (part, *reversed(todo))]
                todo, retryable = [], error
            except (Exception, SystemExit, asyncio.CancelledError) as error:
                if is_cancelled(error) or isinstance(error, BrokenOutputError):
                    raise
                scope.undo(mark)
                if len(part) > 1 and not isinstance(error, ProcessorError):
                    middle = len(part) // 2
                    todo += [part.slice(middle, len(part)), part.slice(0, middle)]
                else:
                    outputs.append(all_failed(part, error, self._spec.name))
        return outputs, retryable

    async def wake(self, why: Why, scope: Scope) -> Outputs:
        """Wake the processor: what it gives.

        Raises:
            Exception: whatever it raises; nothing it did beside that is kept.
        """
        mark = scope.mark()
        token = current_scope.set(scope)
        try:
            return outputs_of(await self._processor.wake(self._context, why), self._spec.kind.type_name)
        except asyncio.CancelledError as error:
            if is_cancelled(error):
                raise
            scope.undo(mark)
            raise ProcessorError("the wake was cancelled from within") from error
        except BaseException:
            scope.undo(mark)
            raise
        finally:
            current_scope.reset(token)

    def _prepared(self, batch: Batch) -> tuple[Batch, Failures]:
        """Set aside what the processor must not see: too often round, not decodable."""
        rounds = batch.columns.get("rounds") if batch.columns else None
        failures: Failures = []
        if rounds and max(each or 0 for each in rounds) > self._spec.run.max_rounds:
            limit = self._spec.run.max_rounds
            text = f"went round a cycle more than {limit:,} times"
            failures = [(index, RecordError(text)) for index, each in enumerate(rounds) if (each or 0) > limit]
            bad = {index for index, _ in failures}
            batch = batch.select([index for index in range(len(batch)) if index not in bad])
        reads = self._processor.reads
        if reads == "rows" or (self.workers is not None and batch.codec is not JSON):  # a worker decodes JSON alone
            ready, undecodable = batch.decoded()
        elif reads == "content":
            ready, undecodable = batch.encoded(self._processor.codec)
        elif self._fields and self._processor.adds_fields and not self.splices:
            ready, undecodable = batch.decoded()  # somebody behind wants rows, and these are to be rows anyhow
        elif self._fields:
            ready, undecodable = batch.projected(self._fields)
            ready.splices = self.splices
        else:
            return batch, failures
        return ready, merged_failures(failures, undecodable, len(batch) + len(failures))

    async def _invoke(self, batch: Batch, scope: Scope, emit: Emit) -> Outputs:
        if self.workers is not None:
            return await self._in_worker(batch)
        token = current_scope.set(scope)
        try:
            if self._threads is not None:
                result = await self._in_thread(batch)
            else:
                started = time.perf_counter()
                result = self._processor.process(batch, self._context)
                if time.perf_counter() - started > SLOW_CALL and not inspect.isawaitable(result):
                    self._tell_slow(time.perf_counter() - started)
            if type(result) is Batch:
                return [(SUCCESS.name, result)] if len(result) else []
            if inspect.isawaitable(result):
                result = await self._limited(result, self._timeout)
            elif isinstance(result, AsyncIterator):
                return await self._drain(result, emit)
            return outputs_of(result, self._spec.kind.type_name)
        finally:
            current_scope.reset(token)

    async def _drain(self, results: AsyncIterator[Any], emit: Emit) -> Outputs:
        """Put what a generator yields, each before the next is asked for; only its own time counts as the call's.

        What commits together is given back instead, to be put when the call has succeeded.
        """
        left, is_unit = self._timeout, open_unit() is not None
        collected: Outputs = []
        async with closing(results):
            while True:
                started = self._clock.now()
                result = await self._limited(anext(results, _END), left)
                if result is _END:
                    return collected
                left = None if left is None else max(0.0, left - (self._clock.now() - started))
                outputs = outputs_of(result, self._spec.kind.type_name)
                if is_unit:
                    collected += outputs
                    continue
                token = current_scope.set(None)  # what others do because of it, such as settling, is not this call's
                try:
                    await emit(self._checked(outputs))
                finally:
                    current_scope.reset(token)

    async def _in_thread(self, batch: Batch) -> Any:
        loop, context = asyncio.get_running_loop(), contextvars.copy_context()
        self.away += 1
        late = self._clock.call_later(self._timeout, self._tell_late) if self._timeout is not None else None
        try:
            work, seen = self._processor.process, ThreadContext(self._context, loop)
            return await loop.run_in_executor(self._threads, context.run, _result_of, work, batch, seen)
        finally:
            self.away -= 1
            if late is not None:
                late.cancel()

    async def _in_worker(self, batch: Batch) -> Outputs:
        assert self.workers is not None
        self.away += 1
        try:
            outputs, poison = await self.workers.run(batch, self._timeout)
        finally:
            self.away -= 1
        return [*outputs, (FAILURE.name, failed(batch, poison, self._spec.name))] if poison else outputs

    async def _limited(self, call: Awaitable[Any], seconds: float | None) -> Any:
        """Await an async call, cut when its time is over: that is the world's fault."""
        if seconds is None:
            return await call
        task = asyncio.current_task()
        assert task is not None
        cancelled_before = task.cancelling()
        expired = False

        def expire() -> None:
            nonlocal expired
            expired = True
            task.cancel()

        timer = self._clock.call_later(seconds, expire)
        try:
            return await call
        except (Exception, asyncio.CancelledError) as error:
            if expired and task.cancelling() == cancelled_before + 1:
                raise RetryableError(f"the call took longer than {self._timeout:g} s") from error
            raise
        finally:
            timer.cancel()
            if expired:
                task.uncancel()

    def _tell_slow(self, seconds: float) -> None:
        if self._timeout is not None and seconds > self._timeout:
            self._tell_late()
        self._slow += 1
        if self._slow == 2:
            text = (
                "calls take long and stop the whole flow meanwhile; `run: {execution: thread}` takes them off the loop"
            )
            self._context.bulletin(text, milliseconds=round(seconds * 1000))

    def _tell_late(self) -> None:
        self._context.bulletin("a call takes longer than its timeout and cannot be cut", timeout=self._timeout)


def _result_of(work: Callable[[Batch, Any], Any], batch: Batch, context: ThreadContext) -> Any:
    try:
        return work(batch, context)
    except StopIteration as error:  # no future can carry it
        raise RuntimeError("the call raised StopIteration") from error


def is_cancelled(error: BaseException) -> bool:
    """True if the task at hand is to end; a CancelledError without that is the doing of who raised it."""
    task = asyncio.current_task()
    return isinstance(error, asyncio.CancelledError) and (task is None or task.cancelling() > 0)


@contextlib.asynccontextmanager
async def closing(items: AsyncIterator[Any]) -> AsyncIterator[None]:
    """Close an async generator on leaving; other iterators need no closing."""
    try:
        yield
    finally:
        if isinstance(items, AsyncGenerator):
            await items.aclose()
