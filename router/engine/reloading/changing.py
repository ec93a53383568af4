"""Changes a running flow, one change at a time; a stop comes first."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from router.authoring import Processor
from router.difference import Difference, compare
from router.engine.clock import resolve
from router.engine.reloading.plan import Plan, plan
from router.engine.reloading.reload import Reload, Surroundings, Wishes
from router.errors import ConfigError, ReloadError, nearest
from router.flow import Flow

__all__ = ["Changing"]


class Changing:
    """Who changes one flow while it runs.

    Args:
        instances: Processors that are used in place of the flow's, by name.
        flow: The flow as it is started.
        adopt: Called when another one is.
    """

    def __init__(
        self,
        around: Surroundings,
        *,
        instances: dict[str, Processor],
        flow: Flow,
        adopt: Callable[[Flow], None],
    ) -> None:
        self._around = around
        self._instances = instances
        self._flow = flow
        self._adopt = adopt
        self._turn = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._is_over = False

    async def reload(self, new: Flow, given: Mapping[str, Processor], wishes: Wishes) -> Difference:
        """Make the flow this one; cancelled, it goes on all the same.

        Raises:
            ReloadError: it cannot be done; the flow goes on as it was.
            ConfigError: ``given`` names a processor that the flow does not have.
        """
        for name in given:
            if name not in new.processors:
                raise ConfigError(f"replace: the flow has no processor {name!r}{nearest(name, new.processors)}")
        async with self._turn:
            self._check_running()
            done: asyncio.Future[Difference] = asyncio.get_running_loop().create_future()
            self._task = self._around.tasks.start(self._run(new, given, wishes, done), "reload")
            self._task.add_done_callback(lambda _: done.cancel())
            try:
                return await asyncio.shield(done)
            except asyncio.CancelledError:
                if done.cancelled():
                    raise ReloadError("the flow stops") from None
                done.add_done_callback(_heard)  # who asked has gone
                raise

    async def end(self) -> None:
        """Let a change that is under way go; from now on there is none."""
        self._is_over = True
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait([self._task])

    def _check_running(self) -> None:
        if self._is_over or self._around.coordinator.done.is_set():
            raise ReloadError("the flow has ended, or is about to")

    async def _run(
        self, new: Flow, given: Mapping[str, Processor], wishes: Wishes, done: asyncio.Future[Difference]
    ) -> None:
        try:
            found = await self._change(new, given, wishes)
        except ReloadError as error:
            self._around.desk.bulletin(new.name, "was not reloaded", {"error": error})
            if not done.done():
                done.set_exception(error)
        else:
            resolve(done, found)

    async def _change(self, new: Flow, given: Mapping[str, Processor], wishes: Wishes) -> Difference:
        old = self._flow
        self._around.hide.add(new.secrets)
        found = self._plan(old, new, given)
        reload = Reload(
            old, new, found, self._around, adopt=self._adopt, given=given, instances=self._instances, wishes=wishes
        )
        difference = await reload.run()
        self._flow = new
        self._instances.update(given)
        for name in difference.removed:
            self._instances.pop(name, None)
        said = {name: ", ".join(each) for name, each in _said(difference).items() if each}
        self._around.desk.bulletin(new.name, "reloaded", said)
        return difference

    def _plan(self, old: Flow, new: Flow, given: Mapping[str, Processor]) -> Plan:
        machine, coordinator = self._around.builder.machine, self._around.coordinator

        def has_ended(name: str) -> bool:
            source = machine.sources.get(name)
            return source.is_ended if source is not None else coordinator.has_ended(machine.runners[name])

        changed = {name for name, each in given.items() if each is not self._instances.get(name)}
        kept = {name for name in self._instances if name in new.processors and name not in changed}
        return plan(old, new, compare(old, new), has_ended=has_ended, given=changed, kept=kept)


def _said(difference: Difference) -> dict[str, list[str]]:
    return {
        "added": [*difference.added, *difference.connections_added],
        "removed": [*difference.removed, *difference.connections_removed],
        "replaced": [each.name for each in (*difference.replaced, *difference.remade)],
        "rewired": list(difference.rewired),
        "resized": [each.name for each in difference.resized],
    }


def _heard(done: asyncio.Future[Difference]) -> None:
    if not done.cancelled():
        done.exception()
