from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from router.authoring import Processor
from router.batch import Batch
from router.engine import Engine
from router.engine.tracing import provenance as module
from router.engine.tracing.provenance import Provenance
from router.provenance import ProvenanceOptions
from router.storage.letter_box import LetterBox
from router.storage.provenance.events import Event, EventType
from router.storage.provenance.reading import Reader
from router.storage.provenance.replay import ask, kept_of
from router.storage.provenance.ring import DATABASE
from router.storage.provenance.segments import Segments
from tests.router.engine.clock import JumpingClock, at_rest
from tests.router.engine.courses import course, events, said
from tests.router.engine.flows import Do, Feed, Gate, Keep, run_to_end, wired


def flow(
    options: Any,
    folder: Path | None,
    *batches: Any,
    keep: Processor | None = None,
    then: float | None = None,
    **more: Any,
) -> Engine:
    steps: dict[str, Processor] = {"read": Feed(*batches or ([1, 2],), then=then), "keep": keep or Keep()}
    return wired(steps, "read>keep", flow={"provenance": options}, data=folder, **more)


def told(engine: Engine) -> list[str]:
    return [each.text for each in engine.bulletins]


def totals(folder: Path) -> list[tuple[str, str, str, int]]:
    with Reader(folder) as reader:
        return [row[1:] for row in reader.counts(None)]


async def written(folder: Path, read: Callable[[Path], Sequence[object]] = events) -> None:
    """Wait until something is: by the clock of the world, for the disk is of it."""
    while not (folder / DATABASE).exists() or not read(folder):  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(0.005)


async def test_off_writes_nothing(tmp_path: Path) -> None:
    await run_to_end(flow("off", tmp_path))
    assert not (tmp_path / DATABASE).exists()


async def test_counts_are_kept_by_default_and_no_events(tmp_path: Path) -> None:
    steps: dict[str, Processor] = {"read": Feed([1, 2], [3]), "keep": Keep()}
    await run_to_end(wired(steps, "read>keep", data=tmp_path))
    assert totals(tmp_path) == [("in", "keep", "", 3), ("out", "keep", "success", 3), ("out", "read", "success", 3)]
    assert events(tmp_path) == []


async def test_totals_are_written_while_the_flow_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MINUTE", 0.01)
    keep = Gate()
    async with flow("counts", tmp_path, keep=keep) as engine:
        await written(tmp_path, totals)
        assert totals(tmp_path) == [("in", "keep", "", 2), ("out", "read", "success", 2)]
        keep.is_open.set()
        await engine.run()
    assert sum(records for *_, records in totals(tmp_path)) == 6


async def test_without_a_data_folder_none_is_kept_and_that_is_told() -> None:
    engine = flow("full", None)
    await run_to_end(engine)
    assert told(engine) == ["provenance is not kept: the engine was given no data folder"]


async def test_a_sample_is_followed_whole_and_the_rest_not_at_all(tmp_path: Path) -> None:
    await run_to_end(flow({"sample": "25%"}, tmp_path, *([n, n] for n in range(200))))
    received = [each for each in events(tmp_path) if each.type == "CREATE"]
    assert len(received) == 50
    sent = [each for event in events(tmp_path) if event.type == "SEND" for each in event.ids]
    assert sorted(sent) == sorted(each for event in received for each in event.ids)


async def test_every_run_has_ids_of_its_own(tmp_path: Path) -> None:
    for _ in range(2):
        await run_to_end(flow("full", tmp_path))
    assert [each.ids for each in events(tmp_path) if each.type == "CREATE"] == [[1, 2], [1_000_000_001, 1_000_000_002]]


async def test_content_is_kept_where_the_flow_says(tmp_path: Path) -> None:
    kept = {}
    for content in ("none", "sources", "connections"):
        folder = tmp_path / content
        await run_to_end(flow(ProvenanceOptions(level="full", content=content), folder))
        kept[content] = [each.type for each in events(folder) if each.place is not None]
    assert kept == {"none": [], "sources": ["CREATE"], "connections": ["CREATE"]}


async def test_a_flow_goes_on_where_its_provenance_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / DATABASE).write_bytes(b"something else" * 1000)
    engine = flow("full", tmp_path)
    report = await run_to_end(engine)
    assert (report.outcome, told(engine)) == ("done", ["provenance is not kept in this run"])
    assert (tmp_path / DATABASE).read_bytes() == b"something else" * 1000


async def test_what_the_disk_does_not_take_in_time_is_left_out_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_EVENTS", 3)
    monkeypatch.setattr(module, "MOST_BYTES", 1000)
    losses: list[Any] = []
    made = Provenance(
        ProvenanceOptions(level="full"), tmp_path, now=lambda: 0.0, tell=lambda _, data: losses.append(data)
    )
    made.open()
    batch = Batch.raw([bytes(900)])
    for _ in range(10):
        made.record(event(made, content=batch))
    await made.close()
    assert losses == [{"events": 0, "content": 1}, {"events": 7, "content": 1}]
    assert [each.place is not None for each in events(tmp_path)] == [True, False, False]


async def test_a_full_disk_stops_provenance_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Segments, "append", full)
    engine = flow("full", tmp_path)
    report = await run_to_end(engine)
    assert (report.outcome, [each.place for each in events(tmp_path)]) == ("done", [None, None])
    assert [dict(each.data) for each in engine.bulletins] == [{"events": 0, "content": 1}]


async def test_a_record_is_replayed_by_the_next_run(tmp_path: Path) -> None:
    await run_to_end(flow("full", tmp_path, [1, 2]))
    replay(tmp_path, 2)
    keep = Keep()
    await run_to_end(flow("full", tmp_path, [3], keep=keep))
    assert sorted(keep.numbers) == [2, 3]
    (again,) = [each for each in events(tmp_path) if each.type == "REPLAY"]
    assert again.parents_of(again.ids[0]) == [2]
    assert course(tmp_path, again.ids[0])[-1].startswith("SEND keep.success>delivered")


async def test_a_record_is_replayed_by_the_flow_that_runs(tmp_path: Path) -> None:
    keep, clock = Keep(), JumpingClock()
    async with flow("full", tmp_path, [1], keep=keep, clock=clock, then=1e9) as engine:
        await written(tmp_path)
        replay(tmp_path, 1)
        while len(keep.numbers) < 2:
            await at_rest(engine)
            clock.jump()
        await engine.stop(0)
    assert keep.numbers == [1, 1]


async def test_a_copy_is_replayed_where_the_copy_went(tmp_path: Path) -> None:
    def engine(*feed: int) -> tuple[Engine, Keep, Keep]:
        one, two = Keep(), Keep()
        steps: dict[str, Processor] = {"read": Feed(feed), "one": one, "two": two}
        return wired(steps, "read>one", "read>two", flow={"provenance": "full"}, data=tmp_path), one, two

    await run_to_end(engine(1, 2)[0])
    replay(tmp_path, 4)  # the copy of 2
    again, one, two = engine(3)
    await run_to_end(again)
    assert (one.numbers, sorted(two.numbers)) == ([3], [2, 3])


async def test_a_dead_letter_tried_again_is_followed_from_the_one_it_was(tmp_path: Path) -> None:
    def refuse(batch: Batch, _: Any) -> Batch:
        raise ValueError("no")

    def engine(work: Any) -> Engine:
        steps: dict[str, Processor] = {"read": Feed([1]), "work": Do(work), "keep": Keep()}
        return wired(steps, "read>work", "work>keep", flow={"provenance": "full"}, data=tmp_path)

    await run_to_end(engine(refuse))
    with LetterBox(tmp_path) as box:
        box.mark([1])
    await run_to_end(engine(lambda batch, _: batch))
    assert course(tmp_path, 1)[-1] == "ROUTE work.failure>dead_letters 1"
    (again,) = [each.ids[0] for each in events(tmp_path) if each.type == "REPLAY"]
    assert [said(each) for each in events(tmp_path) if each.parents] == [f"REPLAY read.success>work {again} of 1"]


async def test_lineage_goes_through_a_disk_connection(tmp_path: Path) -> None:
    await run_to_end(flow("full", tmp_path, [1, 2], queue={"read>keep": {"type": "disk"}}))
    assert course(tmp_path, 1) == ["CREATE read.success>keep 1,2", "SEND keep.success>delivered 1,2"]


def test_a_killed_flow_leaves_events_that_can_be_read(tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", ENDLESS, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == "written\n"
    finally:
        os.kill(child.pid, signal.SIGKILL)
        child.communicate()
    with Reader(tmp_path) as reader:
        (found,) = reader._database.execute("PRAGMA integrity_check").fetchone()
        assert found == "ok"
    received = [each for each in events(tmp_path) if each.type == "CREATE"]
    with Reader(tmp_path) as reader:
        kept = [reader.content(each) for each in received]
    assert len(kept) > 100
    assert all(
        batch is not None and [row["n"] for row in batch.rows] == each.ids
        for each, batch in zip(received, kept, strict=True)
    )


ENDLESS = textwrap.dedent("""
    import asyncio, sys
    from router import Batch, Engine, Source, build_flow

    class Count(Source):
        type_name = "generate"
        async def produce(self, context):
            for number in range(1, 10**9, 10):
                yield Batch.of([{"n": number + each} for each in range(10)]), number
                if number == 5001:
                    await asyncio.sleep(1)
                    print("written", flush=True)

    async def main():
        flow = {"flow": "f", "processors": {"read": {"type": "generate", "to": "keep"}, "keep": {"type": "log"}},
                "run": {"provenance": "full"}}
        async with Engine(build_flow(flow), replace={"read": Count()}, data=sys.argv[1]) as engine:
            await engine.run()

    sys.stderr = open("/dev/null", "w")
    asyncio.run(main())
""")


def event(provenance: Provenance, **more: Any) -> Event:
    ids = provenance.new_ids(1)
    return Event(0.0, EventType.RECEIVE, "read", "success", target="read.success>keep", ids=ids, **more)


def replay(folder: Path, record: int) -> None:
    with Reader(folder) as reader:
        kept = kept_of(reader, record)
        assert kept is not None
        assert ask(folder, [kept]) == 1
