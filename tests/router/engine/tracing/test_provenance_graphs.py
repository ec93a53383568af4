"""Random flows: every record has one end, and is known to be made of just what it is made of."""

from __future__ import annotations

import asyncio
import random
import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from router.batch import Batch
from router.engine import Engine
from router.provenance import ProvenanceOptions
from router.storage.provenance.reading import Found, Reader, Wanted
from tests.router.engine.clock import JumpingClock, until
from tests.router.engine.courses import ends_amiss
from tests.router.engine.graphs import Graph, Maker

FULL = ProvenanceOptions(level="full", content="connections")
HALF = ProvenanceOptions(level="sample", sample=0.5)


async def ran(graph: Graph, folder: Path, options: ProvenanceOptions) -> None:
    run = graph.flow.run.model_copy(update={"provenance": options})
    clock = JumpingClock()
    engine = Engine(replace(graph.flow, run=run), replace=graph.replace, data=folder, clock=clock)
    async with asyncio.timeout(60), engine:
        report = await until(engine, clock, engine.run())
    assert (report.outcome, report.error) == ("done", None)


def roots_amiss(found: list[Found], contents: dict[int, Batch]) -> dict[int, object]:
    """Records whose content names other roots than the sources that provenance leads to."""
    parents: dict[int, list[int]] = {}
    roots: dict[int, str] = {}
    for event in found:
        if event.type == "RECEIVE":
            roots |= zip(event.ids, (row["uid"] for row in contents[event.id].rows), strict=True)
        elif event.parents:
            parents |= {each: event.parents_of(each) for each in event.ids}

    @cache
    def roots_of(record: int) -> frozenset[str]:
        return frozenset([roots[record]] if record in roots else ()).union(*map(roots_of, parents.get(record, ())))

    amiss: dict[int, object] = {}
    for batch in contents.values():
        for record, row in zip(batch.columns.get("lineage", ()), batch.rows, strict=False):
            if roots_of(record) != {root for root, _ in row["of"]}:
                amiss[record] = (roots_of(record), row)
    return amiss


@settings(max_examples=40)
@given(st.integers(0, 2**40), st.integers(1, 8))
def test_every_record_has_one_end_and_leads_back_to_what_it_is_made_of(seed: int, size: int) -> None:
    random.seed(seed)  # the jitter of a backoff
    graph = Maker(seed, size).make()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(ran(graph, Path(folder), FULL))
        with Reader(Path(folder)) as reader:
            found = list(reader.search(Wanted()))
            contents = {each.id: batch for each in found if (batch := reader.content(each)) is not None}
    assert sum(each.records for each in found if each.type == "RECEIVE") == len(graph.books.given)
    assert ends_amiss(found) == {}
    assert roots_amiss(found, contents) == {}


@settings(max_examples=30)
@given(st.integers(0, 2**40), st.integers(1, 8))
def test_every_record_of_a_sample_has_one_end(seed: int, size: int) -> None:
    random.seed(seed)
    graph = Maker(seed, size).make()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(ran(graph, Path(folder), HALF))
        with Reader(Path(folder)) as reader:
            found = list(reader.search(Wanted()))
    assert sum(each.records for each in found if each.type == "RECEIVE") <= len(graph.books.given)
    assert ends_amiss(found) == {}
