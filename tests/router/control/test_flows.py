"""A running flow as its API shows it, and what can be done to it and its processors."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from router.batch import Batch
from router.control.client import ControlError, UnreachableError
from router.control.messages import FlowView, ProcessorView
from router.errors import RetryableError
from tests.router.control.served import EDGE, NEXT, Stage, served_chain, until
from tests.router.engine.flows import Gate, Keep


def by_name(view: FlowView) -> dict[str, ProcessorView]:
    return {each.name: each for each in view.processors}


async def test_a_flow_is_shown_with_its_graph_and_the_state_of_each_part(tmp_path: Path) -> None:
    async with served_chain(tmp_path, [1, 2, 3], keep=Gate()) as rig:
        await until(lambda: rig.engine.connection(NEXT).unacked == 3)
        view = await rig.flow.look()
        read, work, keep = view.processors
        assert (view.name, view.state, view.error, view.data) == ("test", "running", None, str(tmp_path))
        assert (read.is_source, read.routes, read.out, read.bytes_out > 0) == (
            True,
            {"success": [EDGE]},
            {"success": 3},
            True,
        )
        assert (work.records_in, work.records_out, work.bytes_in, work.calls and work.calls.batch) == (
            3,
            3,
            read.bytes_out,
            3,
        )
        assert (keep.state, keep.records_in, keep.type) == ("running", 3, "stand")
        edge = {each.id: each for each in view.connections}[NEXT]
        assert (edge.producer, edge.consumer, edge.queue, edge.unacked, edge.records_in) == (
            "work",
            "keep",
            "memory",
            3,
            3,
        )


async def test_a_stopped_processor_is_shown_so_and_its_queue_fills_and_drains(tmp_path: Path) -> None:
    keep = Keep()
    async with served_chain(tmp_path, [1], *([n] for n in range(2, 8)), keep=keep) as rig:
        await until(lambda: len(keep.numbers) == 7)
        stopped = await rig.flow.stop_processor("work")
        assert (stopped.state, stopped.is_stopped) == ("stopped", True)
        assert by_name(await rig.flow.look())["work"].is_stopped
        assert (await rig.flow.start_processor("work")).is_stopped is False


async def test_who_changes_something_sees_it_however_seldom_the_view_is_made(tmp_path: Path) -> None:
    async with served_chain(tmp_path, [1]) as rig:
        for _ in range(20):
            assert not by_name(await rig.flow.look())["work"].is_stopped
            await rig.flow.stop_processor("work")
            assert by_name(await rig.flow.look())["work"].is_stopped
            await rig.flow.start_processor("work")


async def test_a_stopped_processor_makes_one_call_when_it_is_told_to(tmp_path: Path) -> None:
    keep = Keep()
    async with served_chain(tmp_path, [1], keep=keep, run={"keep": {"batch": {"records": 1}}}) as rig:
        await rig.flow.stop_processor("keep")
        rig.engine.connection(NEXT).offer(Batch.of([{"n": 2}]))
        rig.engine.connection(NEXT).offer(Batch.of([{"n": 3}]))
        before = len(keep.numbers)
        assert (await rig.flow.run_once("keep")).is_stopped
        await until(lambda: len(keep.numbers) == before + 1)
        assert (await rig.flow.processor("keep")).state == "stopped"


async def test_the_concurrency_of_a_processor_changes_while_it_runs(tmp_path: Path) -> None:
    async with served_chain(tmp_path, [1]) as rig:
        assert (await rig.flow.set_concurrency("work", 4)).concurrency == 4
        assert by_name(await rig.flow.look())["work"].concurrency == 4
        with pytest.raises(ControlError, match="'read' is a source; it makes no calls"):
            await rig.flow.set_concurrency("read", 2)
        with pytest.raises(ControlError, match="<= 1024"):
            await rig.flow.set_concurrency("work", 5000)


async def test_names_that_are_not_there_are_refused_with_the_nearest(tmp_path: Path) -> None:
    async with served_chain(tmp_path, [1]) as rig:
        for ask, text in (
            (rig.flow.processor("wrok"), "no processor 'wrok' (did you mean 'work'?)"),
            (rig.flow.connection("read.success>wrok"), f"no connection 'read.success>wrok' (did you mean {EDGE!r}?)"),
            (rig.client.flow("tset").look(), "no flow 'tset' is served here (did you mean 'test'?)"),
        ):
            with pytest.raises(ControlError) as refused:
                await ask
            assert (str(refused.value), refused.value.status) == (text, 404)


async def test_history_has_a_figure_a_second_of_what_is_named(tmp_path: Path) -> None:
    async with served_chain(tmp_path, [1, 2, 3]) as rig:
        history = (rig.control._subjects["test"]).history
        history.look()
        history.look()
        view = await rig.flow.history(10, ["work", EDGE])
        assert (list(view.processors), list(view.connections), view.interval) == (["work"], [EDGE], 1.0)
        assert len(view.processors["work"].records_in) == len(view.connections[EDGE].full) >= 2
        assert set((await rig.flow.history()).processors) == {"read", "work", "keep"}


async def test_bulletins_are_listed_from_a_number_on(tmp_path: Path) -> None:
    async with served_chain(tmp_path, [1]) as rig:
        for number in range(3):
            rig.engine.context("work").bulletin("something was odd", number=number)
        rig.engine.context("keep").bulletin("something else")
        first = await rig.flow.bulletins(limit=2)
        assert ([each.number for each in first.bulletins], first.newest) == ([3, 4], 4)
        after = await rig.flow.bulletins(after=1, processor="work")
        assert [(each.number, each.text, each.data) for each in after.bulletins] == [
            (2, "something was odd", {"number": "1"}),
            (3, "something was odd", {"number": "2"}),
        ]
        assert (await rig.flow.look()).bulletins == 4


async def test_the_log_is_listed_and_its_level_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.getLogger("router"), "level", logging.INFO)
    async with served_chain(tmp_path, [1]) as rig:
        rig.engine.context("work").bulletin("worth a line")
        lines = (await rig.flow.log()).lines
        assert ("warning", "work: worth a line") in [(each.level, each.text) for each in lines]
        assert (await rig.flow.set_log_level("warning")).level == "warning"
        assert logging.getLogger("router").level == logging.WARNING
        with pytest.raises(ControlError, match=r"matching regex '\^\(debug"):
            await rig.flow.set_log_level("loud")


async def test_what_is_tried_again_is_shown(tmp_path: Path) -> None:
    def work(batch: object, context: object) -> None:
        raise RetryableError("no answer")

    async with served_chain(tmp_path, [1], work=work) as rig:
        await until(lambda: rig.engine.status().processors["work"].retrying)
        view = by_name(await rig.flow.look())["work"]
        assert (view.state, view.retrying) == ("retrying", "no answer")


async def test_stopping_a_flow_answers_with_its_end_and_then_nobody_answers(tmp_path: Path) -> None:
    async with served_chain(tmp_path, [1, 2]) as rig:
        report = await rig.flow.stop(wait=True)
        assert (report.outcome, report.error) == ("stopped", None)
        await until(lambda: not rig.control._subjects)
        with pytest.raises(UnreachableError, match="no flow runs with data folder"):
            await rig.flow.look()


async def test_a_flow_that_drains_is_shown_as_stopping(tmp_path: Path) -> None:
    stage = Stage()
    async with served_chain(tmp_path, [1, 2], work=stage) as rig:
        await until(lambda: rig.engine.connection(EDGE).unacked == 2)
        assert (await rig.flow.stop()).outcome == "stopping"
        await until(lambda: rig.engine.status().is_stopping)
        assert (await rig.flow.look()).state == "stopping"
        stage.may_go.set()
        assert (await asyncio.shield(rig.stopping[0])).outcome == "stopped"


async def test_the_process_tells_its_health_and_its_figures(tmp_path: Path) -> None:
    async with served_chain(tmp_path, [1, 2]) as rig:
        await until(lambda: rig.engine.status().processors["keep"].records_in == 2)
        text = await rig.client.metrics()
        lines = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
        assert lines['router_processor_records_out_total{flow="test",processor="read",relationship="success"}'] == "2"
        assert lines[f'router_connection_records_in_total{{flow="test",connection="{EDGE}"}}'] == "2"
        assert lines['router_flow_up{flow="test"}'] == "1"
        assert float(lines["process_cpu_seconds_total"]) > 0
        heads = [line for line in text.splitlines() if line.startswith("# TYPE")]
        assert len(heads) == len(set(heads))
        assert [each.name for each in (await rig.client.flows()).flows] == ["test"]
        assert (await rig.client.only_flow()).name == "test"
