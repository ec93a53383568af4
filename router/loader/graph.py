"""Check the graph as a whole: everything can be reached, every cycle has a way in and a way out, also outside."""

from __future__ import annotations

from collections.abc import Mapping

from router.flow import ConnectionSpec, Flow, ProcessorSpec
from router.loader.document import Problems
from router.loader.drafts import Draft
from router.relationship import Unconnected


def check(drafts: Mapping[str, Draft], specs: Mapping[str, ProcessorSpec], problems: Problems) -> None:
    """Note processors that nothing leads to, and cycles without a way in or out."""
    flow = Flow("graph", specs)
    order = {name: number for number, name in enumerate(specs)}
    number_of = flow.component_of
    entered = {
        number_of[each.consumer] for each in flow.connections if number_of[each.producer] != number_of[each.consumer]
    }
    for number, members in enumerate(flow.components):
        first = min(members, key=order.__getitem__)
        path = drafts[first].path
        if flow.is_cycle(members):
            names = _cycle(flow, first, members)
            if number not in entered:
                problems.add(path, f"no source enters the cycle {names}; lead one to it")
            elif all(drafts[name].relationships is not None for name in members) and not any(
                _leaves(flow, name, members) for name in members
            ):
                problems.add(path, f"nothing leaves the cycle {names}; send a relationship elsewhere, or to 'drop'")
        elif number not in entered and not specs[first].is_source:
            problems.add(path, f"nothing leads to {first!r}; name it in the 'to' of another processor")


def check_outside(drafts: Mapping[str, Draft], problems: Problems) -> None:
    """Note who writes outside what the flow reads there: it would be emptied, or read without end."""
    readers = {place: name for name, draft in drafts.items() for place in draft.reads_from}
    for draft in drafts.values():
        for place in draft.writes_to:
            if place in readers:
                said = f"it writes to {place!r}, which {readers[place]!r} reads"
                problems.add(draft.path, f"{said}: that would be emptied, or read without end; write elsewhere")


def _connections(spec: ProcessorSpec) -> list[ConnectionSpec]:
    return [each for targets in spec.routes.values() for each in targets if isinstance(each, ConnectionSpec)]


def _leaves(flow: Flow, name: str, members: frozenset[str]) -> bool:
    """True if records can leave a cycle here, other than by failing unseen."""
    spec = flow.processors[name]
    targets = [each for routes in spec.routes.values() for each in routes]
    if any(not isinstance(each, ConnectionSpec) or each.consumer not in members for each in targets):
        return True
    silent = {Unconnected.DELIVERED, Unconnected.DROPPED}
    return any(each.name not in spec.routes and each.unconnected in silent for each in spec.relationships)


def _cycle(flow: Flow, first: str, members: frozenset[str]) -> str:
    """One way round: ``a > b > a``."""
    before: dict[str, str] = {}
    waiting = [first]
    for name in waiting:
        for target in _connections(flow.processors[name]):
            if target.consumer == first:
                way = [first, name]
                while way[-1] != first:
                    way.append(before[way[-1]])
                return " > ".join(reversed(way))
            if target.consumer in members and target.consumer not in before:
                before[target.consumer] = name
                waiting.append(target.consumer)
    return first
