"""Calls that overlap, each committing as a whole, never wait for each other's room."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from router.authoring import Context, Processor
from router.batch import Batch
from tests.router.engine.flows import Feed, Keep, run_to_end, wired

DISK = {"type": "disk", "records": 2}


class Slowly(Processor):
    """Gives its records one by one, with time between them."""

    type_name = "slowly"

    async def process(self, batch: Batch, context: Context) -> Any:
        for index in range(len(batch)):
            yield batch.slice(index, index + 1)
            await context.sleep(1)


class Both(Slowly):
    """Gives each record to both of its ways, the first first."""

    async def process(self, batch: Batch, context: Context) -> Any:
        names = ["success", "failure"] if batch.rows[0]["n"] % 2 else ["failure", "success"]
        for name in names:
            yield {name: batch}
            await context.sleep(1)


@pytest.mark.parametrize("ordered", [True, False])
async def test_calls_that_fill_a_connection_together_all_come_to_their_end(tmp_path: Path, ordered: bool) -> None:
    keep = Keep()
    engine = wired(
        {"read": Feed(range(8)), "work": Slowly(), "keep": keep},
        "read>work",
        "work>keep",
        run={"work": {"concurrency": 4, "ordered": ordered, "batch": {"records": 2}}},
        queue={"read>work": {"type": "disk"}, "work>keep": DISK},
        data=tmp_path,
    )
    report = await run_to_end(engine)
    assert (report.outcome, sorted(keep.numbers)) == ("done", list(range(8)))


async def test_calls_that_fill_two_connections_crosswise_all_come_to_their_end(tmp_path: Path) -> None:
    one, other = Keep(), Keep()
    engine = wired(
        {"read": Feed(range(8)), "work": Both(), "one": one, "other": other},
        "read>work",
        "work>one",
        "work.failure>other",
        run={"work": {"concurrency": 4, "ordered": False, "batch": {"records": 1}}},
        queue={"read>work": {"type": "disk"}, "work>one": DISK, "work.failure>other": DISK},
        data=tmp_path,
    )
    report = await run_to_end(engine)
    assert (report.outcome, sorted(one.numbers), sorted(other.numbers)) == ("done", list(range(8)), list(range(8)))
