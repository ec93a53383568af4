"""Call a function for record after record: going on behind one that raises, ending at an outage."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

from router.codec import Failures
from router.errors import RetryableError

__all__ = ["Called", "await_each", "call_each"]


@dataclass(frozen=True, slots=True)
class Called:
    """What the calls returned, in order, those that raised, and the outage that ended them; nothing is called twice."""

    results: list[Any]
    failures: Failures
    """Positions count what was called for."""
    outage: RetryableError | None = None

    @property
    def count(self) -> int:
        """How many calls came to an end."""
        return len(self.results) + len(self.failures)


def call_each(call: Callable[[Any], Any], records: Iterable[Any]) -> Called:
    """Call for each; costs what a list comprehension costs, since the try stands around the whole map."""
    results: list[Any] = []
    failures: Failures = []
    listed = list(records)
    rest = map(call, listed)
    while True:
        try:
            results.extend(rest)
        except RetryableError as error:
            return Called(results, failures, error)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a function raises is that record's
            failures.append((len(results) + len(failures), error))
        else:
            if len(results) + len(failures) == len(listed):
                return Called(results, failures)
            # Only a StopIteration of the function's own, as of a `next` that found nothing, ends the map early.
            failures.append((len(results) + len(failures), StopIteration("a `next` in it found nothing")))


async def await_each(call: Callable[[Any], Awaitable[Any]], records: Iterable[Any]) -> Called:
    """The same for a coroutine function, one after the other."""
    results: list[Any] = []
    failures: Failures = []
    for index, record in enumerate(records):
        try:
            results.append(await call(record))
        except RetryableError as error:
            return Called(results, failures, error)
        except (Exception, SystemExit, asyncio.CancelledError) as error:
            task = asyncio.current_task()
            if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
                raise  # the engine ends the call; without that it is the author's, for this record
            failures.append((index, error))
    return Called(results, failures)
