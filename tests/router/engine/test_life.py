"""An engine's life: it runs once, and no plugin's hook takes its report away."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from router import Engine, Flow, Outbox, build_flow, hookimpl, load_registry
from router.storage.letter_box import LetterBox

PLUGIN = """
from router import processor


@processor
def shout(record):
    return {"text": record["text"].upper()}
"""


def three_records() -> Flow:
    steps = {"make": {"type": "generate", "count": 3, "to": "drop"}}
    return build_flow({"flow": "three", "processors": steps}, registry=load_registry())


class Failing:
    """A plugin whose hooks raise."""

    @hookimpl
    def flow_stopped(self, report: Any) -> None:
        raise RuntimeError("boom")


async def test_an_engine_runs_once() -> None:
    engine = Engine(three_records())
    async with engine:
        await engine.run()
    with pytest.raises(RuntimeError, match="an engine runs once"):
        await engine.__aenter__()


async def test_an_engine_that_was_not_started_says_so() -> None:
    with pytest.raises(RuntimeError, match="the engine has not been started; start it with: async with"):
        await Engine(three_records()).run()


async def test_a_hook_that_fails_at_the_end_is_told_and_the_report_is_given() -> None:
    flow = three_records()
    flow.registry.hooks.register(Failing())
    async with Engine(flow) as engine:
        report = await engine.run()
    assert (report.outcome, [each.text for each in engine.bulletins]) == (
        "done",
        ["a plugin failed when it was told that the flow has stopped"],
    )


async def test_text_that_is_no_json_crosses_to_a_worker_process(tmp_path: Path) -> None:
    (tmp_path / "shouting.py").write_text(PLUGIN)
    (tmp_path / "lines.txt").write_text("a\nb\n")
    steps = {
        "read": {"type": "read_file", "path": str(tmp_path / "lines.txt"), "format": "text", "to": "shout"},
        "shout": {"type": "shout", "run": {"execution": "process"}, "to": "show"},
        "show": {"type": "log"},
    }
    flow = build_flow({"flow": "t", "processors": steps}, plugins=[tmp_path / "shouting.py"])
    outbox = Outbox()
    async with Engine(flow, replace={"show": outbox}):
        assert [record async for record in outbox] == [{"text": "A"}, {"text": "B"}]


async def test_a_small_limit_finds_the_one_large_record_of_a_batch(tmp_path: Path) -> None:
    lines = [f'{{"number": "{"x" * (50_000 if number == 57 else 10)}"}}\n' for number in range(100)]
    (tmp_path / "in.jsonl").write_text("".join(lines))
    steps = {
        "read": {"type": "read_file", "path": str(tmp_path / "in.jsonl"), "to": "keep"},
        "keep": {
            "type": "filter",
            "where": "number is not None",
            "run": {"max_record": "10kB", "batch": {"records": 1}},
            "to": "drop",
        },
    }
    async with Engine(build_flow({"flow": "t", "processors": steps}), data=tmp_path) as engine:
        report = await engine.run()
    assert report.processors["keep"].out == {"success": 99, "failure": 1}
    with LetterBox(tmp_path) as box:
        (letter,) = box.find()
    size = len(lines[57]) - 1
    assert (letter.head_of, letter.said_of_head) == (size, f"the first 1,024 of {size:,} bytes")


async def test_a_loop_over_an_outbox_goes_on_with_the_record_it_was_left_at() -> None:
    steps = {"make": {"type": "generate", "count": 4, "to": "show"}, "show": {"type": "log"}}
    outbox, seen = Outbox(), []
    async with Engine(build_flow({"flow": "t", "processors": steps}), replace={"show": outbox}):
        async for record in outbox:
            seen.append(record["number"])
            if len(seen) == 2:
                break
        seen += [record["number"] async for record in outbox]
    assert seen == [0, 1, 1, 2, 3]
