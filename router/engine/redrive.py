"""Tries dead letters again that somebody asked for: puts each where it failed, and settles it by what becomes of it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any

from router.ack import Ack, Outcome
from router.batch import Batch
from router.connections.bounded import Connection
from router.engine.clock import Alarm, Clock
from router.engine.desk import Desk
from router.engine.drain import Coordinator
from router.engine.machine import Machine
from router.engine.runner import Runner
from router.engine.tasks import Tasks
from router.errors import StorageError
from router.flow import Flow
from router.storage.dead_letters import Retried
from router.storage.letter import DeadLetter
from router.storage.marks import Marks

__all__ = ["Redrive"]

EVERY = 1.0  # seconds between two looks for letters that were asked for while the flow runs
TOGETHER = 50  # letters read at once


class Redrive:
    """Puts marked letters on connections again, each with an ack of its own.

    Those marked at the start are put before their consumers can end; what is marked while
    the flow runs is taken up within a second. A letter is deleted when it is safe elsewhere;
    one that is rejected stays marked for the next run.
    """

    def __init__(
        self,
        flow: Flow,
        machine: Machine,
        *,
        clock: Clock,
        desk: Desk,
        coordinator: Coordinator,
        tasks: Tasks,
    ) -> None:
        self.flow = flow
        """The flow as it is now."""
        self._machine = machine
        self._letters = desk.letters
        self._desk = desk
        self._coordinator = coordinator
        self._tasks = tasks
        self._alarm = Alarm(clock, self._look)
        self._marks = Marks(self._letters.path)
        self._taken: set[int] = set()
        """Letters that this run has taken up, until they have settled; the rejected ones to its end."""
        self.is_putting = False
        """True while letters are read and put."""
        self._is_held = False
        self._is_over = False
        self.replayed: Callable[[str, Batch], Batch] | None = None
        """Hears what is put on a connection again, and gives it a name of its own."""

    def begin(self) -> None:
        """Take up what is marked, before the sources begin; from now on look for more.

        While there is no letter there is nothing to look for, unless records are followed, and so may be replayed.
        """
        if (self._letters.path.exists() or self.replayed is not None) and not self._alarm.is_set:
            self._look()

    def hold(self, *, is_held: bool) -> None:
        """Take up no more letters while the flow is changed."""
        self._is_held = is_held

    def stop(self) -> None:
        """Put no more: the flow stops."""
        self._is_over = True
        self._alarm.set(None)

    def close(self) -> None:
        """Let go of the file."""
        self.stop()
        self._marks.close()

    # -- finding --------------------------------------------------------------------------------

    def _look(self) -> None:
        if self._is_over:
            return
        self._alarm.set(EVERY)
        if self.is_putting or self._is_held:
            return
        wanted: dict[str, list[int]] = {}
        marked = self._marks.read()
        if self._marks.has_news:
            self._letters.count_anew()
        for id_, target in marked:
            if id_ not in self._taken:
                wanted.setdefault(target, []).append(id_)
        ways = [(way, ids) for target, ids in wanted.items() if (way := self._way(target, ids)) is not None]
        if ways:
            self.is_putting = True
            count = sum(len(ids) for _, ids in ways)
            self._desk.bulletin(self.flow.name, "dead letters are tried again", {"records": count})
            self._tasks.start(self._put_all(ways), "dead letters")

    def _way(self, target: str, ids: Sequence[int]) -> Connection | None:
        """The connection that letters are to be put on, its consumer kept from ending; None: not in this run."""
        self._taken.update(ids)
        connection = self._connection(target)
        if connection is None:
            text = "dead letters cannot be tried again: the flow has no such connection; name one with --to"
            self._desk.bulletin(self.flow.name, text, {"connection": target, "records": len(ids)})
            self._leave(ids)
        elif self._coordinator.join(self._consumer(connection)):
            return connection
        return None

    def _leave(self, ids: Sequence[int]) -> None:
        """Leave letters where they are, until they are asked for again."""
        self._letters.unmark(ids, partial(self._forget, ids))

    def _connection(self, target: str) -> Connection | None:
        """By its id; or any that leads to a processor, or to its input of that name."""
        connections = self._machine.connections
        inputs = (each.id for each in self.flow.connections if target == _input(each.consumer, each.input))
        return connections.get(target if target in connections else next(inputs, ""))

    def _consumer(self, connection: Connection) -> Runner:
        consumer = next(each.consumer for each in self.flow.connections if each.id == connection.id)
        return self._machine.runners[consumer]

    # -- putting --------------------------------------------------------------------------------

    async def _put_all(self, ways: Sequence[tuple[Connection, Sequence[int]]]) -> None:
        for connection, ids in ways:
            try:
                for start in range(0, len(ids), TOGETHER):
                    for letter in await self._letters.read(ids[start : start + TOGETHER]):
                        await self._put(letter, connection)
            except StorageError as error:  # the flow stops while the disk is in trouble: they stay marked
                self._desk.bulletin(self.flow.name, "dead letters could not be read", {"error": error})
            finally:
                self._coordinator.leave(self._consumer(connection))
        self.is_putting = False

    async def _put(self, letter: DeadLetter, connection: Connection) -> None:
        if self._is_over:
            return
        if letter.batch is None:
            text = "a dead letter is damaged and cannot be tried again"
            self._desk.bulletin(self.flow.name, text, {"id": letter.id, "error": letter.error.get("damaged")})
            self._leave([letter.id])
            return
        ack = self._coordinator.new_ack(Retried(letter.id, []), self._settled)
        try:
            batch = letter.again.owned_by((ack,))
            if self.replayed is not None:
                batch = self.replayed(connection.id, batch)
            batch.project_with(self.flow.projection)
            if not connection.offer(batch):
                await self._wait(connection.put(batch))
        except BaseException as error:
            ack.release(Outcome.REJECTED, error)
            raise
        ack.release()

    async def _wait(self, put: Coroutine[Any, Any, None]) -> None:
        self._coordinator.waits(1)
        try:
            await put
        finally:
            self._coordinator.waits(-1)

    def _settled(self, ack: Ack) -> None:
        retried = ack.token
        assert isinstance(retried, Retried)
        if ack.outcome is not Outcome.REJECTED:  # that one stays taken: it comes again in the next run
            self._letters.settle(retried, ack.outcome, partial(self._forget, [retried.id]))

    def _forget(self, ids: Sequence[int], _: object, error: BaseException | None) -> None:
        """They are settled, and may be asked for again."""
        if error is None:
            self._taken.difference_update(ids)


def _input(consumer: str, name: str | None) -> str:
    return consumer if name is None else f"{consumer}.{name}"
