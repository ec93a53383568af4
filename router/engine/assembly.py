"""Puts the parts of an engine together that work on one flow: it runs, is steered, changed and drained by them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from router.authoring import Processor
from router.engine.build import Builder
from router.engine.clock import Clock
from router.engine.desk import Desk
from router.engine.drain import Coordinator
from router.engine.drainage import Drainage
from router.engine.machine import Machine
from router.engine.redrive import Redrive
from router.engine.reloading.changing import Changing
from router.engine.reloading.reload import Surroundings
from router.engine.starting import Starter
from router.engine.tasks import Tasks
from router.flow import Flow
from router.secrecy import Mask
from router.storage.database import Database

__all__ = ["Assembly", "assemble"]


@dataclass(frozen=True, slots=True)
class Assembly:
    """What works on one flow."""

    machine: Machine
    starter: Starter
    redrive: Redrive
    drainage: Drainage
    changing: Changing


def assemble(
    flow: Flow,
    processors: Mapping[str, Processor],
    *,
    clock: Clock,
    desk: Desk,
    coordinator: Coordinator,
    tasks: Tasks,
    database: Database,
    hide: Mask,
    fail: Callable[[str], None],
    instances: dict[str, Processor],
    adopt: Callable[[Flow], None],
) -> Assembly:
    """Put a flow together from its processors; nothing is started.

    Args:
        instances: Those of the processors that are used in place of the flow's own.
        adopt: Called when the flow has been made another one.
    """
    builder = Builder(clock=clock, desk=desk, coordinator=coordinator, tasks=tasks, database=database)
    machine = builder.build(flow, processors)
    starter = Starter(clock, desk, hide)
    redrive = Redrive(flow, machine, clock=clock, desk=desk, coordinator=coordinator, tasks=tasks)
    around = Surroundings(
        builder=builder,
        starter=starter,
        coordinator=coordinator,
        redrive=redrive,
        desk=desk,
        clock=clock,
        database=database,
        tasks=tasks,
        hide=hide,
        fail=fail,
    )
    drainage = Drainage(machine, clock=clock, desk=desk, coordinator=coordinator, database=database, redrive=redrive)
    return Assembly(machine, starter, redrive, drainage, Changing(around, instances=instances, flow=flow, adopt=adopt))
