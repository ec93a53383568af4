"""OpenTelemetry: what a collector is sent, and that a flow does not notice one that takes nothing."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from router.batch import Batch
from router.control import telemetry
from router.control.metrics import metrics
from router.control.telemetry import Telemetry
from router.engine import Engine
from tests.router.control.collector import Collector, collecting
from tests.router.engine.courses import events
from tests.router.engine.flows import Do, Feed, Keep, wired
from tests.services.server import free_port


async def sent(engine: Engine, collector: Collector, share: float = 1.0) -> Collector:
    """Run a flow to its end; what the collector has been sent then."""
    told = Telemetry(collector.url, share)
    async with engine:
        told.watch(engine)
        await engine.run()
    await told.close()
    return collector


def chain(*batches: Any, data: Path, work: Callable[..., Any] = lambda batch, _: batch, **options: Any) -> Engine:
    """``read > work > keep``."""
    steps = {"read": Feed(*batches), "work": Do(work), "keep": Keep()}
    return wired(steps, "read>work", "work>keep", data=data, **options)


def broken(batch: Batch, context: Any) -> dict[str, Batch]:
    """Half of the records are bad."""
    error = [{"type": "ValueError", "message": "no good", "processor": "work", "data": {}}] * 2
    return {"failure": batch.slice(0, 2).with_columns(error=error), "success": batch.slice(2, 4)}


async def test_a_batch_of_a_source_is_a_trace_with_a_span_for_each_call_on_its_way(tmp_path: Path) -> None:
    async with collecting() as collector:
        await sent(chain(range(4), data=tmp_path), collector)
    (root,) = [each for each in collector.spans if each["name"] == "read"]
    calls = {each["name"]: each for each in collector.spans if each["name"] != "read"}
    shown = ("router.flow", "router.processor", "router.records", "router.out.success")
    assert [root[name] for name in shown] == ["test", "read", 4, 4]
    assert (root["router.outcome"], root["parent"]) == ("delivered", b"")
    assert [calls["work"][name] for name in shown] == ["test", "work", 4, 4]
    assert sorted(calls) == ["keep", "work"]
    assert {(each["trace"], each["parent"]) for each in calls.values()} == {(root["trace"], root["id"])}


async def test_a_span_says_what_failed(tmp_path: Path) -> None:
    async with collecting() as collector:
        await sent(chain(range(4), data=tmp_path, work=broken), collector)
    (call,) = [each for each in collector.spans if each["name"] == "work"]
    assert (call["router.out.failure"], call["router.out.success"], call["error"]) == (2, 2, "ValueError: no good")


async def test_a_share_of_the_batches_is_traced(tmp_path: Path) -> None:
    async with collecting() as collector:
        await sent(chain(*[[number] for number in range(20)], data=tmp_path), collector, share=0.25)
    assert len([each for each in collector.spans if each["name"] == "read"]) == 6  # the first, and each fourth


async def test_without_a_share_nothing_is_traced_and_no_trail_is_laid(tmp_path: Path) -> None:
    engine = chain(range(4), data=tmp_path)
    async with collecting() as collector:
        await sent(engine, collector, share=0)
        assert (collector.spans, collector.figure("router.flow.up", flow="test")) == ([], 1)
    assert all(engine._machine.of(name).trail is None for name in engine._machine.order)


async def test_processors_that_a_reload_has_made_are_traced(tmp_path: Path) -> None:
    class Listening:
        def given(self, source: str, outputs: Any) -> None:
            """Choose nothing."""

        def begin(self, processor: str, batch: Batch) -> None:
            """Trace nothing."""

    engine = chain(range(4), data=tmp_path)
    async with engine:
        engine.steering.trace(Listening())
        laid = {name: engine._machine.of(name).trail for name in engine._machine.order}
        engine._machine.of("work").trail = None  # as one has it that was just made
        engine.steering.trace(Listening())
        now = {name: engine._machine.of(name).trail for name in engine._machine.order}
    assert {name for name in laid if now[name] is not laid[name]} == {"work"}
    assert None not in now.values()


async def test_provenance_is_written_beside_traces(tmp_path: Path) -> None:
    async with collecting() as collector:
        await sent(chain(range(4), data=tmp_path, flow={"provenance": "full"}), collector)
    assert {each["name"] for each in collector.spans} == {"read", "work", "keep"}
    assert [(each.processor, len(each.ids)) for each in events(tmp_path)] == [("read", 4), ("work", 4), ("keep", 4)]


async def test_the_metrics_are_those_of_prometheus(tmp_path: Path) -> None:
    engine = chain(range(4), data=tmp_path)
    async with collecting() as collector:
        await sent(engine, collector)
    assert collector.figure("router.processor.records_in", flow="test", processor="work") == 4
    assert collector.figure("router.connection.records_in", flow="test", connection="work.success>keep") == 4
    out = {"flow": "test", "processor": "read", "relationship": "success"}
    assert collector.figure("router.processor.records_out", **out) == 4
    assert (collector.kinds["router.processor.records_in"], collector.kinds["router.flow.up"]) == ("sum", "gauge")
    names = {
        line.split()[2].removesuffix("_total") for line in metrics([]).decode().splitlines() if line[:6] == "# TYPE"
    }
    assert names <= {name.replace(".", "_") for name in collector.kinds}


async def test_the_variables_of_opentelemetry_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "posts")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-who=me")
    async with collecting() as collector:
        await sent(chain(range(4), data=tmp_path), collector)
    assert (collector.resources[0]["service.name"], collector.headers[0]["x-who"]) == ("posts", "me")


async def test_a_collector_that_takes_nothing_is_told_of_in_one_line_and_the_flow_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telemetry, "PATIENCE", 10.0)
    async with collecting() as collector:
        collector.status = 400
        with caplog.at_level(logging.WARNING, "router"):
            await sent(chain(range(4), data=tmp_path), collector)
    said = [each.getMessage() for each in caplog.records]
    assert [each.split(": ")[0] for each in said] == [f"telemetry is not taken by {collector.url}"]


def test_a_missing_package_names_the_extra() -> None:
    program = (
        "import sys; sys.modules['opentelemetry.sdk.metrics'] = None\n"
        "from router.control.telemetry import Telemetry\nTelemetry('http://localhost:4318', 0.01)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    wanted = "--otlp needs the 'opentelemetry-sdk' package: pip install 'stream-router[otel]'"
    assert done.stderr.rstrip().endswith(wanted)


# -- the command ----------------------------------------------------------------------------------

FLOW = """
flow: made
processors:
  make: {type: generate, count: 5, to: keep}
  keep: {type: write_file, path: out.jsonl, format: json_lines}
"""


async def router(folder: Path, *options: str) -> tuple[int | None, str]:
    """Run a flow with the command: its exit code, and what it said."""
    (folder / "made.yaml").write_text(FLOW)
    command = [sys.executable, "-m", "router", "run", "made.yaml", "--data", "data", *options]
    made = await asyncio.create_subprocess_exec(*command, cwd=folder, stderr=asyncio.subprocess.PIPE)
    _, said = await made.communicate()
    return made.returncode, said.decode()


async def test_the_command_sends_what_a_flow_did_before_it_ends(tmp_path: Path) -> None:
    async with collecting() as collector:
        code, _ = await router(tmp_path, "--otlp", f"{collector.url}/", "--otlp-sample", "100%")
    assert (code, {each["name"] for each in collector.spans}) == (0, {"make", "keep"})
    assert collector.figure("router.processor.records_in", flow="made", processor="keep") == 5


async def test_the_first_batch_of_a_run_is_traced_by_default(tmp_path: Path) -> None:
    async with collecting() as collector:
        code, _ = await router(tmp_path, "--otlp", collector.url)
    assert (code, {each["name"] for each in collector.spans}) == (0, {"make", "keep"})


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--otlp", "localhost:4318"], "a collector is such as http://localhost:4318; got 'localhost:4318'"),
        (["--otlp", "http://localhost:1", "--otlp-sample", "200%"], "a share is above 0% and at most 100%"),
        (["--otlp-sample", "5%"], "--otlp-sample is about --otlp, which is not given"),
    ],
)
async def test_what_is_wrong_with_the_options_is_said_and_nothing_starts(
    tmp_path: Path, options: list[str], said: str
) -> None:
    code, words = await router(tmp_path, *options)
    assert (code, said in " ".join(words.split())) == (2, True)
    assert not (tmp_path / "out.jsonl").exists()


async def test_a_collector_that_is_not_there_costs_a_run_nothing_but_a_line(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    code, words = await router(tmp_path, "--otlp", url)
    assert (code, words.count(f"telemetry is not taken by {url}"), "Traceback" in words) == (0, 1, False)
