"""The ways in and out of a flow for a program that embeds it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from typing import Any, final

from router.ack import Ack, Outcome, Reply
from router.authoring import Context, Processor, Produced, Source, Why
from router.batch import Batch, Record
from router.errors import ConnectionClosedError
from router.relationship import FAILURE, Relationship, Unconnected

__all__ = ["Inbox", "Outbox"]

_STATUS = {Outcome.DELIVERED: 200, Outcome.DROPPED: 200, Outcome.DEAD_LETTERED: 422, Outcome.REJECTED: 503}


class _Request:
    __slots__ = ("batch", "settled")

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self.settled: asyncio.Future[Ack] = asyncio.get_running_loop().create_future()


@final
class Inbox(Source):
    """A source that a program pushes records into: ``Engine(flow, replace={"read": inbox})``.

    Example:
        >>> async def main(flow):
        ...     inbox = Inbox()
        ...     async with Engine(flow, replace={"read": inbox}) as engine:
        ...         assert await inbox.push([{"text": "good"}]) is Outcome.DELIVERED
        ...         inbox.end()
        ...         await engine.run()
    """

    type_name = "inbox"

    def __init__(self) -> None:
        super().__init__()
        self._requests: deque[_Request] = deque()
        self._open: set[_Request] = set()
        self._wanted: asyncio.Future[None] | None = None
        self._is_ended = False

    async def push(self, rows: Sequence[Record], **attributes: Any) -> Outcome:
        """Give records to the flow; returns when all of them have met their end, with the worst of their outcomes.

        Waits while the flow has no room. Cancelled, the records go on all the same.

        Raises:
            ConnectionClosedError: the inbox was ended, or its flow has stopped.
        """
        return (await self._give(rows, attributes)).outcome

    async def call(self, rows: Sequence[Record], timeout: float = 60.0, **attributes: Any) -> list[Reply]:
        """Use the flow as a function: give records, get the answer to each from its ``respond``, in order.

        A record without an answer gets its outcome's status: 200 delivered or dropped, 202
        waiting in a disk connection, 422 dead-lettered, 503 rejected.

        Raises:
            TimeoutError: not all records had met their end after ``timeout`` seconds; they go on.
            ConnectionClosedError: the inbox was ended, or its flow has stopped.
        """
        async with asyncio.timeout(timeout):
            ack = await self._give(rows, attributes)
        replies = ack.replies or {}
        status = 202 if ack.is_stored and ack.outcome is Outcome.DELIVERED else _STATUS[ack.outcome]
        return [replies.get(index) or Reply(status) for index in range(len(rows))]

    def end(self) -> None:
        """Say that there is no more; the flow is done when all records have met their end."""
        self._is_ended = True
        self._tell()

    async def produce(self, context: Context) -> AsyncIterator[Produced]:
        """Give what was pushed, in order."""
        while True:
            while self._requests:
                request = self._requests.popleft()
                yield request.batch, request
            if self._is_ended:
                return
            self._wanted = asyncio.get_running_loop().create_future()
            await self._wanted

    def settled(self, ack: Ack) -> None:
        """Tell who pushed."""
        request = ack.token
        assert isinstance(request, _Request)
        self._open.discard(request)
        if not request.settled.done():
            request.settled.set_result(ack)

    async def stop(self, context: Context) -> None:
        """Refuse what comes now, and what the flow never took."""
        self.refuse()

    def refuse(self) -> None:
        """Tell everybody who waits that their records will not be taken; the engine does when a flow cannot start."""
        self._is_ended = True
        self._requests.clear()
        for request in list(self._open):
            if not request.settled.done():
                request.settled.set_exception(ConnectionClosedError("the flow has stopped"))

    async def _give(self, rows: Sequence[Record], attributes: dict[str, Any]) -> Ack:
        if self._is_ended:
            raise ConnectionClosedError("the inbox has ended")
        batch = Batch.of(rows, **attributes).with_columns(index=list(range(len(rows))))
        request = _Request(batch)
        self._requests.append(request)
        self._open.add(request)
        self._tell()
        return await asyncio.shield(request.settled)

    def _tell(self) -> None:
        if self._wanted is not None and not self._wanted.done():
            self._wanted.set_result(None)


@final
class Outbox(Processor):
    """A sink that a program reads records from: ``Engine(flow, replace={"archive": outbox})``.

    A record is done with when the loop body asks for the next one, and its batch is delivered
    with the last of its records. A loop that is left early can be taken up again: it begins with
    the record it was left at. While nobody reads, the flow waits. One loop at a time.

    Example:
        >>> async def main(flow):
        ...     outbox = Outbox()
        ...     async with Engine(flow, replace={"archive": outbox}):
        ...         async for record in outbox:
        ...             print(record)
    """

    type_name = "outbox"
    is_sink = True
    relationships = (Relationship("success", "Records that were read.", Unconnected.DELIVERED), FAILURE)

    def __init__(self) -> None:
        super().__init__()
        self._waiting: deque[tuple[deque[Record], asyncio.Future[None]]] = deque()
        self._arrived: asyncio.Future[None] | None = None
        self._is_ended = False

    async def process(self, batch: Batch, context: Context) -> Batch:
        """Hand the records over; done when the last one has been read."""
        read: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (deque(batch.rows), read)
        self._waiting.append(entry)
        self._tell()
        try:
            await read
        finally:
            if entry in self._waiting:
                self._waiting.remove(entry)
        return batch

    async def wake(self, context: Context, why: Why) -> None:
        """End the loop when nothing comes any more."""
        if why in (Why.INPUT_ENDED, Why.STOPPING):
            await self.stop(context)

    async def stop(self, context: Context) -> None:
        """End the loop."""
        self._is_ended = True
        self._tell()

    async def __aiter__(self) -> AsyncIterator[Record]:
        """Read records until the flow ends."""
        while True:
            while self._waiting:
                rows, read = self._waiting[0]
                while rows:
                    yield rows[0]
                    rows.popleft()
                if not read.done():
                    read.set_result(None)
                if self._waiting and self._waiting[0][1] is read:
                    self._waiting.popleft()
            if self._is_ended:
                return
            self._arrived = asyncio.get_running_loop().create_future()
            await self._arrived

    def _tell(self) -> None:
        if self._arrived is not None and not self._arrived.done():
            self._arrived.set_result(None)
