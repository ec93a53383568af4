"""One event of provenance: what happened to some records, where, and which records came of which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from router.batch import Batch
from router.storage.provenance.framing import Pieces

__all__ = ["ENDS", "OF_ALL", "Event", "EventType", "Ids"]

Ids = Sequence[int]
"""Records by their lineage ids."""


class EventType(StrEnum):
    """What can happen to a record: NiFi's words, those of them that the engine can see."""

    RECEIVE = "RECEIVE"
    """A source gave it, and said where it came from."""
    CREATE = "CREATE"
    """A source or a processor made it of nothing that is known."""
    ROUTE = "ROUTE"
    """It went on as it was."""
    CONTENT_MODIFIED = "CONTENT_MODIFIED"
    """It went on, written anew."""
    ATTRIBUTES_MODIFIED = "ATTRIBUTES_MODIFIED"
    """It went on with the same content, and with other columns or attributes."""
    SEND = "SEND"
    """A sink wrote it."""
    FORK = "FORK"
    """It became several."""
    JOIN = "JOIN"
    """Several became it."""
    CLONE = "CLONE"
    """A copy went another way."""
    REPLAY = "REPLAY"
    """A person put it back on its way."""
    DROP = "DROP"
    """It ended here by the flow's own words."""
    EXPIRE = "EXPIRE"
    """It had waited too long."""


ENDS = frozenset({"delivered", "drop", "dead_letters", "reject", "expired", "full"})
"""Targets that are no connection: no event of the same record follows."""
OF_ALL: Sequence[int] = ()
"""In place of shares: each record came of all the parents."""


class Event:
    """What happened to ``ids``; where other records came of it, also of which ``parents``.

    ``shares[i]`` is how many of the parents, in their order, the record ``ids[i]`` came of.
    ``steps`` are those of ``ids``, where they are known. ``target`` is a connection, or one of ``ENDS``. ``content`` is kept for replay where it is given.
    """

    __slots__ = (
        "attributes",
        "content",
        "errors",
        "ids",
        "parents",
        "processor",
        "relationship",
        "seconds",
        "shares",
        "steps",
        "target",
        "time",
        "type",
    )

    def __init__(
        self,
        time: float,
        type: EventType,
        processor: str,
        relationship: str | None,
        *,
        target: str,
        ids: Ids,
        seconds: float = 0.0,
        parents: Ids = (),
        shares: Sequence[int] = OF_ALL,
        attributes: Mapping[str, Any] | None = None,
        errors: Sequence[Any] = (),
        content: Batch | Pieces | None = None,
        steps: bytes | None = None,
    ) -> None:
        self.time = time
        self.type = type
        self.processor = processor
        self.relationship = relationship
        self.target = target
        self.ids = ids
        self.seconds = seconds
        self.parents = parents
        self.shares = shares
        self.attributes = attributes
        self.errors = errors
        self.content = content
        self.steps = steps
