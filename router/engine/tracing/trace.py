"""The course of records through one call: which went on, which came of which, which ended."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from router.batch import Batch
from router.engine.outputs import Outputs
from router.engine.tracing.scribe import Scribe
from router.lineage import LINEAGE
from router.storage.provenance.events import EventType

__all__ = ["Course", "Trace", "Unspent", "ids_of"]


_SINGLE = {int, type(None)}


class Unspent:
    """What a processor holds and has not given on yet, by how often each record is held."""

    def __init__(self) -> None:
        self.is_used = False
        """True from the first record that was held."""
        self._held: dict[object, list[int]] = {}
        self._counts: dict[int, int] = {}

    def hold(self, held: object, ids: list[int]) -> None:
        """Records are held from now on."""
        self.is_used = True
        self._held[held] = ids
        for each in ids:
            self._counts[each] = self._counts.get(each, 0) + 1

    def spend(self, ids: Iterable[int]) -> None:
        """Records went on, or became others: whoever lets go of them does not end them."""
        if self._counts:
            for each in ids:
                self._counts.pop(each, None)

    def let_go(self, held: object) -> list[int]:
        """The records that end because nobody holds them any more."""
        ended = []
        for each in self._held.pop(held, ()):
            left = self._counts.get(each, 0)
            if left > 1:
                self._counts[each] = left - 1
            elif left:
                del self._counts[each]
                ended.append(each)
        return ended


class _Sorted:
    """Where the records of one output belong, where not all of them went on as themselves."""

    __slots__ = ("ids", "parents", "places", "shares")

    def __init__(self) -> None:
        self.places: list[int] = []
        self.ids: list[int] = []
        self.parents: list[int] = []
        self.shares: list[int] = []

    def add(self, place: int, id: int, parents: Sequence[int]) -> None:
        self.places.append(place)
        self.ids.append(id)
        self.parents += parents
        self.shares.append(len(parents))


class Course(Protocol):
    """Hears of one call."""

    def put(self, outputs: Outputs) -> Outputs:
        """Outputs are about to be put, as they are returned."""

    def hold(self, held: Any) -> None:
        """Records are held by this call."""

    def release(self, held: Any) -> None:
        """Records are let go of by this call."""

    def end(self, seen: Iterable[Batch]) -> None:
        """The call is done."""


class Trace:
    """One call, or one wake, that was given some followed records.

    Looks at single records only where it must: records that went on as they came, in one
    batch or parted, are known by their rising ids.
    """

    __slots__ = ("_count", "_given", "_ids", "_lists", "_scribe", "_sources", "_started", "_unspent")

    def __init__(self, scribe: Scribe, unspent: Unspent, sources: Sequence[Batch]) -> None:
        self._scribe = scribe
        self._unspent = unspent
        self._sources = sources
        self._ids: list[Any] = sources[0].columns.get(LINEAGE, []) if len(sources) == 1 else _all_of(sources)
        self._count = 0
        """How many went on as themselves, none of them twice."""
        self._lists: list[Sequence[int]] = []
        """Those that are not in ``_given`` yet: few calls need the set."""
        self._given: set[int] = set()
        self._started = time.perf_counter()

    def put(self, outputs: Outputs) -> Outputs:
        """Outputs are about to be put: say what they are, and give those that are new their ids."""
        return [(name, self._put(name, batch) if len(batch) else batch) for name, batch in outputs]

    def hold(self, held: Any) -> None:
        """Records are held by this call."""
        given = self._spelled_out()
        self._unspent.hold(held, [each for each in ids_of(held.batch) if each not in given])

    def release(self, held: Any) -> None:
        """Records are let go of by this call: those that it gave do not end with that, whoever held them."""
        given = self._spelled_out()
        self._unspent.spend([each for each in ids_of(held.batch) if each in given])

    def end(self, seen: Iterable[Batch]) -> None:
        """The call is done: what was neither given nor is held, nor goes back, was dropped."""
        if self._count == len(self._ids) and not self._unspent.is_used:
            return
        missing = set(ids_of_column(self._ids)) - self._spelled_out()
        for batch in seen if missing else ():
            missing.difference_update(_members(batch.columns.get(LINEAGE, ())))
        if missing:
            ended = [each for each in self._ids if each in missing]
            self._scribe.ended(ended, self._sources[0].attributes, self._seconds)

    @property
    def _seconds(self) -> float:
        return time.perf_counter() - self._started

    # -- outputs --------------------------------------------------------------------------------

    def _put(self, relationship: str, batch: Batch) -> Batch:
        ids = batch.columns.get(LINEAGE)
        if ids is None:
            return self._derived(relationship, batch)
        steps = self._scribe.provenance.steps(ids)
        if steps is None:
            return batch if self._went_on(relationship, batch, ids) else self._sorted(relationship, batch, ids)
        if (self._lists or self._given) and not self._spelled_out().isdisjoint(ids):
            return self._sorted(relationship, batch, ids)
        self._lists.append(ids)
        self._count += len(ids)
        self._unspent.spend(ids)
        self._scribe.passed(relationship, batch, self._sources, self._seconds, steps)
        return batch

    def _went_on(self, relationship: str, batch: Batch, ids: Sequence[Any]) -> bool:
        """Tell of records that all went on as themselves, as far as they are followed; False: they did not."""
        if not set(map(type, ids)) <= _SINGLE:
            return False
        found, unknown = set(ids), ids.count(None)
        found.discard(None)
        if len(found) + unknown < len(ids) or not found.isdisjoint(self._spelled_out()):
            return False
        if found:
            self._spend(found)
            self._count += len(found)
            part = batch if not unknown else batch.select([place for place, id_ in enumerate(ids) if id_ is not None])
            self._scribe.passed(relationship, part, self._sources, self._seconds)
        return True

    def _spelled_out(self) -> set[int]:
        for ids in self._lists:
            self._given.update(ids)
        self._lists.clear()
        return self._given

    def _spend(self, ids: Iterable[int]) -> None:
        self._given.update(ids)
        self._unspent.spend(ids)

    def _derived(self, relationship: str, batch: Batch) -> Batch:
        """Records that do not say what they came of came of all that was taken."""
        parents = list(dict.fromkeys(ids_of_column(self._ids)))
        if not parents:  # they came of records that nobody follows
            return batch
        if len(parents) == len(batch) == 1 and parents[0] not in self._spelled_out():
            made = batch.with_columns(**{LINEAGE: parents})
            self._scribe.passed(relationship, made, self._sources, self._seconds)
        else:
            made = batch.with_columns(**{LINEAGE: self._scribe.provenance.new_ids(len(batch))})
            kind = EventType.JOIN if len(parents) > 1 else EventType.FORK
            self._scribe.became(kind, relationship, made, parents, seconds=self._seconds)
        self._spend(parents)
        return made

    def _sorted(self, relationship: str, batch: Batch, ids: Sequence[Any]) -> Batch:
        """Tell records that went on from those that are several, copies, or made of several."""
        given = self._spelled_out()
        counts = Counter(each for each in ids if type(each) is int)
        plain, joined, forked, copied = _Sorted(), _Sorted(), _Sorted(), _Sorted()
        fresh: list[int | None] = []
        for place, each in enumerate(ids):
            if each is None:
                fresh.append(None)
                continue
            if type(each) is tuple:
                into, parents = joined, each
            else:
                into = copied if each in given else forked if counts[each] > 1 else plain
                parents = (each,)
            fresh.append(each if into is plain else self._scribe.provenance.new_id())
            into.add(place, fresh[-1], parents)  # type: ignore[arg-type]
        if plain.ids:
            self._scribe.passed(relationship, _part(batch, plain), self._sources, self._seconds)
        for kind, into in ((EventType.JOIN, joined), (EventType.FORK, forked), (EventType.CLONE, copied)):
            if into.ids:
                part = _part(batch, into)
                self._scribe.became(kind, relationship, part, into.parents, shares=into.shares, seconds=self._seconds)
        for into in (plain, joined, forked):
            self._spend(into.parents)
        return batch.with_columns(**{LINEAGE: fresh})


def ids_of(batch: Batch) -> list[int]:
    """The records of a batch that are followed."""
    return ids_of_column(batch.columns.get(LINEAGE, ()))


def ids_of_column(ids: Iterable[Any]) -> list[int]:
    """The ids among the values of a column."""
    return [each for each in ids if each is not None]


def _all_of(batches: Iterable[Batch]) -> list[int]:
    return list(dict.fromkeys(each for batch in batches for each in ids_of(batch)))


def _members(ids: Iterable[Any]) -> Iterable[int]:
    for each in ids:
        if type(each) is tuple:
            yield from each
        elif each is not None:
            yield each


def _part(batch: Batch, sorted_: _Sorted) -> Batch:
    return batch.select(sorted_.places).with_columns(**{LINEAGE: sorted_.ids})
