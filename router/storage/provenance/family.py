"""The family of a record: what it came of, what came of it, and what happened to each."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from router.storage.provenance.reading import Found, Reader

__all__ = ["MOST", "Member", "family_of"]

MOST = 200  # members in one direction: a window may have come of thousands


@dataclass(slots=True)
class Member:
    """A record with what happened to it, and in one direction its relatives."""

    record: int
    events: list[Found]
    came_of: list[Member] = field(default_factory=list)
    became: list[Member] = field(default_factory=list)
    omitted: int = 0
    """Relatives that are left out, for there are too many."""


def family_of(reader: Reader, record: int, most: int = MOST) -> Member:
    """A record with all it came of, and all that came of it."""
    made = Member(record, reader.events_of(record))
    _grow(made, _Walk(reader, most, _parents), lambda member: member.came_of)
    _grow(made, _Walk(reader, most, _children), lambda member: member.became)
    return made


@dataclass(slots=True)
class _Walk:
    reader: Reader
    left: int
    relatives: Callable[[Reader, Member], Iterable[int]]
    known: set[int] = field(default_factory=set)


def _grow(root: Member, walk: _Walk, branch: Callable[[Member], list[Member]]) -> None:
    """Breadth first, so that those left out are the furthest."""
    walk.known.add(root.record)
    level = [root]
    while level:
        following: list[Member] = []
        for member in level:
            for each in walk.relatives(walk.reader, member):
                if each in walk.known:
                    continue
                if not walk.left:
                    member.omitted += 1
                    continue
                walk.left -= 1
                walk.known.add(each)
                made = Member(each, walk.reader.events_of(each))
                branch(member).append(made)
                following.append(made)
        level = following


def _parents(_: Reader, member: Member) -> Iterable[int]:
    found = (each.parents_of(member.record) for each in member.events if each.has_parents)
    return dict.fromkeys(parent for parents in found for parent in parents)


def _children(reader: Reader, member: Member) -> Iterable[int]:
    found = (each.children_of(member.record) for each in reader.births_from(member.record))
    return dict.fromkeys(child for children in found for child in children)
