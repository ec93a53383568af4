"""State of processors by key, in ``flow.db``."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias

from router.ack import Ack, Outcome
from router.errors import EncodeError
from router.storage.database import Database
from router.storage.packing import pack_value, unpack_value
from router.storage.unit import Unit, open_unit

__all__ = ["Change", "FlowState", "StagedState"]

Change: TypeAlias = tuple[bytes | None, float | None]
"""A packed value, or None where the key is deleted; and when it ends, in seconds since 1970."""

SWEPT_EVERY, SWEPT = 100, 1000  # commits with values that end, and how many of those go at once
_LAST = "\U0010ffff"

_PUT = (
    "INSERT INTO state (processor, key, value, expires) VALUES (?, ?, ?, ?) "
    "ON CONFLICT (processor, key) DO UPDATE SET value = excluded.value, expires = excluded.expires"
)
_DELETE = "DELETE FROM state WHERE processor = ? AND key = ?"
_GET = (
    "SELECT key, value FROM state WHERE processor = ? AND key IN (SELECT value FROM json_each(?)) "
    "AND (expires IS NULL OR expires > ?)"
)
_SCAN = "SELECT key, value FROM state WHERE processor = ? AND key >= ? AND key < ? AND (expires IS NULL OR expires > ?)"
_SWEEP = (
    "DELETE FROM state WHERE (processor, key) IN "
    "(SELECT processor, key FROM state WHERE expires <= ? ORDER BY expires LIMIT ?)"
)


class StagedState:
    """What one call changed: seen by reads at once, on disk when it is committed."""

    __slots__ = ("_state", "_unit", "changes", "done", "followers", "is_asked", "waits")

    def __init__(self, state: FlowState, changes: Mapping[str, Change]) -> None:
        self._state = state
        self.changes = changes
        self.followers: list[StagedState] = []
        """Later stages that changed the same keys, and may have read what is here."""
        self.waits = 0
        """How many earlier ones it follows."""
        self.done: Callable[[], None] | None = None
        """Set while it waits for them to be written."""
        self.is_asked = False
        self._unit: Unit | None = None

    def commit(self, done: Callable[[], None] = lambda: None) -> None:
        """Write it, with the call that runs now if there is one; ``done`` is called in the end, however it ended."""
        self._state.commit(self, done)

    @property
    def is_on_its_way(self) -> bool:
        """True if whatever is written from now on is written behind it."""
        return self.is_asked and (self._unit is None or self._unit.is_over)

    def ask(self, unit: Unit | None) -> None:
        """Note that it is to be written, with a call or by itself."""
        self.is_asked, self._unit = True, unit

    def commit_after(self, acks: Iterable[Ack]) -> None:
        """Write it when all records of these origins are safe, before their sources hear of it.

        So state is never ahead of what a crash would give again. If one is rejected, and so
        comes again, what was staged is forgotten; what others have made of it meanwhile is not, and
        counts it a second time.
        """
        waiting = [ack for ack in dict.fromkeys(acks) if not ack.settled]
        if not waiting:
            self.commit()
            return
        resumed: list[Callable[[], None]] = []
        outcomes: list[Outcome] = []

        def step(ack: Ack, go_on: Callable[[], None]) -> None:
            resumed.append(go_on)
            outcomes.append(ack.outcome)
            if len(resumed) < len(waiting):
                return
            if max(outcomes) is Outcome.REJECTED:
                self._state.forget(self)
                _resume(resumed)
            else:
                self.commit(partial(_resume, resumed))

        for ack in waiting:
            ack.before_end(step)


def _resume(resumed: Sequence[Callable[[], None]]) -> None:
    for go_on in resumed:
        go_on()


class FlowState:
    """Values of one processor by key, with an optional end of life by the flow's clock."""

    def __init__(self, database: Database, processor: str, now: Callable[[], float]) -> None:
        self._database = database
        self._processor = processor
        self._now = now
        self._staged: dict[str, tuple[tuple[StagedState, Change], ...]] = {}
        """What is not yet on disk, the newest last."""
        self._until_sweep = SWEPT_EVERY

    # -- what a processor calls outside of its calls --------------------------------------------

    async def get_many(self, keys: Iterable[str]) -> dict[str, Any]:
        """Look up keys; those that are absent or expired are absent in the answer."""
        wanted, now = dict.fromkeys(keys), self._now()
        staged = {key: self._staged[key][-1][1] for key in wanted if key in self._staged}
        found: dict[str, bytes] = {}
        if self._database.is_made and (rest := [key for key in wanted if key not in staged]):
            found = await self._database.submit(partial(self._select, _GET, json.dumps(rest), now))
        found |= _alive(staged, now)
        return {key: unpack_value(found[key]) for key in wanted if key in found}

    async def scan(self, prefix: str = "") -> dict[str, Any]:
        """All keys that begin with ``prefix``, with their values."""
        now = self._now()
        staged = {key: seen[-1][1] for key, seen in self._staged.items() if key.startswith(prefix)}
        found: dict[str, bytes] = {}
        if self._database.is_made:
            stored = await self._database.submit(partial(self._select, _SCAN, prefix, prefix + _LAST, now))
            found = {key: value for key, value in stored.items() if key not in staged}
        return {key: unpack_value(value) for key, value in (found | _alive(staged, now)).items()}

    def put_soon(self, values: Mapping[str, Any], expire: float | None = None) -> None:
        """Set values; on disk with one of the next commits."""
        self.stage(self.changes(values, expire)).commit()

    async def put_many(self, values: Mapping[str, Any], expire: float | None = None) -> None:
        """Set values; on disk on return. ``expire`` is how many seconds they live."""
        await self._written(self.changes(values, expire))

    async def delete(self, keys: Iterable[str]) -> None:
        """Forget keys; one that is absent is no error."""
        await self._written(self.deletions(keys))

    async def _written(self, changes: Mapping[str, Change]) -> None:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.stage(changes).commit(lambda: None if done.done() else done.set_result(None))
        await done
        await self._database.submit(_wait)  # raises where it could not be written

    # -- what the engine calls for them ---------------------------------------------------------

    def changes(self, values: Mapping[str, Any], expire: float | None) -> dict[str, Change]:
        """Values as they will stand on disk.

        Raises:
            EncodeError: one is no value that can be kept, or its key no text.
        """
        until = None if expire is None else self._now() + expire
        return {_checked(key): (pack_value(value), until) for key, value in values.items()}

    def deletions(self, keys: Iterable[str]) -> dict[str, Change]:
        """Keys as they will be gone from the disk.

        Raises:
            EncodeError: one is no text.
        """
        return {_checked(key): (None, None) for key in keys}

    def stage(self, changes: Mapping[str, Change]) -> StagedState:
        """Let reads see changes from now on."""
        staged = StagedState(self, changes)
        earlier: set[StagedState] = set()
        for key, change in changes.items():
            seen = self._staged.get(key, ())
            earlier.update(each for each, _ in seen if not each.is_on_its_way)
            self._staged[key] = (*seen, (staged, change))
        for each in earlier:
            each.followers.append(staged)
        staged.waits = len(earlier)
        return staged

    def commit(self, staged: StagedState, done: Callable[[], None]) -> None:
        """Write what was staged, behind earlier changes of the same keys: it may have been made of them."""
        if staged.waits:
            staged.done = done
        else:
            self._commit(staged, done, open_unit())

    def _commit(self, staged: StagedState, done: Callable[[], None], unit: Unit | None) -> None:
        ends = sum(until is not None for _, until in staged.changes.values())

        def committed(_: object, _error: BaseException | None) -> None:
            self.forget(staged)
            done()

        staged.ask(unit)
        into = self._database if unit is None else unit
        into.write(partial(self._write, staged.changes, self._may_sweep(ends)), committed)
        if unit is None:
            self._let_follow(staged)

    def forget(self, staged: StagedState) -> None:
        """Let reads see again what was there before, or on disk."""
        for key in staged.changes:
            left = tuple(each for each in self._staged[key] if each[0] is not staged)
            if left:
                self._staged[key] = left
            else:
                del self._staged[key]
        self._let_follow(staged)

    def _let_follow(self, staged: StagedState) -> None:
        """Write what has waited for this alone; not with the call that runs now, which may be another's."""
        followers, staged.followers = staged.followers, []
        for each in followers:
            each.waits -= 1
            if not each.waits and each.done is not None:
                self._commit(each, each.done, None)

    def _may_sweep(self, ends: int) -> float | None:
        """The time, if something may have ended that nobody asked for again."""
        self._until_sweep -= bool(ends)
        if self._until_sweep > 0:
            return None
        self._until_sweep = SWEPT_EVERY
        return self._now()

    # -- in the writer thread -------------------------------------------------------------------

    def _write(self, changes: Mapping[str, Change], swept: float | None, connection: sqlite3.Connection) -> None:
        name = self._processor
        puts = [(name, key, value, until) for key, (value, until) in changes.items() if value is not None]
        connection.executemany(_PUT, puts)
        connection.executemany(_DELETE, [(name, key) for key, (value, _) in changes.items() if value is None])
        if swept is not None:
            connection.execute(_SWEEP, (swept, SWEPT))

    def _select(self, query: str, *arguments: Any) -> dict[str, bytes]:
        *given, connection = arguments
        return dict(connection.execute(query, (self._processor, *given)))


def _checked(key: str) -> str:
    """What the database takes for a key; found out here, where the error is that of the call."""
    try:
        key.encode()
    except (AttributeError, UnicodeEncodeError) as error:
        raise EncodeError(f"a key of state is a text; got {key!r}") from error
    return key


def _alive(changes: Mapping[str, Change], now: float) -> dict[str, bytes]:
    return {
        key: value for key, (value, until) in changes.items() if value is not None and (until is None or until > now)
    }


def _wait(_: sqlite3.Connection) -> None:
    """All that was asked before is committed with this."""
