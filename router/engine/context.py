"""The Context a processor works with, and the scope that makes a raising call as if it had not been."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from typing import Any, Protocol

from router.ack import Ack, Outcome, Reply
from router.authoring import State
from router.batch import Batch
from router.engine.clock import Clock, sleep

__all__ = ["FlowContext", "HeldBatch", "Holder", "Scope", "current_scope", "open_scope"]

current_scope: ContextVar[Scope | None] = ContextVar("router_call", default=None)

_DELETED = object()


class Holder(Protocol):
    """Who counts what a processor holds."""

    def held(self, held: HeldBatch) -> None:
        """Count records that are held from now on."""

    def let_go(self, held: HeldBatch) -> None:
        """Count them no more."""


class HeldBatch:
    """Records whose origins wait; see ``Held``. What a call holds begins to count when that call has succeeded."""

    __slots__ = ("_acks", "_holder", "_is_over", "batch", "time")

    def __init__(self, batch: Batch, holder: Holder, time: float) -> None:
        self.batch = batch
        self.time = time
        self._holder = holder
        self._acks: tuple[Ack, ...] | None = None
        self._is_over = False

    def begin(self) -> None:
        """Keep the origins waiting from now on."""
        if not self._is_over:
            self._acks = tuple(ack for ack in self.batch.acks() if not ack.settled)
            for ack in self._acks:
                ack.hold()
            self._holder.held(self)

    def release(self, outcome: Outcome = Outcome.DELIVERED) -> None:
        """Let go: at once, or when inside a call, after its outputs are put."""
        scope = open_scope()
        if scope is None:
            self.settle(outcome)
        else:
            scope.releases.append((self, outcome))

    def settle(self, outcome: Outcome) -> None:
        """Let go now; a second time does nothing."""
        self._is_over = True
        acks, self._acks = self._acks, None
        if acks is None:
            return
        for ack in acks:
            ack.release(outcome)
        self._holder.let_go(self)


class Scope:
    """What one call did beside returning outputs: done when those are put, undone when it raises."""

    __slots__ = ("acks", "holds", "is_over", "overlay", "releases", "replies")

    def __init__(self, acks: tuple[Ack, ...] = ()) -> None:
        self.acks = acks
        self.holds: list[HeldBatch] = []
        self.releases: list[tuple[HeldBatch, Outcome]] = []
        self.replies: list[tuple[Batch, int, Mapping[str, str] | None]] = []
        self.overlay: dict[str, tuple[Any, float | None]] = {}
        self.is_over = False
        """True when the call is done; a task it left behind, which sees this scope still, acts at once."""

    @property
    def is_empty(self) -> bool:
        """True if there is nothing to do at the end of the call."""
        return not (self.holds or self.releases or self.replies or self.overlay)

    def mark(self) -> tuple[int, int, int, dict[str, tuple[Any, float | None]]]:
        """Where this call is now, for ``undo``."""
        return len(self.holds), len(self.releases), len(self.replies), dict(self.overlay) if self.overlay else {}

    def undo(self, mark: tuple[int, int, int, dict[str, tuple[Any, float | None]]]) -> None:
        """Forget what was done since ``mark``."""
        holds, releases, replies, self.overlay = mark
        for held in self.holds[holds:]:
            held.settle(Outcome.DELIVERED)  # nothing: it has not begun
        del self.holds[holds:], self.releases[releases:], self.replies[replies:]

    async def commit(self, state: State, answer: Callable[[Batch, int, Mapping[str, str] | None], None]) -> None:
        """Do it: write state, answer, hold, let go."""
        if self.overlay:
            for key, (value, expire) in self.overlay.items():
                await (state.delete([key]) if value is _DELETED else state.put_many({key: value}, expire))
        for reply in self.replies:
            answer(*reply)
        for held in self.holds:
            held.begin()
        for held, outcome in self.releases:
            held.settle(outcome)
        self.is_over = True


def open_scope() -> Scope | None:
    """The call that runs now; None outside of one."""
    scope = current_scope.get()
    return None if scope is None or scope.is_over else scope


class _ScopedState:
    """A processor's state as its calls see it: their own writes first, kept back until the call has succeeded."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def get_many(self, keys: Iterable[str]) -> dict[str, Any]:
        scope, wanted = open_scope(), list(keys)
        found = await self._state.get_many(wanted)
        if scope is not None and scope.overlay:
            own = {key: scope.overlay[key][0] for key in wanted if key in scope.overlay}
            found = {key: value for key, value in (found | own).items() if value is not _DELETED}
        return found

    async def put_many(self, values: Mapping[str, Any], expire: float | None = None) -> None:
        scope = open_scope()
        if scope is None:
            await self._state.put_many(values, expire)
        else:
            scope.overlay.update({key: (value, expire) for key, value in values.items()})

    async def delete(self, keys: Iterable[str]) -> None:
        scope = open_scope()
        if scope is None:
            await self._state.delete(keys)
        else:
            scope.overlay.update(dict.fromkeys(keys, (_DELETED, None)))

    async def scan(self, prefix: str = "") -> dict[str, Any]:
        scope = open_scope()
        found = await self._state.scan(prefix)
        own = {} if scope is None else {key: each[0] for key, each in scope.overlay.items() if key.startswith(prefix)}
        return {key: value for key, value in (found | own).items() if value is not _DELETED}


class FlowContext:
    """What the engine hands to one processor; see ``Context``."""

    def __init__(
        self,
        name: str,
        flow: str,
        *,
        clock: Clock,
        state: State,
        holder: Holder,
        bulletin: Callable[[str, str, Mapping[str, object]], None],
        answer: Callable[[Batch, int, Mapping[str, str] | None], None],
        wake_at: Callable[[float | None], None],
    ) -> None:
        self.name = name
        self.flow = flow
        self.state: State = _ScopedState(state)
        self.now = clock.now
        self.wake_at = wake_at
        self._clock = clock
        self._holder = holder
        self._bulletin = bulletin
        self.answer = answer

    async def sleep(self, seconds: float) -> None:
        """Wait by the flow's clock."""
        await sleep(self._clock, seconds)

    def hold(self, batch: Batch) -> HeldBatch:
        """Keep these records' origins waiting after the call has returned.

        Raises:
            RuntimeError: some of them have been told their end already.
        """
        scope = open_scope()
        owned = batch.owned_by(scope.acks) if scope is not None else batch
        if any(ack.settled for ack in owned.acks()):
            raise RuntimeError("records whose origins have settled cannot be held")
        held = HeldBatch(owned, self._holder, self._clock.now())
        if scope is None:
            held.begin()
        else:
            scope.holds.append(held)
        return held

    def reply(self, batch: Batch, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        """Answer the requests these records came from, when the call has succeeded.

        Raises:
            DecodeError: an answer that cannot be decoded.
        """
        _, failures = batch.decoded()  # here, where an error is the call's own
        if failures:
            raise failures[0][1]
        scope = open_scope()
        if scope is None:
            self.answer(batch, status, headers)
        else:
            scope.replies.append((batch.owned_by(scope.acks), status, headers))

    def bulletin(self, text: str, /, **data: object) -> None:
        """Tell the operator."""
        self._bulletin(self.name, text, data)


def answer(batch: Batch, status: int, headers: Mapping[str, str] | None) -> int:
    """Put the records on their origins' acks, each by its ``index``; return how many were not wanted any more."""
    surplus, start = 0, 0
    indexes = batch.meta("index")
    kept = dict(headers) if headers else None
    rows = batch.rows
    for origins, count in batch.origin_runs():
        for position in range(start, start + count):
            index = indexes[position]
            for number, origin in enumerate(origins):
                wanted = index[number] if isinstance(index, tuple) else (0 if index is None else index,)
                for each in wanted:
                    reply = Reply(status, rows[position], kept)
                    surplus += origin.ack is None or not origin.ack.reply(each, reply)
        start += count
    return surplus
