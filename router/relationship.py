"""The ways out of a processor, and what happens to records whose way leads nowhere."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

__all__ = ["FAILURE", "RESERVED", "RETRY", "SUCCESS", "UNAVAILABLE", "Relationship", "Unconnected"]


class Unconnected(Enum):
    """What becomes of records put into a relationship that the flow does not connect."""

    ERROR = "error"
    """The flow is refused: it must be connected."""
    DELIVERED = "delivered"
    """They are where they should be: the ``success`` of a sink."""
    DROPPED = "dropped"
    """They are gone, by the flow's own words."""
    DEAD_LETTERS = "dead_letters"
    """They are set aside: the default of ``failure``."""


@dataclass(frozen=True, slots=True)
class Relationship:
    """A named way out of a processor.

    A lower-case adjective or noun, such as ``success``, ``failure``, ``duplicate``.
    """

    name: str
    description: str = ""
    unconnected: Unconnected = Unconnected.ERROR

    def __str__(self) -> str:
        return self.name


SUCCESS = Relationship("success", "Records that were processed.")
FAILURE = Relationship(
    "failure",
    "Records that could not be processed; the column `error` says why.",
    Unconnected.DEAD_LETTERS,
)
RETRY = Relationship("retry", "Records to be given to the processor again after a while.")
UNAVAILABLE = Relationship(
    "unavailable",
    "Records whose retries are used up; follows `failure` where it is not connected.",
    Unconnected.DEAD_LETTERS,
)

RESERVED = frozenset({RETRY.name, UNAVAILABLE.name, "processor", "queue", "name"})
"""Names no processor may give a relationship of its own."""
