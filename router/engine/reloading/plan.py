"""What a reload does to which part of a running flow."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from router.difference import Difference, PartChange, Setting, routes_of
from router.errors import ReloadError
from router.flow import Flow

__all__ = ["Plan", "plan"]

FIXED = ("name", "run.provenance")


@dataclass(frozen=True, slots=True)
class Plan:
    """Which processors and connections a reload touches; all others do not notice."""

    difference: Difference
    anew: frozenset[str]
    """Processors to be made and started."""
    leaving: frozenset[str]
    """Processors that run, to be stopped for good."""
    held: frozenset[str]
    """Processors that run, to stand still meanwhile: those that leave, and those that are to put elsewhere."""
    drained: frozenset[str]
    """Connections that must be empty: those that go, and those that are made anew."""


def plan(
    old: Flow,
    new: Flow,
    difference: Difference,
    *,
    has_ended: Callable[[str], bool],
    given: Collection[str],
    kept: Collection[str],
) -> Plan:
    """Say what is to be done.

    Args:
        has_ended: Whether a processor of the old flow was told that its input has ended, or a source gives no more.
        given: Processors for which an instance is given.
        kept: Processors whose instance was given before: whatever the flow says of their settings, it stays.

    Raises:
        ReloadError: something is different that cannot be changed while a flow runs.
    """
    for each in difference.flow:
        if each.name in FIXED:
            raise ReloadError(_fixed(each))
    changes = {each.name: each for each in difference.replaced if each.name not in kept}
    changes |= {name: changes.get(name) or PartChange(name) for name in given if name in old.processors}
    again = _beginning_again(new, {*changes, *difference.added}, has_ended)
    if stuck := sorted(name for name in again if name in kept):
        raise ReloadError(
            f"processor {stuck[0]!r} has ended and records come to it again; give another instance of it to use"
        )
    replaced = tuple(changes.get(name) or PartChange(name) for name in new.processors if name in {*changes, *again})
    names = {each.name for each in replaced}
    rewired = tuple(name for name in difference.rewired if name not in names)
    leaving = names | set(difference.removed)
    moved = {name for name in rewired if routes_of(old.processors[name]) != routes_of(new.processors[name])}
    drained = {*difference.connections_removed, *(each.name for each in difference.remade)}
    moved |= {each.producer for each in old.connections if each.id in drained}
    return Plan(
        difference=replace(difference, replaced=replaced, rewired=rewired),
        anew=frozenset(names | set(difference.added)),
        leaving=frozenset(leaving),
        held=frozenset(leaving | moved),
        drained=frozenset(drained),
    )


def _beginning_again(new: Flow, anew: Collection[str], has_ended: Callable[[str], bool]) -> set[str]:
    """Processors that have ended, and are given records again: an instance is told its end but once."""
    again: set[str] = set()
    living: set[str] = set()
    for members in new.components:
        fed = any(each.producer in living for each in new.connections if each.consumer in members)
        if fed or any(name in anew for name in members):
            again |= {name for name in members if name not in anew and has_ended(name)}
        if fed or any(name in anew or not has_ended(name) for name in members):
            living |= members
    return again


def _fixed(setting: Setting) -> str:
    said = "the name of a flow" if setting.name == "name" else f"{setting.name!r}"
    return f"{said} is fixed while it runs: it is {setting.old!r}, not {setting.new!r}; stop the flow and run it anew"
