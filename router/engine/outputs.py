"""What a processor gives: batches by relationship, checked and brought into one shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from router.batch import Batch
from router.codec import Failures
from router.errors import DecodeError, ProcessorError
from router.functions import failed
from router.relationship import FAILURE, RETRY, SUCCESS

__all__ = ["Outputs", "all_failed", "joined", "merged", "outputs_of"]

Outputs = list[tuple[str, Batch]]


def outputs_of(result: Any, type_name: str) -> Outputs:
    """Turn what ``process`` returned into batches by relationship; empty ones are left out.

    Raises:
        ProcessorError: it is none of a Batch, a mapping of them, or None.
    """
    if result is None:
        return []
    if isinstance(result, Batch):
        return [(SUCCESS.name, result)] if len(result) else []
    if isinstance(result, Mapping) and all(isinstance(batch, Batch | None) for batch in result.values()):
        return [(str(name), batch) for name, batch in result.items() if batch is not None and len(batch)]
    raise ProcessorError(
        f"{type_name} returned {type(result).__name__}; return a Batch, {{relationship: Batch}} or None"
    )


def all_failed(batch: Batch, error: BaseException, processor: str) -> tuple[str, Batch]:
    """Every record of a batch on its way to ``failure`` with one error."""
    failures: Failures = [(index, error) for index in range(len(batch))]
    return FAILURE.name, failed(batch, failures, processor)


def merged(outputs: Outputs, processor: str) -> tuple[Outputs, Batch | None]:
    """One batch a relationship where a call was made in parts, and beside them what is to be retried."""
    by_name: dict[str, list[Batch]] = {}
    for name, batch in outputs:
        by_name.setdefault(name, []).append(batch)
    again = by_name.pop(RETRY.name, None)
    made = [(name, each) for name, batches in by_name.items() for each in joined(batches)]
    if again is None:
        return made, None
    try:
        return made, Batch.concat(again)
    except DecodeError as error:  # rows that JSON cannot say, beside content that is none
        return [*made, *(all_failed(batch, error, processor) for batch in again)], None


def joined(batches: list[Batch]) -> list[Batch]:
    """One batch of them all, or each as it is where no form holds all of them."""
    try:
        return [Batch.concat(batches)]
    except DecodeError:
        return batches
