"""When a flow is done, when it can go no further, and when a stop has drained it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from router.ack import Ack
from router.authoring import Why
from router.engine.runner import Runner
from router.engine.source_runner import SourceRunner
from router.errors import ProcessorError

__all__ = ["Coordinator", "Part"]


class Part:
    """A strongly connected component of the flow: one processor, or those of a cycle."""

    def __init__(self, runners: Sequence[Runner], sources: Sequence[SourceRunner], *, is_cycle: bool) -> None:
        self.runners = runners
        self.sources = sources
        self.is_cycle = is_cycle
        self.downstream: list[Part] = []
        self.open_upstream = 0
        self.is_ended = False
        self.is_told = False
        self._seen: object = None

    @property
    def is_quiet(self) -> bool:
        """True if nothing runs, waits to run, or is due in it."""
        return not any(runner.active or runner.waiting_records or runner.due for runner in self.runners)

    def holders(self) -> list[Runner]:
        """Who holds records."""
        return [runner for runner in self.runners if runner.holdings.records]

    def has_moved(self) -> bool:
        """True if anything happened in it since this was asked last."""
        seen = [(runner.records_in, runner.holdings.changes) for runner in self.runners]
        moved, self._seen = seen != self._seen, seen
        return moved


class Coordinator:
    """Looks at the whole flow whenever a part of it has nothing to do.

    Done: every processor has had INPUT_ENDED, nothing is queued or held, no ack is
    outstanding. If nothing can run while somebody waits for room or for settlements, who
    holds the oldest records is woken with FULL.
    """

    def __init__(self, fail: Callable[[str], None]) -> None:
        self.parts: list[Part] = []
        self.outstanding = 0
        self.is_stopping = False
        self.done = asyncio.Event()
        self.drained = asyncio.Event()
        self.is_drained = False
        self.when_stored: Callable[[Callable[[], None]], bool] = lambda _: False
        """Calls back when what is being written to disk now is written; False if nothing is."""
        self._fail = fail
        self._part_of: dict[Runner, Part] = {}
        self._runners: list[Runner] = []
        self._is_changing = False
        self._sources: list[SourceRunner] = []
        self._waiting = 0
        self._paused = 0
        self._is_looking = False

    def use(self, parts: list[Part]) -> None:
        """Look after these parts, upstream first; what had ended before has still."""
        before = {each: part for part in self.parts for each in (*part.runners, *part.sources)}
        self.parts = parts
        self._part_of = {runner: part for part in parts for runner in part.runners}
        self._runners = list(self._part_of)
        self._sources = [source for part in parts for source in part.sources]
        for part in parts:
            known = [before.get(each) for each in (*part.runners, *part.sources)]
            part.is_told = all(each is not None and each.is_told for each in known)
            part.is_ended = all(each is not None and each.is_ended for each in known)
            for each in part.downstream:
                each.open_upstream += not part.is_ended

    def begin_change(self) -> None:
        """The flow is changed: whether something has ended, or can go no further, is looked at when it is done."""
        self._is_changing = True

    def end_change(self) -> None:
        """Look at everything again."""
        self._is_changing = False
        for runner in self._runners:
            runner.notify()
        self._look_done()

    def has_ended(self, runner: Runner) -> bool:
        """True if it was told that its input has ended, and so is given nothing more."""
        return self._part_of[runner].is_told

    # -- what runners tell ----------------------------------------------------------------------

    def quiet(self, runner: Runner) -> None:
        """Hear that a runner has nothing to take, or waits for others."""
        part = self._part_of[runner]
        if self.is_stopping:
            self.look_drained()
        elif not part.open_upstream and not part.is_ended:
            self._try_to_end(part)
        self._look_stalled_soon()

    def waits(self, change: int) -> None:
        """Hear that somebody waits for room or for settlements, or does so no more."""
        self._waiting += change
        if change > 0:
            self._look_stalled_soon()

    def paused(self, change: int) -> None:
        """Hear that somebody waits for room in the dead letters, or does so no more."""
        self._paused += change
        if change > 0:
            self._look_stalled_soon()

    def broke(self, error: ProcessorError) -> None:
        """Hear that a processor broke where nobody else can be told."""
        self._fail(str(error))

    def source_ended(self, source: SourceRunner) -> None:
        """Hear that a source gives no more."""
        if self.is_stopping:
            self.look_drained()
            return
        part = next(each for each in self.parts if source in each.sources)
        self._end(part)
        self._look_stalled_soon()

    def new_ack(
        self,
        token: object = None,
        settle: Callable[[Ack], None] = lambda _: None,
        replied: Callable[[Ack], None] | None = None,
    ) -> Ack:
        """An ack that keeps the flow from being done until it settles."""
        self.outstanding += 1

        def settled(ack: Ack) -> None:
            settle(ack)
            self.outstanding -= 1
            if not self.outstanding:
                self._look_done()

        return Ack(token, settled, replied)

    def join(self, runner: Runner) -> bool:
        """Keep a processor from ending, as one more who gives it records; False if its input has ended."""
        part = self._part_of[runner]
        if not part.open_upstream:
            return False
        part.open_upstream += 1
        return True

    def leave(self, runner: Runner) -> None:
        """Give it no more."""
        self._close_upstream(self._part_of[runner])

    # -- the end of input -----------------------------------------------------------------------

    def _try_to_end(self, part: Part) -> None:
        if self._is_changing or not part.is_quiet:
            return
        holders = part.holders()
        if not part.is_told:
            part.is_told = True
            part.has_moved()
            for runner in part.runners:
                runner.wake(Why.INPUT_ENDED)
        elif not holders:
            self._end(part)
        elif part.is_cycle and part.has_moved():
            for runner in holders:
                runner.wake(Why.INPUT_ENDED)
        elif not any(runner.wakes for runner in holders):
            names = ", ".join(f"{runner.spec.name!r} ({runner.holdings.records} records)" for runner in holders)
            self._fail(f"nothing is left to do, and records are still held by {names}")

    def _end(self, part: Part) -> None:
        part.is_ended = True
        for runner in part.runners:
            runner.end()
        for each in part.downstream:
            self._close_upstream(each)
        self._look_done()

    def _close_upstream(self, part: Part) -> None:
        part.open_upstream -= 1
        if not part.open_upstream:
            for runner in part.runners:
                runner.notify()

    def _look_done(self) -> None:
        if self.is_stopping or self._is_changing or self.done.is_set() or not all(part.is_ended for part in self.parts):
            return
        if self.outstanding:
            if self.when_stored(self._look_done):
                return
            self._fail(f"nothing is left to do, and {self.outstanding} acks are open")
        else:
            self.done.set()

    # -- nothing can run ------------------------------------------------------------------------

    def _look_stalled_soon(self) -> None:
        if (self._waiting or self._paused) and not self._is_looking:
            self._is_looking = True
            asyncio.get_running_loop().call_soon(self._look_stalled)

    def _look_stalled(self) -> None:
        self._is_looking = False
        if self._is_changing or self.done.is_set() or any(runner.can_run for runner in self._runners):
            return
        if self.when_stored(self._look_stalled_soon):
            return
        if self._waiting and (holder := self._oldest_holder()) is not None:
            holder.wake(Why.FULL)
        elif self._paused and not self.is_stopping and all(source.is_waiting for source in self._sources):
            everybody: list[Runner | SourceRunner] = [*self._runners, *self._sources]
            paused = [repr(each.spec.name) for each in everybody if each.paused]
            self._fail(f"the dead letters are full, {', '.join(paused)} cannot go on")

    def _oldest_holder(self) -> Runner | None:
        """Who holds the oldest records, can be woken, and was not asked in vain to let go of just these."""
        holders = [runner for runner in self._runners if runner.holdings.may_ask and not runner.active]
        return min(holders, key=lambda runner: runner.holdings.since or 0.0, default=None)

    # -- a stop ---------------------------------------------------------------------------------

    def look_drained(self) -> None:
        """Notice when a stopping flow has nothing more to run."""
        runs = any(runner.has_work for runner in self._runners)
        self.is_drained = not runs and all(source.is_ended for source in self._sources)
        if self.is_drained:
            self.drained.set()
