"""The Context a processor works with, and the scope that makes a raising call as if it had not been."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from typing import Any, Protocol

from router.ack import Ack, Outcome, Reply
from router.authoring import State
from router.batch import Batch
from router.engine.clock import Clock, sleep
from router.storage.packing import unpack_value
from router.storage.state import Change, FlowState
from router.storage.unit import open_unit

__all__ = ["FlowContext", "HeldBatch", "Holder", "Scope", "current_scope", "open_scope"]

current_scope: ContextVar[Scope | None] = ContextVar("router_call", default=None)


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

    @property
    def is_over(self) -> bool:
        """True if it was let go of, it may be before it began: by another call."""
        return self._is_over

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

    __slots__ = ("acks", "changes", "holds", "is_over", "releases", "replies")

    def __init__(self, acks: tuple[Ack, ...] = ()) -> None:
        self.acks = acks
        self.holds: list[HeldBatch] = []
        self.releases: list[tuple[HeldBatch, Outcome]] = []
        self.replies: list[tuple[Batch, int, Mapping[str, str] | None]] = []
        self.changes: dict[str, Change] = {}
        self.is_over = False
        """True when the call is done; a task it left behind, which sees this scope still, acts at once."""

    @property
    def is_empty(self) -> bool:
        """True if there is nothing to do at the end of the call."""
        return not (self.holds or self.releases or self.replies or self.changes)

    def mark(self) -> tuple[int, int, int, dict[str, Change]]:
        """Where this call is now, for ``undo``."""
        return len(self.holds), len(self.releases), len(self.replies), dict(self.changes) if self.changes else {}

    def undo(self, mark: tuple[int, int, int, dict[str, Change]]) -> None:
        """Forget what was done since ``mark``."""
        holds, releases, replies, self.changes = mark
        for held in self.holds[holds:]:
            held.settle(Outcome.DELIVERED)  # nothing: it has not begun
        del self.holds[holds:], self.releases[releases:], self.replies[replies:]

    def commit(self, state: FlowState, answer: Callable[[Batch, int, Mapping[str, str] | None], None]) -> None:
        """Do it: change state, answer, hold, let go.

        State is on disk with the outputs where those are kept there, else when the outputs are safe.
        """
        if self.changes:
            staged = state.stage(self.changes)
            if open_unit() is not None:
                staged.commit()
            else:
                staged.commit_after([*self.acks, *(ack for held, _ in self.releases for ack in held.batch.acks())])
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

    def __init__(self, state: FlowState) -> None:
        self._state = state

    async def get_many(self, keys: Iterable[str]) -> dict[str, Any]:
        scope, wanted = open_scope(), list(keys)
        found = await self._state.get_many(wanted)
        return _seen(found, scope, wanted) if scope is not None and scope.changes else found

    async def put_many(self, values: Mapping[str, Any], expire: float | None = None) -> None:
        scope = open_scope()
        if scope is None:
            await self._state.put_many(values, expire)
        else:
            scope.changes.update(self._state.changes(values, expire))

    def put_soon(self, values: Mapping[str, Any], expire: float | None = None) -> None:
        scope = open_scope()
        if scope is None:
            self._state.put_soon(values, expire)
        else:
            scope.changes.update(self._state.changes(values, expire))

    async def delete(self, keys: Iterable[str]) -> None:
        scope = open_scope()
        if scope is None:
            await self._state.delete(keys)
        else:
            scope.changes.update(self._state.deletions(keys))

    async def scan(self, prefix: str = "") -> dict[str, Any]:
        scope = open_scope()
        found = await self._state.scan(prefix)
        if scope is None or not scope.changes:
            return found
        return _seen(found, scope, [key for key in scope.changes if key.startswith(prefix)])


def _seen(found: dict[str, Any], scope: Scope, keys: Iterable[str]) -> dict[str, Any]:
    """What is kept, with what the call itself has changed of it."""
    for key in keys:
        if key in scope.changes:
            value, _ = scope.changes[key]
            if value is None:
                found.pop(key, None)
            else:
                found[key] = unpack_value(value)
    return found


class FlowContext:
    """What the engine hands to one processor; see ``Context``."""

    def __init__(
        self,
        name: str,
        flow: str,
        *,
        clock: Clock,
        state: FlowState,
        is_exactly_once: bool = False,
        holder: Holder,
        bulletin: Callable[[str, str, Mapping[str, object]], None],
        answer: Callable[[Batch, int, Mapping[str, str] | None], None],
        wake_at: Callable[[float | None], None],
    ) -> None:
        self.name = name
        self.flow = flow
        self.state: State = _ScopedState(state)
        self.is_exactly_once = is_exactly_once
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
