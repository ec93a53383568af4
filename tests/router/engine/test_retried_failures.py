"""What failed upstream and is retried where it is looked after keeps saying why it failed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from router.authoring import Context
from router.batch import Batch
from router.errors import RetryableError
from router.functions import failed
from router.relationship import RETRY
from tests.router.engine.flows import Do, Feed, Keep, run_to_end, wired


def raising(batch: Batch, context: Context) -> Any:
    raise RetryableError("down")


def asking(batch: Batch, context: Context) -> Any:
    return {RETRY.name: batch}


def through(batch: Batch, context: Context) -> Any:
    return batch


def in_turn(*works: Callable[[Batch, Context], Any]) -> Do:
    """A step whose every call does the next of these."""
    rest = iter(works)

    def work(batch: Batch, context: Context) -> Any:
        return next(rest)(batch, context)

    return Do(work)


@pytest.mark.parametrize("fails", [raising, asking])
async def test_a_retry_keeps_the_error_of_another_processor(fails: Any) -> None:
    bad = Do(lambda batch, _: {"failure": failed(batch, [(0, ValueError("bad"))], "work")})
    keep = Keep()
    steps = {"read": Feed([1]), "work": bad, "later": in_turn(fails, fails, through), "keep": keep}
    await run_to_end(wired(steps, "read>work", "work>drop", "work.failure>later", "later>keep"))
    assert (keep.numbers, keep.errors) == ([1], [("ValueError", "bad")])


async def test_a_retry_forgets_what_it_was_asked_for() -> None:
    def told(batch: Batch, context: Context) -> Any:
        return {RETRY.name: failed(batch, [(0, RetryableError("down"))], context.name)}

    keep = Keep()
    await run_to_end(wired({"read": Feed([1]), "work": in_turn(told, through), "keep": keep}, "read>work", "work>keep"))
    assert (keep.numbers, [batch.columns.get("error") for batch in keep.batches]) == ([1], [None])
