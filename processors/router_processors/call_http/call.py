"""One request to be made, and what came back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from router import RecordError

__all__ = ["Answer", "AnswerError", "Call"]


class AnswerError(RecordError):
    """A service answered a record with what is no use: its ``status`` goes into the error's data."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


@dataclass(slots=True)
class Answer:
    """What a service answered."""

    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes
    """What was read of the body, decompressed."""
    is_cut: bool
    """The body is longer than that."""
    seconds: float


@dataclass(slots=True)
class Call:
    """One request: the records it is about, what is sent, and in the end an answer or an error."""

    records: Sequence[int]
    url: str
    headers: dict[str, str] | None
    body: bytes | None
    answer: Answer | None = None
    values: Sequence[Any] = ()
    """What the answer says of each record."""
    error: BaseException | None = None
