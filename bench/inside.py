"""What is measured within one process, run as a child: a model's step, and the time of a hop."""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from itertools import pairwise
from typing import Any

from bench.models import LARGE, MODELS, model_path
from bench.posts import FEATURES

Row = dict[str, Any]
HEAVY = 5.0  # us a record: from here on a model's step is measured by its share, below by what is added


def model_steps(records: int) -> list[Row]:
    """The step of each model in a flow, against the model alone on arrays that are ready."""
    return [_model_step(name, records if name != LARGE else records // 10) for name in (*MODELS, LARGE)]


def _model_step(name: str, records: int) -> Row:
    import numpy as np  # noqa: PLC0415 - only here
    import onnxruntime  # noqa: PLC0415

    from router import Batch, load_registry  # noqa: PLC0415

    registry = load_registry()
    kind = registry.processors["run_model"]
    settings = {"model": str(model_path(name)), "inputs": {"x": "x"}, "outputs": {"label": "label", "p": "p"}}
    step = kind(kind.config_class().model_validate(settings, context={"registry": registry}))
    context: Any = _Quiet()
    asyncio.run(step.start(context))
    random = np.random.default_rng(4)
    arrays = [random.normal(size=(1000, FEATURES)).astype(np.float32) for _ in range(max(1, records // 1000))]
    batches = [Batch.of([{"x": row} for row in array.tolist()]) for array in arrays]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(model_path(name)), options, providers=["CPUExecutionProvider"])
    raw, ours = [], []
    for _ in range(5):
        began = time.process_time()
        for array in arrays:
            session.run(["label", "p"], {"x": array})
        middle = time.process_time()
        for batch in batches:
            step.process(batch, context)
        raw.append(middle - began)
        ours.append(time.process_time() - middle)
    count = len(arrays) * 1000
    alone, inside = min(raw) / count * 1e6, min(ours) / count * 1e6
    if alone >= HEAVY:
        bar, value, is_met = ">= 0.9", alone / inside, alone / inside >= 0.9
    else:
        bar, value, is_met = "<= 1 us over", inside - alone, inside - alone <= 1
    what = f"the model alone {alone:.2f} us a record, the step {inside:.2f} us"
    return {"name": f"step-{name}", "what": what, "value": round(value, 2), "bar": bar, "met": bool(is_met)}


class _Quiet:
    """A context for a processor that only tells of itself."""

    name = "step"

    def bulletin(self, text: str, /, **data: object) -> None:
        """Nobody listens."""


def hop(pushes: int) -> list[Row]:
    """One record at a time through an idle flow, from a program's hand into its hand."""
    one = _microseconds(asyncio.run(_latencies(pushes, [])))
    five = _microseconds(asyncio.run(_latencies(pushes, ["a", "b", "c", "d"])))
    each = (five[0] - one[0]) / 4
    what = f"p50 {one[0]:.0f} us for one hop, {each:.0f} us for each more"
    return [{"name": "hop", "what": what, "value": round(one[1]), "bar": "p99 <= 150 us", "met": one[1] <= 150}]


async def _latencies(pushes: int, between: list[str]) -> list[float]:
    from router import Engine, Inbox, Outbox, build_flow  # noqa: PLC0415

    names = ["start", *between, "end"]
    processors: dict[str, Any] = {
        name: {"type": "set_fields", "values": {"meta.hop": 1}, "to": to} for name, to in pairwise(names[1:])
    }
    processors |= {"start": {"type": "generate", "to": names[1]}, "end": {"type": "log"}}
    inbox, outbox = Inbox(), Outbox()
    sent: list[float] = []
    arrived: list[float] = []

    async def read() -> None:
        arrived.extend([time.perf_counter() async for _ in outbox])

    flow = build_flow({"flow": "hop", "processors": processors})
    async with asyncio.TaskGroup() as group, Engine(flow, replace={"start": inbox, "end": outbox}):
        group.create_task(read())
        for number in range(pushes):
            sent.append(time.perf_counter())
            await inbox.push([{"n": number}])
        inbox.end()
    times = [after - before for before, after in zip(sent, arrived, strict=True)]
    return times[pushes // 10 :]


def _microseconds(times: list[float]) -> tuple[float, float]:
    ordered = sorted(times)
    return statistics.median(ordered) * 1e6, ordered[int(len(ordered) * 0.99)] * 1e6


if __name__ == "__main__":
    measures = {"step": model_steps, "hop": hop}
    print(json.dumps(measures[sys.argv[1]](int(sys.argv[2]))))
