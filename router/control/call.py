"""A request to the API, read and checked, and an answer that is more than one object."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from router.control.subject import Subject

__all__ = ["Call", "Stream"]

Q = TypeVar("Q")
B = TypeVar("B")


@dataclass(frozen=True, slots=True)
class Call(Generic[Q, B]):
    """What is asked of a flow."""

    subject: Subject
    names: Mapping[str, str]
    """The parts of the path that have a name."""
    query: Q
    body: B
    is_here: bool = False
    """True if it came by the socket in the data folder, and so from the user who runs the flow."""


@dataclass(frozen=True, slots=True)
class Stream:
    """An answer that comes piece by piece, as fast as it is read."""

    media: str
    pieces: AsyncGenerator[bytes]
