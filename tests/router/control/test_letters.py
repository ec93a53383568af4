"""Dead letters over the API: listed, shown, tried again where they failed or elsewhere, exported, deleted."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from router.batch import Batch
from router.control.client import ControlError
from router.engine.clock import SystemClock
from tests.router.control.served import EDGE, NEXT, Rig, served, until
from tests.router.engine.flows import Do, Feed, Keep, wired


class Fussy:
    """Refuses even numbers until it is told that all are well."""

    def __init__(self) -> None:
        self.is_content = False

    def __call__(self, batch: Batch, _: object) -> Batch:
        if not self.is_content and any(row["n"] % 2 == 0 for row in batch.rows):
            raise ValueError("even")
        return batch


@asynccontextmanager
async def with_letters(data: Path, keep: Keep, fussy: Fussy, count: int = 6) -> AsyncIterator[Rig]:
    """A flow that has set every other record aside."""
    batch = Batch.of([{"n": n, "text": "x" * n} for n in range(count)], path="in.jsonl")
    clock: Any = SystemClock()
    steps = {"read": Feed(batch, then=1e9), "work": Do(fussy), "keep": keep}
    engine = wired(steps, "read>work", "work>keep", data=data, clock=clock)
    async with served(engine, data) as rig:
        await until(lambda: rig.engine.status().dead_letters == count // 2)
        yield rig


async def test_letters_are_listed_page_by_page_and_chosen(tmp_path: Path) -> None:
    async with with_letters(tmp_path, Keep(), Fussy()) as rig:
        page = await rig.flow.dead_letters(limit=2)
        assert ([each.id for each in page.letters], page.kept, page.following) == ([1, 2], 3, 2)
        rest = await rig.flow.dead_letters(after=2)
        assert ([each.id for each in rest.letters], rest.following) == ([3], None)
        chosen = await rig.flow.dead_letters(
            where="n > 1 and meta.error.message == 'even'", processor="work", connection=EDGE
        )
        assert [each.record and each.record.record["n"] for each in chosen.letters] == [2, 4]
        assert (await rig.flow.dead_letters(processor="keep")).letters == []
        assert (await rig.flow.look()).dead_letters_kept == 3


async def test_one_is_shown_with_its_record_and_error(tmp_path: Path) -> None:
    async with with_letters(tmp_path, Keep(), Fussy()) as rig:
        letter = await rig.flow.dead_letter(2)
        assert letter.record is not None
        assert (letter.processor, letter.connection, letter.attempts) == ("work", EDGE, 1)
        assert (letter.error["type"], letter.error["message"]) == ("ValueError", "even")
        assert (letter.record.record, letter.record.attributes) == ({"n": 2, "text": "xx"}, {"path": "in.jsonl"})
        with pytest.raises(ControlError, match="no dead letter 99"):
            await rig.flow.dead_letter(99)


async def test_letters_are_tried_again_where_they_failed_or_elsewhere(tmp_path: Path) -> None:
    keep, fussy = Keep(), Fussy()
    async with with_letters(tmp_path, keep, fussy) as rig:
        assert await rig.flow.retry([1], to="keep") == 1
        await until(lambda: 0 in keep.numbers)
        fussy.is_content = True
        assert await rig.flow.retry(where="n == 4") == 1
        await until(lambda: 4 in keep.numbers)
        assert sorted(keep.numbers) == [0, 1, 3, 4, 5]
        with pytest.raises(
            ControlError, match="no connection and no processor with an input 'kep' \\(did you mean 'keep'"
        ):
            await rig.flow.retry([1], to="kep")
        assert await rig.flow.retry([99]) == 0
        assert NEXT in [each.id for each in (await rig.flow.look()).connections]


async def test_a_letter_that_is_only_a_head_is_not_tried_again_unless_that_is_asked_for(tmp_path: Path) -> None:
    keep = Keep()
    batch = Batch.of([{"n": 1, "text": "x" * 5000}])
    clock: Any = SystemClock()
    steps = {"read": Feed(batch, then=1e9), "work": Do(lambda batch, _: batch), "keep": keep}
    run = {"work": {"max_record": 2000}}
    engine = wired(steps, "read>work", "work>keep", run=run, data=tmp_path, clock=clock)
    async with served(engine, tmp_path) as rig:
        await until(lambda: rig.engine.status().dead_letters == 1)
        letter = await rig.flow.dead_letter(1)
        assert (letter.head_of, letter.record and letter.record.size) == (5017, 1024)
        refusal = "dead letter 1 is only the first 1,024 of 5,017 bytes; it is not tried again; ask"
        for ids in ([1], None):
            with pytest.raises(ControlError, match=refusal):
                await rig.flow.retry(ids, to="keep")
        assert (await rig.flow.dead_letters()).kept == 1
        assert await rig.flow.retry([1], to="keep", heads=True) == 1


async def test_letters_are_exported_and_deleted(tmp_path: Path) -> None:
    async with with_letters(tmp_path, Keep(), Fussy(), 2000) as rig:
        data = b"".join([piece async for piece in rig.flow.export_dead_letters(where="n >= 1000")])
        lines = [json.loads(line) for line in data.splitlines()]
        assert [each["record"]["n"] for each in lines] == [*range(1000, 2000, 2)]
        assert await rig.flow.delete_dead_letters([1, 2]) == 2
        assert await rig.flow.delete_dead_letters(where="n < 100") == 48
        assert await rig.flow.delete_dead_letters() == 950
        assert (await rig.flow.dead_letters()).kept == 0


async def test_many_letters_in_one_answer_keep_to_its_bounds(tmp_path: Path) -> None:
    async with with_letters(tmp_path, Keep(), Fussy(), 2000) as rig:
        pages = await asyncio.gather(*(rig.flow.dead_letters(limit=1000, cut=100) for _ in range(4)))
        assert {len(page.letters) for page in pages} == {1000}
        assert all(
            each.record is not None and each.record.is_cut == (each.record.size > 100) for each in pages[0].letters
        )
