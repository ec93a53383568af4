from __future__ import annotations

from typing import Any

import pytest

from router import Batch
from router.testing import TestRunner


async def shown(capsys: pytest.CaptureFixture[str], *records: Any, **settings: Any) -> list[str]:
    async with TestRunner("log", **settings) as log:
        assert await log.feed(*records, at=100) == {"success": list(records)}
    return capsys.readouterr().err.splitlines()


async def test_records_are_shown_and_given_on(capsys: pytest.CaptureFixture[str]) -> None:
    assert await shown(capsys, {"n": 1}, {"n": 2}) == ['it: {"n":1}', 'it: {"n":2}']


async def test_a_text_is_made_of_the_record(capsys: pytest.CaptureFixture[str]) -> None:
    assert await shown(capsys, {"n": 1}, {}, text="number {{ n }}") == ["it: number 1", "it: {}"]


async def test_one_in_so_many_is_shown_over_all_batches(capsys: pytest.CaptureFixture[str]) -> None:
    async with TestRunner("log", text="{{ n }}", every=3) as log:
        for start in (0, 2, 4):
            await log.feed(*({"n": number} for number in range(start, start + 2)))
    assert capsys.readouterr().err.splitlines() == ["it: 0", "it: 3"]


async def test_no_more_than_the_rate_is_shown_and_the_rest_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    async with TestRunner("log", text="{{ n }}", rate=2) as log:
        await log.feed(*({"n": number} for number in range(5)), at=100)
        await log.feed({"n": 5}, at=100.5)
        await log.feed({"n": 6}, at=101)
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["it: 0", "it: 1", "it: 4 more, at most 2 a second are shown", "it: 6"]


async def test_what_was_held_back_is_told_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    lines = await shown(capsys, *({"n": number} for number in range(1000)), rate=1)
    assert lines == ['it: {"n":0}', "it: 999 more, at most 1 a second are shown"]


async def test_a_terminal_is_not_steered_and_long_records_are_cut(capsys: pytest.CaptureFixture[str]) -> None:
    lines = await shown(capsys, {"t": "\x1b[31m\n\x9b" + "x" * 50}, text="{{ t }}", width=30)
    assert lines == ["it: \\x1b[31m\\x0a\\x9b" + "x" * 11 + "..."]


async def test_a_broken_line_is_shown_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    async with TestRunner("log") as log:
        assert (await log.feed_batch(Batch.raw([b'{"a":\xff'])))["success"][0].content == [b'{"a":\xff']
    assert capsys.readouterr().err == 'it: {"a":\\xff\n'


async def test_a_record_its_format_cannot_say_is_shown_all_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert await shown(capsys, {"n": float("inf")}) == ["it: {'n': inf}"]


async def test_a_closed_standard_error_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Closed:
        def write(self, text: str) -> int:
            raise BrokenPipeError(text)

    monkeypatch.setattr("sys.stderr", Closed())
    async with TestRunner("log") as log:
        assert await log.feed({"n": 1}) == {"success": [{"n": 1}]}
